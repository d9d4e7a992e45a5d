"""A filesystem of files and directories in memory, spoken for by this process: one that can be made to
hang, as a remote one does whose server is gone, and to answer again. The protocol is that of
linux/fuse.h, version 7.31, read-only."""

import ctypes
import errno
import os
import select
import stat
import struct
import threading

import pytest

MNT_DETACH = 2

FORGET, LOOKUP, GETATTR, OPEN, READ, STATFS, RELEASE, INIT = 2, 1, 3, 14, 15, 17, 18, 26
OPENDIR, READDIR, RELEASEDIR, BATCH_FORGET, INTERRUPT = 27, 28, 29, 42, 36
ROOT = 1

libc = ctypes.CDLL(None, use_errno=True)


class Node:
    def __init__(self, number, content=None):
        self.number = number
        self.content = content
        self.entries = {} if content is None else None
        self.changed = 1_700_000_000

    @property
    def mode(self):
        return stat.S_IFDIR | 0o755 if self.content is None else stat.S_IFREG | 0o644


class HangingFilesystem:
    """From `mount` to `close` it stands at `place`. While `hang` is in force nothing is answered:
    whoever looks, waits."""

    def __init__(self, place):
        self.place = place
        self._lock = threading.Lock()
        self._nodes = {ROOT: Node(ROOT)}
        self._left = None
        self._refusal = None
        self._answers = threading.Event()
        self._answers.set()
        self._ended = False
        self._asked, self._wakes = os.pipe()
        self._device = None

    def mount(self):
        self._device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self._device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        if libc.mount(b"hanging", os.fsencode(self.place), b"fuse", 0, options):
            os.close(self._device)
            self._device = None
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    # What it holds

    def write(self, path, text):
        """Makes a file, or gives it another content, behind the kernel's back."""
        *above, name = path.split("/")
        with self._lock:
            directory = self._nodes[ROOT]
            for step in above:
                directory = self._node(directory, step)
            node = self._node(directory, name, text.encode())
            node.content = text.encode()
            node.changed += 1

    def _node(self, directory, name, content=None):
        if name not in directory.entries:
            node = Node(max(self._nodes) + 1, content)
            self._nodes[node.number] = node
            directory.entries[name] = node.number
            directory.changed += 1
        return self._nodes[directory.entries[name]]

    # Hanging

    def hang(self):
        """Nothing is answered from now on."""
        self._answers.clear()
        os.write(self._wakes, b"x")

    def hang_after(self, count):
        """So many requests are answered, the rest is not."""
        self._left = count

    def answer(self):
        """What has been asked is answered, and all that comes."""
        self._left = None
        self._refusal = None
        self._answers.set()

    def fail(self):
        """All that is asked from now on is refused with EIO, as by one that has given up."""
        self._refusal = errno.EIO

    def close(self):
        self._ended = True
        self._answers.set()
        os.write(self._wakes, b"x")
        if self._device is not None:
            self._thread.join()
            os.close(self._device)  # ends every wait
            libc.umount2(os.fsencode(self.place), MNT_DETACH)
        os.close(self._asked)
        os.close(self._wakes)

    # The protocol

    def _serve(self):
        while True:
            self._answers.wait()
            ready, _, _ = select.select([self._device, self._asked], [], [])
            if self._asked in ready:
                os.read(self._asked, 100)
            if self._ended:
                return
            if self._left == 0:
                self._answers.clear()
            if self._device in ready and self._answers.is_set():
                self._answer(os.read(self._device, 1 << 17))
                if self._left:
                    self._left -= 1

    def _answer(self, request):
        _, opcode, unique, number, *_ = struct.unpack_from("<IIQQIIII", request)
        if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
            return
        try:
            with self._lock:
                body, error = self._reply(opcode, number, request[40:]), 0
        except OSError as refusal:
            body, error = b"", -refusal.errno
        try:
            os.write(self._device, struct.pack("<IiQ", 16 + len(body), error, unique) + body)
        except FileNotFoundError:
            pass  # who asked has been interrupted

    def _reply(self, opcode, number, body):
        if opcode == INIT:
            return struct.pack("<IIIIHHIIHHIIII", 7, 31, 0, 0, 0, 0, 1 << 16, 1, 0, 0, 0, 0, 0, 0) + bytes(16)
        if self._refusal and opcode not in (RELEASE, RELEASEDIR):
            raise OSError(self._refusal, "")
        node = self._nodes[number]
        if opcode == LOOKUP:
            child = (node.entries or {}).get(body.rstrip(b"\0").decode())
            if child is None:
                raise OSError(errno.ENOENT, "")
            return struct.pack("<QQQQII", child, 0, 0, 0, 0, 0) + self._attributes(child)
        if opcode == GETATTR:
            return struct.pack("<QII", 0, 0, 0) + self._attributes(number)
        if opcode in (OPEN, OPENDIR):
            return struct.pack("<QII", 0, 0, 0)
        if opcode == READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            return node.content[offset : offset + size]
        if opcode == READDIR:
            return self._entries(node, *struct.unpack_from("<QQI", body))
        if opcode in (RELEASE, RELEASEDIR):
            return b""
        if opcode == STATFS:
            return bytes(40) + struct.pack("<IIII", 512, 255, 512, 0) + bytes(24)
        raise OSError(errno.ENOSYS, "")

    def _attributes(self, number):
        node = self._nodes[number]
        size = len(node.content or b"")
        times = [node.changed] * 3
        return struct.pack(
            "<QQQQQQIIIIIIIIII", number, size, 1, *times, 0, 0, 0, node.mode, 1, 0, 0, 0, 512, 0
        )

    def _entries(self, node, _, offset, size):
        listing = b""
        for index, (name, number) in enumerate(node.entries.items()):
            if index < offset:
                continue
            kind = self._nodes[number].mode >> 12
            entry = struct.pack("<QQII", number, index + 1, len(name), kind) + name.encode()
            entry += bytes(-len(entry) % 8)
            if len(listing) + len(entry) > size:
                break
            listing += entry
        return listing


@pytest.fixture
def mountable(tmp_path):
    """A filesystem that hangs when told to, not mounted yet. Nothing else does at will."""
    place = tmp_path / "hanging"
    place.mkdir()
    filesystem = HangingFilesystem(place)
    try:
        filesystem.mount()
    except OSError as error:
        pytest.skip(f"mounting /dev/fuse: {error}")  # takes root, and a kernel that has it
    filesystem.close()
    filesystem = HangingFilesystem(place)
    yield filesystem
    filesystem.close()


@pytest.fixture
def hanging(mountable):
    """The same, mounted."""
    return mountable.mount()
