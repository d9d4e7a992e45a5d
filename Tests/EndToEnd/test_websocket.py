"""The WebSocket at /-/v1/socket: by a library nobody here wrote, and by raw frames for what a
library would not send."""

import base64
import contextlib
import hashlib
import json
import os
import struct

import pytest
import websockets.exceptions
import websockets.sync.client

from client import Connection

SOCKET = "/-/v1/socket"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


@pytest.fixture
def server(daemon, directory):
    server = daemon(directory, flags=["--settle", "0ms", "--allow-root", directory.parent])
    server.only_watch()
    return server


class Library:
    """The `websockets` package with JSON in and out."""

    def __init__(self, socket):
        self.socket = socket

    def send(self, **message):
        self.socket.send(json.dumps(message))

    def next(self, seconds=15):
        message = self.socket.recv(timeout=seconds)
        assert isinstance(message, str), "the contract is text"
        return json.loads(message)

    def until(self, **members):
        """The messages up to and with the first that has these members."""
        seen = []
        while True:
            seen.append(self.next())
            if all(seen[-1].get(name) == value for name, value in members.items()):
                return seen

    def subscribe(self, ref, **filter):
        """Subscribes and gives the hello."""
        self.send(op="subscribe", ref=ref, **filter)
        return self.until(event="hello", ref=ref)


@contextlib.contextmanager
def library(server):
    address = f"ws://127.0.0.1:{server.port}{SOCKET}"
    with websockets.sync.client.connect(
        address, subprotocols=["tidings.v1"], compression=None, open_timeout=15, close_timeout=15
    ) as socket:
        yield Library(socket)


class Frames:
    """The protocol by hand (RFC 6455): what is sent may be wrong on purpose."""

    def __init__(self, server, **fields):
        self.connection = Connection(server.address)
        self.key = base64.b64encode(os.urandom(16)).decode()
        fields = {
            "upgrade": "websocket",
            "connection": "Upgrade",
            "sec_websocket_version": "13",
            "sec_websocket_key": self.key,
            **fields,
        }
        self.connection.send_request("GET", SOCKET, **{n: v for n, v in fields.items() if v is not None})
        self.response = self.connection.read_head()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def frame(self, opcode, payload, final=True, masked=True, reserved=0):
        head = bytes([(final << 7) | reserved | opcode])
        size, bit = len(payload), masked << 7
        if size < 126:
            head += bytes([bit | size])
        elif size < 65536:
            head += bytes([bit | 126]) + struct.pack("!H", size)
        else:
            head += bytes([bit | 127]) + struct.pack("!Q", size)
        if not masked:
            return head + payload
        mask = os.urandom(4)
        return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))

    def send(self, *args, **options):
        self.connection.send(self.frame(*args, **options))

    def send_json(self, **message):
        self.send(TEXT, json.dumps(message).encode())

    def _bytes(self, count):
        while len(self.connection.buffer) < count:
            if not self.connection.fill():
                raise EOFError("the server closed the connection")
        out, self.connection.buffer = self.connection.buffer[:count], self.connection.buffer[count:]
        return out

    def read(self):
        """One frame: opcode and payload. Server frames are never masked (RFC 6455 §5.1)."""
        first, second = self._bytes(2)
        assert first & 0x70 == 0, "a reserved bit without an extension"
        assert second & 0x80 == 0, "a masked frame from a server"
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self._bytes(2))
            assert size >= 126, "not the shortest form"
        elif size == 127:
            (size,) = struct.unpack("!Q", self._bytes(8))
            assert size >= 65536, "not the shortest form"
        return first & 0x0F, self._bytes(size)

    def read_json(self, **members):
        """The next text message that has these members."""
        while True:
            opcode, payload = self.read()
            assert opcode == TEXT, (opcode, payload)
            message = json.loads(payload)
            if all(message.get(name) == value for name, value in members.items()):
                return message

    def read_close(self):
        """The close code, past whatever text comes before it; then the end of the connection."""
        while True:
            opcode, payload = self.read()
            if opcode == CLOSE:
                code = struct.unpack("!H", payload[:2])[0] if payload else None
                payload[2:].decode()
                return code
            assert opcode in (TEXT, PONG), (opcode, payload)


