"""Too many, too slow, too little: what the server does at its limits."""

import socket
import struct

import pytest

import support
from client import Connection
from support import eventually

HEALTH = "/-/healthz"


def limited(descriptors, *words):
    """The executable with so many file descriptors and no more."""
    server = support.Tidings(*words)
    command = ["sh", "-c", f'ulimit -n {descriptors} && exec "$0" "$@"', support.EXECUTABLE, *map(str, words)]
    server.launch([*command, "--port", "0"])
    eventually(server._address, what="an address in the banner")
    return server


def test_one_connection_too_many_hears_so_and_health_is_answered(daemon, directory):
    server = daemon(directory, flags=["--max-connections", "4"])
    held = [Connection(server.address) for _ in range(4)]
    for connection in held:
        assert connection.exchange("GET", HEALTH).status == 200
    refused = server.get("/-/v1/watches")
    assert refused.problem(503, "too-many-connections")
    assert 1 <= int(refused["retry-after"]) <= 5
    assert server.get(HEALTH).status == 200
    for connection in held:
        assert connection.exchange("GET", "/-/v1/watches").status == 200, "who is in stays in"
        connection.close()
    eventually(lambda: server.get("/-/v1/watches").status == 200)
    said = eventually(lambda: lines if len(lines := [l for l in server.lines if "connections" in l]) > 1 else [])
    assert len(said) == 2 and "in use" in said[0] and "room" in said[1], said


def test_without_descriptors_health_is_answered_and_others_come_later(directory):
    server = limited(64, "daemon", "--root", directory, "--max-connections", "1000", "--loops", "1")
    try:
        server.only_watch()
        held = []
        while len(held) < 100:
            connection = Connection(server.address, seconds=5)
            held.append(connection)
            answer = connection.exchange("GET", "/-/v1/watches")
            if answer.status != 200:
                break
        assert answer.problem(503, "no-descriptors")
        assert answer["retry-after"]
        assert eventually(lambda: server.get(HEALTH).status == 200)
        for connection in held:
            connection.close()
        eventually(lambda: server.get("/-/v1/watches").status == 200)
        assert sum("no file descriptor" in line for line in server.lines) == 1, server.stderr
        assert server.stop() == 0
    finally:
        server.kill()


def test_a_silent_connection_too_many_does_not_keep_health_waiting(daemon, directory):
    server = daemon(directory, flags=["--max-connections", "1"])
    with Connection(server.address) as only:
        assert only.exchange("GET", HEALTH).status == 200
        silent = [Connection(server.address) for _ in range(16)]
        eventually(lambda: server.get(HEALTH).status == 200, what="health beside silent connections")
        for connection in silent:
            connection.close()


@pytest.mark.parametrize(
    "words",
    [
        ["--history", "0"],
        ["--history", "10m,5m"],
        ["--history", "64MB"],
        ["--max-connections", "0"],
        ["--stall", "5"],
        ["--stall", "1ms"],
        ["--drain", "2h"],
        ["--max-connections-per-address", "-1"],
    ],
)
def test_limits_that_make_no_sense_are_64(launched, directory, words):
    assert launched("daemon", "--root", directory, "--port", "0", *words).wait() == 64


def flood(server, directory, reader, count=4000):
    for number in range(count):
        (directory / f"{number:0200}").mkdir()
    reader.until(lambda event: event.get("path") == f"{count - 1:0200}", seconds=60)


def test_a_client_that_never_reads_is_closed_after_stall_and_the_log_says_so_once(daemon, directory):
    server = daemon(directory, flags=["--settle", "0ms", "--stall", "1s"])
    server.only_watch()
    with server.events(receive_buffer=4096) as stalled, server.events() as reader:
        stalled.expect("hello")
        reader.expect("hello")
        flood(server, directory, reader)
        eventually(lambda: any("has taken nothing for 1s" in line for line in server.lines))
        eventually(lambda: len(server.get("/-/v1/clients").json()["clients"]) == 1)
        (directory / "end").mkdir()
        reader.until(lambda event: event.get("path") == "end")
    assert sum("has taken nothing" in line for line in server.lines) == 1
    assert b'tidings_disconnects_total{reason="stalled",transport="sse"} 1' in server.get("/-/metrics").body


def test_a_client_that_acknowledges_without_reading_may_stay(daemon, directory):
    """Longer than the 30 s after which silence would close it: its window is closed, its kernel alive."""
    server = daemon(directory, flags=["--settle", "0ms"])
    server.only_watch()
    with server.events(receive_buffer=4096) as stalled, server.events("heartbeat=1s") as reader:
        stalled.expect("hello")
        reader.expect("hello")
        flood(server, directory, reader)
        comments = len(reader.parser.comments)
        eventually(
            lambda: reader.next(1) or len(reader.parser.comments) >= comments + 45, 90, "45 heartbeats"
        )
        assert len(server.get("/-/v1/clients").json()["clients"]) == 2


def deafen(connection):
    """Every segment that comes is dropped before TCP sees it, as if the cable were cut: a classic BPF
    program of the one instruction `ret 0` (socket(7), SO_ATTACH_FILTER)."""
    import ctypes

    program = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
    filter = struct.pack("HL", 1, ctypes.addressof(program))
    connection.socket.setsockopt(socket.SOL_SOCKET, 26, filter)


def test_a_peer_that_is_gone_is_found_although_nothing_says_so(daemon, directory):
    server = daemon(directory, flags=["--settle", "0ms"])
    server.only_watch()
    with server.events() as gone:
        gone.expect("hello")
        deafen(gone.connection)
        (directory / "a").mkdir()
        eventually(
            lambda: any("has acknowledged nothing for 30 s" in line for line in server.lines), 90
        )
        assert not server.get("/-/v1/clients").json()["clients"]
        assert b'{reason="gone",transport="sse"} 1' in server.get("/-/metrics").body


def test_one_address_cannot_take_all_connections(daemon, directory):
    """Only addresses that are not loopback are counted."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent: it asks which address would be used
        except OSError as error:
            pytest.skip(f"this machine has no address but loopback ({error})")
        own = probe.getsockname()[0]
    flags = ["--host", own, "--host", "127.0.0.1", "--insecure", "--max-connections-per-address", "3"]
    server = daemon(directory, flags=flags)
    place = (own, server.port)
    held = [Connection(place) for _ in range(3)]
    for connection in held:
        assert connection.exchange("GET", HEALTH).status == 200
    with Connection(place) as refused:
        answer = refused.exchange("GET", "/-/v1/watches")
        assert answer.problem(429, "too-many-connections-from-address") and answer["retry-after"]
    with Connection(place) as health:
        assert health.exchange("GET", HEALTH).status == 200
    with Connection(("127.0.0.1", server.port)) as local:
        assert local.exchange("GET", "/-/v1/watches").status == 200
    for connection in held:
        connection.close()

    def served():
        with Connection(place) as again:
            return again.exchange("GET", "/-/v1/watches").status == 200

    eventually(served)
