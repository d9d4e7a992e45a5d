"""Long-poll: one JSON document a request, nothing missed between two of them."""

import json
import threading
import time

import pytest

from client import Connection
from support import eventually

EVENTS = "/-/v1/events"


def poll(connection, query="", **fields):
    fields.setdefault("accept", "application/json")
    return connection.exchange("GET", f"{EVENTS}?{query}", **fields)


def after_start(server, connection):
    """A cursor behind everything the start of the watch has said."""
    server.only_watch()
    return poll(connection, "wait=0")["event-cursor"]


def test_what_happened_is_answered_at_once_and_next_continues(daemon, directory):
    server = daemon(directory, flags=["--settle", "0ms"])
    with Connection(server.address) as connection:
        cursor = after_start(server, connection)
        (directory / "a").mkdir()

        def answered():
            answer = poll(connection, f"since={cursor}&wait=5s")
            return answer if answer.status == 200 else None

        answer = eventually(answered)
        document = answer.json()
        assert sorted(document) == ["events", "next"]
        assert [(event["event"], event["kind"], event["path"]) for event in document["events"]] == [
            ("change", "create", "a")
        ]
        assert document["next"] == document["events"][-1]["id"]
        nothing = poll(connection, f"since={document['next']}&wait=0")
        assert nothing.status == 204 and nothing.body == b""
        assert nothing["event-cursor"] == document["next"]


def test_a_held_request_is_answered_when_something_happens(daemon, directory):
    server = daemon(directory, flags=["--settle", "0ms"])
    with Connection(server.address) as connection:
        cursor = after_start(server, connection)
        connection.send_request("GET", f"{EVENTS}?format=json&since={cursor}&wait=60s")
        eventually(lambda: [c["transport"] for c in clients(server)] == ["poll"])
        (directory / "b").mkdir()
        assert [event["path"] for event in connection.read_response().json()["events"]] == ["b"]
        assert connection.exchange("GET", "/-/healthz").status == 200, "the connection is kept"


def clients(server):
    return server.get("/-/v1/clients").json()["clients"]


def test_a_client_that_polls_misses_nothing_and_gets_nothing_twice(daemon, directory):
    server = daemon(directory, flags=["--settle", "0ms"])
    count = 400
    with Connection(server.address) as connection:
        cursor = after_start(server, connection)

        def write():
            for number in range(count):
                (directory / f"d{number}").mkdir()

        writer = threading.Thread(target=write)
        writer.start()
        seen, answers = [], 0
        end = time.monotonic() + 60
        while len(seen) < count and time.monotonic() < end:
            answer = poll(connection, f"since={cursor}&wait=5s&limit=7")
            if answer.status == 204:
                cursor = answer["event-cursor"]
                continue
            document = answer.json()
            assert 0 < len(document["events"]) <= 7
            answers += 1
            seen += [event["path"] for event in document["events"]]
            cursor = document["next"]
        writer.join()
        assert seen == [f"d{number}" for number in range(count)]
        assert answers >= count // 7


def test_the_first_ones_come_and_the_rest_follows(daemon, directory):
    server = daemon(directory, flags=["--settle", "0ms"])
    with Connection(server.address) as connection, server.events() as stream:
        cursor = after_start(server, connection)
        stream.expect("hello")
        for number in range(10):
            (directory / f"{number}").mkdir()
        stream.until(lambda event: event.get("path") == "9")
        paths = []
        for size in (4, 4, 2):
            document = poll(connection, f"since={cursor}&limit=4&wait=0").json()
            assert len(document["events"]) == size
            paths += [event["path"] for event in document["events"]]
            cursor = document["next"]
        assert paths == [str(number) for number in range(10)]
        big = poll(connection, "since=earliest&limit=10000&path=3&wait=0&kinds=create").json()
        assert [e["path"] for e in big["events"] if e["event"] == "change"] == ["3"]


def test_a_large_answer_is_written_as_the_socket_takes_it(daemon, directory):
    server = daemon(directory, flags=["--settle", "0ms"])
    name = "n" * 200
    with Connection(server.address) as connection, server.events() as stream:
        cursor = after_start(server, connection)
        stream.expect("hello")
        for number in range(1500):
            (directory / f"{number:04}{name}").mkdir()
        stream.until(lambda event: event.get("path") == f"1499{name}", seconds=60)
        document = poll(connection, f"since={cursor}&limit=10000&wait=0").json()
        assert [event["path"][:4] for event in document["events"]] == [f"{n:04}" for n in range(1500)]


