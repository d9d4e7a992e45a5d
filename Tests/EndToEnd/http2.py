"""An HTTP/2 client whose tests decide what is read, when a window opens, and which frames are wrong.

The state machine is Python's `h2`; what it would refuse to say goes out as `hyperframe` frames, or as
bytes, beside it.
"""

import json
import socket
import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
from websockets.frames import Frame, Opcode

from client import Content, EventParser, Response

SECONDS = 15.0
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Stream:
    """What has come on one stream."""

    def __init__(self, connection, number):
        self.connection, self.number = connection, number
        self.response, self.data, self.ended, self.reset = None, bytearray(), False, None
        self.informed = []
        # Bytes taken whose window has not been given back.
        self.unread = 0
        self.parser, self.events, self.content = EventParser(), [], None

    def __repr__(self):
        return f"<stream {self.number} {self.response} ended={self.ended} reset={self.reset}>"

    def answer(self, seconds=SECONDS):
        """The whole answer."""
        self.connection.until(lambda: self.ended or self.reset is not None, seconds, f"the end of {self}")
        assert self.reset in (None, 0), f"{self}"
        self.response.body = bytes(self.data)
        return self.response

    def head(self, seconds=SECONDS):
        self.connection.until(lambda: self.response is not None, seconds, f"the head of {self}")
        return self.response

    # As an event stream

    def _parse(self):
        if self.content is None and self.response is not None:
            self.content = Content(self.response)
        if self.content is not None:
            self.events += self.parser.take(self.content.take(bytes(self.data)))
        self.data.clear()

    def until_event(self, wanted, seconds=SECONDS):
        """All events up to and with the first that `wanted` (a type, or a predicate) is true of."""
        matches = wanted if callable(wanted) else lambda event: event.type == wanted
        seen = []

        def arrived():
            self._parse()
            while self.events:
                seen.append(self.events.pop(0))
                if matches(seen[-1]):
                    return True
            return False

        self.connection.until(arrived, seconds, f"{wanted} on {self}, after {seen[-5:]}")
        return seen

    # As a WebSocket

    def say(self, value, opcode=Opcode.TEXT):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.connection.h2.send_data(self.number, Frame(opcode, data).serialize(mask=True))
        self.connection.flush()

    def frame(self, seconds=SECONDS):
        """The next frame that is no ping."""
        found = []

        def whole():
            while frame := self._take_frame():
                if frame.opcode is not Opcode.PING:
                    found.append(frame)
                    return True
            return False

        self.connection.until(whole, seconds, f"a frame on {self}")
        return found[0]

    def _take_frame(self):
        """A server's frame from what has come (RFC 6455 §5.2); None while there is none."""
        data = self.data
        if len(data) < 2:
            return None
        length, start = data[1], 2
        assert length < 128, "a server masks nothing"
        if length > 125:
            start = 4 if length == 126 else 10
            length = int.from_bytes(data[2:start])
        if len(data) < start + length:
            return None
        frame = Frame(Opcode(data[0] & 15), bytes(data[start : start + length]), bool(data[0] & 128))
        del data[: start + length]
        return frame

    def message(self, seconds=SECONDS):
        frame = self.frame(seconds)
        assert frame.opcode is Opcode.TEXT, frame
        return json.loads(bytes(frame.data))


