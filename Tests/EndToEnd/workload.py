"""A seeded program that does to a directory what programs do to directories, only worse."""

import ctypes
import errno
import os
import random
import time

RENAME_EXCHANGE = 2  # man 2 renameat2

_libc = ctypes.CDLL(None, use_errno=True)


def exchange(one, other):
    """renameat2(2) with RENAME_EXCHANGE; false where the filesystem cannot."""
    at = ctypes.c_int(-100)  # AT_FDCWD
    if _libc.renameat2(at, one, at, other, ctypes.c_uint(RENAME_EXCHANGE)) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.ENOENT):
        return False
    raise OSError(number, os.strerror(number))


class Workload:
    """Random operations below `root`, with `outside` (beside it) to move things out to and in
    from. It keeps its own list of what exists, so that nearly every operation does something."""

    OPERATIONS = [
        # weight, name
        (18, "create"), (14, "append"), (6, "truncate"), (6, "save"), (10, "remove"), (8, "mkdir"),
        (10, "rename"), (8, "rename_directory"), (3, "rename_over"), (4, "move_out"), (4, "move_in"),
        (3, "remove_tree"), (3, "make_tree"), (4, "exchange"), (2, "link"), (3, "chmod"), (2, "again"),
    ]  # fmt: skip
    SUFFIXES = [b".css", b".txt", b".html", b"", b".css", b"\xe9.css"]

    def __init__(self, root, outside, seed):
        self.random = random.Random(seed)
        self.root, self.outside = os.fsencode(root), os.fsencode(outside)
        self.files, self.directories, self.away = [], [b""], []
        self.serial = 0
        self.counts = {}
        for name in (b"src", b"lib", b"src/deep"):
            os.mkdir(self._at(name))
            self.directories.append(name)

    def run(self, count):
        weights = [weight for weight, _ in self.OPERATIONS]
        names = [name for _, name in self.OPERATIONS]
        for name in self.random.choices(names, weights, k=count):
            try:
                done = getattr(self, "_" + name)()
            except FileNotFoundError:
                done = None  # its own list is behind after a directory was moved over or away
                self._look_again()
            if done is not False:
                self.counts[name] = self.counts.get(name, 0) + 1
            if self.random.random() < 0.01:
                # Part of the load, not a wait: pauses below and above the settle time, so that
                # merging windows open and close between operations.
                time.sleep(self.random.choice([0.001, 0.005, 0.03]))

    # What it knows

    def _at(self, path):
        return self.root + b"/" + path if path else self.root

    def _new(self, suffix=None):
        self.serial += 1
        # Few different names, so that names come back for other objects.
        stem = b"%c%d" % (self.random.choice(b"abcdef"), self.random.randrange(12))
        suffix = self.random.choice(self.SUFFIXES) if suffix is None else suffix
        directory = self.random.choice(self.directories)
        path = directory + b"/" + stem + suffix if directory else stem + suffix
        return None if os.path.lexists(self._at(path)) else path

    def _file(self):
        return self.random.choice(self.files) if self.files else None

    def _directory(self):
        movable = [path for path in self.directories if path not in (b"", b"src", b"lib")]
        # Rarely the directories that filters name are themselves moved.
        if self.random.random() < 0.05:
            movable = [path for path in (b"src", b"lib") if path in self.directories] or movable
        return self.random.choice(movable) if movable else None

    def _look_again(self):
        self.files, self.directories = [], [b""]
        for place, directories, files in os.walk(self.root):
            inner = place[len(self.root) + 1 :]
            prefix = inner + b"/" if inner else b""
            self.directories += [
                prefix + name for name in directories if not os.path.islink(place + b"/" + name)
            ]
            self.files += [prefix + name for name in files if not os.path.islink(place + b"/" + name)]

    # Operations; False: there was nothing to do it to

    def _create(self):
        if (path := self._new()) is None:
            return False
        with open(self._at(path), "wb") as file:
            for _ in range(self.random.randrange(4)):
                file.write(b"x" * self.random.randrange(1, 5000))
                file.flush()
        self.files.append(path)

    def _append(self):
        if (path := self._file()) is None:
            return False
        with open(self._at(path), "r+b") as file:
            file.seek(0, 2)
            file.write(b"y" * self.random.randrange(1, 3000))

    def _truncate(self):
        if (path := self._file()) is None:
            return False
        os.truncate(self._at(path), self.random.randrange(100))

    def _save(self):
        """As editors do: a new file beside, then over the old one."""
        if (path := self._file()) is None:
            return False
        beside = os.path.dirname(self._at(path)) + b"/.saving"
        with open(beside, "wb") as file:
            file.write(b"z" * self.random.randrange(2000))
        os.rename(beside, self._at(path))

    def _remove(self):
        if (path := self._file()) is None:
            return False
        os.unlink(self._at(path))
        self.files.remove(path)

    def _mkdir(self):
        if (path := self._new(b"")) is None or path.count(b"/") > 6:
            return False
        os.mkdir(self._at(path))
        self.directories.append(path)

    def _rename(self):
        if (path := self._file()) is None or (new := self._new()) is None:
            return False
        os.rename(self._at(path), self._at(new))
        self.files.remove(path)
        self.files.append(new)

    def _rename_over(self):
        if len(self.files) < 2:
            return False
        old, new = self.random.sample(self.files, 2)
        os.rename(self._at(old), self._at(new))
        self.files.remove(old)

    def _rename_directory(self):
        if (path := self._directory()) is None or (new := self._new(b"")) is None:
            return False
        if new.startswith(path + b"/"):
            return False
        os.rename(self._at(path), self._at(new))
        self._look_again()

    def _move_out(self):
        if (path := self._directory()) is None:
            return False
        self.serial += 1
        away = self.outside + b"/%d" % self.serial
        os.rename(self._at(path), away)
        self.away.append(away)
        self._look_again()
        # Once out of the tree it changes unseen.
        with open(away + b"/outside-%d.css" % self.serial, "wb") as file:
            file.write(b"o" * self.random.randrange(100))

    def _move_in(self):
        if not self.away or (new := self._new(b"")) is None:
            return False
        os.rename(self.away.pop(self.random.randrange(len(self.away))), self._at(new))
        self._look_again()

    def _make_tree(self):
        """mkdir -p and files at once: faster than anybody can arm a watch."""
        if (path := self._new(b"")) is None:
            return False
        deep = path
        for _ in range(self.random.randrange(1, 4)):
            deep += b"/t%d" % self.random.randrange(3)
        os.makedirs(self._at(deep))
        for number in range(self.random.randrange(5)):
            with open(self._at(deep) + b"/f%d.css" % number, "wb") as file:
                file.write(b"t" * number)
        self._look_again()

    def _remove_tree(self):
        if (path := self._directory()) is None:
            return False
        for place, directories, files in os.walk(self._at(path), topdown=False):
            for name in files:
                os.unlink(place + b"/" + name)
            for name in directories:
                if os.path.islink(place + b"/" + name):
                    os.unlink(place + b"/" + name)
                else:
                    os.rmdir(place + b"/" + name)
        os.rmdir(self._at(path))
        self._look_again()

    def _exchange(self):
        one = self._directory() if self.random.random() < 0.5 else self._file()
        other = self._directory() if self.random.random() < 0.5 else self._file()
        if one is None or other is None or one == other:
            return False
        if one.startswith(other + b"/") or other.startswith(one + b"/"):
            return False
        done = exchange(self._at(one), self._at(other))
        self._look_again()
        return done

    def _link(self):
        if (path := self._new(b".ln")) is None:
            return False
        os.symlink(self.random.choice([b"..", b"nowhere", b"/etc"]), self._at(path))

    def _chmod(self):
        if (path := self._file()) is None:
            return False
        os.chmod(self._at(path), self.random.choice([0o644, 0o600, 0o755]))

    def _again(self):
        """A name removed and made again at once, as another kind of thing now and then."""
        if (path := self._file()) is None:
            return False
        os.unlink(self._at(path))
        if self.random.random() < 0.5:
            os.mkdir(self._at(path))
            self.files.remove(path)
            self.directories.append(path)
        else:
            with open(self._at(path), "wb") as file:
                file.write(b"again" * self.random.randrange(5))
