"""Clients that stall, vanish, come back and lie, beside one that reads everything. Whatever happens
to them, in the end each knows what that one knows, but for what it was told to read again."""

import os
import random
import socket
import struct

import pytest

from client import EventStream
from model import Picture, below, difference
from support import eventually
from test_random_operations import Follower, css, in_src
from workload import Workload

ROUNDS = int(os.environ.get("TIDINGS_ROUNDS", "150"))
CLIENTS = 14
VIEWS = [("", lambda path: True, True), ("path=src/", in_src, True), ("path=**/*.css", css, False)]


def number(cursor):
    return int(cursor.rpartition("-")[2])


class Unsteady:
    def __init__(self, server, choose, policy=None):
        """With a policy given: one that follows everything and is soon too far behind."""
        self.server, self.choose = server, choose
        view, self.wanted, self.directories = VIEWS[0] if policy else choose.choice(VIEWS)
        self.policy = policy or choose.choice(["reset", "coalesce", "coalesce", "close"])
        lag = "&maxLag=20" if policy else choose.choice(["", "&maxLag=20", "&maxLag=60"])
        self.query = f"initial=1&overflow={self.policy}{lag}&{view}".rstrip("&")
        self.epoch = None
        self.last = self.came_back_at = None
        self.resets = self.cuts = 0
        self.said = []
        self.picture = Picture(strict=False)
        self._connect()

    def _connect(self, cursor=None):
        fields = {"last_event_id": cursor} if cursor else {}
        self.stream = EventStream(self.server.address, self.query, receive_buffer=4096, **fields)
        assert self.stream.response.status == 200

    def _come_back(self):
        self.stream.close()
        self.cuts += 1
        if self.stream.ended and self.last == self.came_back_at:
            self.last = None  # closed again at once: it asks for more than it allows itself
        self.came_back_at = self.last
        if self.choose.random() < 0.05:
            # A cursor that was never given out: all is told anew.
            self.last, self.picture.live = None, False
            return self._connect(self.choose.choice(["zzzzzzzz-7", f"{self.epoch or 'a'}-99999999"]))
        self._connect(self.last)

    def vanish(self):
        """With what is on its way; half of the time by a reset in mid-frame."""
        if self.choose.random() < 0.5:
            linger = struct.pack("ii", 1, 0)
            self.stream.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._come_back()

    def read(self, most):
        """Up to `most` events of those that are there; whether there were any."""
        for count in range(most):
            event = self.stream.next(seconds=0.02)
            if event is None:
                if self.stream.ended:
                    self._come_back()
                return count > 0
            self._take(event)
        return True

    def _take(self, event):
        self.said = [*self.said[-20:], event]
        if event.type == "hello":
            self.epoch = event["epoch"]
            if not event["resumed"]:
                self.picture, self.last = Picture(strict=False), None
        if event.own_id:
            same = self.last and self.last.rpartition("-")[0] == self.epoch
            assert not same or number(event.own_id) >= number(self.last), (event, self.last)
            self.last = event.own_id
        self.resets += event.type == "reset" and event["reason"] == "lagged"
        self.picture.apply(event)

    def has_come_to(self, cursor):
        self.read(10_000)
        return self.last is not None and self.picture.live and number(self.last) >= number(cursor)

    def differs(self, truth):
        """From the picture of the one that read everything; what it doubts it reads again there."""
        for doubt in self.picture.doubts:
            for path in [path for path in self.picture.entries if below(path, doubt)]:
                del self.picture.entries[path]
            self.picture.entries |= {p: e for p, e in truth.entries.items() if below(p, doubt)}
        told = self.picture.seen(self.wanted, self.directories)
        return difference(told, truth.seen(self.wanted, self.directories))


@pytest.mark.parametrize("seed", [int(os.environ.get("TIDINGS_SEED", random.SystemRandom().randrange(1 << 32)))])
def test_in_the_end_everybody_knows_the_same(daemon, directory, seed):
    print(f"TIDINGS_SEED={seed}")
    choose = random.Random(seed)
    outside = directory.parent / "outside"
    outside.mkdir()
    server = daemon(directory, flags=["--settle", "0ms", "--history", "400"])
    server.only_watch()
    work = Workload(directory, outside, seed)
    work.run(100)
    steady = Follower(server, "")
    eventually(lambda: steady.picture.live)
    # These two read in the first half only, so that chance alone does not decide who falls behind.
    lazy = [Unsteady(server, choose, "reset"), Unsteady(server, choose, "coalesce")]
    clients = lazy + [Unsteady(server, choose) for _ in range(CLIENTS - len(lazy))]
    for turn in range(ROUNDS):
        work.run(choose.choice([1, 10, 60]))
        (directory / f"turn-{turn}").mkdir()
        # The one that must miss nothing is waited for, in a journal that holds a few turns.
        eventually(lambda: b"turn-%d" % turn in steady.picture.entries, 60)
        for client in choose.sample(clients if turn < ROUNDS // 2 else clients[len(lazy):], 3):
            if choose.random() < 0.15:
                client.vanish()
            client.read(choose.choice([1, 20, 1000]))
    os.makedirs(directory / "src" / "the-end.css")
    eventually(lambda: b"src/the-end.css" in steady.picture.entries, 60)
    end = next(e for e in steady.recent if e.get("path") == "src/the-end.css")["id"]
    for client in clients:
        eventually(lambda: client.has_come_to(end), 60, f"{client.query} to come to {end}: {client.said}")
    with steady.lock:
        assert steady.trouble is None and not steady.picture.doubts
        for client in clients:
            lines = client.differs(steady.picture)
            assert not lines, f"{client.query}: {len(lines)} differ: {lines[:10]}\nlast told: {client.said}"
    assert sum(client.resets for client in clients) and sum(client.cuts for client in clients)
    assert b"tidings_coalesced_records_total 0" not in server.get("/-/metrics").body
    for client in [*clients, steady]:
        client.stream.close()
