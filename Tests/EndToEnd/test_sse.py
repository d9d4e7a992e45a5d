"""Server-Sent Events: what a follower is told, from where it is told it, and what it is not told."""

import contextlib
import json
import os
import re

import httpx
import httpx_sse
import pytest

from client import EventStream
from support import eventually

CURSOR = re.compile(r"[a-z0-9]{1,32}-(0|[1-9][0-9]*)")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def server(daemon, directory):
    """A daemon that merges nothing, so that a test sees each change at once."""
    server = daemon(directory, flags=["--settle", "0ms", "--allow-root", directory.parent])
    server.only_watch()
    return server


@contextlib.contextmanager
def following(server, query="", **fields):
    """A stream behind its hello (and, when it replays, whatever follows that)."""
    with server.events(query, **fields) as stream:
        stream.hello = stream.expect("hello")
        yield stream


def kinds(events):
    return [(event["kind"], event["path"]) for event in events if event.type == "change"]


# The stream itself


def test_the_head_of_a_stream(server):
    with server.events() as stream:
        head = stream.response
    assert head.status == 200
    assert head["content-type"] in ("text/event-stream", "text/event-stream; charset=utf-8")
    assert head["cache-control"] == "no-store, no-transform"
    assert head["x-accel-buffering"] == "no"
    assert head["incremental"] == "?1"
    assert CURSOR.fullmatch(head["event-cursor"])
    assert {word.strip() for word in head["vary"].split(",")} == {"Accept", "Accept-Encoding", "Origin"}


def test_hello_comes_first_and_says_where_the_stream_starts(server, directory):
    (directory / "before").touch()
    with following(server) as stream:
        hello = stream.hello
        assert CURSOR.fullmatch(hello["id"]) and CURSOR.fullmatch(hello["oldest"])
        assert hello["id"].startswith(hello["epoch"] + "-")
        assert hello["resumed"] is False
        assert hello["event"] == "hello"
        assert isinstance(hello["server"], str) and hello["server"]
        assert hello["heartbeat"] in ("15s", 15, 15000)
        assert hello.own_id == hello["id"]
        assert 1000 <= stream.parser.retry <= 5000 and stream.parser.retries == 1


def test_the_reconnection_time_differs_between_clients(server):
    times = set()
    for _ in range(8):
        with following(server) as stream:
            times.add(stream.parser.retry)
    assert len(times) > 1


@pytest.mark.parametrize("accept", [None, "*/*", "text/event-stream", "text/html;q=0.1, text/*"])
def test_server_sent_events_are_the_default(server, accept):
    fields = {"accept": accept} if accept else {}
    stream = server.events(**fields) if fields else EventStream(server.address, accept=[])
    with stream:
        assert stream.response["content-type"].startswith("text/event-stream")
        stream.expect("hello")


def test_format_wins_over_accept(server):
    with server.events("format=sse", accept="application/json") as stream:
        assert stream.response["content-type"].startswith("text/event-stream")
    server.get("/-/v1/events?format=xml").problem(400)


def test_event_message_sends_all_with_the_default_type(server, directory):
    with server.events("event=message") as stream:
        hello = stream.next()
        assert (hello.type, hello["event"]) == ("message", "hello")
        (directory / "a").mkdir()
        change = stream.until(lambda event: event["event"] == "change")[-1]
        assert (change.type, change["path"]) == ("message", "a")
    server.get("/-/v1/events?event=other").problem(400)


def test_a_heartbeat_is_a_comment_at_the_wanted_pace(server):
    with server.events("heartbeat=1s") as stream:
        stream.expect("hello", heartbeat="1s")
        before = len(stream.parser.comments)
        assert stream.next(seconds=4) is None
        assert len(stream.parser.comments) - before >= 2


@pytest.mark.parametrize(
    "query",
    [
        "heartbeat=0s",
        "heartbeat=6m",
        "heartbeat=15",
        "heartbeat=often",
        "since=yesterday",
        "since=a-01",
        "since=A-1",
        "since=-5",
        "since=",
        "since=10",
        "kinds=explode",
        "kinds=",
        "overflow=panic",
        "maxLag=-1",
        "maxLag=many",
        "initial=maybe",
        "batch=5",
        "since=now&since=earliest",
    ],
)
def test_a_malformed_parameter_is_400_and_named(server, query):
    problem = server.get(f"/-/v1/events?{query}", accept="text/event-stream").problem(400)
    assert query.split("=")[0] in json.dumps(problem)


