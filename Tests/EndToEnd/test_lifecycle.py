"""Starting, being in the way, ending: the process as a supervisor and a person at a terminal see it."""

import json
import os
import re
import signal
import socket
import stat
import subprocess

import pytest

import support
from client import Connection, EventStream, request
from support import eventually

HEALTH = "/-/healthz"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_asked_to_end_it_says_goodbye_and_is_gone(serve, directory, number):
    (directory / "index.html").write_text("<p>")
    server = serve(directory)
    server.only_watch()
    with server.events() as stream, Connection(server.address) as idle, Connection(server.address) as half:
        hello = stream.expect("hello")
        assert idle.exchange("GET", HEALTH).status == 200
        half.send("GET / HTTP/1.1\r\nHost: loc")
        server.signal(number)
        assert server.wait(seconds=2) == 0
        seen = stream.all()
        bye = seen[-1]
        assert bye.type == "bye" and bye["id"] == hello["id"]
        assert isinstance(bye["reason"], str) and bye["reconnectAfter"]
        assert idle.is_closed_by_server()


def test_a_client_that_does_not_read_does_not_hold_up_the_end(daemon, directory):
    server = daemon(directory, flags=["--settle", "0ms"])
    server.only_watch()
    stalled = [server.events(receive_buffer=4096) for _ in range(20)]
    with server.events() as reader:
        reader.expect("hello")
        for number in range(3000):
            (directory / f"{number:0200}").touch()
        reader.until(lambda event: event.get("path") == f"{2999:0200}", seconds=60)
    server.signal(signal.SIGTERM)
    assert server.wait(seconds=2) == 0
    for stream in stalled:
        stream.close()


def test_a_second_signal_ends_it_at_once(daemon, directory):
    server = daemon(directory)
    server.signal(signal.SIGTERM)
    try:
        server.signal(signal.SIGTERM)
    except ProcessLookupError:
        pass
    # 0 when the first was enough, else what a shell calls ended by the signal.
    assert server.wait(seconds=2) in (0, -signal.SIGTERM, 128 + signal.SIGTERM, 130)


def test_a_client_that_vanishes_while_it_is_written_to_harms_nobody(daemon, directory):
    """Writing to a connection that was reset raises SIGPIPE, which would end the process."""
    server = daemon(directory, flags=["--settle", "0ms"])
    server.only_watch()
    for _ in range(20):
        stream = server.events("initial=1")
        stream.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        stream.close()  # a reset, not a farewell
        (directory / "a").touch()
        (directory / "a").unlink()
    assert server.get(HEALTH).status == 200


def test_all_threads_have_names(daemon, directory):
    server = daemon(directory, flags=["--loops", "2"])
    names = []
    for task in os.listdir(f"/proc/{server.pid}/task"):
        with open(f"/proc/{server.pid}/task/{task}/comm") as file:
            names.append(file.read().strip())
    assert len(names) >= 4, names
    # Only the first thread bears the executable's own name.
    assert names.count(os.path.basename(support.EXECUTABLE)) <= 1, names


# Addresses


def test_a_taken_port_that_was_asked_for_is_69_and_names_the_holder(launched, directory):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        run = launched("serve", directory, "--port", str(port))
        assert run.wait() == 69
        assert str(port) in run.stderr
        assert re.search(rf"\b{os.getpid()}\b", run.stderr), "who holds it is readable, so it must be said"


def test_a_taken_port_that_was_not_asked_for_is_passed_over(started, directory):
    try:
        holder = socket.create_server(("127.0.0.1", 8434))
    except OSError:
        holder = None  # somebody else holds it, which serves as well
    try:
        server = started("serve", directory, port=None)
        assert 8434 < server.port <= 8444
    finally:
        if holder:
            holder.close()


def test_two_servers_never_share_a_port(started, launched, directory):
    first = started("serve", directory, "--loops", "2")
    second = launched("serve", directory, "--port", str(first.port), "--loops", "2")
    assert second.wait() == 69
    assert first.get(HEALTH).status == 200


