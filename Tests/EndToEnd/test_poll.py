"""The backend `poll`: no kernel watch at all, and the same truth, a little later."""

import json

import pytest

from support import eventually
from test_random_operations import OPERATIONS, seeds, storm

WATCHES = "/-/v1/watches"


@pytest.fixture
def polled(daemon, directory):
    """A server that polls the directory, ten times a second unless told otherwise."""

    def start(**spec):
        server = daemon(flags=["--allow-root", directory])
        spec = {"root": str(directory), "backend": "poll", "pollInterval": "100ms", "id": "site", **spec}
        answer = server.request("POST", WATCHES, spec)
        assert answer.status == 201, answer.body
        server.only_watch()
        return server

    return start


def test_everything_is_told_and_no_kernel_watch_is_used(polled, directory):
    (directory / "d").mkdir()
    (directory / "d" / "f").write_text("one")
    server = polled()
    watch = server.only_watch()
    assert (watch["backend"], watch["kernelWatches"]) == ("poll", 0)
    assert watch["spec"]["pollInterval"] == "100ms"
    with server.events() as stream:
        stream.expect("hello")

        def told(kind, path, **more):
            wanted = {"kind": kind, "path": path, **more}
            event = stream.until(lambda one: all(one.get(key) == wanted[key] for key in wanted))[-1]
            assert event["cause"] == "rescan"
            return event

        (directory / "d" / "f").write_text("another")
        told("modify", "d/f", size=7)  # it may be seen empty first
        (directory / "d").rename(directory / "e")
        assert told("move", "e")["from"] == "d"
        (directory / "e" / "f").chmod(0o600)
        told("attrib", "e/f")
        (directory / "e" / "f").rename(directory / "g")
        assert told("move", "g")["from"] == "e/f"
        (directory / "g").unlink()
        told("delete", "g")
        directory.rename(directory.parent / "away")
        stream.until(lambda event: event.type == "watch" and event["state"] == "gone")
        directory.mkdir()
        stream.until(lambda event: event.type == "watch" and event["state"] == "live")


def test_sync_looks_once_more_and_does_not_wait_for_the_interval(polled, directory):
    server = polled(pollInterval="1h")
    with server.events() as stream:
        stream.expect("hello")
        for number in range(5):
            (directory / f"f{number}").touch()
            answer = server.request("POST", f"{WATCHES}/site/sync", {})
            assert answer.status == 200
            event = stream.until("change")[-1]
            assert (event["path"], event["id"]) == (f"f{number}", answer.json()["cursor"])


def test_what_polling_cannot_tell_is_refused(polled, directory):
    server = polled()
    spec = {"root": str(directory), "backend": "poll", "id": "nosy", "kinds": ["modify", "open"]}
    assert "poll cannot tell open" in server.request("POST", WATCHES, spec).problem(422)["detail"]
    answer = server.request("PATCH", f"{WATCHES}/site", {"kinds": ["access"]})
    assert "poll cannot tell access" in answer.problem(422)["detail"]


def test_the_command_polls(launched, directory):
    run = launched("watch", directory, "--backend", "poll", "--poll-interval", "100ms", "--json")
    eventually(lambda: "; polled every 100ms" in run.stderr, what="the word that it polls")
    (directory / "f").write_text("x")
    eventually(lambda: run.stdout.count(b"\n") >= 1, what="a line")
    line = json.loads(run.stdout.splitlines()[0])
    assert (line["kind"], line["path"], line["cause"]) == ("create", "f", "rescan")


@pytest.mark.parametrize("interval", ["99ms", "61m"])
def test_an_interval_out_of_bounds_is_refused(launched, directory, interval):
    run = launched("watch", directory, "--backend", "poll", "--poll-interval", interval)
    assert run.wait() == 64
    assert "--poll-interval must be from 100ms to 1h" in run.stderr


@pytest.mark.parametrize("settle", ["0ms", "20ms"])
@pytest.mark.parametrize("seed", seeds(1))
def test_the_picture_of_a_follower_becomes_the_disk(polled, directory, seed, settle):
    print(f"TIDINGS_SEED={seed}")
    server = polled(settle=settle)
    everything, *_, late = storm(server, directory, seed, OPERATIONS // 2)
    for follower in (everything, late):
        assert follower.picture.complaints == [], follower.picture.complaints[:5]