@pytest.mark.parametrize("query", ["path=%5Ba", "path=%7Ba,b", "ignore=%5Ba"])
def test_a_malformed_glob_is_422(server, query):
    server.get(f"/-/v1/events?{query}").problem(422, "invalid-glob")


def test_a_malformed_last_event_id_is_400(server):
    server.get("/-/v1/events", last_event_id="nonsense").problem(400)


# Changes


def test_a_change_has_the_fields_of_the_contract(server, directory):
    with following(server) as stream:
        (directory / "css").mkdir()
        (change,) = stream.changes_until("css")
        assert set(change.json) >= {"event", "id", "watch", "kind", "path", "type", "time"}
        assert (change["event"], change["kind"], change["type"]) == ("change", "create", "directory")
        assert change["watch"] == server.only_watch()["id"]
        assert RFC3339.fullmatch(change["time"])
        assert change.own_id == change["id"] and CURSOR.fullmatch(change["id"])


def test_every_change_has_the_next_number(server, directory):
    with following(server) as stream:
        for name in "abcdef":
            (directory / name).mkdir()
        seen = stream.changes_until("f")
        numbers = [int(event["id"].rpartition("-")[2]) for event in [stream.hello, *seen]]
        assert numbers == list(range(numbers[0], numbers[0] + 7))


def test_the_life_of_a_file(server, directory):
    """Each step is followed before the next, so that nothing is over before it could be looked at."""
    with following(server) as stream:

        def told(kind):
            seen = stream.until(lambda event: event.get("kind") == kind)
            assert all(event.type == "change" and event["type"] == "file" for event in seen)
            return seen

        with open(directory / "a", "w") as file:
            told("create")
            file.write("one")
        closed = told("modify")
        while not closed[-1].get("closed"):
            closed += told("modify")
        assert closed[-1]["size"] == 3
        os.chmod(directory / "a", 0o600)
        assert told("attrib")[-1]["path"] == "a"
        os.rename(directory / "a", directory / "b")
        (move,) = told("move")
        assert (move["from"], move["path"]) == ("a", "b")
        os.unlink(directory / "b")
        assert kinds(told("delete"))[-1] == ("delete", "b")


def test_with_settle_a_file_written_is_one_change_when_it_is_whole(daemon, directory):
    server = daemon(directory, flags=["--settle", "50ms"])
    server.only_watch()
    with following(server) as stream:
        with open(directory / "a", "w") as file:
            for _ in range(100):
                file.write("x" * 1000)
                file.flush()
        (directory / "end").mkdir()
        seen = stream.changes_until("end")
        if kinds(seen) == [("create", "end")]:
            seen += stream.changes_until("a")
        mine = [event for event in seen if event["path"] == "a"]
        assert [(event["kind"], event.get("closed"), event["size"]) for event in mine] == [
            ("create", True, 100_000)
        ]


def test_a_file_made_and_removed_within_settle_is_nothing(daemon, directory):
    server = daemon(directory, flags=["--settle", "200ms"])
    server.only_watch()
    with following(server) as stream:
        (directory / "short").touch()
        (directory / "short").unlink()
        (directory / "long").mkdir()
        assert kinds(stream.changes_until("long")) == [("create", "long")]


def test_an_atomic_save_is_one_modify_that_replaced(daemon, directory):
    (directory / "page.html").write_text("old")
    server = daemon(directory)
    server.only_watch()
    with following(server) as stream:
        (directory / ".page.swp").write_text("new text")
        os.rename(directory / ".page.swp", directory / "page.html")
        (change,) = stream.changes_until("page.html")
        assert (change["kind"], change["replaced"], change["size"]) == ("modify", True, 8)


