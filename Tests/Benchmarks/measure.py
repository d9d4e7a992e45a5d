"""What every table needs: programs started and looked at by /proc, repetitions that take turns, rows."""

import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TIDINGS = os.environ["TIDINGS"]
FLOOR = os.environ["FLOOR"]
# Who is measured has a processor, who makes it work has another; on one processor they share.
MEASURED, OTHERS = ({0}, {1}) if (os.cpu_count() or 1) > 1 else ({0}, {0})


class Unmeasured(Exception):
    """Why a row has no figure."""


class Program:
    """A process with all its threads; ended when the block is left."""

    def __init__(self, *command, output=subprocess.DEVNULL, cpus=MEASURED, environment=None):
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | (environment or {}),
            preexec_fn=lambda: os.sched_setaffinity(0, cpus),
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _threads(self):
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            # The fields after the name: state, parent, group.
            if int(fields[2]) == self.process.pid:
                yield from status.parent.glob("task/*")

    def cpu(self):
        """Seconds of all threads of all processes, to the nanosecond."""
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in self._threads()) / 1e9

    def switches(self):
        lines = [line for thread in self._threads() for line in (thread / "status").read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)

    def resident(self):
        """Bytes."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        raise Unmeasured("it has ended")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def eventually(condition, seconds=60, what="it"):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Unmeasured(f"{what} did not happen within {seconds} s")
        time.sleep(0.02)


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Scratch:
    """A directory in memory where there is one, so that no disk is measured."""

    def __enter__(self):
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.path = Path(tempfile.mkdtemp(prefix="tidings-bench-", dir=memory))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def in_turns(repetitions, **measurements):
    """The median of each; one repetition of all comes before the next, so that whatever else the machine
    does meets all alike. What cannot be measured is None."""
    found = {name: [] for name in measurements}
    for _ in range(repetitions):
        for name, measure in measurements.items():
            try:
                found[name].append(measure())
            except Unmeasured as reason:
                print(f"  {name}: {reason}", file=sys.stderr)
    return {name: statistics.median(values) if values else None for name, values in found.items()}


class Table:
    """Rows of what was measured beside what it is held against; printed as Markdown."""

    def __init__(self, title):
        print(f"\n## {title}\n")
        print("| what | Tidings | beside | ratio | wanted | |")
        print("|---|---|---|---|---|---|")

    def row(self, what, value, unit, beside=None, name="floor", most=None, least=None, limit=None):
        """`most` and `least` are what the ratio may be; `limit` is the most the value itself may be."""

        def say(number):
            return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"

        if value is None:
            print(f"| {what} | not measured | | | | |", flush=True)
            return
        ratio = value / beside if beside else None
        wanted, holds = "", ""
        if ratio is not None and (most or least):
            wanted = f"≤ {most}" if most else f"≥ {least}"
            holds = "yes" if (ratio <= most if most else ratio >= least) else "no"
        if limit is not None:
            wanted, holds = f"≤ {say(limit)}", "yes" if value <= limit else "no"
        other = f"{say(beside)} ({name})" if beside is not None else ""
        shown = f"{ratio:.2f}" if ratio is not None else ""
        print(f"| {what} | {say(value)} {unit} | {other} | {shown} | {wanted} | {holds} |", flush=True)


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
