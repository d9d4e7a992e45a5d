"""HTTP/2 beside HTTP/1.1 on the same port: every endpoint, streams at their own pace, WebSockets."""

import json
import shutil
import signal
import subprocess

import pytest
from hyperframe.frame import DataFrame
from websockets.frames import Close, Opcode

import client
from http2 import Connection, Stream
from support import eventually

NO_ERROR, PROTOCOL_ERROR, CANCEL = 0, 1, 8


def of_cursor(cursor):
    return int(cursor.rpartition("-")[2])


@pytest.fixture
def site(serve, directory):
    (directory / "index.html").write_text("<html><body>here</body></html>")
    (directory / "style.css").write_text("body { color: red }\n" * 10_000)
    (directory / "empty.txt").write_text("")
    server = serve(directory, "--settle", "0ms")
    server.only_watch()
    return server


# Requests


@pytest.mark.parametrize(
    ("method", "target", "fields"),
    [
        ("GET", "/", {}),
        ("GET", "/", {"sec_fetch_dest": "document"}),
        ("GET", "/style.css", {}),
        ("HEAD", "/style.css", {}),
        ("GET", "/style.css", {"range": "bytes=10-29"}),
        ("GET", "/style.css", {"range": "bytes=99999999-"}),
        ("GET", "/empty.txt", {}),
        ("GET", "/missing", {}),
        ("GET", "/../etc/passwd", {}),
        ("POST", "/style.css", {}),
        ("OPTIONS", "/-/v1/watches", {}),
        ("GET", "/-/", {}),
        ("GET", "/-/healthz", {}),
        ("GET", "/-/readyz", {}),
        ("GET", "/-/v1/watches", {}),
        ("GET", "/-/v1/watches/none", {}),
        ("POST", "/-/v1/watches", {"body": b"{}", "content_type": "text/plain"}),
        ("POST", "/-/v1/watches", {"body": b'{"rot":1}', "content_type": "application/json"}),
        ("DELETE", "/-/v1/watches/none", {}),
        ("DELETE", "/-/v1/clients/none", {}),
        ("GET", "/-/v1/events?since=nonsense", {}),
        ("GET", "/-/v1/events", {"accept": "image/png"}),
        ("HEAD", "/-/v1/events", {}),
        ("GET", "/-/v1/events?format=ndjson&watch=none", {}),
        ("GET", "/", {"host": "evil.example"}),
        ("GET", "/", {"origin": "http://evil.example"}),
        ("GET", "/", {"origin": "null"}),
    ],
)
def test_an_answer_is_the_same_as_over_http1(site, method, target, fields):
    body, fields = fields.get("body"), {k: v for k, v in fields.items() if k != "body"}
    with client.Connection(site.address) as connection:
        connection.send_request(method, target, body, **fields)
        before = connection.read_head() if method == "HEAD" else connection.read_response(method)
    over = dict(fields)
    if "host" in over:
        over["authority"] = over.pop("host")
    with Connection(site.address) as connection:
        after = connection.exchange(method, target, body, **over)
    assert (after.status, after.body) == (before.status, before.body)
    ours = {"date", "connection", "transfer-encoding", "event-cursor"}
    assert sorted(f for f in after.fields if f[0] not in ours) == sorted(
        f for f in before.fields if f[0] not in ours
    )


def test_a_token_is_asked_for_as_over_http1(serve, directory, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("secret-of-sixteen rw\n")
    tokens.chmod(0o600)
    server = serve(directory, "--token-file", tokens)
    with Connection(server.address) as connection:
        assert connection.exchange("GET", "/-/v1/watches").problem(401, "unauthorized")
        assert connection.exchange("GET", "/-/v1/watches", authorization="Bearer secret-of-sixteen").status == 200
        assert connection.websocket().answer().status == 401
        assert connection.websocket(sec_websocket_protocol="tidings.v1, bearer.secret-of-sixteen").head().status == 200


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"authority": "user@localhost"}, 400),
        ({"host": "localhost"}, 400),
        ({"path": "/a\"b"}, 400),
        ({"method": "CONNECT", "path": None, "scheme": None}, 501),
    ],
)
def test_a_request_that_is_none_is_refused_and_the_next_is_not(site, fields, status):
    with Connection(site.address) as connection:
        connection.h2.config.validate_outbound_headers = False
        assert connection.exchange("GET", "/", **fields).status == status
        assert connection.exchange("GET", "/-/healthz").status == 200


