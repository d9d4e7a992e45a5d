"""Fixtures: a directory, and servers that are gone when the test is."""

import os
import resource
import signal
import sys

import pytest

sys.dont_write_bytecode = True

import chromium  # noqa: E402
import support  # noqa: E402

# No test needs longer; one that does hangs, and says where.
LONGEST_TEST_SECONDS = 300


def pytest_configure(config):
    if not os.access(support.EXECUTABLE, os.X_OK):
        raise pytest.UsageError(f"no executable at {support.EXECUTABLE}: run swift build, or set TIDINGS")
    # A thousand clients are a thousand descriptors here and another thousand in the server, which
    # inherits this limit.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@pytest.fixture(autouse=True)
def bounded():
    """Every test ends: with its own verdict, or with the stack at which it hung."""

    def ring(number, frame):
        raise support.Deadline(f"the test took more than {LONGEST_TEST_SECONDS} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(LONGEST_TEST_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def directory(tmp_path):
    """An empty directory to watch."""
    place = tmp_path / "site"
    place.mkdir()
    return place


@pytest.fixture
def started():
    """`started(*arguments, port=0)` runs the executable until the test ends. A server that has not
    been stopped by then must end well: a crash or a hang at the end fails the test, too."""
    running = []

    def start(*arguments, port=0, environment=None):
        server = support.Tidings(*arguments, environment=environment)
        running.append(server)
        return server.start(port=port)

    yield start
    statuses = []
    for server in running:
        if server.process and server.process.returncode is None:
            try:
                statuses.append((server.stop(), server.stderr))
            except AssertionError:
                server.kill()
                raise
        for line in server.lines:
            print(f"tidings: {line}", file=sys.stderr)
    for status, stderr in statuses:
        assert status == 0, f"the server ended with {status}:\n{stderr}"


@pytest.fixture
def launched():
    """`launched(*arguments)` runs the executable with these words and nothing else, without waiting
    for a banner: for runs that are refused, and for commands that are not servers."""
    running = []

    def launch(*arguments, environment=None):
        run = support.Tidings(*arguments, environment=environment)
        running.append(run)
        return run.launch([support.EXECUTABLE, *run.arguments])

    yield launch
    for run in running:
        run.kill()


@pytest.fixture
def serve(started):
    """`serve(directory, *flags)`: a site with live reload, on a port of its own."""
    return lambda place, *flags, **options: started("serve", place, *flags, **options)


@pytest.fixture
def daemon(started):
    """`daemon(*roots, flags=[…])`: the API alone, watching the roots."""

    def start(*roots, flags=(), **options):
        named = [word for root in roots for word in ("--root", root)]
        return started("daemon", *named, *flags, **options)

    return start


@pytest.fixture(scope="session")
def driver():
    """One chromedriver for all tests that look at pages."""
    if trouble := chromium.missing():
        pytest.fail(f"{trouble}: deploy/test installs them")
    with chromium.Driver() as made:
        yield made


@pytest.fixture
def browser(driver):
    """A browser of its own for each test: no cache, no storage, no tabs from before."""
    with driver.browser() as made:
        yield made