def test_a_directory_that_comes_in_is_told_with_all_that_is_in_it_parents_first(server, directory):
    outside = directory.parent / "outside"
    (outside / "deep" / "deeper").mkdir(parents=True)
    (outside / "deep" / "deeper" / "file").touch()
    with following(server) as stream:
        outside.rename(directory / "in")
        seen = stream.changes_until("in/deep/deeper/file")
        assert kinds(seen) == [
            ("create", path) for path in ("in", "in/deep", "in/deep/deeper", "in/deep/deeper/file")
        ]
        (directory / "in").rename(outside)
        (last,) = stream.changes_until("in")
        assert (last["kind"], last["moved"]) == ("delete", True)


# Where a stream starts


def cursor(server):
    with following(server) as stream:
        return stream.hello["id"]


def number_of(cursor):
    return int(cursor.rpartition("-")[2])


@pytest.mark.parametrize("way", ["since", "last-event-id", "both"])
def test_a_client_that_comes_back_gets_what_it_missed_and_nothing_twice(server, directory, way):
    with following(server) as stream:
        (directory / "seen").mkdir()
        last = stream.changes_until("seen")[-1]["id"]
    for name in ("missed-1", "missed-2"):
        (directory / name).mkdir()
    query = {"since": f"since={last}", "last-event-id": "", "both": "since=now"}[way]
    fields = {} if way == "since" else {"last_event_id": last}
    with following(server, query, **fields) as stream:
        assert stream.hello["resumed"] is True and stream.hello["id"] == last
        assert kinds(stream.changes_until("missed-2")) == [("create", "missed-1"), ("create", "missed-2")]
        (directory / "live").mkdir()
        assert kinds(stream.changes_until("live")) == [("create", "live")]


def test_earliest_replays_the_whole_journal(server, directory):
    for name in "abc":
        (directory / name).mkdir()
    eventually(lambda: server.only_watch()["counters"]["changes"] >= 3)
    with following(server, "since=earliest") as stream:
        assert kinds(stream.until("synced")) == [("create", name) for name in "abc"]


def test_an_age_replays_what_is_younger(server, directory):
    (directory / "a").mkdir()
    eventually(lambda: server.only_watch()["counters"]["changes"] >= 1)
    with following(server, "since=10m") as stream:
        assert ("create", "a") in kinds(stream.until("synced"))


def test_a_cursor_of_another_epoch_is_a_reset_of_everything(server):  # row 35
    with following(server, "since=zzzzz-5") as stream:
        assert stream.response.status == 200 and stream.hello["resumed"] is False
        reset = stream.expect("reset", reason="epoch")
        assert reset["scope"] == [{"watch": server.only_watch()["id"], "path": ""}]
        assert CURSOR.fullmatch(reset["id"])


def test_a_cursor_from_the_future_is_a_reset(server):
    epoch, _, number = cursor(server).rpartition("-")
    with following(server, f"since={epoch}-{int(number) + 1_000_000}") as stream:
        stream.expect("reset", reason="future")


def test_a_restarted_server_has_another_epoch_and_says_so(server):
    last = cursor(server)
    server.restart()
    server.only_watch()
    with following(server, last_event_id=last) as stream:
        assert stream.hello["epoch"] != last.rpartition("-")[0]
        stream.expect("reset", reason="epoch")


# What exists, then what changes


def test_initial_lists_parents_first_then_says_synced_then_follows(daemon, directory):
    (directory / "css" / "deep").mkdir(parents=True)
    (directory / "css" / "a.css").write_text("body{}")
    (directory / "link").symlink_to("css")
    server = daemon(directory)
    with following(server, "initial=1") as stream:
        listing = stream.until("synced")
        entries, synced = listing[:-1], listing[-1]
        assert [event.type for event in entries] == ["entry"] * 4
        assert {(event["path"], event["type"]) for event in entries} == {
            ("css", "directory"),
            ("css/deep", "directory"),
            ("css/a.css", "file"),
            ("link", "symlink"),
        }
        paths = [event["path"] for event in entries]
        assert paths.index("css") < paths.index("css/deep")
        assert all("id" not in event.json and "kind" not in event.json for event in entries)
        assert next(event for event in entries if event["path"] == "css/a.css")["size"] == 6
        # Nothing before synced may be resumed from.
        assert stream.hello.own_id is None and all(event.own_id is None for event in entries)
        assert synced.own_id == synced["id"]
        (directory / "new").mkdir()
        assert kinds(stream.changes_until("new")) == [("create", "new")]


