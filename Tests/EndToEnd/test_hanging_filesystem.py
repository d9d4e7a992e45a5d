"""A filesystem whose server never answers, as a remote one does whose machine is gone."""

import ctypes
import os
import pathlib

import pytest

from client import Connection
from support import eventually

MNT_DETACH = 2


@pytest.fixture
def hanging(tmp_path):
    """A FUSE mount behind which nobody reads: whoever looks into it waits until it is let go."""
    place = tmp_path / "hanging"
    place.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        pytest.skip(f"/dev/fuse: {error}")  # nothing else hangs at will
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
    if libc.mount(b"hanging", os.fsencode(place), b"fuse", 0, options):
        os.close(device)
        pytest.skip(f"mount: {os.strerror(ctypes.get_errno())}")  # takes root
    yield place
    os.close(device)  # ends every wait
    libc.umount2(os.fsencode(place), MNT_DETACH)


def in_need_of_the_disk(pid):
    """Whether the thread that looks at the disk waits for an answer of a FUSE server."""
    threads = pathlib.Path(f"/proc/{pid}/task").iterdir()
    tree = next(thread for thread in threads if (thread / "comm").read_text() == "tidings-tree\n")
    return (tree / "wchan").read_text() in ("request_wait_answer", "fuse_get_req")


def test_health_is_answered_and_a_stop_is_a_stop(daemon, directory, hanging):
    server = daemon(directory, flags=["--allow-root", str(hanging.parent)])
    asking = Connection(server.address)
    asking.send_request("POST", "/-/v1/watches", {"root": str(hanging)})
    eventually(lambda: in_need_of_the_disk(server.pid), what="the tree thread to wait for the disk")
    assert server.get("/-/healthz").status == 200
    asking.close()
    assert server.stop() == 0
