"""Starting the executable, waiting for something, stopping it: what every test needs.

Nothing here sleeps for a fixed time to let the server "get there": `eventually` asks until the
answer is the wanted one, and says what the last answer was when the deadline has passed.
"""

import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import client

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
EXECUTABLE = os.environ.get("TIDINGS", str(REPOSITORY / ".build" / "debug" / "tidings"))

# Long enough for a loaded machine with two cores; nothing waits this long when all is well.
PATIENCE = 15.0

URL = re.compile(r"http://(\[[0-9A-Fa-f:.]+\]|[^\s/:\[\]]+):(\d+)/")


class Deadline(AssertionError):
    """Something that should have happened did not, in the time it was given."""


def eventually(question, seconds=PATIENCE, what=None):
    """Asks until the answer is true, and returns that answer; an AssertionError or a refused
    connection counts as "not yet" and is what the failure shows."""
    end = time.monotonic() + seconds
    pause = 0.002
    while True:
        trouble = None
        try:
            answer = question()
            if answer:
                return answer
        except (AssertionError, ConnectionError) as error:
            answer, trouble = None, error
        if time.monotonic() > end:
            name = what or getattr(question, "__name__", "the condition")
            raise Deadline(f"{name} not within {seconds} s; last answer: {trouble or answer!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


class Tidings:
    """One run of the executable. Its standard error is read by a thread, line by line, so that a
    full pipe never stops it."""

    def __init__(self, *arguments, environment=None):
        self.arguments = [str(argument) for argument in arguments]
        self.environment = environment
        self.lines = []
        self.process = None
        self.port = None
        self.url = None

    # Starting

    def start(self, port=0, seconds=PATIENCE):
        """Starts it and waits for the banner to name the address; `port` 0 lets the kernel choose,
        None leaves the flag away."""
        command = [EXECUTABLE, *self.arguments]
        if port is not None:
            command += ["--port", str(port)]
        self.launch(command)
        try:
            eventually(self._address, seconds, "an address in the banner")
        except AssertionError:
            self.kill()
            raise
        return self

    def launch(self, command):
        """Starts `command` as it is, without waiting for a banner."""
        self._changed = threading.Condition()
        self.lines = []
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(self.environment or {})},
            start_new_session=True,
        )
        self._output = b""
        self._readers = [
            threading.Thread(target=self._read_errors, daemon=True),
            threading.Thread(target=self._read_output, daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        return self

    def _read_errors(self):
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.decode("utf-8", "backslashreplace").rstrip("\n"))
                self._changed.notify_all()

    def _read_output(self):
        while piece := os.read(self.process.stdout.fileno(), 65536):
            self._output += piece

    def _address(self):
        for line in list(self.lines):
            if found := URL.search(line):
                host, port = found.group(1), int(found.group(2))
                self.port, self.url = port, f"http://{host}:{port}"
                return True
        assert self.process.poll() is None, (
            f"{' '.join(self.process.args)} ended with {self.process.returncode}:\n{self.stderr}"
        )
        return False

    # While it runs

    @property
    def pid(self):
        return self.process.pid

    @property
    def stderr(self):
        return "\n".join(self.lines)

    @property
    def stdout(self):
        return self._output

    @property
    def address(self):
        """Where a raw socket connects."""
        return ("127.0.0.1", self.port)

    def request(self, method, target, body=None, **fields):
        """One request on a connection of its own; see client.request."""
        return client.request(self.address, method, target, body, **fields)

    def get(self, target, **fields):
        return self.request("GET", target, **fields)

    def watches(self):
        return self.get("/-/v1/watches").json()["watches"]

    def only_watch(self, seconds=PATIENCE):
        """The one watch of this server, once it is live."""

        def live():
            (watch,) = self.watches()
            assert watch["state"] == "live", watch
            return watch

        return eventually(live, seconds, "the watch to be live")

    def events(self, query="", **options):
        """An SSE stream; see client.EventStream."""
        return client.EventStream(self.address, query, **options)

    def memory(self):
        """Bytes of memory that are this process's own (man 5 proc, smaps_rollup)."""
        with open(f"/proc/{self.pid}/smaps_rollup") as lines:
            sizes = dict(re.findall(r"^(\w+): +(\d+) kB", lines.read(), re.M))
        return (int(sizes["Private_Dirty"]) + int(sizes["Private_Clean"])) * 1024

    # Ending

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=PATIENCE):
        """The exit status, once it has ended; negative for a signal."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Deadline(f"still running after {seconds} s:\n{self.stderr}") from None
        for reader in self._readers:
            reader.join(PATIENCE)
        self.process.stdout.close()
        self.process.stderr.close()
        return status

    def stop(self, seconds=PATIENCE):
        """Asks it to end, as a supervisor would, and gives its exit status."""
        if self.process.returncode is None:
            self.signal(signal.SIGTERM)
            return self.wait(seconds)
        return self.process.returncode

    def kill(self):
        """Ends it without asking."""
        if self.process and self.process.returncode is None:
            self.signal(signal.SIGKILL)
            self.wait()

    def restart(self, **options):
        """Stops it and starts it again on the same port."""
        status = self.stop()
        assert status == 0, f"ended with {status}:\n{self.stderr}"
        return self.start(port=self.port, **options)
