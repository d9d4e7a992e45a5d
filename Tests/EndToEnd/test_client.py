"""The tests' own instruments, against the examples of the standards: an instrument that misreads
would let a wrong server pass."""

import pytest

from client import Body, EventParser, Response


@pytest.mark.parametrize(
    "stream, expected",
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [("message", "YHOO\n+2\n10", "")]),
        (
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            [
                ("message", "first event", "1"),
                ("message", "second event", ""),
                ("message", " third event", ""),
            ],
        ),
        (b"data\n\ndata\ndata\n\ndata:", [("message", "", ""), ("message", "\n", "")]),
        (b"data:test\n\ndata: test\n\n", [("message", "test", ""), ("message", "test", "")]),
        (b"event: add\r\ndata: 7\r\n\r\nevent: x\rdata: 8\r\r\n", [("add", "7", ""), ("x", "8", "")]),
        (b"\xef\xbb\xbfdata: a\n\n", [("message", "a", "")]),
        (
            b"id: 1\n\ndata: kept\n\nid: a\0b\ndata: ignored id\n\n",
            [("message", "kept", "1"), ("message", "ignored id", "1")],
        ),
        (b"retry: 100\nretry: 1x\ndata: q\n\n", [("message", "q", "")]),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_the_event_parser_follows_the_standard_however_the_bytes_are_cut(stream, expected, size):
    parser, events = EventParser(), []
    for at in range(0, len(stream), size):
        events += parser.take(stream[at : at + size])
    assert [(event.type, event.data, event.last_id) for event in events] == expected


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_chunked_body_ends_where_its_last_chunk_does(size):
    response = Response(200, "OK", [("transfer-encoding", "chunked")])
    body, out = Body("GET", 200, response), b""
    wire = b"4;name=value\r\nWiki\r\nA\r\npedia in\r\n\r\n0\r\nX: y\r\n\r\nHTTP/1.1"
    for at in range(0, len(wire), size):
        out += body.take(wire[at : at + size])
    assert (out, body.whole, body.rest) == (b"Wikipedia in\r\n", True, b"HTTP/1.1")
    assert body.trailers == [b"X: y"]


@pytest.mark.parametrize(
    "method, status, fields, whole",
    [
        ("HEAD", 200, [("content-length", "5")], True),
        ("GET", 204, [], True),
        ("GET", 304, [], True),
        ("GET", 200, [("content-length", "0")], True),
        ("GET", 200, [("content-length", "5")], False),
        ("GET", 200, [], False),
    ],
)
def test_which_answers_have_a_body(method, status, fields, whole):
    assert Body(method, status, Response(status, "", fields)).whole == whole