class Connection:
    """One connection. `window`: what the client lets each stream send before it is read; `reads` false
    leaves windows as they are until `open_window`."""

    def __init__(self, address, window=65_535, reads=True, start=True, receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(address)
        self.authority = "%s:%d" % address
        self.reads, self.streams = reads, {}
        self.goaway, self.closed, self.says = None, False, True
        self.partial = bytearray()
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=True, header_encoding="utf-8", validate_inbound_headers=False)
        )
        self.h2.local_settings = h2.settings.Settings(
            client=True, initial_values={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window}
        )
        if start:
            self.h2.initiate_connection()
            self.h2.increment_flow_control_window(1 << 24)
            self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # Sending

    def flush(self):
        data = self.h2.data_to_send()
        if data and self.says:
            self.send(data)

    def send(self, data):
        """Bytes, or frames; a server that has closed meanwhile is nothing new."""
        if not isinstance(data, bytes):
            data = b"".join(frame if isinstance(frame, bytes) else frame.serialize() for frame in data)
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            self.closed = True

    def head(self, method, target, /, **fields):
        pseudo = {":method": method, ":scheme": "http", ":authority": self.authority, ":path": target}
        rest = {}
        for name, value in fields.items():
            name = name.replace("_", "-")
            if f":{name}" in pseudo or name == "protocol":
                pseudo[f":{name}"] = value
            else:
                rest[name] = value
        return [*((k, v) for k, v in pseudo.items() if v is not None), *rest.items()]

    def begin(self, method, target, body=None, /, *, ends=True, **fields):
        """A request; its stream is read by `answer` and the like."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            fields.setdefault("content_type", "application/json")
        number = self.h2.get_next_available_stream_id()
        self.streams[number] = Stream(self, number)
        self.h2.send_headers(number, self.head(method, target, **fields), end_stream=ends and body is None)
        while body:
            self.flush()
            self.until(lambda: self.h2.local_flow_control_window(number) > 0, what="room for content")
            size = min(self.h2.local_flow_control_window(number), self.h2.max_outbound_frame_size)
            piece, body = body[:size], body[size:]
            self.h2.send_data(number, piece, end_stream=ends and not body)
        self.flush()
        return self.streams[number]

    def exchange(self, method, target, body=None, /, **fields):
        return self.begin(method, target, body, **fields).answer()

    def events(self, query="", **fields):
        """An SSE stream, its head read."""
        stream = self.begin("GET", "/-/v1/events" + (f"?{query}" if query else ""), **fields)
        assert stream.head().status == 200
        return stream

    def websocket(self, **fields):
        """An extended CONNECT (RFC 8441); the answer may refuse it."""
        self.until(
            lambda: self.h2.remote_settings.enable_connect_protocol == 1, what="SETTINGS_ENABLE_CONNECT_PROTOCOL"
        )
        fields = {"protocol": "websocket", "sec_websocket_version": "13", **fields}
        return self.begin("CONNECT", "/-/v1/socket", ends=False, **fields)

    # Receiving

    def until(self, true, seconds=SECONDS, what="the condition"):
        end = time.monotonic() + seconds
        while not true():
            left = end - time.monotonic()
            assert left > 0, f"{what} not within {seconds} s; {self}"
            assert not self.closed, f"{what}: the server closed; {self}"
            self.read(left)

    def read(self, seconds):
        """Waits for bytes and takes them."""
        self.socket.settimeout(max(0.001, seconds))
        try:
            data = self.socket.recv(1 << 20)
        except TimeoutError:
            return
        except ConnectionResetError:
            data = b""
        if not data:
            self.closed = True
            return
        self._look_for_goaway(data)
        for event in self.h2.receive_data(data):
            self._take(event)
        self.flush()

    def _look_for_goaway(self, data):
        """h2 stops at what it finds wrong, such as the reset of a stream it was not told of: GOAWAY
        (RFC 9113 §6.8) is looked for beside it."""
        self.partial += data
        at = 0
        while len(self.partial) >= at + 9:
            length = int.from_bytes(self.partial[at : at + 3])
            if len(self.partial) < at + 9 + length:
                break
            if self.partial[at + 3] == 7:
                self.goaway = int.from_bytes(self.partial[at + 13 : at + 17])
            at += 9 + length
        del self.partial[:at]

    def _take(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        match event:
            case h2.events.ResponseReceived():
                fields = [(name, value) for name, value in event.headers if not name.startswith(":")]
                stream.response = Response(int(dict(event.headers)[":status"]), "", fields)
            case h2.events.InformationalResponseReceived():
                stream.informed.append(int(dict(event.headers)[":status"]))
            case h2.events.DataReceived():
                stream.data += event.data
                stream.unread += event.flow_controlled_length
                if self.reads:
                    self.open_window(stream)
            case h2.events.StreamEnded():
                stream.ended = True
            case h2.events.StreamReset() if stream:
                stream.reset = int(event.error_code)

    def open_window(self, stream):
        """Gives back what a stream has taken, for it and for the connection."""
        count, stream.unread = stream.unread, 0
        if count:
            try:
                self.h2.increment_flow_control_window(count)
                self.h2.increment_flow_control_window(count, stream.number)
            except h2.exceptions.ProtocolError:
                pass  # stream or connection ended with the same bytes
            self.flush()

    def until_closed(self, seconds=SECONDS, says=True):
        """Reads to the end of the connection and gives GOAWAY's code; None when none came. Where it is
        not to say anything more, settings stay unacknowledged."""
        self.says = says
        end = time.monotonic() + seconds
        while not self.closed:
            left = end - time.monotonic()
            assert left > 0, f"still open after {seconds} s; {self}"
            try:
                self.read(left)
            except h2.exceptions.ProtocolError:
                pass
        return self.goaway

    def __repr__(self):
        return f"<HTTP/2 goaway={self.goaway} closed={self.closed} {list(self.streams.values())[-3:]}>"
