"""The model against the contract's own words, row by row."""

import base64

import pytest

from model import Entry, Picture

FILE, DIRECTORY = Entry("file"), Entry("directory")


class Told(dict):
    """An event as the model reads one."""

    def __init__(self, event, /, **members):
        super().__init__(members)
        self.type = event


def entry(path, type="file"):
    return Told("entry", path=path, type=type)


def change(kind, path, type="file", **members):
    return Told("change", kind=kind, path=path, type=type, **{k.rstrip("_"): v for k, v in members.items()})


BEFORE = [entry("d", "directory"), entry("d/a"), entry("e", "directory"), entry("e/b"), entry("f")]

ROWS = [
    ("create", [change("create", "g")], {"+g"}),
    ("modify", [change("modify", "f")], set()),
    ("delete speaks for everything below", [change("delete", "d", "directory")], {"-d", "-d/a"}),
    (
        "move of a directory takes what is below",
        [change("move", "x", "directory", from_="d")],
        {"-d", "-d/a", "+x", "+x/a"},
    ),
    ("move over a file", [change("move", "f", from_="d/a", replaced=True)], {"-d/a"}),
    (
        "exchange of directories",
        [change("move", "e", "directory", from_="d", exchange=True)],
        {"-d/a", "-e/b", "+d/b", "+e/a"},
    ),
    (
        "chains keep their order",
        [change("move", "h", from_="f"), change("move", "i", from_="h")],
        {"-f", "+i"},
    ),
]


@pytest.mark.parametrize("changes, expected", [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_change_does_what_the_contract_says(changes, expected):
    picture = Picture()
    for event in BEFORE:
        picture.apply(event)
    before = set(picture.entries)
    picture.apply(Told("synced", id="x-1"))
    for event in changes:
        picture.apply(event)
    after = set(picture.entries)
    assert {f"-{p.decode()}" for p in before - after} | {f"+{p.decode()}" for p in after - before} == expected
    assert picture.complaints == []


@pytest.mark.parametrize(
    "event",
    [
        change("create", "f"),
        change("delete", "nothing"),
        change("modify", "nothing"),
        change("move", "x", from_="nothing"),
        change("move", "f", from_="d/a"),
        change("modify", "d", "directory", replaced=True),
    ],
    ids=lambda event: f"{event['kind']}-{event['path']}",
)
def test_what_the_contract_does_not_allow_is_written_down(event):
    picture = Picture()
    for known in BEFORE:
        picture.apply(known)
    picture.apply(event)
    assert picture.complaints == [], "before synced everything is an upsert"
    picture = Picture()
    for known in [*BEFORE, Told("synced", id="x-1"), event]:
        picture.apply(known)
    assert len(picture.complaints) == 1


def test_a_doubt_travels_with_the_directory_and_ends_by_reading_it_again():
    picture = Picture()
    for event in [
        *BEFORE,
        Told("synced", id="x-1"),
        Told("reset", reason="moved-in", scope=[{"watch": "w", "path": "d"}]),
        change("create", "d/a"),
        change("move", "x", "directory", from_="d"),
        change("move", "y", "directory", from_="x/sub"),
    ]:
        picture.apply(event)
    assert picture.complaints == []
    assert picture.doubts == {b"x", b"y"}
    listing = {b"x": [entry("x", "directory"), entry("x/new")], b"y": None}
    picture.mend(listing.get)
    assert picture.seen() == {b"e": DIRECTORY, b"e/b": FILE, b"f": FILE, b"x": DIRECTORY, b"x/new": FILE}
    assert picture.doubts == set()


def test_names_that_are_not_text_are_known_by_their_bytes():
    picture = Picture()
    raw = b"caf\xe9"
    name = {"path": raw.decode("utf-8", "replace"), "pathBytes": base64.b64encode(raw).decode()}
    picture.apply(Told("entry", type="file", **name))
    assert picture.seen() == {raw: FILE}
    with pytest.raises(AssertionError):
        picture.apply(Told("entry", path="a", pathBytes=base64.b64encode(b"a").decode(), type="file"))
