"""Heads that HTTP/2 forbids, many because a reader of HTTP/1.1 would take them for something else
(RFC 9113 §8.2, §8.3 and §10.3): each is refused on its own stream, and the next request is read as ever."""

import pytest

from http2 import Connection, Stream

PROTOCOL_ERROR = 1
PSEUDO = [(":method", "GET"), (":scheme", "http"), (":authority", "localhost"), (":path", "/-/healthz")]


def having(*fields):
    return [*PSEUDO, *fields]


def instead(**values):
    """The four pseudo-header fields with other values; None leaves one away."""
    fields = [(name, values.get(name[1:], value)) for name, value in PSEUDO]
    return [(name, value) for name, value in fields if value is not None]


# The library refuses most of them by a reset, more with every release; what it lets pass is answered 400.
FORBIDDEN = {
    # A connection's own fields (§8.2.2)
    "connection": having(("connection", "close")),
    "keep-alive": having(("keep-alive", "timeout=5")),
    "proxy-connection": having(("proxy-connection", "keep-alive")),
    "transfer-encoding": having(("transfer-encoding", "chunked")),
    "transfer-encoding with a length": having(("transfer-encoding", "chunked"), ("content-length", "0")),
    "upgrade": having(("upgrade", "h2c")),
    "te that is not trailers": having(("te", "gzip")),
    # Names and values (§8.2.1)
    "a name in capitals": having(("Accept", "*/*")),
    "a space in a name": having(("a b", "c")),
    "a colon in a name": having(("a:b", "c")),
    "a line end in a name": having(("a\r\nhost", "c")),
    "a name without a byte": having(("", "c")),
    "CR in a value": having(("a", "b\rc")),
    "LF in a value": having(("a", "b\nc")),
    "a request in a value": having(("a", "b\r\n\r\nGET / HTTP/1.1\r\n")),
    "NUL in a value": having(("a", "b\0c")),
    "a space before a value": having(("a", " b")),
    "a space after a value": having(("a", "b ")),
    # Pseudo-header fields (§8.3)
    "no method": instead(method=None),
    "no scheme": instead(scheme=None),
    "no path": instead(path=None),
    "an empty path": instead(path=""),
    "a method that is no token": instead(method="GET /x HTTP/1.1\r\nA:"),
    "a path without a slash": instead(path="-/healthz"),
    "a path that is an address": instead(path="http://localhost/-/healthz"),
    "a path with a space": instead(path="/-/healthz HTTP/1.1"),
    "a path with a line end": instead(path="/\r\nx: y"),
    "a path with a fragment": instead(path="/-/healthz#a"),
    "a star for GET": instead(path="*"),
    "a user in the authority": instead(authority="u@localhost"),
    "two paths": [*PSEUDO, (":path", "/")],
    "two methods": [*PSEUDO, (":method", "POST")],
    "one after the others": [*PSEUDO[:3], ("a", "b"), PSEUDO[3]],
    "one of an answer": having((":status", "200")),
    "one that nobody knows": having((":proto", "x")),
    "another host than the authority": having(("host", "example.com")),
    "two hosts": instead(authority=None) + [("host", "localhost"), ("host", "localhost")],
    # Lengths (§8.1.1)
    "two lengths": having(("content-length", "0"), ("content-length", "5")),
    "a list of lengths": having(("content-length", "0, 0")),
    "a signed length": having(("content-length", "+0")),
    "a length without content": having(("content-length", "5")),
}


@pytest.fixture
def server(daemon, directory):
    return daemon(directory)


@pytest.mark.parametrize("fields", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_a_forbidden_head_is_refused_on_its_own_stream(server, fields):
    with Connection(server.address) as connection:
        connection.h2.config.validate_outbound_headers = False
        connection.h2.config.normalize_outbound_headers = False
        number = connection.h2.get_next_available_stream_id()
        stream = connection.streams[number] = Stream(connection, number)
        connection.h2.send_headers(number, fields, end_stream=True)
        connection.flush()
        connection.until(lambda: stream.reset is not None or stream.ended, what=f"an end of {stream}")
        assert stream.response.status == 400 if stream.response else stream.reset == PROTOCOL_ERROR, stream
        assert connection.exchange("GET", "/-/healthz").status == 200


def test_te_may_say_trailers(server):
    with Connection(server.address) as connection:
        assert connection.exchange("GET", "/-/healthz", te="trailers").status == 200


def test_content_longer_than_its_length_is_no_request_of_its_own(server):
    with Connection(server.address) as connection:
        connection.h2.config.validate_outbound_headers = False
        request = b"GET /-/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        stream = connection.begin("POST", "/-/v1/watches", request, content_length="0")
        connection.until(lambda: stream.reset is not None)
        assert stream.reset == PROTOCOL_ERROR and stream.response is None
        assert connection.exchange("GET", "/-/healthz").status == 200
