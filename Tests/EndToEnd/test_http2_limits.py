"""Attacks on HTTP/2, each against a number of Sources/HTTP2/HTTP2Limits.swift: the connection ends with
the code that says why, and another one beside it goes on."""

import shutil
import struct
import subprocess
import time

import hpack
import pytest
from hyperframe import frame as frames

from client import Connection as HTTP1Connection
from http2 import PREFACE, Connection
from support import eventually

NO_ERROR, PROTOCOL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT = 0, 1, 3, 4
FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 6, 7, 8, 11
PATIENCE = 60

# As in the source; a test asks for as much as is allowed, too.
STREAMS, HEAD, FIELDS, HEAD_BEYOND_ANSWER, CONTINUATIONS = 100, 16 << 10, 100, 64 << 10, 8
CONTENT, CONTENT_TOGETHER = 1 << 20, 4 << 20
RESETS, PROVOKED_RESETS, SETTINGS, PINGS, EMPTY_DATA, PRIORITIES, WINDOW_UPDATES = (
    100, 100, 16, 60, 60, 400, 1000,
)  # fmt: skip


def head(connection, method="GET", target="/-/healthz", encoder=None, **fields):
    return (encoder or hpack.Encoder()).encode(connection.head(method, target, **fields))


def headers(stream, block, *flags):
    return frames.HeadersFrame(stream, block, flags=list(flags))


