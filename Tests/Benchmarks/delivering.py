"""Changes told to many clients: issue C's figures."""

import base64
import os
import select
import socket
import statistics
import time
from contextlib import contextmanager

from measure import FLOOR, TIDINGS, Program, Scratch, Table, Unmeasured
from measure import eventually, free_port, in_turns, is_open

# Stands once in the name of each file that is made, and nowhere else in what a server says of it: not
# in the frame either, whose length is some 200.
MARK = b"Q"


class Clients:
    """Sockets that follow a server; who reads them counts marks."""

    def __init__(self, port, count, kind, paths=None):
        self.sockets, self.poll, self.marks = {}, select.epoll(), 0
        for number in range(count):
            client = socket.create_connection(("127.0.0.1", port), timeout=60)
            client.sendall(request(kind, paths and paths[number]))
            answer = client.recv(65536)
            if b" 200 " not in answer and b" 101 " not in answer:
                raise Unmeasured(f"a client was refused: {answer[:60]}")
            if kind == "ws":
                client.sendall(text_frame(b'{"op":"subscribe","ref":"a","kinds":["create"]}'))
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
            self.marks += said.count(MARK)
        return bool(ready)

    def drain(self):
        """Until nothing more comes."""
        while self.read(0.5):
            pass
        self.marks = 0

    def wait_for(self, marks):
        deadline = time.monotonic() + 60
        while self.marks < marks:
            if not self.read(1) and time.monotonic() > deadline:
                raise Unmeasured(f"{marks - self.marks} events are missing")

    def close(self):
        for client in self.sockets.values():
            client.close()


def request(kind, path):
    if kind == "ws":
        key = base64.b64encode(os.urandom(16)).decode()
        extra = (
            f"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        )
        return f"GET /-/v1/socket HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n".encode()
    query = f"?kinds=create{f'&path={path}/' if path else ''}"
    return f"GET /-/v1/events{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def text_frame(text):
    """Masked with zeros (RFC 6455 §5.3)."""
    length = bytes([0x80 | len(text)]) if len(text) < 126 else bytes([0xFE]) + len(text).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + text


@contextmanager
def server(kind, directory):
    port = free_port()
    command = [TIDINGS, "daemon", "--root", directory, "--port", port, "--settle", "0", "--loops", "1"]
    if kind.startswith("floor"):
        command = [FLOOR, kind.partition("-")[2], port, directory]
    with Program(*command) as program:
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


def per_delivery(kind, count, changes, in_flight=1):
    """Microseconds of CPU for one event to one of `count` clients, the watcher's work included."""
    with Scratch() as directory, server(kind, directory) as (program, port):
        clients, files = Clients(port, count, kind.rpartition("-")[2]), Files(directory)
        for warm_up in range(1, 4):
            files.make()
            clients.wait_for(warm_up * count)
        before = program.cpu()
        for change in range(changes):
            files.make()
            clients.wait_for((3 + change + 2 - in_flight) * count)
        clients.wait_for((3 + changes) * count)
        used = program.cpu() - before
        clients.close()
        return used / (changes * count) * 1e6


def latency(kind, changes):
    """Microseconds from before open(2) until the one client has it: the median."""
    with Scratch() as directory, server(kind, directory) as (_, port):
        clients, files, times = Clients(port, 1, "sse"), Files(directory), []
        for change in range(changes):
            time.sleep(0.01)
            begin = time.perf_counter()
            files.make()
            clients.wait_for(change + 1)
            times.append(time.perf_counter() - begin)
        clients.close()
        return statistics.median(times) * 1e6


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


def stalled(changes):
    """KiB by which the server, its journal full, grows while one client does not read."""
    with Scratch() as directory, server("tidings-sse", directory) as (program, port):
        clients, files = Clients(port, 10, "sse"), Files(directory)

        def many(count):
            for number in range(count):
                os.unlink(files.make())
                if number % 64 == 0:
                    clients.read(0)
            clients.drain()

        # The journal is full, and everything else as large as it gets by this alone.
        many(max(40_000, changes))
        deaf = socket.create_connection(("127.0.0.1", port))
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(request("sse", None))
        deaf.recv(100)
        before = program.resident()
        many(changes)
        grown = program.resident() - before
        deaf.close()
        clients.close()
        return max(grown, 0) / 1024


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


def deliveries(size):
    table = Table("CPU per delivery, to 1,000 clients: microseconds")
    kinds = ("tidings-sse", "tidings-ws", "floor-sse", "floor-ws")
    for what, changes, in_flight, most in (
        ("one change at a time", size.changes, 1, 1.15),
        ("64 in flight", size.changes * 4, 64, 2),
    ):
        found = in_turns(
            size.repetitions,
            **{kind: lambda kind=kind: per_delivery(kind, 1000, changes, in_flight) for kind in kinds},
        )
        for kind, name in (("sse", "Server-Sent Events"), ("ws", "WebSocket")):
            table.row(f"{what}, {name}", found[f"tidings-{kind}"], "µs", found[f"floor-{kind}"], most=most)


def clients(size):
    table = Table("Clients that are idle, stalled, or interested in something else")
    for kind, name in (("sse", "Server-Sent Events"), ("ws", "WebSocket")):
        found = in_turns(1, it=lambda: per_idle_client(kind, size.clients))
        table.row(f"memory per idle client, {name}", found["it"], "bytes", limit=1229)
    found = in_turns(1, it=lambda: stalled(size.flood))
    table.row(f"growth for one stalled client, {2 * size.flood:,} changes", found["it"], "KiB", limit=100)
    found = in_turns(
        size.repetitions,
        one=lambda: one_of_many(1, size.clients, size.changes),
        many=lambda: one_of_many(size.clients, size.clients, size.changes),
    )
    table.row(
        f"a change for one of {size.clients:,} subscribers, CPU", found["many"], "µs", found["one"], "one subscriber", most=2
    )
    found = in_turns(
        size.repetitions,
        tidings=lambda: latency("tidings-sse", size.changes),
        floor=lambda: latency("floor-sse", size.changes),
    )
    table.row("file made → client has it, median", found["tidings"], "µs", found["floor"], limit=(found["floor"] or 0) + 100)