@pytest.mark.parametrize("fields, query", [({}, "wait=200ms"), ({"prefer": "respond-async, wait=0"}, "")])
def test_nothing_within_wait_is_204(daemon, directory, fields, query):
    server = daemon(directory)
    with Connection(server.address) as connection:
        cursor = after_start(server, connection)
        begun = time.monotonic()
        answer = poll(connection, f"since={cursor}&{query}", **fields)
        assert answer.status == 204 and answer["event-cursor"] == cursor
        assert time.monotonic() - begun >= (0.2 if query else 0)
        assert answer["preference-applied"] == ("wait=0" if fields else None)


@pytest.mark.parametrize("format", ["json", "ndjson"])
def test_refusals_are_statuses(daemon, directory, format):
    server = daemon(directory)
    server.only_watch()

    def ask(query):
        return server.get(f"{EVENTS}?format={format}&{query}")

    head = server.get(f"{EVENTS}?format=json&wait=0&kinds=open")["event-cursor"]
    epoch = head.split("-")[0]
    for cursor, reason in (("zzzzzzzz-1", "epoch"), (f"{epoch}-999999", "future")):
        problem = ask(f"since={cursor}").problem(410, "cursor-expired")
        assert problem["reason"] == reason
        assert problem["oldest"].startswith(epoch) and problem["latest"].startswith(epoch)
    assert ask("since=never").problem(400)["field"] == "since"
    assert ask("watch=nobody").problem(404)
    assert server.get(f"{EVENTS}?format={format}", last_event_id="x").problem(400)


def test_history_that_was_dropped_is_410(daemon, directory):  # row 35
    server = daemon(directory, flags=["--settle", "0ms", "--history", "8"])
    with Connection(server.address) as connection, server.events() as stream:
        cursor = after_start(server, connection)
        stream.expect("hello")
        for number in range(40):
            (directory / f"{number}").mkdir()
            stream.until(lambda event, name=str(number): event.get("path") == name)
        assert poll(connection, f"since={cursor}").problem(410)["reason"] == "history"
        stats = server.get("/-/v1/stats").json()["journal"]
        assert stats["evicted"] > 0 and stats["limits"]["records"] == 8


def test_the_header_wins_over_since(daemon, directory):
    server = daemon(directory, flags=["--settle", "0ms"])
    with Connection(server.address) as connection:
        cursor = after_start(server, connection)
        (directory / "a").mkdir()
        eventually(lambda: poll(connection, f"since={cursor}&wait=1s").status == 200)
        answer = poll(connection, "since=zzzzzzzz-1&wait=0", last_event_id=cursor)
        assert [event["path"] for event in answer.json()["events"]] == ["a"]


@pytest.mark.parametrize("query", ["wait=301s", "wait=5", "limit=0", "limit=10001", "initial=1", "heartbeat=5s"])
def test_what_a_poll_does_not_know_is_400(daemon, directory, query):
    server = daemon(directory)
    answer = server.get(f"{EVENTS}?format=json&{query}")
    assert answer.problem(400)["field"] == query.split("=")[0]


def test_requests_sent_behind_a_poll_are_answered_after_it(daemon, directory):
    server = daemon(directory)
    with Connection(server.address) as connection:
        cursor = after_start(server, connection)
        connection.send_request("GET", f"{EVENTS}?format=json&since={cursor}&wait=300ms")
        connection.send_request("GET", "/-/healthz")
        connection.send_request("GET", f"{EVENTS}?format=json&since={cursor}&wait=0")
        assert [connection.read_response().status for _ in range(3)] == [204, 200, 204]


def test_who_hangs_up_leaves_nothing_behind(daemon, directory):
    server = daemon(directory)
    server.only_watch()
    with Connection(server.address) as connection:
        connection.send_request("GET", f"{EVENTS}?format=json&wait=300s")
        eventually(lambda: len(clients(server)) == 1)
    eventually(lambda: not clients(server))


def test_a_stop_answers_those_who_wait(daemon, directory):
    server = daemon(directory)
    server.only_watch()
    with Connection(server.address) as connection:
        connection.send_request("GET", f"{EVENTS}?format=json&wait=300s")
        eventually(lambda: len(clients(server)) == 1)
        assert server.stop(seconds=2) == 0
        document = json.loads(connection.read_response().body)
        assert [event["event"] for event in document["events"]] == ["bye"]
        assert document["next"] == document["events"][0]["id"]
