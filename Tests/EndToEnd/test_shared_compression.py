"""Streams that many follow are compressed once for all: what each of them reads, and what it costs."""

import contextlib
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import zlib

import pytest
import websockets.sync.client
from websockets.extensions import permessage_deflate

import http2
from client import EventStream
from support import eventually

CODINGS = ["gzip", "deflate", "identity"]


@pytest.fixture
def server(daemon, directory):
    server = daemon(directory, flags=["--settle", "0ms", "--loops", "1"])
    server.only_watch()
    return server


def follow(server, coding, query="", **options):
    stream = EventStream(server.address, query, accept_encoding=coding, **options)
    assert (stream.response["content-encoding"] or "identity") == coding
    return stream


def paths(events):
    return [event["path"] for event in events if event.type == "change"]


def names(count, prefix):
    return [f"{prefix}-{number}" for number in range(count)]


def make(directory, new):
    for name in new:
        (directory / name).mkdir()


def test_whoever_comes_when_and_likes_what_reads_the_same(server, directory):
    """Clients of one filter, compressed and not; some come between the changes, some are told that it
    lives more often than others."""
    streams, made = [], []
    chance = random.Random(1)
    for turn in range(30):
        for coding in chance.sample(CODINGS, 2):
            query = chance.choice(["", "heartbeat=1s"])
            stream = follow(server, coding, query)
            stream.expect("hello")
            streams.append((stream, len(made)))
        new = names(chance.randint(1, 12), f"turn{turn}")
        make(directory, new)
        made += new
        # Everybody is told before the next one comes, so that each knows what it must have missed.
        for stream, start in streams:
            seen = stream.changes_until(new[-1])
            stream.told = getattr(stream, "told", []) + paths(seen)
    server.stop()
    for stream, start in streams:
        assert stream.told == made[start:]
        assert stream.all()[-1].type == "bye"
        assert stream.content.whole, "it ends as its format has it"
        stream.close()


@pytest.mark.parametrize("clients", [1, 10])
def test_a_change_takes_less_than_a_third_of_the_bytes(server, directory, clients):
    streams = [follow(server, "gzip") for _ in range(clients)]
    for stream in streams:
        stream.expect("hello")
    for name in names(100, "one-by-one"):
        (directory / name).mkdir()
        for stream in streams:
            stream.changes_until(name)
    for stream in streams:
        assert stream.content.sent * 3 < stream.content.said
        stream.close()


def test_who_was_left_behind_reads_on_where_the_others_are(server, directory):
    """Names that do not compress fill what the kernel keeps for a client that does not read; what it
    is told then is its own, and later the same as the others' again."""
    slow = follow(server, "gzip", "maxLag=100", receive_buffer=4096)
    quick = [follow(server, "gzip", "maxLag=1000000") for _ in range(3)]
    for stream in [slow, *quick]:
        stream.expect("hello")

    def make_names(count):
        made = [os.urandom(100).hex() for _ in range(count)]
        make(directory, made)
        return made

    for _ in range(100):
        made = make_names(100)
        for stream in quick:
            stream.changes_until(made[-1])
        clients = server.get("/-/v1/clients").json()["clients"]
        if max(client["subscriptions"][0]["lag"]["changes"] for client in clients) > 100:
            break
    else:
        pytest.fail("the slow client was never behind")
    (directory / "after").mkdir()
    for stream in quick:
        stream.changes_until("after")
    seen = slow.until(lambda event: event.type == "reset" or event.get("path") == "after")
    assert seen[-1].type == "reset" and seen[-1]["reason"] == "lagged"
    numbers = itertools.count()

    def shares():
        before = slow.content.sent, quick[0].content.sent
        name = f"later-{next(numbers)}"
        (directory / name).mkdir()
        for stream in [slow, *quick]:
            stream.changes_until(name)
        after = slow.content.sent, quick[0].content.sent
        return after[0] - before[0] == after[1] - before[1]

    eventually(shares, what="the slow one to share again")
    server.stop()
    for stream in [slow, *quick]:
        assert stream.all()[-1].type == "bye"
        assert stream.content.whole
        stream.close()


