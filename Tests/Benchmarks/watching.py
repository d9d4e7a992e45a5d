"""Directories watched: issue B's figures."""

import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

from measure import FLOOR, OTHERS, TIDINGS, Program, Scratch, Table, Unmeasured, eventually, in_turns

COMMANDS = {
    "tidings": (TIDINGS, "watch", "--json"),
    "without index": (TIDINGS, "watch", "--json", "--no-index"),
    "at once": (TIDINGS, "watch", "--json", "--settle", "0"),
    "floor": (FLOOR, "print"),
    "floor at once": (FLOOR, "print-now"),
    "inotifywait": ("inotifywait", "-m", "-r", "-q"),
}


class Lines:
    """What a program prints, on another scratch filesystem than the one it watches."""

    def __init__(self, path):
        self.path = path
        self.output = open(path, "wb")
        self.input = open(path, "rb")
        self.tail = b""

    def have(self, text):
        """Whether `text` is in what has come since it was asked the last time; b"" forgets what has. A line
        that ends in another page of the file may come in two pieces."""
        come = self.tail + self.input.read()
        self.tail = come[-len(text) + 1 :] if len(text) > 1 else b""
        return text in come

    def grow_no_more(self, quiet=1.2):
        size, since = -1, time.monotonic()
        while time.monotonic() - since < quiet:
            now = os.path.getsize(self.path)
            if now != size:
                size, since = now, time.monotonic()
            time.sleep(0.05)


@contextmanager
def watching(name, tree, scratch):
    """A program that watches all of `tree`, which a file made in its last directory has shown."""
    if not shutil.which(COMMANDS[name][0]):
        raise Unmeasured(f"{name} is not installed")
    lines = Lines(scratch / "lines")
    with Program(*COMMANDS[name], tree, output=lines.output) as program:
        deepest = max((path for path, _, _ in os.walk(tree)), key=lambda path: (path.count("/"), path))
        probes = iter(range(1_000_000))

        def is_told():
            name = f"probe-{next(probes)}"
            (Path(deepest) / name).touch()
            time.sleep(0.05)
            return lines.have(b"probe-")

        eventually(is_told, 120, "the first line")
        yield program, lines


def generate(*words):
    """What the generator says it made."""
    command = [FLOOR, *map(str, words)]
    told = subprocess.run(command, check=True, capture_output=True, preexec_fn=lambda: os.sched_setaffinity(0, OTHERS))
    return int(told.stdout)


def flood(name, cycles):
    """CPU seconds for a million records of the kernel."""
    with Scratch() as scratch, Scratch() as tree:
        for number in range(100):
            (tree / f"d{number:02d}").mkdir()
        with watching(name, tree, scratch) as (program, lines):
            lines.grow_no_more(0.6)
            before = program.cpu()
            records = generate("flood", tree, cycles)
            lines.grow_no_more()
            return (program.cpu() - before) / records * 1e6


def unpack(name, files, missed):
    """CPU seconds for a tree that is made under the watch; what no line names is counted in `missed`."""
    with Scratch() as scratch, Scratch() as tree:
        with watching(name, tree, scratch) as (program, lines):
            lines.grow_no_more(0.6)
            before = program.cpu()
            generate("tree", tree, files)
            lines.grow_no_more()
            used = program.cpu() - before
            told = lines.path.read_bytes()
        missed[name] = files - len(set(re.findall(rb"file-\d+\.c", told)))
        return used


def linux_source():
    """The archive that Debian's and Ubuntu's linux-source packages install; None where there is none."""
    return next(iter(sorted(Path("/usr/src").glob("linux-source-*.tar.*"))), None)


def extract(name, archive, missed):
    """CPU seconds for the archive extracted under the watch; the entries that no line names are counted."""
    with Scratch() as scratch, Scratch() as tree:
        with watching(name, tree, scratch) as (program, lines):
            lines.grow_no_more(0.6)
            before = program.cpu()
            command = ["tar", "-xf", archive, "-C", tree]
            subprocess.run(command, check=True, preexec_fn=lambda: os.sched_setaffinity(0, OTHERS))
            lines.grow_no_more()
            used = program.cpu() - before
            told = set()
            for line in lines.path.read_bytes().splitlines():
                if found := re.search(rb'"path":"([^"]*)"', line):
                    told.add(os.fsencode(tree) + b"/" + found[1])
                elif len(words := line.split(b" ")) > 2:
                    told.add(words[0] + words[-1])
        entries = {
            os.path.join(os.fsencode(path), name)
            for path, directories, files in os.walk(os.fsencode(tree))
            for name in directories + files
            if not name.startswith(b"probe-")
        }
        missed[name] = len(entries - told)
        missed["entries"] = len(entries)
        return used


def arming(name, directories):
    """Microseconds of CPU for each directory, until a file in the last one is told of."""
    with Scratch() as scratch, Scratch() as tree:
        for number in range(directories):
            path = tree / f"t{number // 1000}" / f"u{number}"
            path.mkdir(parents=True)
        with watching(name, tree, scratch) as (program, _):
            return program.cpu() / directories * 1e6


