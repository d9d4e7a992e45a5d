"""Changes told to many clients: issue C's figures."""

import base64
import os
import select
import socket
import statistics
import time
import zlib
from contextlib import ExitStack, contextmanager
from pathlib import Path

from measure import FLOOR, TIDINGS, Program, Scratch, Table, Unmeasured
from measure import eventually, free_port, in_turns, is_open

# Stands once in the name of each file that is made, and nowhere else in what a server says of it: not
# in the frame either, whose length is some 200.
MARK = b"Q"

# What is freed goes back to the kernel at once (man 3 mallopt), so that what is resident is held.
FRUGAL = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "32768",
    "MALLOC_TRIM_THRESHOLD_": "65536",
    "MALLOC_TOP_PAD_": "0",
}


class Clients:
    """Sockets that follow a server; who reads them counts marks."""

    def __init__(self, port, count, kind, paths=None):
        self.sockets, self.poll, self.marks, self.bytes = {}, select.epoll(), 0, 0
        self.kind, self.decoded = kind, None
        for number in range(count):
            client = socket.create_connection(("127.0.0.1", port), timeout=60)
            client.sendall(request(kind, paths and paths[number]))
            answer = client.recv(65536)
            if b" 200 " not in answer and b" 101 " not in answer:
                raise Unmeasured(f"a client was refused: {answer[:60]}")
            if kind == "ws":
                client.sendall(text_frame(b'{"op":"subscribe","ref":"a","kinds":["create"]}'))
            if kind == "gzip" and not self.decoded:
                self.decoded = Decoded(client.fileno(), answer.partition(b"\r\n\r\n")[2])
            client.setblocking(False)
            self.sockets[client.fileno()] = client
            self.poll.register(client.fileno(), select.EPOLLIN)
        self.drain()

    def read(self, seconds):
        """Whether anything came."""
        ready = self.poll.poll(seconds)
        for descriptor, _ in ready:
            try:
                said = self.sockets[descriptor].recv(1 << 20)
            except BlockingIOError:
                continue
            if not said:
                raise Unmeasured("a client was disconnected")
            self.bytes += len(said)
            self.marks += 1 if self.kind == "gzip" else said.count(MARK)
            if self.decoded and self.decoded.descriptor == descriptor:
                self.decoded.add(said)
        return bool(ready)

    def drain(self):
        """Until nothing more comes."""
        while self.read(0.5):
            pass
        self.marks = self.bytes = 0

    def wait_for(self, marks):
        deadline = time.monotonic() + 60
        while self.marks < marks:
            if not self.read(1) and time.monotonic() > deadline:
                raise Unmeasured(f"{marks - self.marks} events are missing")

    def close(self):
        for client in self.sockets.values():
            client.close()


class Decoded:
    """What one client of a compressed stream makes of its chunks (RFC 9112 §7.1)."""

    def __init__(self, descriptor, first):
        self.descriptor, self.unread, self.marks = descriptor, b"", 0
        self.inflating = zlib.decompressobj(wbits=31)
        self.add(first)

    def add(self, said):
        self.unread += said
        while b"\r\n" in self.unread:
            size, _, rest = self.unread.partition(b"\r\n")
            size = int(size, 16)
            if len(rest) < size + 2:
                return
            self.marks += self.inflating.decompress(rest[:size]).count(MARK)
            self.unread = rest[size + 2 :]


