"""What a client knows of a directory tree when it has nothing but the event stream.

`Picture` applies `entry`, `change` and `reset` by the words of the wire contract, and nothing else.
It trusts nothing: a change that the contract does not allow at that place (a second `create`, a
`delete` of what is not there) is written down in `complaints`, which a test wants empty.

A `reset` says that the state of its scope cannot be rebuilt from changes alone. The picture keeps
such scopes as `doubts` and re-reads them when asked (`mend`), as a client may do whenever it likes;
outside of them it must be right from the changes alone.
"""

import base64
import dataclasses
import os
import stat


def exact(event, name="path"):
    """The exact bytes of a path: `pathBytes` where the name is not UTF-8, else `path`."""
    encoded = event.get(name + "Bytes")
    if encoded is None:
        return event[name].encode()
    raw = base64.b64decode(encoded, validate=True)
    assert raw.decode("utf-8", "replace") != raw.decode("utf-8", "ignore"), f"{raw} is UTF-8"
    assert "\ufffd" in event[name], event
    return raw


def below(path, directory):
    """Whether `path` is `directory` or lies under it; the empty directory is the root."""
    return directory == b"" or path == directory or path.startswith(directory + b"/")


@dataclasses.dataclass(frozen=True)
class Entry:
    type: str
    size: int | None = None


class Picture:
    def __init__(self, strict=True):
        self.entries = {}
        self.doubts = set()
        self.complaints = []
        self.live = False
        self.strict = strict
        self.resets = []

    # Reading events

    def apply(self, event):
        """One event of the stream, in the order they came."""
        handler = getattr(self, "_" + event.type, None)
        if handler:
            handler(event)

    def _synced(self, event):
        self.live = True

    def _entry(self, event):
        self._put(exact(event), event)

    def _reset(self, event):
        self.resets.append(event["reason"])
        for scope in event["scope"]:
            self.doubts.add(exact(scope))

    def _change(self, event):
        path = exact(event)
        if not path:
            # The root itself: no entry, but with it goes all that stands below.
            if event["kind"] == "delete":
                self.entries.clear()
            return
        match event["kind"]:
            case "create":
                if path in self.entries:
                    self._complain("create of what is known", path, event)
                self._put(path, event)
            case "modify" | "attrib":
                if path not in self.entries:
                    self._complain("change of what is unknown", path, event)
                if event.get("replaced") and self._children(path):
                    self._complain("a directory replaced with its old content still told of", path, event)
                self._put(path, event)
            case "delete":
                if path not in self.entries:
                    self._complain("delete of what is unknown", path, event)
                self._remove(path)
            case "move":
                self._move(exact(event, "from"), path, event)
            case kind:
                raise AssertionError(f"kind {kind} was not asked for: {event}")

    def _move(self, old, new, event):
        if event.get("exchange"):
            if old not in self.entries or new not in self.entries:
                self._complain("exchange with what is unknown", new, event)
            at_old, at_new = self._take(old), self._take(new)
            self._give(at_old, old, new)
            self._give(at_new, new, old)
            self._put(new, event)
            return
        if old not in self.entries:
            # Told while listing, it is an upsert; below a filter the directory itself may be unknown.
            self._complain("move of what is unknown", old, event)
        elif new in self.entries and not event.get("replaced"):
            self._complain("move onto what is known, not said to replace it", new, event)
        self._remove(new)
        self._give(self._take(old), old, new)
        self._put(new, event)

    # The state

    def _put(self, path, event):
        # Of another object nothing is known but what is said of it.
        is_other = event.get("kind") == "create" or event.get("kind") == "modify" and event.get("replaced")
        before = None if is_other else self.entries.get(path)
        size = event.get("size", before.size if before else None)
        type = event.get("type") or (before.type if before else None)
        self.entries[path] = Entry(type, size if type == "file" else None)

    def _children(self, path):
        prefix = path + b"/"
        return [known for known in self.entries if known.startswith(prefix)]

    def _remove(self, path):
        self._take(path)

    def _take(self, path):
        """Takes out what stands at `path` and below it: entries, and doubts."""
        taken = {known: self.entries.pop(known) for known in [*self._children(path)]}
        if path in self.entries:
            taken[path] = self.entries.pop(path)
        doubts = {doubt for doubt in self.doubts if below(doubt, path)}
        doubted = any(below(path, doubt) for doubt in self.doubts)
        self.doubts -= doubts
        # What leaves a doubtful directory is as doubtful as that directory was.
        return taken, doubts | ({path} if doubted else set())

    def _give(self, taken, old, new):
        entries, doubts = taken
        for known, entry in entries.items():
            self.entries[new + known[len(old) :]] = entry
        self.doubts |= {new + doubt[len(old) :] for doubt in doubts}

    def _complain(self, what, path, event):
        if self.strict and self.live and not any(below(path, doubt) for doubt in self.doubts):
            self.complaints.append(f"{what}: {event.data if hasattr(event, 'data') else event}")

    # Doubts

    def copy(self):
        other = Picture(self.strict)
        other.entries, other.doubts, other.live = dict(self.entries), set(self.doubts), self.live
        return other

    def mend(self, read):
        """Re-reads every doubtful subtree: `read(path)` gives its entry events, or None when
        nothing stands there any more."""
        for doubt in sorted(self.doubts):
            entries = read(doubt)
            for known in [known for known in self.entries if below(known, doubt)]:
                del self.entries[known]
            for entry in entries or []:
                self._put(exact(entry), entry)
        self.doubts.clear()

    def seen(self, wanted=lambda path: True, directories=True):
        """The part of the picture that a test compares: path and type, and the size of files."""
        return {
            path: entry
            for path, entry in self.entries.items()
            if path and wanted(path) and (directories or entry.type != "directory")
        }


def disk(root, wanted=lambda path: True, directories=True):
    """The same of what is really there."""
    found, waiting = {}, [b""]
    root = os.fsencode(root)
    while waiting:
        directory = waiting.pop()
        try:
            children = list(os.scandir(root + b"/" + directory))
        except FileNotFoundError:
            continue  # gone since it was listed; the caller compares again
        for child in children:
            path = directory + b"/" + child.name if directory else child.name
            try:
                status = child.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISDIR(status.st_mode):
                waiting.append(path)
                entry = Entry("directory")
            elif stat.S_ISREG(status.st_mode):
                entry = Entry("file", status.st_size)
            elif stat.S_ISLNK(status.st_mode):
                entry = Entry("symlink")
            else:
                entry = Entry("other")
            if wanted(path) and (directories or entry.type != "directory"):
                found[path] = entry
    return found


def difference(picture, reality):
    """The first differences in words; empty when the two are equal."""
    lines = []
    for path in sorted(picture.keys() | reality.keys()):
        told, real = picture.get(path), reality.get(path)
        if told and real and told.size is None:
            # Nothing wrong has been said of its size.
            real = Entry(real.type)
        if told != real:
            lines.append(f"{path!r}: told {told}, is {real}")
    return lines