def asleep(seconds):
    """Context switches over 1,000 directories where nothing happens."""
    with Scratch() as scratch, Scratch() as tree:
        for number in range(1000):
            (tree / f"d{number}").mkdir()
        with watching("tidings", tree, scratch) as (program, lines):
            lines.grow_no_more()
            before = program.switches()
            time.sleep(seconds)
            return program.switches() - before


def resident(name, files):
    with Scratch() as scratch, Scratch() as tree:
        for number in range(100):
            (tree / f"d{number:02d}").mkdir()
        for number in range(files):
            os.close(os.open(f"{tree}/d{number % 100:02d}/file-{number:07d}", os.O_CREAT | os.O_WRONLY))
        with watching(name, tree, scratch) as (program, lines):
            lines.grow_no_more()
            return program.resident()


def latencies(names, count):
    """Microseconds from before write(2) until a line of it is in the file: of each the median."""
    with ExitStack() as stack:
        found, trees, times = {}, {}, {name: [] for name in names}
        for name in names:
            scratch, trees[name] = stack.enter_context(Scratch()), stack.enter_context(Scratch())
            (trees[name] / "d").mkdir()
            _, found[name] = stack.enter_context(watching(name, trees[name], scratch))
            found[name].grow_no_more()
        for number in range(count):
            for name in names:
                wanted = f"late-{number}".encode()
                file = os.open(trees[name] / "d" / wanted.decode(), os.O_CREAT | os.O_WRONLY)
                time.sleep(0.02)
                found[name].have(b"")
                begin = time.perf_counter()
                os.write(file, b".")
                while not found[name].have(wanted):
                    if time.perf_counter() - begin > 10:
                        raise Unmeasured(f"{wanted} was not told of")
                times[name].append(time.perf_counter() - begin)
                os.close(file)
    return {name: statistics.median(times[name]) * 1e6 for name in names}


def floods(size):
    table = Table("CPU of a watcher under load")
    names = ("tidings", "without index", "floor", "inotifywait")
    found = in_turns(size.repetitions, **{name: lambda name=name: flood(name, size.flood) for name in names})
    floor = found["floor"]
    what = "a million records of the kernel"
    table.row(what, found["tidings"], "s", floor, most=2)
    table.row(f"{what}, no index", found["without index"], "s", floor, most=2)
    table.row(what, found["tidings"], "s", found["inotifywait"], "inotifywait")
    missed = {}
    found = in_turns(
        size.repetitions, **{name: lambda name=name: unpack(name, size.entries, missed) for name in names}
    )
    what = f"a tree of {size.entries:,} files is made"
    table.row(f"{what}, no index", found["without index"], "s", found["floor"], most=2)
    table.row(what, found["tidings"], "s", found["inotifywait"], "inotifywait", most=0.34)
    table.row("… missed of it", missed.get("tidings"), "files", missed.get("inotifywait"), "inotifywait", limit=0)
    if size.extracts:
        extracts(table, size)


def extracts(table, size):
    packed = linux_source()
    if packed is None:
        print("  no /usr/src/linux-source-*: install Debian's linux-source to have it extracted", file=sys.stderr)
        return
    names = ("tidings", "without index", "floor", "inotifywait")
    missed = {}
    with Scratch() as scratch:
        # Unpacked first: what is measured is the watcher while tar writes as fast as it can.
        archive = scratch / "linux.tar"
        with open(archive, "wb") as output:
            program = {".xz": "xz", ".bz2": "bzip2"}[packed.suffix]
            subprocess.run([program, "-dc", packed], check=True, stdout=output)
        found = in_turns(
            size.repetitions, **{name: lambda name=name: extract(name, archive, missed) for name in names}
        )
    what = f"{packed.name} extracted, {missed.get('entries', 0):,} entries"
    table.row(f"{what}, no index", found["without index"], "s", found["floor"], most=2)
    table.row(what, found["tidings"], "s", found["inotifywait"], "inotifywait", most=0.34)
    table.row("… missed of it", missed.get("tidings"), "entries", missed.get("inotifywait"), "inotifywait", limit=0)


def rests(size):
    table = Table("What watching costs beside that")
    allowed = int(Path("/proc/sys/fs/inotify/max_user_watches").read_text())
    directories = min(size.directories, allowed // 2)
    names = ("tidings", "without index", "floor")
    found = in_turns(size.repetitions, **{name: lambda name=name: arming(name, directories) for name in names})
    table.row(f"arming each of {directories:,} directories, CPU", found["tidings"], "µs", found["floor"], most=1.5)
    table.row("the same, no index", found["without index"], "µs", found["floor"], most=1.5)
    found = in_turns(1, it=lambda: asleep(size.seconds))
    table.row(f"context switches in {size.seconds} s over 1,000 directories", found["it"], "", limit=0)
    found = in_turns(1, few=lambda: resident("tidings", 0), many=lambda: resident("tidings", size.files))
    if found["few"] and found["many"]:
        each = (found["many"] - found["few"]) / size.files - len("file-0000000")
        table.row("memory per indexed file beside its name", each, "bytes", limit=120)
    found = latencies(("at once", "floor at once"), size.repetitions * size.changes)
    floor = found["floor at once"]
    table.row("write → line printed, idle, median", found["at once"], "µs", floor, limit=floor + 50)
