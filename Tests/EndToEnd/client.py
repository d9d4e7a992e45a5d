"""An HTTP/1.1 and Server-Sent Events client on plain sockets.

It is written from the standards (RFC 9112, the WHATWG chapter on server-sent events) and from the
wire contract, shares nothing with the server, and can do what no library lets one do: send half a
request, two at once, or nonsense; read a little and stop reading.
"""

import codecs
import json
import socket
import time
import zlib

SECONDS = 15.0


class Closed(ConnectionError):
    """The server closed the connection before the answer was whole."""


def field_lines(fields):
    """`{"content_type": "x"}` as header lines; a list gives the field several times."""
    lines = []
    for name, value in fields.items():
        name = name.replace("_", "-")
        for one in value if isinstance(value, (list, tuple)) else [value]:
            lines.append(f"{name}: {one}\r\n")
    return "".join(lines)


class Response:
    """Status, fields (names in lower case, in the order sent) and body of one answer."""

    def __init__(self, status, reason, fields, body=b""):
        self.status, self.reason, self.fields, self.body = status, reason, fields, body

    def all(self, name):
        return [value for key, value in self.fields if key == name.lower()]

    def __getitem__(self, name):
        """The field's value, None when there is none; it must not come twice."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
        return values[0] if values else None

    def json(self):
        assert (self["content-type"] or "").startswith(("application/json", "application/problem+json")), (
            f"{self.status} {self['content-type']}: {self.body[:300]!r}"
        )
        return json.loads(self.body)

    def problem(self, status, code=None):
        """The problem document this answer must be (RFC 9457 and section 6 of the contract)."""
        assert self.status == status, f"{self.status} {self.body[:500]!r}"
        assert self["content-type"] == "application/problem+json"
        document = json.loads(self.body)
        assert document["status"] == status
        for member in ("type", "title", "code", "detail"):
            assert isinstance(document[member], str) and document[member], (member, document)
        assert document["type"] == f"/-/problems/{document['code']}", document
        if code is not None:
            assert document["code"] == code, document
        return document

    def __repr__(self):
        return f"<{self.status} {self.reason} {self.fields} {self.body[:200]!r}>"


class Body:
    """Takes what comes after the head, gives the body's bytes: by length, chunked (RFC 9112 §7.1),
    or until the end of the connection."""

    def __init__(self, method, status, response):
        self.whole = False
        self.rest = b""
        self.trailers = []
        codings, lengths = response.all("transfer-encoding"), response.all("content-length")
        if method == "HEAD" or status in (204, 304) or status < 200 or (method == "CONNECT" and status < 300):
            assert not (codings and status in (204, 101)), "RFC 9112 §6.1: no Transfer-Encoding here"
            self.mode, self.left = "length", 0
        elif codings:
            assert codings == ["chunked"], codings
            assert not lengths, "Transfer-Encoding and Content-Length together"
            self.mode, self.left = "size", 0
        elif lengths:
            assert len(lengths) == 1 and lengths[0].isdigit(), lengths
            self.mode, self.left = "length", int(lengths[0])
        else:
            self.mode, self.left = "end", 0
        if self.mode == "length" and self.left == 0:
            self.whole = True

    def take(self, data):
        """The body's bytes in `data`; what belongs to the next answer stays in `rest`."""
        data, self.rest = self.rest + data, b""
        out = bytearray()
        while data and not self.whole:
            if self.mode == "end":
                out += data
                data = b""
            elif self.mode in ("length", "chunk"):
                piece = data[: self.left]
                out += piece
                data = data[len(piece) :]
                self.left -= len(piece)
                if self.left == 0:
                    self.whole = self.mode == "length"
                    self.mode = "chunk-end" if self.mode == "chunk" else self.mode
            else:
                line, separator, after = data.partition(b"\r\n")
                if not separator:
                    break
                data = after
                if self.mode == "size":
                    self.left = int(line.split(b";")[0], 16)
                    self.mode = "chunk" if self.left else "trailers"
                elif self.mode == "chunk-end":
                    assert line == b"", f"a chunk is followed by {line!r}"
                    self.mode = "size"
                elif line == b"":
                    self.whole = True
                else:
                    self.trailers.append(line)
        self.rest = data
        return bytes(out)

    def end(self):
        """The connection ended."""
        if self.mode == "end":
            self.whole = True
        if not self.whole:
            raise Closed("the connection ended within a body")