# The handshake


def test_the_handshake_proves_that_the_key_was_read(server):
    with Frames(server, sec_websocket_protocol="chat, tidings.v1") as socket:
        answer = socket.response
        assert answer.status == 101
        assert answer["upgrade"].lower() == "websocket" and answer["connection"].lower() == "upgrade"
        expected = hashlib.sha1((socket.key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        assert answer["sec-websocket-accept"] == base64.b64encode(expected).decode()
        assert answer["sec-websocket-protocol"] == "tidings.v1"
        assert answer["sec-websocket-extensions"] is None


@pytest.mark.parametrize(
    "fields, status",
    [
        ({"sec_websocket_version": "8"}, 426),
        ({"sec_websocket_version": None}, 426),
        ({"sec_websocket_key": None}, 400),
        ({"sec_websocket_key": "c2hvcnQ="}, 400),
        ({"upgrade": None, "connection": None}, 426),
        ({"connection": "keep-alive"}, 426),
        ({"upgrade": "h2c"}, 426),
    ],
)
def test_what_is_no_handshake_gets_an_ordinary_answer(server, fields, status):
    with Frames(server, **fields) as socket:
        assert socket.response.status in (status, 400), socket.response
        if socket.response.status == 426:
            assert socket.response["upgrade"].lower() == "websocket"
        if fields.get("sec_websocket_version") == "8":
            assert socket.response["sec-websocket-version"] == "13"


def test_without_a_subprotocol_none_is_chosen(server):
    with Frames(server) as socket:
        assert (socket.response.status, socket.response["sec-websocket-protocol"]) == (101, None)
        socket.send_json(op="ping", ref="p")
        assert socket.read_json()["op"] == "pong"


# Subscriptions


def test_a_subscription_is_acknowledged_greeted_and_told(server, directory):
    with library(server) as client:
        assert client.socket.subprotocol == "tidings.v1"
        client.send(op="subscribe", ref="a", path=["src/"])
        first, second = client.next(), client.next()
        assert first["op"] == "ok" and first["ref"] == "a"
        assert second["event"] == "hello" and second["ref"] == "a"
        assert {"id", "epoch", "oldest", "resumed"} <= set(second)
        (directory / "src").mkdir()
        (directory / "src" / "a").mkdir()
        (directory / "other").mkdir()
        change = client.until(event="change", path="src/a")[-1]
        assert (change["ref"], change["kind"], change["type"]) == ("a", "create", "directory")


def test_several_subscriptions_share_a_socket_and_end_on_their_own(server, directory):
    for name in ("a", "b"):
        (directory / name).mkdir()
    with library(server) as client:
        client.subscribe("one", path=["a/"])
        client.subscribe("two", path=["b/"])
        client.subscribe("all")
        (directory / "a" / "x").mkdir()
        (directory / "b" / "y").mkdir()
        seen = client.until(event="change", ref="all", path="b/y")
        while len([m for m in seen if m.get("event") == "change"]) < 4:
            seen.append(client.next())
        told = sorted((m["ref"], m["path"]) for m in seen if m.get("event") == "change")
        assert told == [("all", "a/x"), ("all", "b/y"), ("one", "a/x"), ("two", "b/y")]
        client.send(op="unsubscribe", ref="one")
        client.until(op="ok", ref="one")
        (directory / "a" / "z").mkdir()
        (directory / "b" / "z").mkdir()
        rest = client.until(event="change", ref="two", path="b/z")
        assert not [m for m in rest if m.get("ref") == "one"], rest


def test_a_subscription_resumes_from_a_cursor(server, directory):
    with library(server) as client:
        start = client.subscribe("a")[-1]["id"]
        (directory / "one").mkdir()
        client.until(event="change", path="one")
    (directory / "two").mkdir()
    with library(server) as client:
        hello = client.subscribe("b", since=start)[-1]
        assert hello["resumed"] is True
        # `two` settles for 20 ms: it may be part of the replay or the first live change.
        seen = client.until(event="change", path="two")
        assert [m["path"] for m in seen if m["event"] == "change"] == ["one", "two"]


def test_initial_lists_what_exists(daemon, directory):
    (directory / "a").mkdir()
    (directory / "a" / "b").touch()
    server = daemon(directory)
    with library(server) as client:
        client.subscribe("a", initial=True)
        listing = client.until(event="synced", ref="a")
        assert [m["path"] for m in listing if m["event"] == "entry"] == ["a", "a/b"]


def test_a_cursor_of_another_epoch_is_a_reset(server):
    with library(server) as client:
        client.subscribe("a", since="zzzzz-5")
        assert client.until(event="reset", ref="a")[-1]["reason"] == "epoch"


def test_a_watch_that_is_not_there_is_unknown(server):
    with library(server) as client:
        client.subscribe("a", watch=["nothing"])
        assert client.until(event="watch", ref="a")[-1]["state"] == "unknown"


def test_ping_is_answered_with_its_ref(server):
    with library(server) as client:
        client.send(op="ping", ref="7")
        assert client.next() == {"op": "pong", "ref": "7"}
        client.send(op="ping")
        assert client.next()["op"] == "pong"


@pytest.mark.parametrize(
    "message",
    [
        "{",
        "7",
        "null",
        "[]",
        '"subscribe"',
        "{}",
        '{"op":"dance","ref":"r"}',
        '{"op":5}',
        '{"op":"subscribe"}',
        '{"op":"subscribe","ref":5}',
        '{"op":"subscribe","ref":""}',
        '{"op":"subscribe","ref":"r","colour":"red"}',
        '{"op":"subscribe","ref":"r","since":"nonsense"}',
        '{"op":"subscribe","ref":"r","path":["[a"]}',
        '{"op":"subscribe","ref":"r","path":"src/","kinds":["explode"]}',
        '{"op":"unsubscribe","ref":"nobody"}',
        '{"op":"subscribe","ref":"r","maxLag":-1}',
        '{"op":"subscribe","ref":"r","overflow":"panic"}',
        '{"op":"credit","ref":"r","n":5}',
        '{"op":"credit","n":5}',
        "[" * 2000,
    ],
)
def test_a_bad_op_is_an_error_and_the_socket_stays_open(server, message):
    with library(server) as client:
        client.socket.send(message)
        answer = client.next()
        assert answer["op"] == "error", answer
        assert answer.get("code") and answer.get("detail")
        if '"ref":"r"' in message:
            assert answer["ref"] == "r"
        client.send(op="ping", ref="still")
        assert client.next() == {"op": "pong", "ref": "still"}


def test_a_ref_in_use_is_an_error(server):
    with library(server) as client:
        client.subscribe("a")
        client.send(op="subscribe", ref="a")
        assert client.until(op="error")[-1]["ref"] == "a"


# Credit


def changes(messages):
    return [m for m in messages if m.get("event") == "change"]


def test_no_more_is_sent_than_the_credit_left(server, directory):
    with library(server) as client:
        client.subscribe("a")
        client.subscribe("all")
        client.send(op="credit", ref="a", n=2)
        client.until(op="ok", ref="a")
        for name in "uvwxyz":
            (directory / name).mkdir()
        seen = client.until(event="change", ref="all", path="z")
        # Both subscriptions are asked in the same turn: an answer comes behind what was sent before.
        client.send(op="ping", ref="then")
        seen += client.until(op="pong", ref="then")
        assert [m["path"] for m in changes(seen) if m["ref"] == "a"] == ["u", "v"]
        client.send(op="credit", ref="a", n=1)
        client.send(op="credit", ref="a", n=2)
        seen = client.until(event="change", ref="a", path="y")
        assert [m["path"] for m in changes(seen)] == ["w", "x", "y"]
        client.send(op="credit", ref="a", n=1000)
        assert client.until(event="change", ref="a")[-1]["path"] == "z"
        (directory / "zz").mkdir()
        client.until(event="change", ref="a", path="zz")


def test_credit_counts_the_events_of_a_change_that_is_several(server, directory):
    """A directory moved in is a create and a reset; the id comes with the second."""
    for name in ("in", "out"):
        (directory / name).mkdir()
    (directory / "out" / "d").mkdir()
    with library(server) as client:
        client.subscribe("all")
        client.subscribe("a", path=["in/"])
        client.send(op="credit", ref="a", n=1)
        client.until(op="ok", ref="a")
        os.rename(directory / "out" / "d", directory / "in" / "d")
        seen = client.until(event="change", ref="all", kind="move")
        client.send(op="ping", ref="then")
        seen += client.until(op="pong", ref="then")
        assert [m["kind"] for m in changes(seen) if m["ref"] == "a"] == ["create"]
        assert "id" not in next(m for m in changes(seen) if m["ref"] == "a")
        client.send(op="credit", ref="a", n=1)
        reset = client.until(event="reset", ref="a")[-1]
        assert reset["reason"] == "moved-in" and reset["id"]


def test_credit_holds_back_a_listing_too(daemon, directory):
    for number in range(20):
        (directory / f"{number:02}").touch()
    server = daemon(directory)
    server.only_watch()
    with Frames(server) as socket:
        operations = (
            {"op": "subscribe", "ref": "a", "initial": True},
            {"op": "credit", "ref": "a", "n": 5},
            {"op": "ping", "ref": "then"},
        )
        # In one segment, so that the credit is there before the first entry.
        socket.connection.send(
            b"".join(socket.frame(TEXT, json.dumps(operation).encode()) for operation in operations)
        )
        assert socket.read_json(op="pong")["ref"] == "then"
        assert socket.read_json()["event"] == "hello"
        listed = [socket.read_json()["path"] for _ in range(5)]
        socket.send_json(op="ping", ref="again")
        assert socket.read_json()["op"] == "pong"
        socket.send_json(op="credit", ref="a", n=16)
        assert socket.read_json()["op"] == "ok"
        listed += [socket.read_json()["path"] for _ in range(15)]
        assert sorted(listed) == [f"{n:02}" for n in range(20)]
        assert socket.read_json()["event"] == "synced"


@pytest.mark.parametrize("n", [0, -1, 1.5, "5", True, [], 10**12, None])
def test_a_credit_that_is_no_number_is_an_error(server, n):
    with library(server) as client:
        client.subscribe("a")
        client.send(op="credit", ref="a", n=n)
        answer = client.next()
        assert (answer["op"], answer["ref"], answer["field"]) == ("error", "a", "n"), answer
        client.send(op="credit", ref="a")
        assert client.next()["field"] == "n"


# Frames


def test_a_message_may_come_in_fragments_with_a_ping_between(server):
    message = json.dumps({"op": "subscribe", "ref": "ä"}, ensure_ascii=False).encode()
    cut = message.index("ä".encode()) + 1  # within a character
    with Frames(server) as socket:
        socket.send(TEXT, message[:cut], final=False)
        socket.send(PING, b"are you there")
        assert socket.read() == (PONG, b"are you there")
        socket.send(0, b"", final=False)
        socket.send(0, message[cut:])
        assert socket.read_json()["op"] == "ok"
        assert socket.read_json(event="hello")["ref"] == "ä"


def test_an_unasked_pong_is_ignored(server):
    with Frames(server) as socket:
        socket.send(PONG, b"hm")
        socket.send(PING, b"")
        assert socket.read() == (PONG, b"")


def test_a_close_is_answered_with_its_code_and_the_connection_ends(server):
    for payload, expected in (
        (struct.pack("!H", 1000) + b"bye", 1000),
        (b"", None),
        (struct.pack("!H", 4321), 4321),
    ):
        with Frames(server) as socket:
            socket.send(CLOSE, payload)
            code = socket.read_close()
            assert code in (expected, 1000)
            assert socket.connection.is_closed_by_server()


PROTOCOL_ERRORS = [
    ("an unmasked frame", lambda s: s.frame(TEXT, b"{}", masked=False), 1002),
    ("a reserved bit", lambda s: s.frame(TEXT, b"{}", reserved=0x40), 1002),
    ("a reserved opcode", lambda s: s.frame(3, b""), 1002),
    ("a reserved control opcode", lambda s: s.frame(11, b""), 1002),
    ("a fragmented ping", lambda s: s.frame(PING, b"", final=False), 1002),
    ("a ping of 126 bytes", lambda s: s.frame(PING, b"x" * 126), 1002),
    ("a continuation of nothing", lambda s: s.frame(0, b"{}"), 1002),
    ("a message within a message", lambda s: s.frame(TEXT, b"{", final=False) + s.frame(TEXT, b"}"), 1002),
    ("text that is not UTF-8", lambda s: s.frame(TEXT, b"\xed\xa0\x80"), 1007),
    ("text that stops being UTF-8", lambda s: s.frame(TEXT, b"ok \xf4\x90\x80\x80", final=False), 1007),
    ("a close of one byte", lambda s: s.frame(CLOSE, b"\x03"), 1002),
    ("a close code nobody may send", lambda s: s.frame(CLOSE, struct.pack("!H", 1005)), 1002),
    ("a close code below 1000", lambda s: s.frame(CLOSE, struct.pack("!H", 999)), 1002),
    ("a close reason that is not UTF-8", lambda s: s.frame(CLOSE, struct.pack("!H", 1000) + b"\xff"), 1007),
    ("a message too big", lambda s: s.frame(TEXT, b" " * (4 << 20)), 1009),
    ("a length of 63 bits", lambda s: bytes([0x81, 0xFF]) + b"\x7f" + b"\xff" * 7 + b"mask", 1009),
    ("a length with the highest bit", lambda s: bytes([0x81, 0xFF]) + b"\xff" * 8 + b"mask", 1002),
    ("a length not in its shortest form", lambda s: bytes([0x81, 0xFE, 0, 2]) + b"\0\0\0\0{}", 1002),
    ("binary", lambda s: s.frame(BINARY, b"{}"), (1003, 4400)),
]


@pytest.mark.parametrize(
    "bytes_of, code", [row[1:] for row in PROTOCOL_ERRORS], ids=[row[0] for row in PROTOCOL_ERRORS]
)
def test_a_broken_protocol_ends_the_connection_with_the_right_code(server, bytes_of, code):
    with Frames(server) as socket:
        try:
            socket.connection.send(bytes_of(socket))
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert socket.read_close() in (code if isinstance(code, tuple) else (code,))
        socket.connection.read_to_end()
    assert server.get("/-/healthz").status == 200


def test_frames_may_come_a_byte_at_a_time(server):
    with Frames(server) as socket:
        for byte in socket.frame(TEXT, b'{"op":"ping","ref":"slow"}'):
            socket.connection.send(bytes([byte]))
        assert socket.read_json() == {"op": "pong", "ref": "slow"}


def test_frames_sent_with_the_handshake_are_read(server):
    """A client that speaks before it has heard the 101 (RFC 6455 forbids waiting for nothing)."""
    key = base64.b64encode(b"0123456789abcdef").decode()
    with Connection(server.address) as connection:
        frames = Frames.__new__(Frames)
        frames.connection = connection
        connection.send(
            f"GET {SOCKET} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
            + frames.frame(TEXT, b'{"op":"ping","ref":"early"}')
        )
        assert connection.read_head().status == 101
        assert frames.read_json() == {"op": "pong", "ref": "early"}


@pytest.mark.parametrize(
    "opcode, payload", [(PING, b"x" * 125), (TEXT, b'{"op":"ping","ref":"x"}'), (TEXT, b"{")]
)
def test_a_client_that_asks_and_never_reads_is_not_asked_for_more(server, opcode, payload):
    """Each of these is answered; the answers may not pile up in the process."""
    before = server.memory()
    with Frames(server) as socket:
        frames = b"".join(socket.frame(opcode, payload) for _ in range(1000))
        socket.connection.socket.settimeout(2)
        with pytest.raises(TimeoutError):
            for _ in range((64 << 20) // len(frames)):
                socket.connection.send(frames)
        assert server.get("/-/healthz").status == 200
        assert server.memory() - before < 4 << 20


# The end


def test_a_planned_end_sends_the_cursor_and_1001(server, directory):
    with library(server) as client:
        client.subscribe("a")
        (directory / "x").mkdir()
        last = client.until(event="change", path="x")[-1]["id"]
        assert server.stop() == 0
        rest = []
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            while True:
                rest.append(client.next())
        assert closed.value.rcvd.code == 1001
        assert rest[-1]["event"] == "bye" and rest[-1]["id"] == last and rest[-1]["ref"] == "a"