def test_a_request_to_nobody_is_reset(site):
    with Connection(site.address) as connection:
        connection.h2.config.validate_outbound_headers = False
        stream = connection.begin("GET", "/", authority=None)
        connection.until(lambda: stream.reset is not None)
        assert stream.reset == PROTOCOL_ERROR
        assert connection.exchange("GET", "/-/healthz").status == 200


def test_a_host_field_stands_in_for_the_authority(site):
    with Connection(site.address) as connection:
        connection.h2.config.validate_outbound_headers = False
        assert connection.exchange("GET", "/-/healthz", authority=None, host="localhost").status == 200


def test_a_watch_is_added_and_removed(site, directory):
    (directory / "sub").mkdir()
    with Connection(site.address) as connection:
        added = connection.exchange("POST", "/-/v1/watches", {"root": str(directory / "sub")})
        assert added.status == 201
        assert connection.exchange("DELETE", added["location"], content_type="application/json").status == 204


def test_content_that_is_too_much_is_refused_and_its_siblings_go_on(site):
    with Connection(site.address) as connection:
        sibling = connection.events()
        big = connection.begin("POST", "/-/v1/watches", ends=False, content_type="application/json")
        piece = b" " * 16_384
        while big.response is None:
            connection.until(
                lambda: big.response or connection.h2.local_flow_control_window(big.number) >= len(piece)
            )
            if big.response is None:
                connection.h2.send_data(big.number, piece)
                connection.flush()
        assert big.answer().problem(413)
        sibling.until_event("hello")
        assert connection.exchange("GET", "/-/healthz").status == 200
        # It goes on sending: the stream is cut off.
        connection.until(lambda: big.reset is not None)
        assert big.reset == NO_ERROR


def test_content_that_is_waited_for_is_asked_for(site):
    with Connection(site.address) as connection:
        stream = connection.begin(
            "POST", "/-/v1/watches", ends=False, content_type="application/json", expect="100-continue"
        )
        connection.until(lambda: stream.informed == [100])
        assert stream.response is None
        connection.h2.send_data(stream.number, b"{}", end_stream=True)
        connection.flush()
        assert stream.answer().problem(400)


def test_a_hundred_requests_at_a_time_are_all_answered(site, directory):
    expected = (directory / "style.css").read_bytes()
    with Connection(site.address) as connection:
        for _ in range(3):
            streams = [connection.begin("GET", "/style.css") for _ in range(100)]
            for stream in streams:
                assert stream.answer().body == expected