def test_streams_of_http2_share_with_those_of_http1(server, directory):
    with http2.Connection(server.address) as connection, follow(server, "gzip") as other:
        streams = [connection.events(accept_encoding=coding) for coding in ("gzip", "gzip", "deflate")]
        for stream in streams:
            stream.until_event("hello")
        other.expect("hello")
        for name in names(50, "change"):
            (directory / name).mkdir()
            for stream in streams:
                seen = stream.until_event("change")
                assert [event["path"] for event in seen] == [name]
            other.changes_until(name)
        server.stop()
        for stream in streams:
            stream.until_event("bye")
            connection.until(lambda: stream.ended, what="the end of the stream")
            stream._parse()
            assert stream.content.whole
            assert stream.content.sent * 2 < stream.content.said


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here")
def test_curl_reads_it_to_its_end(server, directory):
    """curl says so when a compressed body is cut off or does not fit its checksum."""
    curl = subprocess.Popen(
        ["curl", "-sSN", "--compressed", "-m", "60", f"{server.url}/-/v1/events?format=ndjson"],
        stdout=subprocess.PIPE, text=True)
    with curl:
        assert json.loads(curl.stdout.readline())["event"] == "hello"
        for name in names(20, "change"):
            (directory / name).mkdir()
            assert json.loads(curl.stdout.readline())["path"] == name
        server.stop()
        assert json.loads(curl.stdout.readline())["event"] == "bye"
        assert curl.stdout.read() == ""
    assert curl.returncode == 0


def socket_to(server, compression="deflate", **offer):
    """Offers what the library offers by itself, nothing, or exactly `offer`."""
    extensions = None
    if offer:
        compression, extensions = None, [permessage_deflate.ClientPerMessageDeflateFactory(**offer)]
    return websockets.sync.client.connect(
        f"ws://127.0.0.1:{server.port}/-/v1/socket", compression=compression, extensions=extensions,
        open_timeout=15, close_timeout=15)


def messages_until(socket, **members):
    seen = []
    while not seen or any(seen[-1].get(name) != value for name, value in members.items()):
        seen.append(json.loads(socket.recv(timeout=15)))
    return seen


def sent_to_sockets(server):
    text = server.get("/-/metrics").body.decode()
    return sum(
        float(count) for count in re.findall(r'^tidings_bytes_sent_total{.*"websocket".*} (\S+)', text, re.M))


def test_sockets_of_all_agreements_read_the_same(server, directory):
    """Windows of their own size, with and without memory; more than one subscription on a socket; some
    come later."""
    offers = [
        {}, {"server_max_window_bits": 9}, {"server_max_window_bits": 10}, {"server_no_context_takeover": True},
        {"server_no_context_takeover": True, "server_max_window_bits": 9}, {"client_max_window_bits": True}]
    sockets, made = [], []
    with contextlib.ExitStack() as stack:
        for turn in range(12):
            socket = stack.enter_context(socket_to(server, **offers[turn % len(offers)]))
            refs = ["a", "b"] if turn % 4 == 0 else ["a"]
            for ref in refs:
                socket.send(json.dumps({"op": "subscribe", "ref": ref}))
                messages_until(socket, event="hello", ref=ref)
            sockets.append((socket, refs, len(made), []))
            for name in names(7, f"turn{turn}"):
                (directory / name).mkdir()
                made.append(name)
            for socket, refs, _, told in sockets:
                if turn % 3 == 0:
                    socket.send(json.dumps({"op": "ping", "ref": "between"}))
                for ref in refs:
                    wanted = [path for other, path in told if other == ref]
                    while not wanted or wanted[-1] != made[-1]:
                        message = json.loads(socket.recv(timeout=15))
                        if message.get("event") == "change":
                            told.append((message["ref"], message["path"]))
                        wanted = [path for other, path in told if other == ref]
        for _, refs, start, told in sockets:
            for ref in refs:
                assert [path for other, path in told if other == ref] == made[start:]


def test_a_change_on_a_socket_takes_less_than_a_third_of_the_bytes(server, directory):
    def cost(compression, prefix):
        made = names(100, prefix)
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(socket_to(server, compression=compression)) for _ in range(10)]
            for socket in sockets:
                socket.send(json.dumps({"op": "subscribe", "ref": "a"}))
                messages_until(socket, event="hello")
            before = sent_to_sockets(server)
            for name in made:
                (directory / name).mkdir()
                for socket in sockets:
                    messages_until(socket, path=name)
            return sent_to_sockets(server) - before

    assert cost("deflate", "one") * 3 < cost(None, "two")