def test_loopback_is_both_families(serve, directory):
    server = serve(directory)
    if not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("this machine has no IPv6")  # a kernel without it: 127.0.0.1 is tested everywhere else
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"this machine has no ::1 ({error})")  # as containers often have it switched off
    assert request(("::1", server.port), "GET", HEALTH).status == 200
    assert request(("127.0.0.1", server.port), "GET", HEALTH).status == 200


def test_it_listens_on_a_unix_socket(daemon, directory, tmp_path):
    path = tmp_path / "tidings.sock"
    server = daemon(directory, flags=["--unix", path])
    assert request(path, "GET", HEALTH).status == 200
    assert stat.S_ISSOCK(path.stat().st_mode)
    with EventStream(path) as stream:
        stream.expect("hello")
        (directory / "a").mkdir()
        assert stream.next()["path"] == "a"
    server.restart()
    assert request(path, "GET", HEALTH).status == 200, "its own socket of before is no obstacle"
    assert server.stop() == 0
    assert not path.exists(), "it takes its socket away with it"


def test_a_stale_unix_socket_is_replaced_and_a_live_one_is_not(daemon, launched, directory, tmp_path):
    path = tmp_path / "tidings.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    first = daemon(directory, flags=["--unix", path])
    assert request(path, "GET", HEALTH).status == 200
    second = launched("daemon", "--root", directory, "--port", "0", "--unix", path)
    assert second.wait() == 69
    assert request(path, "GET", HEALTH).status == 200
    assert first.get(HEALTH).status == 200


def test_a_file_in_the_way_of_a_unix_socket_is_not_removed(launched, directory, tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")
    run = launched("daemon", "--root", directory, "--port", "0", "--unix", path)
    assert run.wait() not in (0, None)
    assert path.read_text() == "data"


# The command line


def test_stdout_is_for_data_and_the_banner_is_not(serve, directory):
    server = serve(directory)
    assert f"http://127.0.0.1:{server.port}/" in server.stderr
    assert "\x1b" not in server.stderr, "no colours where nobody sees them"
    assert server.stop() == 0
    assert server.stdout == b""


def test_the_version_is_on_stdout(launched):
    run = launched("--version")
    assert run.wait() == 0
    assert re.search(rb"\d+\.\d+\.\d+", run.stdout)


@pytest.mark.parametrize(
    "words", [["--help"], ["serve", "--help"], ["daemon", "--help"], ["watch", "--help"]]
)
def test_help_reads_well(launched, words):
    run = launched(*words)
    assert run.wait() == 0
    text = run.stdout.decode()
    assert "USAGE" in text and all(len(line) <= 100 for line in text.splitlines())


@pytest.mark.parametrize(
    "words",
    [
        ["serve", "--port", "many"],
        ["serve", "--colour"],
        ["daemon"],
        ["dance"],
        ["serve", "--port", "70000"],
        ["serve", ".", "--settle", "20"],
    ],
)
def test_words_that_make_no_sense_are_64(launched, words):
    run = launched(*words)
    assert run.wait() == 64
    assert run.stderr


def test_a_directory_that_is_not_there_is_66(launched, directory):
    run = launched("serve", directory / "nothing", "--port", "0")
    assert run.wait() == 66
    assert "nothing" in run.stderr


def test_watch_prints_changes_without_a_server(launched, directory):
    run = launched("watch", directory, "--json", "--settle", "0ms")

    def told():
        (directory / "probe").touch()
        (directory / "probe").unlink()
        return run.stdout

    eventually(told, what="the first change")
    (directory / "end").mkdir()
    eventually(lambda: b'"end"' in run.stdout)
    run.signal(signal.SIGINT)
    assert run.wait() in (0, 130, -signal.SIGINT)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert all(line["event"] == "change" for line in lines)
    assert [line["kind"] for line in lines if line["path"] == "end"] == ["create"]


def test_watch_into_a_pipe_that_closes_ends_quietly(directory):
    with subprocess.Popen(
        [support.EXECUTABLE, "watch", str(directory), "--settle", "0ms"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as run:
        try:
            run.stdout.close()

            def ended():
                (directory / "probe").touch()
                (directory / "probe").unlink()
                return run.poll() is not None

            eventually(ended, what="the end of a command nobody listens to")
            assert b"Fatal" not in run.stderr.read()
        finally:
            run.kill()
