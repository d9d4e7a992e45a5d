"""A stop that spares whoever takes over: goodbyes in slices, returns spread."""

import signal
import socket
import time

import pytest

from client import Connection
from support import eventually


def test_goodbyes_come_in_slices_over_the_drain_time(daemon, directory):
    server = daemon(directory, flags=["--drain", "2s", "--loops", "1"])
    server.only_watch()
    streams = [server.events() for _ in range(40)]
    for stream in streams:
        stream.expect("hello")
    begun = time.monotonic()
    server.signal(signal.SIGTERM)
    times = []
    for stream in streams:
        (bye,) = stream.all()
        assert bye.type == "bye" and bye["reason"] == "shutdown" and bye["reconnectAfter"] >= 1000
        times.append(time.monotonic())
        stream.close()
    # The first need not wait, the last have waited for nearly all of it.
    assert max(times) - begun >= 1.5
    assert server.wait(seconds=10) == 0


def test_the_listener_is_closed_before_the_first_goodbye(daemon, directory):
    server = daemon(directory, flags=["--drain", "2s"])
    server.only_watch()
    with server.events() as first, server.events() as second:
        first.expect("hello")
        second.expect("hello")
        server.signal(signal.SIGTERM)
        first.until("bye")
        with pytest.raises(OSError), socket.create_connection(server.address, timeout=1) as late:
            # Whoever was in the kernel's queue by then is not served either.
            late.sendall(b"GET /-/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            late.settimeout(1)
            if not late.recv(100):
                raise ConnectionResetError
        second.until("bye")
    assert server.wait(seconds=10) == 0


def test_without_drain_everybody_is_out_within_two_seconds(daemon, directory):
    server = daemon(directory)
    server.only_watch()
    streams = [server.events() for _ in range(100)]
    for stream in streams:
        stream.expect("hello")
    with Connection(server.address) as poll:
        poll.send_request("GET", "/-/v1/events?format=json&wait=300s")
        eventually(lambda: len(server.get("/-/v1/clients").json()["clients"]) == 101)
        server.signal(signal.SIGTERM)
        assert server.wait(seconds=2) == 0
        assert b'"event":"bye"' in poll.read_to_end()
    delays = [stream.all()[-1]["reconnectAfter"] for stream in streams]
    assert len(set(delays)) > 50, "jittered"
    assert all(1000 <= delay <= 5000 for delay in delays)
    for stream in streams:
        stream.close()
