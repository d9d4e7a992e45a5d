"""A server with nothing to do does nothing: it is not woken, not even to look."""

import os
import time

import pytest

from support import eventually

QUIET_SECONDS = 3.0


def switches(server):
    """How often the kernel has switched to any of its threads."""
    total = {}
    for task in os.listdir(f"/proc/{server.pid}/task"):
        with open(f"/proc/{server.pid}/task/{task}/status") as status:
            lines = dict(line.split(":", 1) for line in status)
        total[f"{task} {lines['Name'].strip()}"] = int(lines["voluntary_ctxt_switches"])
    return total


def asleep(server):
    # Here time is what is measured: an interval in which nothing happens.
    before = switches(server)
    time.sleep(QUIET_SECONDS)
    after = switches(server)
    woken = {task: after[task] - before.get(task, 0) for task in after if after[task] != before.get(task)}
    assert not woken, f"woken within {QUIET_SECONDS} s: {woken}"
    return True


@pytest.mark.parametrize("clients", [0, 5])
def test_an_idle_server_is_never_woken(serve, directory, clients):
    for number in range(20):
        (directory / f"d{number}").mkdir()
    server = serve(directory)
    server.only_watch()
    streams = [server.events("heartbeat=5m") for _ in range(clients)]
    for stream in streams:
        stream.expect("hello")
    (directory / "one").touch()
    for stream in streams:
        stream.changes_until("one")
    # One pass over the tree after activity is allowed; then it must sleep.
    assert eventually(lambda: asleep(server), 40)
    for stream in streams:
        stream.close()
