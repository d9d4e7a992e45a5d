"""Whatever happens to the tree, a client that follows the stream and knows nothing but the contract
ends with the tree that is on the disk."""

import os
import random
import signal
import threading
import urllib.parse

import pytest

from client import EventStream
from model import Picture, below, difference, disk
from support import eventually
from workload import Workload

OPERATIONS = int(os.environ.get("TIDINGS_OPERATIONS", "3000"))
QUEUE_LIMIT = "/proc/sys/fs/inotify/max_queued_events"


def seeds(count):
    """One seed from the environment to repeat a failure, else new ones for each run."""
    given = os.environ.get("TIDINGS_SEED")
    return [int(given)] if given else [random.SystemRandom().randrange(1 << 32) for _ in range(count)]


class Follower(threading.Thread):
    """A client that reads as fast as it can and keeps its picture."""

    def __init__(self, server, query, wanted=lambda path: True, directories=True):
        super().__init__(daemon=True)
        self.picture = Picture(strict=not query)
        self.wanted, self.directories, self.query = wanted, directories, query
        self.lock = threading.Lock()
        self.trouble = None
        self.changes = 0
        self.recent = []
        self.server = server
        self.stream = EventStream(server.address, "&".join(filter(None, ["initial=1", query])))
        self.start()

    def run(self):
        try:
            while not self.stream.ended:
                event = self.stream.next(seconds=1)
                if event is None:
                    continue
                with self.lock:
                    self.picture.apply(event)
                    self.changes += event.type == "change"
                    self.recent = [*self.recent[-30:], event]
        except Exception as error:  # told by the test's own thread
            self.trouble = error

    def agrees(self, root, watch):
        """Compares; what a reset left in doubt is read again first."""
        with self.lock:
            assert self.trouble is None, f"{self.query!r}: {self.trouble!r}"
            picture = self.picture.copy()
        # On a copy: events older than what is read now may still be under way to this client.
        picture.mend(lambda path: listing(self.server, watch, path))
        told = picture.seen(self.wanted, self.directories)
        lines = difference(told, disk(root, self.wanted, self.directories))
        assert not lines, f"{self.query!r}: {len(lines)} differ: {lines[:10]}\nlast told: {self.recent[-30:]}"
        return True


def listing(server, watch, path):
    """What the server lists at and below a path, None when nothing is there."""
    entries, after = [], ""
    while True:
        query = urllib.parse.urlencode({"path": path, "limit": 1000, **({"after": after} if after else {})})
        answer = server.get(f"/-/v1/watches/{watch}/files?{query}")
        if answer.status == 404:
            return None
        if answer.status == 409:
            entries, after = [], ""
            continue
        page = answer.json()
        entries += page["entries"]
        if not (after := page.get("next")):
            return entries


def css(path):
    return path.endswith(b".css")


def inside(path, directory):
    return path != directory and below(path, directory)


def in_src(path):
    return inside(path, b"src")


def code(path):
    return (in_src(path) or inside(path, b"lib")) and not path.endswith(b".txt")


def storm(server, directory, seed, operations, frozen=False, watch=None):
    """With `frozen` the server is stopped for half of the operations, so that the kernel's queue
    overflows however fast it reads."""
    outside = directory.parent / f"outside-{seed}"
    outside.mkdir()
    work = Workload(directory, outside, seed)
    watch = watch or server.only_watch()["id"]
    # Something exists already, and the listing runs while it changes.
    work.run(operations // 10)
    followers = [
        Follower(server, ""),
        Follower(server, "path=src/", in_src),
        Follower(server, "path=**/*.css", css, directories=False),
        Follower(server, "path=src/&path=lib/&ignore=**/*.txt", code),
    ]
    for _ in range(10):
        if frozen:
            server.signal(signal.SIGSTOP)
        work.run(operations // 20)
        server.signal(signal.SIGCONT)
        work.run(operations // 20)
    late = Follower(server, "")
    work.run(operations // 10)
    everyone = [*followers, late]
    for follower in everyone:
        eventually(
            lambda: follower.agrees(directory, watch), 60, f"the picture of {follower.query!r} to be the disk"
        )
    # Quiet now: what agreed must go on agreeing.
    for follower in everyone:
        assert follower.agrees(directory, watch)
        follower.stream.close()
    assert set(work.counts) == {name for _, name in Workload.OPERATIONS}, "the load did not do all it can"
    return everyone


@pytest.mark.parametrize("settle", ["0ms", "20ms"])
@pytest.mark.parametrize("seed", seeds(2))
def test_the_picture_of_a_follower_becomes_the_disk(daemon, directory, seed, settle):
    print(f"TIDINGS_SEED={seed}")
    server = daemon(directory, flags=["--settle", settle])
    everything, *_, late = storm(server, directory, seed, OPERATIONS)
    for follower in (everything, late):
        assert follower.picture.complaints == [], (
            len(follower.picture.complaints),
            follower.picture.complaints[:5],
        )
    # What settles merges, and more of it the slower the machine is; what does not, never.
    assert everything.changes > OPERATIONS / (10 if settle == "0ms" else 30)


@pytest.fixture
def short_queue():
    """A kernel queue of 64 records for servers started now; the limit is read when an instance is
    made, so it is put back as soon as the server is up, and in any case."""
    if not os.access(QUEUE_LIMIT, os.W_OK):
        pytest.skip(f"{QUEUE_LIMIT} may not be written here")
    with open(QUEUE_LIMIT) as file:
        before = file.read()

    def put(value):
        with open(QUEUE_LIMIT, "w") as file:
            file.write(value)

    try:
        put("64")
    except OSError as error:
        pytest.skip(f"{QUEUE_LIMIT} may not be written here ({error})")
    try:
        yield lambda: put(before)
    finally:
        put(before)


@pytest.mark.parametrize("seed", seeds(1))
def test_the_picture_becomes_the_disk_even_when_the_kernel_loses_records(
    daemon, directory, seed, short_queue
):
    print(f"TIDINGS_SEED={seed}")
    server = daemon(directory)
    server.only_watch()
    short_queue()
    storm(server, directory, seed, OPERATIONS, frozen=True)
    assert server.only_watch()["counters"]["overflows"] > 0, "nothing was lost, so nothing was shown"