def test_initial_with_a_filter_lists_what_it_sees(daemon, directory):
    for name in ("src/a.css", "src/b.txt", "lib/c.css"):
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).touch()
    server = daemon(directory)
    for query, expected in (
        ("path=src/", {"src/a.css", "src/b.txt"}),
        ("path=**/*.css", {"src/a.css", "lib/c.css"}),
        ("path=src/&ignore=**/*.txt", {"src/a.css"}),
        ("path=src/b.txt", {"src/b.txt"}),
    ):
        with following(server, f"initial=1&{query}") as stream:
            entries = stream.until("synced")[:-1]
            assert {event["path"] for event in entries if event["type"] == "file"} == expected, query


# Filters

TREE = ["src", "src/a.css", "src/a.txt", "src/deep", "src/deep/b.css", "lib", "lib/c.css", "lib/.hidden"]

FILTERS = [
    ("path=src/", {"src", "src/a.css", "src/a.txt", "src/deep", "src/deep/b.css"}),
    ("path=src/a.txt", {"src", "src/a.txt"}),
    ("path=**/*.css", {"src", "src/a.css", "src/deep", "src/deep/b.css", "lib", "lib/c.css"}),
    ("path=src/*.css", {"src", "src/a.css"}),
    ("path=src/*.%7Bcss,txt%7D", {"src", "src/a.css", "src/a.txt"}),
    ("path=src/%5Ba-b%5D.%3F%3F%3F", {"src", "src/a.css", "src/a.txt"}),
    ("path=lib/&path=src/a.css", {"src", "src/a.css", "lib", "lib/c.css", "lib/.hidden"}),
    ("ignore=src/**", {"src", "lib", "lib/c.css", "lib/.hidden"}),
    ("ignore=**/*.css", {"src", "src/a.txt", "src/deep", "lib", "lib/.hidden"}),
    ("kinds=create", set(TREE)),
    ("kinds=delete,move", set()),
]


@pytest.mark.parametrize("query, expected", FILTERS, ids=[row[0] for row in FILTERS])
def test_a_filter_sees_what_it_matches_and_the_directories_on_the_way(server, directory, query, expected):
    with following(server) as everything:
        for path in TREE:
            if "." in path:
                (directory / path).touch()
            else:
                (directory / path).mkdir()
        everything.changes_until("lib/.hidden")
    with following(server, f"since={everything.hello['id']}&{query}") as stream:
        seen = kinds(stream.until("synced"))
    created = [path for kind, path in seen if kind == "create"]
    assert len(created) == len(set(created)) and set(created) == expected
    assert {path for _, path in seen} <= expected


MOVES = [
    # query, from, to, what is seen
    ("path=src/", "src/in", "src/inside", [("move", "src/inside", "src/in", None)]),
    ("path=src/", "src/in", "lib/out", [("delete", "src/in", None, True)]),
    ("path=src/", "lib/out", "src/in2", [("create", "src/in2", None, True)]),
    ("path=src/", "lib/out", "lib/out2", []),
    ("path=**/*.css", "src/in.css", "src/in.txt", [("delete", "src/in.css", None, True)]),
    ("path=**/*.css", "src/plain", "src/new.css", [("create", "src/new.css", None, True)]),
    ("path=**/*.css", "src/plain", "src/other", []),
    ("ignore=lib/**", "src/in", "lib/x", [("delete", "src/in", None, True)]),
    (
        "kinds=create,delete",
        "src/in",
        "src/in3",
        [("delete", "src/in", None, None), ("create", "src/in3", None, None)],
    ),
]


@pytest.mark.parametrize("query, old, new, expected", MOVES)
def test_a_move_across_the_border_of_a_filter(daemon, directory, query, old, new, expected):
    for place in ("src", "lib"):
        (directory / place).mkdir()
    for file in ("src/in", "src/in.css", "src/plain", "lib/out"):
        (directory / file).touch()
    server = daemon(directory, flags=["--settle", "0ms"])
    server.only_watch()
    with following(server) as everything:
        start = everything.hello["id"]
        (directory / old).rename(directory / new)
        whole = everything.changes_until(new)
    with following(server, f"since={start}&{query}") as stream:
        seen = stream.until("synced")[:-1]
    words = [(event["kind"], event["path"], event.get("from"), event.get("moved")) for event in seen]
    assert words == expected
    # Of several events made from one change only the last carries its id.
    assert all(event.own_id is None for event in seen[:-1])
    if seen:
        assert seen[-1].own_id == whole[-1]["id"]


