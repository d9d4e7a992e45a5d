"""File names are bytes: whatever the kernel takes as a name arrives exactly, on every transport."""

import base64
import json
import os

import pytest
import websockets.sync.client

from model import Entry, Picture, disk, exact

NAMES = {
    "latin-1": b"caf\xe9",
    "a lone continuation byte": b"\x80",
    "an overlong slash": b"\xc0\xaf",
    "a surrogate": b"\xed\xa0\x80",
    "beyond the last code point": b"\xf4\x90\x80\x80",
    "cut within a character": "ä".encode()[:1],
    "text around bytes": "α".encode() + b"\xff" + "ω".encode(),
    "a newline": b"a\nb",
    "a blank line": b"a\n\ndata: forged\n\nb",
    "a carriage return": b"a\rb",
    "an id of its own": b"\nid: 1\nevent: reset",
    "quotes": b"\"'`",
    "a backslash": b"a\\nb\\",
    "a control character": bytes(range(1, 32)),
    "delete": b"\x7f",
    "a line separator": "a\u2028b\u2029c".encode(),
    "a next-line character": "a\u0085b".encode(),
    "a byte order mark": "\ufeffa".encode(),
    "a replacement character": "a\ufffdb".encode(),
    "markup": b"<img src=x onerror=alert(1)>",
    "right to left": "a\u202egnp.exe".encode(),
    "outside the basic plane": "\U0001f6a2".encode(),
    "composed and decomposed": "\u00e9e\u0301".encode(),
    "255 bytes": b"x" * 255,
    "255 bytes of three each": "\u2028".encode() * 85,
    "255 bytes that are no text": b"\xff" * 255,
    "a space": b" ",
    "percent": b"%2e%2e%2f%00",
    "globs": b"*?[a]{b,c}!\\*",
    "a trailing space": b"a ",
    "three dots": b"...",
}


@pytest.fixture(params=NAMES.values(), ids=NAMES.keys())
def name(request):
    return request.param


@pytest.fixture
def server(daemon, directory):
    server = daemon(directory, flags=["--settle", "0ms"])
    server.only_watch()
    return server


def is_text(name):
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def checked(event, path):
    """`pathBytes` is there when it has to be and only then."""
    assert ("pathBytes" in event) == (not is_text(path))
    assert event["path"] == path.decode("utf-8", "replace")
    if "pathBytes" in event:
        assert base64.b64decode(event["pathBytes"]) == path


def change(read):
    """The next change that `read` gives, past whatever else is said."""
    while (event := read())["event"] != "change":
        pass
    return event


def test_a_name_arrives_exactly(server, directory, name):
    """As file and as directory, moved, listed, by server-sent events, WebSocket and files."""
    site = os.fsencode(directory)
    address = f"ws://127.0.0.1:{server.port}/-/v1/socket"
    with server.events() as stream, websockets.sync.client.connect(address, max_size=None) as socket:
        stream.expect("hello")
        socket.send('{"op":"subscribe","ref":"a"}')
        while json.loads(socket.recv(timeout=15)).get("event") != "hello":
            pass
        # Each step is followed before the next: what is made in a directory nobody has opened yet
        # is told when it has been, which may be after the directory has moved.
        steps = [
            ("create", name, lambda: os.mkdir(site + b"/" + name)),
            ("create", name + b"/in", lambda: os.mkdir(site + b"/" + name + b"/in")),
            ("move", b"moved", lambda: os.rename(site + b"/" + name, site + b"/moved")),
            ("move", name, lambda: os.rename(site + b"/moved", site + b"/" + name)),
        ]
        for kind, path, step in steps:
            step()
            for event in (
                change(lambda: stream.next().json),
                change(lambda: json.loads(socket.recv(timeout=15))),
            ):
                assert (event["kind"], exact(event)) == (kind, path)
                checked(event, path)
                if path == b"moved":
                    assert exact(event, "from") == name
                    assert ("fromBytes" in event) == (not is_text(name))
    id = server.only_watch()["id"]
    entries = server.get(f"/-/v1/watches/{id}/files").json()["entries"]
    assert [exact(entry) for entry in entries] == [name, name + b"/in"]


def test_all_names_at_once_make_the_picture_that_is_on_the_disk(server, directory):
    for number, name in enumerate(NAMES.values()):
        with open(os.fsencode(directory) + b"/" + name, "wb") as file:
            file.write(b"x" * number)
    picture = Picture()
    with server.events("initial=1") as stream:
        for event in stream.until("synced"):
            picture.apply(event)
    assert picture.seen() == disk(directory)
    assert picture.entries[b"a\nb"] == Entry("file", list(NAMES).index("a newline"))


def test_a_path_of_many_long_names_arrives_whole(server, directory):
    """4,000 bytes of path, near the most the kernel resolves in one call (PATH_MAX)."""
    with server.events() as stream:
        stream.expect("hello")
        here = os.open(directory, os.O_RDONLY)
        path = b""
        for _ in range(15):
            name = b"d" * 255
            os.mkdir(name, dir_fd=here)
            deeper = os.open(name, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = deeper
            path = path + b"/" + name if path else name
        os.mkdir(b"end", dir_fd=here)
        os.close(here)
        seen = stream.until(lambda event: exact(event) == path + b"/end" if event.type == "change" else False)
        assert len([event for event in seen if event.type == "change"]) == 16
