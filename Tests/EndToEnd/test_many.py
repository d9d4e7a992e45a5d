"""A thousand clients and one change."""

import resource

import pytest

from client import EventStream
from support import eventually

CLIENTS = 1000


def test_a_thousand_clients_get_one_change(daemon, directory):
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if most < CLIENTS + 100:
        pytest.skip(f"only {most} descriptors are allowed here")
    server = daemon(directory)
    server.only_watch()
    streams = [EventStream(server.address, "path=src/") for _ in range(CLIENTS)]
    try:
        for stream in streams:
            stream.expect("hello")
        assert len(server.get("/-/v1/clients").json()["clients"]) == CLIENTS
        (directory / "src").mkdir()
        (directory / "unseen").mkdir()
        (directory / "src" / "a").mkdir()
        told = set()
        for stream in streams:
            events = stream.changes_until("src/a")
            assert [event["path"] for event in events] == ["src", "src/a"]
            told.add(events[-1].data)
        assert len(told) == 1, "one change is one text, whoever reads it"
    finally:
        for stream in streams:
            stream.close()
    eventually(lambda: server.get("/-/v1/clients").json()["clients"] == [], what="all of them are forgotten")


def test_a_thousand_clients_are_told_that_it_ends(daemon, directory):
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if most < CLIENTS + 100:
        pytest.skip(f"only {most} descriptors are allowed here")
    server = daemon(directory)
    streams = [EventStream(server.address) for _ in range(CLIENTS)]
    for stream in streams:
        stream.expect("hello")
    server.signal(15)
    assert server.wait(seconds=2) == 0
    for stream in streams:
        assert stream.all()[-1].type == "bye"
        stream.close()