def test_a_directory_moved_into_a_filter_is_a_create_and_a_reset_of_it(daemon, directory):
    (directory / "src").mkdir()
    (directory / "lib" / "pack").mkdir(parents=True)
    (directory / "lib" / "pack" / "file").touch()
    server = daemon(directory, flags=["--settle", "0ms"])
    server.only_watch()
    with following(server, "path=src/") as stream:
        (directory / "lib" / "pack").rename(directory / "src" / "pack")
        create = stream.expect("change", kind="create", path="src/pack", moved=True, type="directory")
        reset = stream.expect("reset", reason="moved-in")
        assert reset["scope"] == [{"watch": server.only_watch()["id"], "path": "src/pack"}]
        assert create.own_id is None and reset.own_id == reset["id"]
        (directory / "src" / "pack").rename(directory / "src" / "moved")
        stream.expect("change", kind="move", path="src/moved", **{"from": "src/pack"})


# Watches coming and going


def test_a_watch_that_is_not_there_is_said_and_followed_once_it_is(server, directory):
    later = directory.parent / "later"
    later.mkdir()
    with following(server, "watch=later") as stream:
        unknown = stream.expect("watch", watch="later", state="unknown")
        assert stream.response.status == 200
        (directory / "unseen").mkdir()
        assert server.request("PUT", "/-/v1/watches/later", {"root": str(later), "settle": "0"}).status == 201
        states = stream.until(lambda event: event.type == "watch" and event["state"] == "live")
        assert "unseen" not in [event.get("path") for event in states]
        (later / "a").mkdir()
        seen = stream.until(lambda event: event.type == "change")
        assert kinds(seen) == [("create", "a")]
    assert unknown["event"] == "watch"


def test_a_stream_of_all_is_told_of_watches_added_and_removed(server, directory):
    later = directory.parent / "later"
    later.mkdir()
    with following(server) as stream:
        server.request("PUT", "/-/v1/watches/later", {"root": str(later)})
        stream.until(
            lambda event: event.type == "watch" and event["watch"] == "later" and event["state"] == "live"
        )
        server.request("DELETE", "/-/v1/watches/later")
        stream.until(
            lambda event: event.type == "watch" and event["watch"] == "later" and event["state"] == "removed"
        )


# Falling behind, on purpose


def test_a_client_beyond_its_own_lag_is_told_so(daemon, directory):
    # Of two loops one may not have heard yet of what the other tells.
    server = daemon(directory, flags=["--loops", "1"])
    server.only_watch()
    start = cursor(server)
    for number in range(50):
        (directory / f"d{number}").mkdir()
    eventually(lambda: number_of(cursor(server)) >= number_of(start) + 50)
    with following(server, f"since={start}&maxLag=10") as stream:
        reset = stream.expect("reset")
        assert reset["reason"] in ("lagged", "history")
        assert reset["lostAfter"] == start
        (directory / "after").mkdir()
        assert ("create", "after") in kinds(stream.until(lambda event: event.get("path") == "after"))
    with server.events(f"since={start}&maxLag=10&overflow=close") as stream:
        seen = stream.all()
        assert seen[-1].type == "bye" and CURSOR.fullmatch(seen[-1]["id"])
        assert isinstance(seen[-1]["reason"], str)


# A second opinion


def test_httpx_sse_reads_the_same_stream(server, directory):
    with httpx.Client(timeout=15) as http:
        with httpx_sse.connect_sse(http, "GET", f"{server.url}/-/v1/events?initial=1") as source:
            events = source.iter_sse()
            hello = next(events)
            assert hello.event == "hello" and 1000 <= hello.retry <= 5000
            assert hello.data, "retry: must not come in a block of its own"
            assert next(events).event == "synced"
            (directory / "a").mkdir()
            change = next(events)
            assert (change.event, change.json()["path"]) == ("change", "a")
            assert change.id == change.json()["id"]
