"""The kernel's own limits, lowered for one process by a user namespace (user_namespaces(7)): nothing
of this machine changes, and no other program notices."""

import subprocess

import pytest

import support
from support import eventually


def namespace(limit, number):
    """Words before a command that gives it a limit of its own."""
    return ["unshare", "-U", "-r", "sh", "-c", f'echo {number} >/proc/sys/user/{limit} && exec "$0" "$@"']


@pytest.fixture(autouse=True)
def allowed():
    try:
        subprocess.run([*namespace("max_inotify_watches", 9), "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no user namespace to be had: {error}")


@pytest.fixture
def crowded(directory):
    """A server that may watch twenty directories, over forty."""
    for number in range(40):
        (directory / f"d{number}").mkdir()
    server = support.Tidings("daemon", "--root", directory)
    server.launch(
        [*namespace("max_inotify_watches", 20), support.EXECUTABLE, *map(str, server.arguments), "--port", "0"]
    )
    try:
        eventually(server._address, what="an address in the banner")
        yield server
    finally:
        server.kill()


def test_a_limit_leaves_the_rest_watched_and_says_which_number_to_raise(crowded, directory):
    def degraded():
        (watch,) = crowded.watches()
        return watch if watch["state"] == "degraded" else None

    watch = eventually(degraded, what="the watch to be degraded")
    problem = watch["problem"]
    assert problem["code"] == "inotify-watch-limit" and problem["errno"] == "ENOSPC"
    assert " of 20 watches" in problem["detail"]
    assert problem["hint"] == "sudo sysctl user.max_inotify_watches=524288"
    assert 0 < watch["kernelWatches"] < 20
    assert watch["crawl"] | {"seconds": 0} == {"directories": 41, "files": 0, "seconds": 0, "done": True}
    with crowded.events() as stream:
        stream.expect("hello")
        (directory / "d1").rmdir()  # a mark of the root tells, whatever stands below
        stream.until(lambda event: event.get("path") == "d1" and event["kind"] == "delete")
        # A directory that cannot be watched is told as one to be read again by whoever needs it.
        (directory / "late").mkdir()
        (reset,) = [event for event in stream.until("reset") if event.type == "reset"]
        assert reset["reason"] == "unwatchable"
        assert reset["scope"] == [{"watch": watch["id"], "path": "late"}]
    # What cannot be watched troubles nobody once it is gone.
    for entry in directory.iterdir():
        entry.rmdir()
    crowded.only_watch()


def test_without_an_instance_the_program_ends_and_names_the_limit(directory):
    for words in (["daemon", "--root", directory, "--port", "0"], ["watch", directory]):
        command = [*namespace("max_inotify_instances", 0), support.EXECUTABLE, *map(str, words)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert ended.returncode == 71, ended
        assert "all 0 inotify instances of this user are in use" in ended.stderr
        assert "user.max_inotify_instances=1024" in ended.stderr, ended.stderr