def test_a_listing_on_a_socket_is_compressed(daemon, directory):
    make(directory, names(2000, "file"))
    server = daemon(directory)
    server.only_watch()
    with socket_to(server) as socket:
        socket.send(json.dumps({"op": "subscribe", "ref": "a", "initial": True}))
        seen = messages_until(socket, event="synced")
        assert len([message for message in seen if message.get("event") == "entry"]) == 2000
        said = sum(len(json.dumps(message, separators=(",", ":"))) for message in seen)
        assert sent_to_sockets(server) * 3 < said
        (directory / "new").mkdir()
        messages_until(socket, path="new")


@pytest.mark.parametrize("coding", CODINGS)
def test_a_poll_is_compressed_where_it_is_long(server, directory, coding):
    def poll():
        return server.get(f"/-/v1/events?format=json&since={cursor}", accept_encoding=coding)

    cursor = server.get("/-/v1/events?format=json&wait=0s")["event-cursor"]
    (directory / "one").mkdir()
    short = poll()
    assert short["content-encoding"] is None
    assert [event["path"] for event in short.json()["events"]] == ["one"]
    make(directory, names(700, "many"))
    eventually(lambda: server.only_watch()["counters"]["changes"] >= 701)
    long = poll()
    assert (long["content-encoding"] or "identity") == coding
    window = {"gzip": 31, "deflate": 15}.get(coding)
    if window:
        inflater = zlib.decompressobj(window)
        sent = len(long.body)
        long.body = inflater.decompress(long.body)
        assert inflater.eof and not inflater.unused_data
        assert sent * 4 < len(long.body)
    assert [event["path"] for event in long.json()["events"]] == ["one", *names(700, "many")]


def test_a_browser_reads_streams_and_sockets_that_share(serve, directory, browser):
    (directory / "index.html").write_text("<!doctype html><title>here</title><body>here</body>")
    (directory / "dir").mkdir()
    server = serve(directory, "--settle", "0ms")
    browser.open(f"{server.url}/index.html")
    browser.run(
        """
        window.seen = { one: [], two: [], socket: [] };
        window.follow = (name) => {
            const source = new EventSource("/-/v1/events?path=dir/&event=message");
            source.onmessage = ({ data }) => seen[name].push(JSON.parse(data));
        };
        follow("one");
        const socket = new WebSocket("ws://" + location.host + "/-/v1/socket", "tidings.v1");
        socket.onopen = () => socket.send(JSON.stringify({ op: "subscribe", ref: "a", path: ["dir/"] }));
        socket.onmessage = ({ data }) => seen.socket.push(JSON.parse(data));
        window.extensions = () => socket.extensions;
        window.coding = null;
        fetch("/-/v1/events").then((answer) => { coding = answer.headers.get("content-encoding"); });
        """
    )

    def told(name):
        return [event["path"] for event in browser.value(f"seen.{name}") if event.get("event") == "change"]

    def said_hello(name):
        return [event for event in browser.value(f"seen.{name}") if event.get("event") == "hello"]

    eventually(lambda: said_hello("one") and said_hello("socket"), what="both to be greeted")
    eventually(lambda: browser.value("coding") == "gzip", what="streams to be compressed")
    assert "permessage-deflate" in browser.value("extensions()")
    first = names(30, "dir/first")
    make(directory, first)
    for name in ("one", "socket"):
        eventually(lambda: told(name)[-1:] == first[-1:], what=f"{name} to be told")
    browser.run("follow('two')")
    eventually(lambda: said_hello("two"), what="the second to be greeted")
    second = names(100, "dir/second")
    for name in second:
        (directory / name).mkdir()
        eventually(lambda: told("two")[-1:] == [name], what=f"the second to be told of {name}")
    for name in ("one", "socket"):
        eventually(lambda: told(name)[-1] == second[-1], what=f"{name} to be told everything")
        assert told(name) == [*first, *second]
    assert told("two") == second
