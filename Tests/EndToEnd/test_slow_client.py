"""One client stops reading while 200,000 changes happen beside fifty that read."""

import os
import re
import selectors
import threading

from client import EventStream

CHANGES = int(os.environ.get("TIDINGS_CHANGES", "200000"))
READERS = 50
STRIDE = 2000
MARK = b'"event":"change"'
# What is freed goes back to the kernel at once (man 3 mallopt), so that what is resident is held.
FRUGAL = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "32768",
    "MALLOC_TRIM_THRESHOLD_": "65536",
    "MALLOC_TOP_PAD_": "0",
}


class Crowd(threading.Thread):
    """Fifty healthy clients on one thread. Only what is needed to prove that each got everything
    is kept: how many changes, how many resets, and the last event."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.streams = [EventStream(server.address) for _ in range(READERS)]
        self.counts = [0] * READERS
        self.resets = 0
        self.tails = [b""] * READERS
        self.done = threading.Event()
        self.progress = threading.Condition()
        self.selector = selectors.DefaultSelector()
        self.starts = []
        for number, stream in enumerate(self.streams):
            self.starts.append(stream.expect("hello")["id"])
            stream.connection.socket.setblocking(False)
            self.selector.register(stream.connection.socket, selectors.EVENT_READ, number)
        self.start()

    def run(self):
        while not self.done.is_set():
            for key, _ in self.selector.select(0.5):
                number = key.data
                try:
                    data = key.fileobj.recv(1 << 20)
                except BlockingIOError:
                    continue
                if not data:
                    self.selector.unregister(key.fileobj)
                    continue
                # A mark cut in two is found in the joint of the last bytes and the new ones.
                joint = self.tails[number][-len(MARK) + 1 :] + data
                self.counts[number] += joint.count(MARK)
                self.resets += joint.count(b'"event":"reset"')
                self.tails[number] = (self.tails[number] + data)[-4096:]
            with self.progress:
                self.progress.notify_all()

    def wait_for(self, count):
        """Until every one of them has had `count` changes."""
        with self.progress:
            assert self.progress.wait_for(lambda: min(self.counts) >= count, 120), (
                count,
                sorted(self.counts),
            )

    def stop(self):
        self.done.set()
        self.join()
        for stream in self.streams:
            stream.close()


class Writer:
    """Makes exactly one change with each write: two files by turns, since the kernel merges
    consecutive equal records of one file; never more at once than its queue holds."""

    def __init__(self, directory):
        self.files = [os.open(directory / name, os.O_WRONLY | os.O_CREAT) for name in ("a", "b")]
        self.written = 0

    def write(self, count, crowd):
        before = crowd.counts[0]
        start = self.written
        while self.written - start < count:
            for _ in range(min(STRIDE, count - (self.written - start))):
                os.pwrite(self.files[self.written % 2], b"x", 0)
                self.written += 1
            crowd.wait_for(before + self.written - start)

    def close(self):
        for file in self.files:
            os.close(file)


def number(cursor):
    return int(cursor.rpartition("-")[2])


def crowd_head(crowd):
    """The cursor of the last change that the first of the crowd has had."""
    return re.findall(rb'"id":"([^"]+)"', crowd.tails[0])[-1].decode()


def test_a_client_that_stops_reading_costs_nobody_anything(daemon, directory):
    (directory / "busy").mkdir()
    (directory / "quiet").mkdir()
    writer = Writer(directory / "busy")
    server = daemon(directory, flags=["--settle", "0ms"], environment=FRUGAL)
    server.only_watch()
    crowd = Crowd(server)
    stalled = quiet = None
    try:
        # Without it first: the journal is a ring, and once it has been round a few times it grows no
        # more. What is on its way between two threads comes and goes, so the middle of three counts.
        tide = []
        for _ in range(5):
            writer.write(CHANGES // 4, crowd)
            tide.append(server.memory())
        before = sorted(tide[-3:])[1]
        stalled = EventStream(server.address, receive_buffer=4096)
        start = stalled.expect("hello")["id"]
        quiet = EventStream(server.address, "path=quiet/")
        quiet.expect("hello")
        writer.write(CHANGES, crowd)
        # What a stalled client costs does not shrink again while it stalls: at the ebb it is seen.
        growth = server.memory() - before
        for _ in range(12):
            if growth < 1 << 20:
                break
            writer.write(CHANGES // 10, crowd)
            growth = min(growth, server.memory() - before)
        written = number(crowd_head(crowd)) - number(start)
        print(f"grew by {growth} bytes over {written} changes")
        assert growth < 1 << 20

        # The others: everything, once, and no reset.
        assert crowd.counts == [writer.written] * READERS
        assert crowd.resets == 0
        last = number(start) + written
        assert written >= CHANGES
        for tail in crowd.tails:
            assert b"-%d" % last in tail

        # The client of the quiet directory: no reset, and the next change of its own.
        (directory / "quiet" / "now").mkdir()
        quiet.connection.socket.settimeout(15)
        (change,) = quiet.changes_until("quiet/now")
        assert number(change["id"]) == last + 1

        # The stalled one reads again: each change is the next, or a reset says what was missed.
        at, resets = number(start), 0
        while at < last + 1:
            event = stalled.next()
            assert event is not None, f"stopped at {at} of {last + 1}"
            if event.type == "reset":
                resets += 1
                assert event["reason"] in ("lagged", "history")
                assert number(event["lostAfter"]) == at
                assert event["scope"] == [{"watch": server.only_watch()["id"], "path": ""}]
                at = number(event["id"])
            elif event.type == "change":
                assert number(event["id"]) == at + 1, "a silent hole"
                at += 1
            else:
                assert event.type == "bookmark", event
        assert resets >= 1, "the journal cannot hold that many; was the client ever behind?"
    finally:
        crowd.stop()
        writer.close()
        for stream in filter(None, (stalled, quiet)):
            stream.close()


def test_a_slow_client_that_wants_to_be_closed_is_closed_with_its_cursor(daemon, directory):
    writer = Writer(directory)
    server = daemon(directory, flags=["--settle", "0ms"])
    server.only_watch()
    with EventStream(server.address, "overflow=close&maxLag=1000", receive_buffer=4096) as stalled:
        start = number(stalled.expect("hello")["id"])
        crowd = Crowd(server)
        writer.write(50_000, crowd)
        seen = stalled.all(seconds=60)
        crowd.stop()
        writer.close()
    bye = seen[-1]
    assert bye.type == "bye"
    changes = [event for event in seen if event.type == "change"]
    numbers = [number(event["id"]) for event in changes]
    assert numbers == list(range(start + 1, start + 1 + len(numbers)))
    assert number(bye["id"]) == [start, *numbers][-1], "the cursor is where it can come back to without a hole"
