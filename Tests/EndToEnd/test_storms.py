"""Clients that come and go while others write as fast as they can (row 37)."""

import contextlib
import threading

import pytest

from test_websocket import library

FILES = 1500


def number(cursor):
    return int(cursor.rpartition("-")[2])


@contextlib.contextmanager
def storm(directory):
    """Makes files until all are there, while the body runs."""

    def write():
        for number in range(FILES):
            (directory / f"f{number}").mkdir()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        writer.join()


def check(changes, start):
    """Every number once, in order, and every name."""
    numbers = [number(change["id"]) for change in changes]
    assert numbers == list(range(number(start) + 1, number(start) + 1 + FILES))
    assert {change["path"] for change in changes} == {f"f{number}" for number in range(FILES)}


@pytest.fixture
def server(daemon, directory):
    server = daemon(directory, flags=["--settle", "0ms"])
    server.only_watch()
    return server


def test_who_unsubscribes_in_a_storm_and_comes_back_with_its_cursor_misses_nothing(server, directory):
    changes, times = [], 0
    with server.events() as stream:
        start = last = stream.expect("hello")["id"]
    with storm(directory):
        while len(changes) < FILES:
            with server.events(f"since={last}") as stream:
                stream.expect("hello", id=last, resumed=True)
                times += 1
                # A few more each time, so that what is cut off lies everywhere.
                for _ in range(min(7 * times, FILES - len(changes))):
                    event = stream.next()
                    while event.type != "change":
                        assert event.type in ("synced", "bookmark"), event
                        event = stream.next()
                    changes.append(event)
                    last = event["id"]
    assert times > 3
    check(changes, start)


def test_the_same_on_one_websocket(server, directory):
    changes, times = [], 0
    with library(server) as socket:
        start = last = socket.subscribe("s0")[-1]["id"]
        socket.send(op="unsubscribe", ref="s0")
        socket.until(op="ok", ref="s0")
        with storm(directory):
            while len(changes) < FILES:
                times += 1
                ref = f"s{times}"
                hello = socket.subscribe(ref, since=last)[-1]
                assert hello["id"] == last and hello["resumed"]
                wanted = min(len(changes) + 7 * times, FILES)
                while len(changes) < wanted:
                    message = socket.next()
                    if message.get("event") == "change":
                        changes.append(message)
                        last = message["id"]
                socket.send(op="unsubscribe", ref=ref)
                # What was on its way when it was asked to stop counts as seen.
                for message in socket.until(op="ok", ref=ref):
                    if message.get("event") == "change":
                        changes.append(message)
                        last = message["id"]
    assert times > 3
    check(changes, start)
