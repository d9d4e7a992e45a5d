"""HTTP/1.1 as it goes over the wire: framing, order, limits, and what is too ambiguous to answer."""

import email.utils
import json
import os
import socket
import threading

import pytest

from client import Connection
from support import eventually

HEALTH = "/-/healthz"
WATCHES = "/-/v1/watches"


@pytest.fixture
def server(daemon, directory):
    return daemon(directory)


@pytest.fixture
def wire(server):
    with Connection(server.address) as connection:
        yield connection


def test_many_requests_on_one_connection_are_answered_in_order(server, wire):
    targets = [HEALTH, "/-/v1/nothing", WATCHES, "/-/v1/stats"] * 25
    wire.send("".join(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n" for target in targets))
    statuses = [wire.read_response().status for _ in targets]
    assert statuses == [200, 404, 200, 200] * 25


def test_a_pipelined_body_belongs_to_its_own_request(server, wire, directory):
    body = json.dumps({"root": str(directory)}).encode()
    post = (
        f"POST {WATCHES} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    wire.send(post + f"GET {HEALTH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() + post)
    assert [wire.read_response().status for _ in range(3)] == [200, 200, 200]


def test_a_request_may_come_a_byte_at_a_time(server, wire, directory):
    wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    body = json.dumps({"root": str(directory)})
    for byte in (
        f"POST {WATCHES} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ):
        wire.send(byte)
    assert wire.read_response().status == 200


def test_connection_close_is_obeyed_and_said(server, wire):
    answer = wire.exchange("GET", HEALTH, connection="close")
    assert (answer.status, answer["connection"]) == (200, "close")
    assert wire.is_closed_by_server()


def test_http_1_0_closes_unless_asked_to_stay(server, wire):
    wire.send(f"GET {HEALTH} HTTP/1.0\r\nHost: localhost\r\n\r\n")
    assert wire.read_response().status == 200
    assert wire.is_closed_by_server()


def test_http_1_0_may_leave_the_host_away_but_gets_nothing_then(server, wire):
    """It is no error there (RFC 9112 §3.2), yet who is asked for must be known (section 8)."""
    wire.send(f"GET {HEALTH} HTTP/1.0\r\n\r\n")
    wire.read_response().problem(421, "host-not-allowed")


def test_a_chunked_body_with_extensions_and_trailers_is_read(server, wire, directory):
    body = json.dumps({"root": str(directory)}).encode()
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)]
    chunks = b"".join(b'%x;note="a;b"\r\n%s\r\n' % (len(piece), piece) for piece in pieces)
    wire.send(
        f"POST {WATCHES} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n".encode()
        + chunks
        + b"0\r\nX-Sum: 1\r\n\r\n"
    )
    assert wire.read_response().status == 200
    assert wire.exchange("GET", HEALTH).status == 200


def test_who_expects_100_gets_it_before_sending_the_body(server, wire, directory):
    body = json.dumps({"root": str(directory)}).encode()
    wire.send(
        f"POST {WATCHES} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    assert wire.read_response(informational=True).status == 100
    wire.send(body)
    assert wire.read_response().status == 200


def test_a_refusal_comes_instead_of_the_100(server, wire):
    wire.send(
        f"POST {WATCHES} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Expect: 100-continue\r\nContent-Length: 9999999\r\n\r\n"
    )
    wire.read_response(informational=True).problem(413)


def test_an_unknown_expectation_is_refused_or_ignored(server, wire):
    # RFC 9110 §10.1.1 lets a server do either.
    wire.send_request("GET", HEALTH, expect="miracles")
    assert wire.read_response().status in (200, 417)


@pytest.mark.parametrize("authority", ["localhost", "127.0.0.1:1", "[::1]"])
def test_the_absolute_form_is_understood(server, wire, authority):
    wire.send(f"GET http://{authority}{HEALTH} HTTP/1.1\r\nHost: {authority}\r\n\r\n")
    assert wire.read_response().status == 200


def test_the_host_of_an_absolute_target_is_the_one_that_counts(server, wire):
    # RFC 9112 §3.2.2: the Host field is ignored then, so it cannot smuggle a foreign name past.
    wire.send(f"GET http://evil.example{HEALTH} HTTP/1.1\r\nHost: localhost\r\n\r\n")
    wire.read_response().problem(421, "host-not-allowed")


def test_a_client_that_stops_writing_still_gets_its_answers(server, wire):
    wire.send(f"GET {HEALTH} HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
    wire.socket.shutdown(socket.SHUT_WR)
    assert [wire.read_response().status for _ in range(3)] == [200] * 3
    assert wire.is_closed_by_server()


def test_a_client_that_leaves_within_a_request_is_let_go(server, wire):
    wire.send(f"POST {WATCHES} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{{")
    wire.socket.shutdown(socket.SHUT_WR)
    wire.read_to_end()


GET = f"GET {HEALTH} HTTP/1.1\r\nHost: localhost\r\n"
POST = f"POST {WATCHES} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

AMBIGUOUS = {
    "length and coding": POST + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a list of lengths": POST + "Content-Length: 2, 3\r\n\r\n{}",
    "a signed length": POST + "Content-Length: +2\r\n\r\n{}",
    "a negative length": POST + "Content-Length: -2\r\n\r\n{}",
    "a hexadecimal length": POST + "Content-Length: 0x2\r\n\r\n{}",
    "an empty length": POST + "Content-Length: \r\n\r\n",
    "a length beyond 64 bits": POST + "Content-Length: 99999999999999999999999\r\n\r\n",
    "an unknown coding": POST + "Transfer-Encoding: gzip\r\n\r\n",
    "chunked that is not last": POST + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "a coding in HTTP/1.0": POST.replace("1.1", "1.0") + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bare LF": GET.replace("\r\n", "\n") + "\n",
    "a bare LF after a field": GET + "X: y\n\r\n",
    "a bare CR in a value": GET + "X: a\rb\r\n\r\n",
    "a folded field": GET + "X: a\r\n b\r\n\r\n",
    "a space before the colon": GET + "X : a\r\n\r\n",
    "a field without a name": GET + ": a\r\n\r\n",
    "a field without a colon": GET + "nonsense\r\n\r\n",
    "a space before the first field": "GET / HTTP/1.1\r\n Host: localhost\r\n\r\n",
    "a control character in a value": GET + "X: a\x01b\r\n\r\n",
    "a NUL in a value": GET + "X: a\0b\r\n\r\n",
    "a control character in the target": "GET /\x01 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a space in the target": "GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "two spaces": f"GET  {HEALTH} HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no version": f"GET {HEALTH}\r\nHost: localhost\r\n\r\n",
    "a lower-case version": f"GET {HEALTH} http/1.1\r\nHost: localhost\r\n\r\n",
    "no Host": f"GET {HEALTH} HTTP/1.1\r\n\r\n",
    "two Hosts": GET + "Host: localhost\r\n\r\n",
    "a Host that is a list": f"GET {HEALTH} HTTP/1.1\r\nHost: localhost, localhost\r\n\r\n",
    "a method that is no token": f"G(T {HEALTH} HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a relative target": "GET -/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a TLS hello": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\x00" * 40 + "\r\n\r\n",
    "a chunk size that is none": POST + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a chunk size with a sign": POST + "Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n",
    "a chunk size beyond 64 bits": POST + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
    "a chunk that is longer than it said": POST + "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
    "a chunk line ended by LF": POST + "Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("request_text", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_what_can_be_read_in_two_ways_is_400_and_the_end_of_the_connection(server, wire, request_text):
    # What follows must never be taken for a request of its own.
    wire.send(request_text + f"GET {HEALTH} HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = wire.read_response()
    # RFC 9112 §6.1: 501 is the answer to a transfer coding that is not understood; a length that
    # fits no number is beyond the limit in any case.
    others = {"gzip": 501, "999999": 413}
    assert answer.status in {400, *(status for mark, status in others.items() if mark in request_text)}
    assert answer["connection"] == "close"
    assert wire.read_to_end() == b"", "nothing may be answered after a refusal"


def test_an_equal_length_twice_is_still_refused_or_still_one_request(server, wire):
    wire.send(POST + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" + GET + "\r\n")
    first = wire.read_response()
    assert first.status == 400  # for the missing root, or for the doubled field
    rest = wire.read_to_end() if first["connection"] == "close" else wire.read_response().body
    assert b"HTTP/1.1 400" not in rest


def test_other_versions_are_505_or_400(server, wire):
    wire.send(f"GET {HEALTH} HTTP/3.0\r\nHost: localhost\r\n\r\n")
    assert wire.read_response().status in (400, 505)
    assert wire.read_to_end() == b""


def test_lines_before_a_request_are_forgiven_once(server, wire):
    # RFC 9112 §2.2: at least one empty line before the request line should be ignored.
    wire.send("\r\n" + GET + "\r\n")
    assert wire.read_response().status == 200


# Limits


@pytest.mark.parametrize(
    "text, statuses",
    [
        (f"GET /{'a' * 8192} HTTP/1.1\r\nHost: localhost\r\n\r\n", (414, 431)),
        (GET + "".join(f"X-{n}: {'v' * 1000}\r\n" for n in range(17)) + "\r\n", (431,)),
        (GET + "".join(f"X-{n}: v\r\n" for n in range(101)) + "\r\n", (431,)),
        (GET + "X: " + "v" * 20_000 + "\r\n\r\n", (431,)),
        ("GET /" + "a" * 100_000, (414, 431)),
    ],
    ids=["request line", "header block", "number of fields", "one field", "a line that never ends"],
)
def test_a_head_beyond_its_limits_is_refused(server, wire, text, statuses):
    try:
        wire.send(text)
    except (BrokenPipeError, ConnectionResetError):
        pass
    answer = wire.read_response()
    assert answer.status in statuses
    assert answer["connection"] == "close"
    answer.problem(answer.status)


@pytest.mark.parametrize(
    "text",
    [
        GET + "".join(f"X-{n}: v\r\n" for n in range(98)) + "\r\n",
        f"GET {HEALTH}?{'a' * 8000} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        GET + f"X: {'v' * 15_000}\r\n\r\n",
    ],
    ids=["fields", "request line", "header block"],
)
def test_a_head_within_its_limits_is_served(server, wire, text):
    wire.send(text)
    assert wire.read_response().status == 200


def test_a_header_that_trickles_in_is_not_waited_for_forever(server):
    """Bytes that keep coming do not extend the deadline of 10 s for the whole header."""
    with Connection(server.address, seconds=30) as slow, Connection(server.address) as quick:
        slow.send("GET / HTTP/1.1\r\n")
        done = threading.Event()

        def drip():
            while not done.wait(0.5):
                try:
                    slow.send("X: y\r\n")
                except OSError:
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            rest = slow.read_to_end()
        finally:
            done.set()
            dripping.join()
        assert rest == b"" or rest.startswith(b"HTTP/1.1 408 "), rest
        assert quick.exchange("GET", HEALTH).status == 200


def test_hundreds_of_connections_are_served_at_once(server):
    connections = [Connection(server.address) for _ in range(400)]
    for connection in connections:
        connection.send_request("GET", HEALTH)
    assert [connection.read_response().status for connection in connections] == [200] * 400
    for connection in connections:
        connection.close()
    descriptors = f"/proc/{server.pid}/fd"
    eventually(lambda: len(os.listdir(descriptors)) < 100, what="their descriptors to be closed")


def test_connections_that_say_nothing_do_not_hinder_the_others(server):
    silent = [Connection(server.address) for _ in range(100)]
    assert server.get(HEALTH).status == 200
    for connection in silent:
        connection.close()


@pytest.mark.parametrize("target", [HEALTH, WATCHES, "/-/client.js"])
def test_a_client_that_asks_and_never_reads_is_not_asked_for_more(server, target):
    """Neither its questions nor our answers may pile up in the process."""
    question = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 1000
    before = server.memory()
    with Connection(server.address, seconds=2, receive_buffer=4096) as greedy:
        with pytest.raises(TimeoutError):
            for _ in range((64 << 20) // len(question)):
                greedy.send(question)
        assert server.get(HEALTH).status == 200
        assert server.memory() - before < 4 << 20


# What every answer carries


@pytest.mark.parametrize("target", [HEALTH, WATCHES, "/-/v1/nothing", "/-/v1/events"])
def test_every_answer_has_a_date(server, target, wire):
    wire.send_request("HEAD", target)
    answer = wire.read_response("HEAD")
    assert email.utils.parsedate_to_datetime(answer["date"]).tzname() == "UTC"