def raw(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def open_stream(connection, stream=1, method="POST"):
    """A request whose content is still to come."""
    return [headers(stream, head(connection, method, "/-/v1/watches", content_type="application/json"), "END_HEADERS")]


# Each gives what goes out in one piece, `count` times the thing that is limited.


def rapid_reset(connection, count):
    block = head(connection)
    for number in range(1, 2 * count, 2):
        yield headers(number, block, "END_HEADERS", "END_STREAM")
        yield frames.RstStreamFrame(number, error_code=CANCEL)


def provoked_resets(connection, count):
    """A window beyond 2^31 is a fault of the stream's (CVE-2025-8671)."""
    block = head(connection, "POST", "/-/v1/watches")
    for number in range(1, 2 * count, 2):
        yield headers(number, block, "END_HEADERS")
        yield raw(8, 0, number, struct.pack(">I", (1 << 31) - 1))


def refused_heads(connection, count):
    """A field in upper case is a fault of the stream's."""
    block = head(connection) + hpack.Encoder().encode([("X-Upper", "1")], huffman=False)
    for number in range(1, 2 * count, 2):
        yield headers(number, block, "END_HEADERS", "END_STREAM")


def wrong_lengths(connection, count):
    """So is content that ends before it is as long as its head said."""
    block = head(connection, "POST", "/-/v1/watches", content_length="5")
    for number in range(1, 2 * count, 2):
        yield headers(number, block, "END_HEADERS")
        yield frames.DataFrame(number, b"1", flags=["END_STREAM"])


def settings_flood(connection, count):
    for _ in range(count):
        yield frames.SettingsFrame(0, settings={3: 100})


def empty_settings(connection, count):
    for _ in range(count):
        yield frames.SettingsFrame(0)


def ping_flood(connection, count):
    for _ in range(count):
        yield frames.PingFrame(0, b"12345678")


def empty_data(connection, count):
    yield from open_stream(connection)
    for _ in range(count):
        yield frames.DataFrame(1, b"")


def padded_data(connection, count):
    yield from open_stream(connection)
    for _ in range(count):
        yield frames.DataFrame(1, b"", pad_length=4, flags=["PADDED"])


def priority_flood(connection, count):
    for number in range(count):
        yield frames.PriorityFrame(2 * number + 1, depends_on=0, stream_weight=number % 255)


def window_updates(connection, count):
    for _ in range(count):
        yield frames.WindowUpdateFrame(0, window_increment=1)


def continuations(connection, count):
    block = head(connection)
    yield headers(1, block)
    for index in range(count):
        yield frames.ContinuationFrame(1, b"", flags=["END_HEADERS"] if index == count - 1 else [])


FLOODS = [
    (rapid_reset, RESETS),
    (provoked_resets, PROVOKED_RESETS),
    (refused_heads, PROVOKED_RESETS),
    (wrong_lengths, PROVOKED_RESETS),
    (settings_flood, SETTINGS - 2),
    (empty_settings, SETTINGS - 2),
    (ping_flood, PINGS),
    (empty_data, EMPTY_DATA),
    (padded_data, EMPTY_DATA),
    (priority_flood, PRIORITIES),
    (window_updates, WINDOW_UPDATES - 1),
    (continuations, CONTINUATIONS),
]


@pytest.fixture
def server(daemon, directory):
    server = daemon(directory, flags=["--loops", "1"])
    server.only_watch()
    return server


@pytest.fixture
def bystander(server):
    """Another connection, with a stream: whatever happens beside it, it goes on."""
    with Connection(server.address) as connection:
        stream = connection.events()
        stream.until_event("hello")
        yield connection
        assert not connection.closed and connection.goaway is None
        assert connection.exchange("GET", "/-/healthz").status == 200
        assert not stream.ended and stream.reset is None


@pytest.mark.parametrize(("attack", "limit"), FLOODS, ids=[attack.__name__ for attack, _ in FLOODS])
def test_as_many_as_the_limit_allows_are_nothing(server, bystander, attack, limit):
    with Connection(server.address) as connection:
        connection.send(attack(connection, limit))
        connection.send([frames.PingFrame(0, b"answer!!")] if attack is not ping_flood else [])
        eventually(lambda: server.get("/-/healthz").status == 200)
        with pytest.raises(AssertionError, match="still open"):
            connection.until_closed(seconds=0.5)
        assert connection.goaway is None


@pytest.mark.parametrize(("attack", "limit"), FLOODS, ids=[attack.__name__ for attack, _ in FLOODS])
def test_a_flood_ends_its_own_connection_only(server, bystander, attack, limit):
    with Connection(server.address) as connection:
        connection.send(attack(connection, 2 * limit + 200 if attack is not continuations else 9))
        assert connection.until_closed() == ENHANCE_YOUR_CALM
    eventually(lambda: len(server.get("/-/v1/clients").json()["clients"]) == 1)


def test_a_flood_that_reads_nothing_is_not_kept_in_memory(server, bystander):
    with Connection(server.address, receive_buffer=4096) as connection:
        before = server.memory()
        connection.socket.settimeout(5)
        try:
            for _ in range(200):
                connection.socket.sendall(b"".join(f.serialize() for f in ping_flood(connection, 1000)))
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            pass
        assert server.memory() - before < 4 << 20


# Heads


def test_a_head_of_more_than_is_allowed_is_431_and_the_connection_goes_on(server, bystander):
    with Connection(server.address) as connection:
        assert connection.exchange("GET", "/-/healthz", big="x" * (HEAD - 1000)).status == 200
        assert connection.exchange("GET", "/-/healthz", big="x" * HEAD).status == 431
        many = {f"field_{number}": "x" for number in range(FIELDS)}
        assert connection.exchange("GET", "/-/healthz", **many).status == 431
        assert connection.exchange("GET", "/-/healthz").status == 200


def test_a_head_that_swells_when_decoded_ends_the_connection(server, bystander):
    """One entry of the table of 4 KiB, named again and again by one byte (CVE-2016-6581)."""
    with Connection(server.address) as connection:
        encoder = hpack.Encoder()
        block = head(connection, encoder=encoder, bomb="x" * 3900)
        named = encoder.encode([("bomb", "x" * 3900)])
        assert len(named) == 1
        connection.send([headers(1, block + named * 10_000, "END_HEADERS", "END_STREAM")])
        assert connection.until_closed() == ENHANCE_YOUR_CALM


def test_a_head_that_does_not_end_ends_the_connection(server, bystander):
    with Connection(server.address) as connection:
        assert connection.exchange("GET", "/-/healthz").status == 200
        begun = time.monotonic()
        connection.send([headers(3, head(connection))])
        assert connection.until_closed(PATIENCE, says=False) == ENHANCE_YOUR_CALM
        assert time.monotonic() - begun > 5, "a slow network may need some time"


# What breaks the rules of RFC 9113


@pytest.mark.parametrize(
    ("name", "make", "code"),
    [
        (
            "a stream that was passed over",
            lambda c: [
                headers(5, head(c), "END_HEADERS", "END_STREAM"),
                headers(3, head(c), "END_HEADERS", "END_STREAM"),
            ],
            PROTOCOL_ERROR,
        ),
        ("an even stream", lambda c: [headers(2, head(c), "END_HEADERS", "END_STREAM")], PROTOCOL_ERROR),
        ("DATA on an idle stream", lambda c: [frames.DataFrame(7, b"x")], PROTOCOL_ERROR),
        ("DATA on no stream", lambda c: [raw(0, 0, 0, b"x")], PROTOCOL_ERROR),
        ("RST_STREAM on an idle stream", lambda c: [frames.RstStreamFrame(9)], PROTOCOL_ERROR),
        ("PING of seven bytes", lambda c: [raw(6, 0, 0, b"1234567")], FRAME_SIZE_ERROR),
        ("SETTINGS of five bytes", lambda c: [raw(4, 0, 0, b"12345")], FRAME_SIZE_ERROR),
        ("a frame of more than 16 KiB", lambda c: [raw(0, 0, 1, b"x" * 16_385)], FRAME_SIZE_ERROR),
        ("an initial window of 2^31", lambda c: [raw(4, 0, 0, struct.pack(">HI", 4, 1 << 31))], FLOW_CONTROL_ERROR),
        ("a window beyond 2^31", lambda c: [raw(8, 0, 0, struct.pack(">I", (1 << 31) - 1))] * 2, FLOW_CONTROL_ERROR),
        ("a window update of nothing", lambda c: [raw(8, 0, 0, bytes(4))], PROTOCOL_ERROR),
        ("CONTINUATION without a head", lambda c: [frames.ContinuationFrame(1, b"")], PROTOCOL_ERROR),
        (
            "another frame within a head",
            lambda c: [headers(1, head(c)), frames.PingFrame(0, b"12345678")],
            PROTOCOL_ERROR,
        ),
        ("PUSH_PROMISE by a client", lambda c: [raw(5, 4, 1, struct.pack(">I", 2))], PROTOCOL_ERROR),
        ("a head that cannot be decoded", lambda c: [headers(1, b"\xff\xff\xff\xff", "END_HEADERS")], 9),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else None,
)
def test_a_fault_of_the_connection_ends_it_with_its_code(server, bystander, name, make, code):
    with Connection(server.address) as connection:
        connection.send(make(connection))
        assert connection.until_closed() == code


@pytest.mark.parametrize(
    "what",
    [PREFACE + b"GET / HTTP/1.1\r\n\r\n" * 3, PREFACE + raw(6, 0, 0, b"12345678"), PREFACE[:20] + b"xx\r\n\r\n"],
)
def test_a_preface_with_something_else_behind_it_ends(server, bystander, what):
    with HTTP1Connection(server.address) as connection:
        connection.send(what)
        connection.read_to_end()


def test_a_fault_of_a_stream_ends_only_that(server, bystander):
    with Connection(server.address) as connection:
        connection.h2.config.validate_outbound_headers = False
        connection.h2.config.normalize_outbound_headers = False
        stream = connection.begin("GET", "/-/healthz", connection="close")
        connection.until(lambda: stream.reset is not None)
        assert stream.reset == PROTOCOL_ERROR
        short = connection.begin("POST", "/-/v1/watches", b"12", content_length="5")
        connection.until(lambda: short.reset is not None)
        assert short.reset == PROTOCOL_ERROR
        assert connection.exchange("GET", "/-/healthz").status == 200


def test_more_streams_than_are_allowed_are_refused(server, bystander):
    poll = "/-/v1/events?format=json&wait=60s"
    with Connection(server.address) as connection:
        # Who has not heard of the limit yet is told; nothing is done for what is refused.
        asked = [connection.begin("GET", poll) for _ in range(STREAMS + 30)]
        connection.until(lambda: sum(stream.reset is not None for stream in asked) == 30)
        assert [stream.reset for stream in asked] == [None] * STREAMS + [REFUSED_STREAM] * 30
        eventually(lambda: len(server.get("/-/v1/clients").json()["clients"]) == STREAMS + 1)
        # Who has heard breaks the rules (RFC 9113 §5.1.2).
        number = connection.h2.get_next_available_stream_id()
        connection.send([headers(number, head(connection), "END_HEADERS", "END_STREAM")])
        assert connection.until_closed() == PROTOCOL_ERROR


def test_content_of_many_requests_together_is_bounded(server, bystander):
    with Connection(server.address) as connection:
        uploads, piece = [], b" " * 16_384
        for _ in range(10):
            # Each as much as one may bring, and none of them ends.
            upload = connection.begin("POST", "/-/v1/watches", ends=False, content_type="application/json")
            uploads.append(upload)
            for _ in range(CONTENT // len(piece)):
                connection.until(
                    lambda: upload.reset is not None
                    or connection.h2.local_flow_control_window(upload.number) >= len(piece)
                )
                if upload.reset is not None:
                    break
                connection.h2.send_data(upload.number, piece)
                connection.flush()
        connection.until(lambda: uploads[4].reset is not None)
        held = CONTENT_TOGETHER // CONTENT
        assert [upload.reset for upload in uploads] == [None] * held + [ENHANCE_YOUR_CALM] * (10 - held)
        assert connection.exchange("GET", "/-/healthz").status == 200


# Time


def test_settings_that_are_never_acknowledged_end_the_connection(server, bystander):
    with HTTP1Connection(server.address, seconds=PATIENCE) as connection:
        connection.send(PREFACE + raw(4, 0, 0))
        assert struct.pack(">I", SETTINGS_TIMEOUT) == connection.read_to_end()[-4:]


def test_answers_whose_windows_stay_closed_are_given_up(serve, directory):
    """CVE-2019-9517: the stream of an answer nobody takes ends; one that follows events may stay."""
    (directory / "large.bin").write_bytes(b"x" * 1_000_000)
    server = serve(directory)
    with Connection(server.address, window=100, reads=False) as connection:
        followed = connection.events("heartbeat=1s")
        streams = [connection.begin("GET", "/large.bin") for _ in range(20)]
        connection.until(lambda: all(s.reset is not None for s in streams), PATIENCE)
        assert {stream.reset for stream in streams} == {CANCEL}
        assert followed.reset is None
        assert connection.exchange("GET", "/-/healthz").status == 200


def test_a_stream_that_takes_nothing_for_the_time_of_stall_is_closed(daemon, directory):
    server = daemon(directory, flags=["--stall", "1s"])
    with Connection(server.address, window=10, reads=False) as connection:
        stalled = connection.events("heartbeat=1s")
        connection.until(lambda: stalled.reset is not None, PATIENCE)
        assert stalled.reset == CANCEL
        assert connection.exchange("HEAD", "/-/healthz").status == 200


# The library


OLD_LIBRARY = """
typedef struct { int age, number; const char *version, *proto; } info;
info *nghttp2_version(int least) {
  static info old = {1, 0x013300, "1.51.0", "h2"};
  return least > old.number ? 0 : &old;
}
"""


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler here")
def test_a_library_that_is_too_old_is_refused(launched, directory, tmp_path):
    (tmp_path / "old.c").write_text(OLD_LIBRARY)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "old.so", tmp_path / "old.c"], check=True)
    run = launched("daemon", "--root", directory, "--port", "0", environment={"LD_PRELOAD": tmp_path / "old.so"})
    assert run.wait() == 69
    assert "libnghttp2 1.51.0 is too old: 1.52.0 or later is needed" in run.stderr
