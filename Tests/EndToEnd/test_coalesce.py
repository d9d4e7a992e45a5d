"""A client that fell behind and asked for the latest change of each path, on every transport."""

import json

import pytest
import websockets.sync.client

from client import Connection, EventStream
from test_slow_client import Crowd, Writer, number

MODIFICATIONS = 60


@pytest.fixture
def server(daemon, directory):
    """Settled for nothing, so that each write is a change."""
    server = daemon(directory, flags=["--settle", "0ms"])
    server.only_watch()
    return server


def by_sse(server, query):
    with server.events(query) as stream:
        return [event.json for event in stream.until(lambda event: event.type == "synced")]


def by_ndjson(server, query):
    with Connection(server.address) as connection:
        connection.send_request("GET", f"/-/v1/events?format=ndjson&{query}")
        assert connection.read_head().status == 200
        while b'"event":"synced"' not in connection.buffer:
            assert connection.fill()
    # What stands between them are the sizes of the chunks.
    lines = [line for line in connection.buffer.split(b"\n") if line.startswith(b"{")]
    return [json.loads(line) for line in lines]


def by_poll(server, query):
    with Connection(server.address) as connection:
        answer = connection.exchange("GET", f"/-/v1/events?format=json&{query}").json()
    assert answer["next"] == answer["events"][-1]["id"]
    return answer["events"]


def by_socket(server, query):
    fields = dict(part.split("=") for part in query.split("&"))
    fields["maxLag"] = int(fields["maxLag"])
    address = f"ws://127.0.0.1:{server.port}/-/v1/socket"
    seen = []
    with websockets.sync.client.connect(address, subprotocols=["tidings.v1"]) as socket:
        socket.send(json.dumps({"op": "subscribe", "ref": "a", **fields}))
        while not seen or seen[-1].get("event") != "synced":
            seen.append(json.loads(socket.recv(timeout=15)))
    return seen


@pytest.mark.parametrize("transport", [by_sse, by_ndjson, by_poll, by_socket])
def test_the_latest_of_each_path_comes_once_with_its_count(server, directory, transport):
    for name in ("a", "b", "gone", "moved"):
        (directory / name).touch()
    (directory / "tree" / "deep").mkdir(parents=True)
    with server.events() as reader:
        reader.expect("hello")
        (directory / "mark").mkdir()
        start = reader.until(lambda event: event.get("path") == "mark")[-1]["id"]
        (directory / "brief").mkdir()
        for _ in range(MODIFICATIONS // 2):
            for name in ("a", "b"):
                with open(directory / name, "r+") as file:
                    file.write("x")
        (directory / "gone").unlink()
        (directory / "moved").rename(directory / "there")
        (directory / "tree").rename(directory / "wood")
        (directory / "brief").rmdir()
        (directory / "end").mkdir()
        told = reader.until(lambda event: event.get("path") == "end")
    count = {}
    for event in told:
        if event.type == "change" and event.get("kind") == "modify":
            count[event["path"]] = count.get(event["path"], 0) + event.get("count", 1)

    seen = transport(server, f"since={start}&overflow=coalesce&maxLag=5")
    events = [event for event in seen if event.get("event") in ("change", "reset", "watch")]
    assert all(number(event["id"]) > number(start) for event in events if "id" in event)
    ids = [number(event["id"]) for event in events if "id" in event]
    assert ids == sorted(set(ids)), "in order of the latest number, each once"
    said = [(event.get("kind", event["event"]), event.get("path")) for event in events]
    assert sorted(said[:2]) == [("modify", "a"), ("modify", "b")]
    assert said[2:] == [
        ("delete", "gone"),
        ("delete", "moved"),
        ("create", "there"),
        ("delete", "tree"),
        ("reset", None),
        # Who comes back with a cursor may have seen it: of who stayed it is kept from (FanoutTests).
        ("delete", "brief"),
        ("create", "end"),
    ]
    for event in events[:2]:
        assert event["count"] == count[event["path"]] >= MODIFICATIONS // 2
    (reset,) = [event for event in events if event["event"] == "reset"]
    assert reset["reason"] == "moved-in" and [scope["path"] for scope in reset["scope"]] == ["wood"]
    assert events[-1]["id"] == told[-1]["id"]


@pytest.mark.parametrize("format", ["sse", "ndjson", "json"])
def test_an_unknown_policy_is_400(server, format):
    answer = server.get(f"/-/v1/events?format={format}&overflow=panic")
    assert "coalesce" in answer.problem(400)["detail"]


def test_a_client_that_stops_reading_is_kept_what_leaves_the_journal(daemon, directory):
    """80,000 changes of two files, with a journal of 2,000: each is told of, in a few events."""
    writer = Writer(directory)
    server = daemon(directory, flags=["--settle", "0ms", "--history", "2000"])
    server.only_watch()
    with EventStream(server.address, "overflow=coalesce", receive_buffer=4096) as stalled:
        start = number(stalled.expect("hello")["id"])
        crowd = Crowd(server)
        writer.write(80_000, crowd)
        (directory / "end").mkdir()
        seen = stalled.until(lambda event: event.get("path") == "end", seconds=60)
        crowd.stop()
        writer.close()
    assert {event.type for event in seen} <= {"change", "bookmark"}, "no reset"
    changes = [event for event in seen if event.type == "change"]
    last = number(seen[-1]["id"])
    assert sum(event.get("count", 1) for event in changes) == last - start == 80_001
    assert len(changes) < 40_000
    ids = [number(event["id"]) for event in changes]
    assert ids == sorted(set(ids)) and ids[-1] == last
    assert b"tidings_coalesced_records_total 0" not in server.get("/-/metrics").body