def request(kind, path):
    if kind == "ws":
        key = base64.b64encode(os.urandom(16)).decode()
        extra = (
            f"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        )
        return f"GET /-/v1/socket HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n".encode()
    query = f"?kinds=create{f'&path={path}/' if path else ''}"
    # Of a compressed stream every piece that comes is a change: no heartbeats.
    query, extra = (query + "&heartbeat=300s", "Accept-Encoding: gzip\r\n") if kind == "gzip" else (query, "")
    return f"GET /-/v1/events{query} HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n".encode()


def text_frame(text):
    """Masked with zeros (RFC 6455 §5.3)."""
    length = bytes([0x80 | len(text)]) if len(text) < 126 else bytes([0xFE]) + len(text).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + text


@contextmanager
def server(kind, directory, environment=None):
    port = free_port()
    command = [TIDINGS, "daemon", "--root", directory, "--port", port, "--settle", "0", "--loops", "1"]
    if kind.startswith("floor"):
        command = [FLOOR, kind.partition("-")[2], port, directory]
    with Program(*command, environment=environment) as program:
        eventually(lambda: is_open(port), what="listening")
        time.sleep(0.5)
        yield program, port


class Files:
    """Makes one file after another, and removes it again unseen (only `create` is followed)."""

    def __init__(self, directory):
        self.directory, self.made = directory, 0

    def make(self):
        self.made += 1
        path = f"{self.directory}/{MARK.decode()}{self.made}"
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
        return path


class Audience:
    """A server and `count` clients, told of files that are made."""

    def __init__(self, kind, directory, program, port, count):
        self.program, self.count = program, count
        self.clients, self.files = Clients(port, count, kind.rpartition("-")[2]), Files(directory)

    def cost(self, changes, in_flight):
        """Microseconds of CPU for a change that all are told, the watcher's work included."""
        self.clients.marks = 0
        before = self.program.cpu()
        for change in range(changes):
            self.files.make()
            self.clients.wait_for((change + 2 - in_flight) * self.count)
        self.clients.wait_for(changes * self.count)
        return (self.program.cpu() - before) / changes * 1e6

    def delay(self):
        """Microseconds from before open(2) until the last client has it."""
        self.clients.marks = 0
        begin = time.perf_counter()
        self.files.make()
        self.clients.wait_for(self.count)
        return (time.perf_counter() - begin) * 1e6


@contextmanager
def audiences(kinds, count):
    """Of each kind one, all at once: who is not told anything sleeps, so short turns can be compared."""
    with ExitStack() as stack:
        found = {}
        for kind in kinds:
            directory = stack.enter_context(Scratch())
            program, port = stack.enter_context(server(kind, directory))
            found[kind] = Audience(kind, directory, program, port, count)
            stack.callback(found[kind].clients.close)
        yield found


def costs(kinds, count, rounds, changes, in_flight):
    """Of each kind the median of `rounds` turns of `changes` changes, the first ones not counted."""
    with audiences(kinds, count) as found:
        turns = [{kind: found[kind].cost(changes, in_flight) for kind in kinds} for _ in range(rounds + 2)]
    return {kind: statistics.median(turn[kind] for turn in turns[2:]) for kind in kinds}


def delays(kinds, changes):
    """Of each kind the median time from a file to the one client."""
    with audiences(kinds, 1) as found:
        times = {kind: [] for kind in kinds}
        for _ in range(changes):
            for kind in kinds:
                time.sleep(0.01)
                times[kind].append(found[kind].delay())
    return {kind: statistics.median(times[kind]) for kind in kinds}


def per_idle_client(kind, count):
    """Bytes."""
    with Scratch() as directory, server("tidings-" + kind, directory) as (program, port):
        first = Clients(port, 50, kind)
        before = program.resident()
        clients = Clients(port, count, kind)
        grown = program.resident() - before
        clients.close()
        first.close()
        return max(grown, 0) / count


def stalled(count, changes):
    """KiB that the server and the kernel hold, the journal full, for each of `count` clients that do not read."""
    with Scratch() as directory, server("tidings-sse", directory, FRUGAL) as (program, port):
        clients, files = Clients(port, 10, "sse"), Files(directory)

        def many(count):
            """Never more at once than is told at once: else how changes come in batches differs."""
            for _ in range(count // 500):
                clients.marks = 0
                for _ in range(500):
                    os.unlink(files.make())
                clients.wait_for(500 * len(clients.sockets))

        def held():
            """What is on its way between two threads comes and goes: the middle of nine counts."""
            seen = []
            for _ in range(9):
                many(5_000)
                seen.append(program.resident())
            return statistics.median(seen)

        # The journal is a ring: once it has been round twice it grows no more.
        many(80_000)
        before = held()
        deaf = [deaf_client(port) for _ in range(count)]
        many(changes)
        grown = held() - before
        kernel = sum(unacknowledged(port, client.getsockname()[1]) for client in deaf)
        for client in deaf:
            client.close()
        clients.close()
        return (max(grown, 0) + kernel) / count / 1024


def deaf_client(port):
    """Follows everything and reads nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port))
    client.sendall(request("sse", None))
    client.recv(100)
    return client


def unacknowledged(server, client):
    """Bytes that the kernel holds for the server's end of a connection (proc(5): tx_queue)."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{server:04X}") and fields[2].endswith(f":{client:04X}"):
            return int(fields[4].partition(":")[0], 16)
    raise Unmeasured("the client that does not read was disconnected")


def one_of_many(subscribers, directories, changes):
    """Microseconds of CPU for a change that one of `subscribers`, each in a directory of its own, follows."""
    with Scratch() as directory:
        names = [f"d{number}" for number in range(directories)]
        for name in names:
            (directory / name).mkdir()
        with server("tidings-sse", directory) as (program, port):
            clients = Clients(port, subscribers, "sse", paths=names)
            files = Files(directory / names[0])
            before = program.cpu()
            for change in range(changes):
                files.make()
                clients.wait_for(change + 1)
            used = program.cpu() - before
            clients.close()
            return used / changes * 1e6


def told_together(kind, count, changes):
    """Microseconds of CPU for a change that `count` clients are told, and bytes for each of them."""
    with Scratch() as directory, server("tidings-" + kind, directory) as (program, port):
        audience = Audience("tidings-" + kind, directory, program, port, count)
        audience.cost(10, 1)
        audience.clients.bytes = 0
        used = audience.cost(changes, 1)
        audience.clients.close()
        decoded = audience.clients.decoded
        if decoded and decoded.marks != changes + 10:
            raise Unmeasured(f"{decoded.marks} of {changes + 10} changes were in the compressed stream")
        return used, audience.clients.bytes / count / changes


def compressed(size):
    table = Table(f"Server-Sent Events to {size.clients:,} clients in one group, compressed, beside uncompressed")
    found = in_turns(
        size.repetitions,
        gzip=lambda: told_together("gzip", size.clients, size.changes),
        sse=lambda: told_together("sse", size.clients, size.changes),
    )
    (used, length), (plain_used, plain_length) = found["gzip"] or (None, None), found["sse"] or (None, None)
    table.row("CPU for a change", used, "µs", plain_used, "uncompressed", most=1.2)
    table.row("a change for each client", length, "bytes", plain_length, "uncompressed", most=0.33)


def deliveries(size):
    table = Table("CPU per delivery, to 1,000 clients, beyond what the change costs with one: microseconds")
    kinds = ("tidings-sse", "tidings-ws", "floor-sse", "floor-ws")
    rounds = 10 * size.repetitions
    for what, changes, in_flight, most in (
        ("one change at a time", size.changes // 10, 1, 1.15),
        ("64 in flight", max(64, size.changes * 4 // 10), 64, 2),
    ):
        many = costs(kinds, 1000, rounds, changes, in_flight)
        one = costs(kinds, 1, rounds, changes, in_flight)
        found = {kind: (many[kind] - one[kind]) / 999 for kind in kinds}
        for kind, name in (("sse", "Server-Sent Events"), ("ws", "WebSocket")):
            table.row(f"{what}, {name}", found[f"tidings-{kind}"], "µs", found[f"floor-{kind}"], most=most)


def clients(size):
    table = Table("Clients that are idle, stalled, or interested in something else")
    for kind, name in (("sse", "Server-Sent Events"), ("ws", "WebSocket")):
        found = in_turns(1, it=lambda: per_idle_client(kind, size.clients))
        table.row(f"memory per idle client, {name}", found["it"], "bytes", limit=1229)
    found = in_turns(1, it=lambda: stalled(10, 5 * size.flood))
    table.row(
        f"growth for each of 10 stalled clients, {10 * size.flood:,} changes", found["it"], "KiB", limit=100
    )
    found = in_turns(
        size.repetitions,
        one=lambda: one_of_many(1, size.clients, size.changes),
        many=lambda: one_of_many(size.clients, size.clients, size.changes),
    )
    table.row(
        f"a change for one of {size.clients:,} subscribers, CPU", found["many"], "µs", found["one"], "one subscriber", most=2
    )
    found = delays(("tidings-sse", "floor-sse"), size.changes * size.repetitions)
    floor = found["floor-sse"]
    table.row("file made → client has it, median", found["tidings-sse"], "µs", floor, limit=floor + 100)