class Content:
    """Undoes a body's Content-Encoding as its bytes come. `sent` and `said` count them before and
    after; `whole` is whether it has come to its end, with the right checksum."""

    def __init__(self, response):
        coding = response["content-encoding"]
        self.inflater = zlib.decompressobj({"gzip": 31, "deflate": 15}[coding]) if coding else None
        self.sent = self.said = 0

    def take(self, data):
        self.sent += len(data)
        text = self.inflater.decompress(data) if self.inflater else data
        self.said += len(text)
        return text

    @property
    def whole(self):
        return self.inflater is None or self.inflater.eof


class Connection:
    """One connection, by TCP or by Unix-domain socket (a path)."""

    def __init__(self, address, seconds=SECONDS, receive_buffer=None):
        if isinstance(address, tuple):
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
            self.host = f"[{address[0]}]:{address[1]}" if ":" in address[0] else "%s:%d" % address
        else:
            family, self.host = socket.AF_UNIX, "localhost"
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(seconds)
        self.socket.connect(address if isinstance(address, tuple) else str(address))
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def send_request(self, method, target, body=None, **fields):
        """A request as a well-behaved client sends it; a body that is not bytes goes as JSON."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            fields.setdefault("content_type", "application/json")
        if body is not None:
            fields.setdefault("content_length", len(body))
        fields.setdefault("host", self.host)
        self.send(f"{method} {target} HTTP/1.1\r\n{field_lines(fields)}\r\n".encode() + (body or b""))

    def fill(self):
        """Waits for more bytes; false at the end of the connection."""
        piece = self.socket.recv(262_144)
        self.buffer += piece
        return bool(piece)

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            if not self.fill():
                raise Closed(f"no answer, only {self.buffer!r}")
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        assert b"\n" not in head.replace(b"\r\n", b""), f"a bare LF in {head!r}"
        first, *lines = head.decode("latin-1").split("\r\n")
        version, status, reason = first.split(" ", 2)
        assert version == "HTTP/1.1" and len(status) == 3, first
        fields = []
        for line in lines:
            name, colon, value = line.partition(":")
            assert colon and name and name == name.strip(), f"a bad field line: {line!r}"
            fields.append((name.lower(), value.strip(" \t")))
        return Response(int(status), reason, fields)

    def read_response(self, method="GET", informational=False):
        """The next answer, whole. 1xx answers are passed over unless wanted."""
        response = self.read_head()
        while 100 <= response.status < 200 and response.status != 101 and not informational:
            response = self.read_head()
        body = Body(method, response.status, response)
        response.body = b""
        while not body.whole:
            response.body += body.take(self.buffer)
            self.buffer = b""
            if not body.whole and not self.fill():
                body.end()
        self.buffer = body.rest + self.buffer
        return response

    def exchange(self, method, target, body=None, **fields):
        self.send_request(method, target, body, **fields)
        return self.read_response(method)

    def read_to_end(self):
        """Everything until the server closes; a reset counts as closing."""
        try:
            while self.fill():
                pass
        except ConnectionResetError:
            pass
        return self.buffer

    def is_closed_by_server(self):
        """Whether nothing but the end of the connection is left to read."""
        try:
            return not self.fill() and not self.buffer
        except ConnectionResetError:
            return True


def request(address, method, target, body=None, **fields):
    with Connection(address) as connection:
        return connection.exchange(method, target, body, **fields)


class Event:
    """One dispatched server-sent event."""

    def __init__(self, type, data, last_id, own_id):
        self.type, self.data, self.last_id, self.own_id = type, data, last_id, own_id
        self._json = None

    @property
    def json(self):
        if self._json is None:
            self._json = json.loads(self.data)
        return self._json

    def __getitem__(self, name):
        return self.json[name]

    def get(self, name, default=None):
        return self.json.get(name, default)

    def __repr__(self):
        return f"<{self.type} id={self.own_id!r} {self.data}>"


class EventParser:
    """The event stream interpretation of the WHATWG HTML standard, section 9.2.6: bytes in, events
    out, comments and the reconnection time beside them."""

    def __init__(self):
        self.decoder = codecs.getincrementaldecoder("utf-8")("strict")  # ours must be valid UTF-8
        self.text = ""
        self.started = False
        self.last_id = ""
        self.retry = None
        self.retries = 0
        self.comments = []
        self._block()

    def _block(self):
        self.data, self.type, self.own_id = [], "", None

    def take(self, data):
        self.text += self.decoder.decode(data)
        if not self.started and self.text:
            self.started = True
            self.text = self.text.removeprefix("\ufeff")
        events = []
        while True:
            # A line ends with CRLF, LF or CR; a CR at the end of the buffer may yet become a CRLF.
            ends = [at for at in (self.text.find("\n"), self.text.find("\r")) if at >= 0]
            if not ends or (self.text[min(ends)] == "\r" and min(ends) + 1 == len(self.text)):
                return events
            end = min(ends)
            width = 2 if self.text.startswith("\r\n", end) else 1
            line, self.text = self.text[:end], self.text[end + width :]
            if event := self._line(line):
                events.append(event)

    def _line(self, line):
        if line == "":
            data, type, own_id = self.data, self.type, self.own_id
            self._block()
            if own_id is not None:
                self.last_id = own_id
            if not data:
                return None
            return Event(type or "message", "\n".join(data), self.last_id, own_id)
        if line.startswith(":"):
            self.comments.append(line[1:])
            return None
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self.type = value
        elif name == "data":
            self.data.append(value)
        elif name == "id" and "\0" not in value:
            self.own_id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry = int(value)
            self.retries += 1
        return None


class EventStream:
    """`GET /-/v1/events` as SSE. `response` is the head; events are read only when asked for, so
    that a test decides when this client reads and when it stalls."""

    def __init__(self, address, query="", method="GET", receive_buffer=None, connection=None, **fields):
        self.connection = connection or Connection(address, receive_buffer=receive_buffer)
        target = "/-/v1/events" + (f"?{query}" if query else "")
        fields.setdefault("accept", "text/event-stream")
        self.connection.send_request(method, target, **fields)
        self.response = self.connection.read_head()
        self.parser = EventParser()
        self.body = Body(method, self.response.status, self.response)
        self.content = Content(self.response)
        self.waiting = []
        self.ended = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.connection.close()

    def _read(self, seconds):
        """Waits for bytes and parses them; false when the time or the stream is over."""
        if not self.connection.buffer:
            if seconds <= 0:
                return False
            self.connection.socket.settimeout(seconds)
            try:
                if not self.connection.fill():
                    self.ended = True
                    self.body.end()
                    return False
            except TimeoutError:
                return False
            except ConnectionResetError:
                self.ended = True
                return False
        data, self.connection.buffer = self.connection.buffer, b""
        self.waiting += self.parser.take(self.content.take(self.body.take(data)))
        if self.body.whole:
            self.ended = True
        return True

    def next(self, seconds=SECONDS):
        """The next event; None when the stream has ended or nothing came in time."""
        end = time.monotonic() + seconds
        while not self.waiting and not self.ended:
            if not self._read(end - time.monotonic()) and not self.ended:
                return None
        return self.waiting.pop(0) if self.waiting else None

    def expect(self, wanted, /, **members):
        """The next event, which must be of this type and have these members."""
        event = self.next()
        assert event is not None, f"no {wanted} came (ended: {self.ended})"
        assert event.type == wanted, f"wanted {wanted} {members}, got {event}"
        for name, value in members.items():
            assert event.get(name) == value, f"wanted {name}={value!r} in {event}"
        return event

    def until(self, wanted, seconds=SECONDS):
        """All events up to and with the first that `wanted` (a type, or a predicate) is true of."""
        matches = wanted if callable(wanted) else lambda event: event.type == wanted
        end, seen = time.monotonic() + seconds, []
        while True:
            event = self.next(end - time.monotonic())
            assert event is not None, f"{wanted} did not come (ended: {self.ended}); seen: {seen[-20:]}"
            seen.append(event)
            if matches(event):
                return seen

    def changes_until(self, path, seconds=SECONDS):
        """The changes up to and with the first of `path`; a reset, a watch or a bye on the way is an
        error, so that none passes unseen."""
        seen = self.until(lambda event: event.get("path") == path, seconds)
        strange = [event for event in seen if event.type not in ("change", "bookmark", "synced")]
        assert not strange, strange
        return [event for event in seen if event.type == "change"]

    def all(self, seconds=SECONDS):
        """Everything until the server ends the stream."""
        end, seen = time.monotonic() + seconds, []
        while (event := self.next(end - time.monotonic())) is not None:
            seen.append(event)
        assert self.ended, f"the stream did not end within {seconds} s"
        return seen