def test_http1_may_ask_to_go_on_in_http2(site, directory):
    with Connection(site.address, start=False) as connection:
        settings = connection.h2.initiate_upgrade_connection().decode()
        connection.send(
            f"GET /style.css HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n"
            f"Upgrade: h2c\r\nHTTP2-Settings: {settings}\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.socket.recv(1)
        assert head.lower().startswith(b"http/1.1 101 ") and b"upgrade: h2c" in head.lower()
        connection.streams[1] = Stream(connection, 1)
        connection.flush()
        assert connection.streams[1].answer().body == (directory / "style.css").read_bytes()
        assert connection.exchange("GET", "/-/healthz").status == 200


@pytest.mark.parametrize("settings", [[], ["AAMAAABkAAQAAP__", "AAMAAABkAAQAAP__"], ["%%%"], ["AAMA"]])
def test_an_offer_that_is_none_is_answered_in_http1(site, settings):
    with client.Connection(site.address) as connection:
        connection.send_request(
            "GET", "/-/healthz", connection="Upgrade, HTTP2-Settings", upgrade="h2c", http2_settings=settings
        )
        assert connection.read_response().status == 200


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here")
@pytest.mark.parametrize("flag", ["--http1.1", "--http2", "--http2-prior-knowledge"])
def test_curl_gets_a_file(site, directory, flag):
    got = subprocess.run(["curl", "-sS", flag, "-m", "30", f"{site.url}/style.css"], capture_output=True, check=True)
    assert got.stdout == (directory / "style.css").read_bytes()


@pytest.mark.skipif(not shutil.which("h2load"), reason="no h2load here")
def test_h2load_finds_no_fault(site):
    words = ["h2load", "-n", "2000", "-c", "4", "-m", "50", f"{site.url}/style.css"]
    said = subprocess.run(words, capture_output=True, check=True, text=True).stdout
    assert "2000 succeeded, 0 failed, 0 errored, 0 timeout" in said, said


# Streams


def test_streams_of_every_kind_share_a_connection(site, directory):
    with Connection(site.address) as connection:
        events, messages = connection.events(), connection.events("event=message")
        lines = connection.begin("GET", "/-/v1/events?format=ndjson")
        poll = connection.begin("GET", "/-/v1/events?format=json&wait=60s")
        hello = events.until_event("hello")[-1]
        messages.until_event("message")
        lines.head()
        eventually(lambda: len(site.get("/-/v1/clients").json()["clients"]) == 4)
        (directory / "new").mkdir()
        (change,) = events.until_event("change")
        assert change["path"] == "new" and of_cursor(change["id"]) == of_cursor(hello["id"]) + 1
        assert json.loads(messages.until_event("message")[0].data)["path"] == "new"
        document = poll.answer().json()
        assert [event["path"] for event in document["events"]] == ["new"]
        connection.until(lambda: lines.data.count(b"\n") >= 2)
        assert json.loads(lines.data.splitlines()[1])["id"] == change["id"] == document["next"]
        # One that is given up is gone; the others stay.
        connection.h2.reset_stream(events.number, CANCEL)
        connection.flush()
        eventually(lambda: len(site.get("/-/v1/clients").json()["clients"]) == 2)
        counted = site.get("/-/metrics").body.decode().splitlines()
        assert 'tidings_streams_inflight{transport="ndjson"} 1' in counted
        assert 'tidings_disconnects_total{reason="peer",transport="sse"} 1' in counted
        (directory / "newer").mkdir()
        messages.until_event("message")


def test_a_poll_that_nothing_happens_to_is_answered_204(site):
    with Connection(site.address) as connection:
        answer = connection.exchange("GET", "/-/v1/events?format=json&wait=0s")
        assert answer.status == 204 and answer["event-cursor"] and answer["content-length"] is None
        assert connection.exchange("GET", "/-/healthz").status == 200


def test_a_stream_says_heartbeats(site):
    with Connection(site.address) as connection:
        stream = connection.events("heartbeat=1s")

        def twice():
            stream._parse()
            return len(stream.parser.comments) >= 2

        connection.until(twice)


def test_a_stream_whose_window_is_closed_holds_up_nobody_and_loses_nothing(site, directory):
    with Connection(site.address, window=4096, reads=False) as connection:
        stalled = connection.events()
        reading = connection.events()
        start = of_cursor(reading.until_event("hello")[-1]["id"])
        seen = []
        for number in range(500):
            (directory / f"file-{number}").mkdir()
        while len(seen) < 500:
            connection.open_window(reading)
            seen += [event for event in reading.until_event("change") if event.type == "change"]
            connection.open_window(reading)
        assert [of_cursor(event["id"]) for event in seen] == list(range(start + 1, start + 501))
        # No more than its window has come to it, and no more is held for it than a frame.
        assert stalled.unread == 4096
        (held,) = [
            client["bytesWaiting"]["process"]
            for client in site.get("/-/v1/clients").json()["clients"]
            if client["subscriptions"][0]["lag"]["changes"] > 0
        ]
        assert held <= 16_384 + 4096
        ids = []
        while len(ids) < 500:
            connection.open_window(stalled)
            ids += [of_cursor(e["id"]) for e in stalled.until_event("change") if e.type == "change"]
        assert ids == list(range(start + 1, start + 501))


def test_a_connection_that_is_not_read_costs_its_cursors(site, directory):
    with Connection(site.address, window=1 << 20, receive_buffer=4096) as connection:
        streams = [connection.events() for _ in range(10)]
        starts = [of_cursor(stream.until_event("hello")[-1]["id"]) for stream in streams]
        for number in range(1000):
            (directory / f"file-{number}").mkdir()
        last = starts[0] + 1000

        def settled():
            listed = site.get("/-/v1/clients").json()["clients"]
            assert max(of_cursor(c["subscriptions"][0]["cursor"]) for c in listed) < last
            return sum(client["bytesWaiting"]["process"] for client in listed) < 10 * 20_000

        eventually(settled)
        assert site.get("/-/healthz").status == 200
        for stream, start in zip(streams, starts):
            events = stream.until_event(lambda event: of_cursor(event["id"]) == last)
            assert [of_cursor(event["id"]) for event in events] == list(range(start + 1, last + 1))


def test_a_long_answer_does_not_hold_up_its_siblings(site, directory):
    (directory / "large.bin").write_bytes(b"x" * (32 << 20))
    with Connection(site.address, window=(1 << 31) - 1) as connection:
        large = connection.begin("GET", "/large.bin")
        large.head()
        small = connection.begin("GET", "/-/healthz")
        assert small.answer().status == 200
        assert not large.ended and len(large.data) < 24 << 20, len(large.data)


def test_one_stream_is_closed_by_an_operator_and_not_the_other(site, directory):
    with Connection(site.address) as connection:
        first, second = connection.events("path=a"), connection.events("path=b")
        first.until_event("hello")
        second.until_event("hello")
        (one,) = [
            listed["id"]
            for listed in site.get("/-/v1/clients").json()["clients"]
            if listed["subscriptions"][0]["path"] == ["a"]
        ]
        assert site.request("DELETE", f"/-/v1/clients/{one}", content_type="application/json").status == 204
        bye = first.until_event("bye")[-1]
        assert bye["reason"] == "removed"
        connection.until(lambda: first.ended)
        (directory / "b").mkdir()
        assert second.until_event("change")[-1]["path"] == "b"
        # An EventSource comes back by itself, once.
        again = connection.exchange("GET", "/-/v1/events", last_event_id=bye["id"])
        assert again.status == 204


def test_a_stop_says_bye_on_every_stream_and_goaway(daemon, directory):
    server = daemon(directory)
    server.only_watch()
    with Connection(server.address) as connection, Connection(server.address) as idle:
        assert idle.exchange("GET", "/-/healthz").status == 200
        stream, socket = connection.events(), connection.websocket()
        poll = connection.begin("GET", "/-/v1/events?format=json&wait=60s")
        stream.until_event("hello")
        socket.say({"op": "subscribe", "ref": "a"})
        assert "hello" in [socket.message().get("event"), socket.message().get("event")]
        eventually(lambda: len(server.get("/-/v1/clients").json()["clients"]) == 3)
        server.signal(signal.SIGTERM)
        assert stream.until_event("bye")[-1]["reason"] == "shutdown"
        assert [event["event"] for event in poll.answer().json()["events"]] == ["bye"]
        frames = []
        while not frames or frames[-1].opcode is not Opcode.CLOSE:
            frames.append(socket.frame())
        assert Close.parse(frames[-1].data).code == 1001
        connection.send([DataFrame(socket.number, flags=["END_STREAM"])])  # h2 has closed by GOAWAY
        assert connection.until_closed() == NO_ERROR
        assert idle.until_closed() == NO_ERROR
        assert server.wait(seconds=10) == 0


# WebSocket


def test_a_websocket_is_a_stream(site, directory):
    with Connection(site.address) as connection:
        sibling = connection.events()
        socket = connection.websocket(sec_websocket_protocol="tidings.v1")
        head = socket.head()
        assert head.status == 200 and head["sec-websocket-protocol"] == "tidings.v1"
        assert head["sec-websocket-accept"] is None
        socket.say({"op": "ping", "ref": "p"})
        assert socket.message() == {"op": "pong", "ref": "p"}
        socket.say({"op": "subscribe", "ref": "a"})
        seen = [socket.message(), socket.message()]
        assert {"op": "ok", "ref": "a"} in seen and "hello" in [m.get("event") for m in seen]
        (directory / "new").mkdir()
        change = socket.message()
        assert change["event"] == "change" and change["path"] == "new" and change["ref"] == "a"
        socket.say(b"hi", Opcode.PING)
        frame = socket.frame()
        assert frame.opcode is Opcode.PONG and frame.data == b"hi"
        socket.say((1000).to_bytes(2), Opcode.CLOSE)
        frame = socket.frame()
        assert frame.opcode is Opcode.CLOSE and Close.parse(frame.data).code == 1000
        connection.until(lambda: socket.ended and socket.reset == NO_ERROR)
        sibling.until_event("change")
        eventually(lambda: len(site.get("/-/v1/clients").json()["clients"]) == 1)


def test_a_closed_websocket_makes_room_at_once(site):
    """nghttpx never ends its half: for two seconds each that was closed counted as one of its 100 streams."""
    with Connection(site.address) as connection:
        sockets = [connection.websocket() for _ in range(50)]
        for socket in sockets:
            socket.head()
            socket.say((1000).to_bytes(2), Opcode.CLOSE)
        for socket in sockets:
            connection.until(lambda: socket.ended)
        for _ in range(2):
            assert connection.exchange("GET", "/-/healthz").status == 200
        assert {socket.reset for socket in sockets} == {NO_ERROR}


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"authority": "evil.example"}, 421),
        ({"protocol": "connect-udp"}, 501),
        ({"sec_websocket_version": "12"}, 400),
        ({"path": "/-/v1/events"}, 405),
        ({"path": "/index.html"}, 405),
    ],
)
def test_a_websocket_is_refused_as_over_http1(site, fields, status):
    with Connection(site.address) as connection:
        assert connection.websocket(**fields).answer().status == status
        assert connection.websocket().head().status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_without_connect_a_websocket_is_405_and_not_426(site, method):
    """426 has to name what to upgrade to, in a field that HTTP/2 does not have (RFC 9110 §15.5.22)."""
    with Connection(site.address) as connection:
        answer = connection.exchange(method, "/-/v1/socket")
        assert answer.status == 405 and answer["allow"] == "CONNECT, OPTIONS"
        assert answer["upgrade"] is None
        options = connection.exchange("OPTIONS", "/-/v1/socket")
        assert (options.status, options["allow"]) == (204, "CONNECT, OPTIONS")
        assert connection.websocket().head().status == 200


def test_the_end_of_the_stream_is_the_end_of_the_websocket(site):
    with Connection(site.address) as connection:
        socket = connection.websocket()
        socket.head()
        eventually(lambda: len(site.get("/-/v1/clients").json()["clients"]) == 1)
        connection.h2.send_data(socket.number, b"", end_stream=True)
        connection.flush()
        eventually(lambda: site.get("/-/v1/clients").json()["clients"] == [])
        assert connection.exchange("GET", "/-/healthz").status == 200


def test_a_websocket_that_does_not_take_its_answers_is_not_asked_for_more(site):
    with Connection(site.address, window=1024, reads=False) as connection:
        socket = connection.websocket()
        socket.head()
        sent = 0
        ping = {"op": "ping", "ref": "x" * 60}
        while connection.h2.local_flow_control_window(socket.number) > 256 and sent < 20_000:
            socket.say(ping)
            sent += 1
            connection.read(0.001)
        assert sent < 20_000, "its window is not opened without end"
        assert connection.exchange("GET", "/-/healthz").status == 200
        answered = 0
        while answered < sent:
            connection.open_window(socket)
            assert socket.message()["op"] == "pong"
            answered += 1
