"""The kernel's own limits, lowered for one process by a user namespace (user_namespaces(7)): nothing
of this machine changes, and no other program notices."""

import json
import subprocess

import pytest

import support
from support import eventually
from test_random_operations import OPERATIONS, seeds, storm


def namespace(limit, number):
    """Words before a command that gives it a limit of its own."""
    return ["unshare", "-U", "-r", "sh", "-c", f'echo {number} >/proc/sys/user/{limit} && exec "$0" "$@"']


@pytest.fixture(autouse=True)
def allowed():
    try:
        subprocess.run([*namespace("max_inotify_watches", 9), "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no user namespace to be had: {error}")  # only in one can limits be lowered for us alone


class Crowded(support.Tidings):
    """A server that may have so many watches, over a directory."""

    LIMITS = {"inotify": "max_inotify_watches", "fanotify": "max_fanotify_marks"}

    def __init__(self, limit, directory, backend):
        super().__init__("daemon", "--allow-root", directory)
        self.directory, self.backend = directory, backend
        words = [support.EXECUTABLE, *self.arguments, "--port", "0"]
        self.launch([*namespace(self.LIMITS[backend], limit), *words])
        eventually(self._address, what="an address in the banner")

    def watch(self, state="degraded", **spec):
        """Follows the directory, and waits until its watch is so."""
        spec = {"root": str(self.directory), "backend": self.backend, "id": "site", **spec}
        spec = {"pollInterval": "100ms", **spec}
        assert self.request("PUT", "/-/v1/watches/site", spec).status == 201
        return self.until(state)

    def until(self, state):
        def reached():
            (watch,) = self.watches()
            assert watch["state"] == state, watch
            return watch

        return eventually(reached, what=f"the watch to be {state}")

    def allow(self, number):
        """Raises or lowers the limit while it runs."""
        command = ["nsenter", "-t", str(self.pid), "-U", "--preserve-credentials"]
        write = f"echo {number} >/proc/sys/user/{self.LIMITS[self.backend]}"
        done = subprocess.run([*command, "sh", "-c", write], capture_output=True, text=True)
        if done.returncode != 0:
            # Not every container lets a namespace be entered; one whose server has ended never does.
            assert self.process.poll() is None, self.stderr
            pytest.skip(f"the namespace is not to be entered: {done.stderr}")


def fanotify_refusal(directory):
    told = subprocess.run([support.EXECUTABLE, "doctor", directory, "--json"], capture_output=True)
    backends = json.loads(told.stdout)["checkup"]["backends"]
    return next(one.get("refusal") for one in backends if one["name"] == "fanotify")


@pytest.fixture
def crowded(directory):
    """`crowded(limit)` is a server that may have so many watches, over a directory with forty in it."""
    for number in range(40):
        (directory / f"d{number}").mkdir()
    running = []

    def start(limit, backend="inotify"):
        if backend == "fanotify" and (refusal := fanotify_refusal(directory)):
            pytest.skip(f"fanotify: {refusal}")  # by the kernel or a container's policy
        running.append(Crowded(limit, directory, backend))
        return running[-1]

    yield start
    for server in running:
        server.kill()


def seen(stream, kind, path):
    """Reads on to the one change of that kind and path, and says what had come before it."""
    came = stream.until(lambda event: event.get("path") == path and event.get("kind") == kind)
    assert not [event for event in came if event.type == "reset"], came
    return came


@pytest.mark.parametrize("backend", Crowded.LIMITS)
def test_what_a_limit_leaves_unwatched_is_polled_and_the_number_to_raise_is_said(crowded, directory, backend):
    server = crowded(20, backend)
    watch = server.watch()
    problem = watch["problem"]
    assert problem["code"] == "inotify-watch-limit" and problem["errno"] == "ENOSPC"
    assert " of 20 " in problem["detail"] and " looked at every 100ms instead" in problem["detail"]
    assert problem["hint"] == f"sudo sysctl user.{server.LIMITS[backend]}=524288"
    assert 0 < watch["kernelWatches"] < 20
    assert problem["maximum"] == 20 and problem["used"] <= 20
    assert problem["directories"] == 41 - watch["kernelWatches"]
    assert watch["crawl"] | {"seconds": 0} == {"directories": 41, "files": 0, "seconds": 0, "done": True}
    with server.events() as stream:
        stream.expect("hello")
        # Wherever it is: in those that are watched, and in those that are not.
        for number in range(40):
            (directory / f"d{number}" / "probe").write_text("one")
        missing = {f"d{number}/probe" for number in range(40)}
        polled = 0
        while missing:
            (*before, event) = stream.until("change")
            assert not [one for one in before if one.type == "reset"]
            if event["path"] in missing and event["kind"] == "create":
                missing.remove(event["path"])
                polled += event.get("cause") == "rescan"
        assert polled >= problem["directories"]
        # A directory that comes cannot be watched either, and is followed all the same.
        (directory / "late").mkdir()
        seen(stream, "create", "late")
        (directory / "late" / "deep").mkdir()
        (directory / "late" / "deep" / "file").write_text("one")
        seen(stream, "create", "late/deep/file")
        (directory / "late" / "deep" / "file").write_text("another")
        seen(stream, "modify", "late/deep/file")
        (directory / "late" / "deep").rename(directory / "late" / "other")
        came = seen(stream, "move", "late/other")
        assert came[-1]["from"] == "late/deep"
        (directory / "late" / "other" / "file").unlink()
        seen(stream, "delete", "late/other/file")
        (directory / "late" / "other").rmdir()
        seen(stream, "delete", "late/other")


def test_sync_waits_for_what_is_polled(crowded, directory):
    server = crowded(20)
    server.watch(pollInterval="1h")
    with server.events() as stream:
        stream.expect("hello")
        for number in range(40):
            (directory / f"d{number}" / "probe").write_text("one")
        answer = server.request("POST", "/-/v1/watches/site/sync", {})
        assert answer.status == 200
        missing = {f"d{number}/probe" for number in range(40)}
        while missing:
            event = stream.until("change")[-1]
            missing -= {event["path"]} if event["kind"] == "create" else set()


def test_without_an_index_a_polled_directory_is_to_be_read_again(crowded, directory):
    server = crowded(20)
    for number in range(40):
        (directory / f"d{number}" / "file").write_text("one")
    server.watch(index=False)
    with server.events() as stream:
        stream.expect("hello")
        for number in range(40):
            (directory / f"d{number}" / "file").write_text("two")
        told = set()
        while len(told) < 40:
            event = stream.until(lambda event: event.type in ("change", "reset"))[-1]
            if event.type == "change":
                told.add(event["path"].split("/")[0])
            else:
                assert event["reason"] == "unwatchable"
                told.add(event["scope"][0]["path"])


@pytest.mark.parametrize("backend", Crowded.LIMITS)
def test_a_watch_heals_when_the_limit_is_raised(crowded, directory, backend):
    server = crowded(20, backend)
    server.watch()
    with server.events() as stream:
        stream.expect("hello")
        (directory / "d39" / "before").touch()
        server.allow(1000)
        watch = server.until("live")
        assert watch["kernelWatches"] == 41 and "problem" not in watch
        (directory / "d39" / "after").touch()
        seen(stream, "create", "d39/before")
        (*_, event) = seen(stream, "create", "d39/after")
        assert event.get("cause") is None, "a mark told of it"


def test_a_watch_heals_when_what_could_not_be_watched_is_gone(crowded, directory):
    server = crowded(20)
    server.watch()
    for entry in directory.iterdir():
        entry.rmdir()
    server.only_watch()
    (directory / "probe").touch()
    entries = server.get("/-/v1/watches/site/files").json()["entries"]
    assert [entry["path"] for entry in entries] == ["probe"]


@pytest.mark.parametrize("backend", Crowded.LIMITS)
@pytest.mark.parametrize("limit", [0, 1, 2])
def test_the_root_itself_may_be_polled(crowded, directory, limit, backend):
    server = crowded(limit, backend)
    server.watch()
    with server.events() as stream:
        stream.expect("hello")
        (directory / "probe").touch()
        seen(stream, "create", "probe")
        away = directory.rename(directory.parent / "away")
        stream.until(lambda event: event.type == "watch" and event["state"] == "gone")
        away.rename(directory)
        stream.until(lambda event: event.type == "reset" and event["reason"] == "watch-started")
        stream.until(lambda event: event.get("path") == "probe" and event["kind"] == "create")
    server.until("degraded")


@pytest.mark.parametrize("backend", Crowded.LIMITS)
@pytest.mark.parametrize("limit", [3, 12])
@pytest.mark.parametrize("seed", seeds(1))
def test_the_picture_becomes_the_disk_where_much_is_polled(crowded, directory, seed, limit, backend):
    print(f"TIDINGS_SEED={seed}")
    server = crowded(limit, backend)
    server.watch()
    storm(server, directory, seed, OPERATIONS // 2, watch="site")


def test_without_an_instance_the_program_ends_and_names_the_limit(directory):
    for words in (["daemon", "--root", directory, "--port", "0"], ["watch", directory]):
        command = [*namespace("max_inotify_instances", 0), support.EXECUTABLE, *map(str, words)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert ended.returncode == 71, ended
        assert "all 0 inotify instances of this user are in use" in ended.stderr
        assert "user.max_inotify_instances=1024" in ended.stderr, ended.stderr
