"""A thousand clients and one change; ten thousand and a few."""

import resource
import selectors
import socket
import time

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


class Multitude:
    """So many streams on one thread, of which only what ends each event is looked at."""

    def __init__(self, address, count):
        self.selector = selectors.DefaultSelector()
        self.received = {}
        request = b"GET /-/v1/events?path=src/ HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
        for _ in range(count):
            stream = socket.create_connection(address, 60)
            stream.sendall(request)
            stream.setblocking(False)
            self.selector.register(stream, selectors.EVENT_READ)
            self.received[stream] = b""

    def all_have(self, text, seconds=120):
        """Waits until every stream has had `text` since the last time this was asked."""
        missing = set(self.received)
        deadline = time.monotonic() + seconds
        while missing:
            assert time.monotonic() < deadline, f"{len(missing)} of {len(self.received)} have not had {text}"
            for key, _ in self.selector.select(1):
                try:
                    data = key.fileobj.recv(65536)
                except BlockingIOError:
                    continue
                assert data, "a stream was closed"
                held = self.received[key.fileobj] + data
                if text in held:
                    held = held.partition(text)[2]
                    missing.discard(key.fileobj)
                self.received[key.fileobj] = held

    def close(self):
        for stream in self.received:
            stream.close()
        self.selector.close()


def test_ten_thousand_clients_get_every_change(daemon, directory):
    count = 10_000
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < count + 500:
        pytest.skip(f"only {before[1]} descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    try:
        server = daemon(directory, flags=["--max-connections", str(count + 100)])
        server.only_watch()
        (directory / "src").mkdir()
        multitude = Multitude(server.address, count)
        try:
            multitude.all_have(b"event: hello")
            for number in range(3):
                (directory / "src" / f"file{number}").touch()
                multitude.all_have(b'"path":"src/file%d"' % number)
            assert len(server.get("/-/v1/clients").json()["clients"]) == count
        finally:
            multitude.close()
        eventually(lambda: server.get("/-/v1/clients").json()["clients"] == [], what="all of them are forgotten")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
