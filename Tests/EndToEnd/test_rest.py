"""The REST resources: watches, their files, clients, stats, health; and every way to be refused."""

import base64
import json
import os
from urllib.parse import quote, urlencode

import pytest

from client import Connection
from support import eventually

WATCHES = "/-/v1/watches"


@pytest.fixture
def server(daemon, directory):
    """A daemon that watches `directory` and may watch whatever is beside it."""
    return daemon(directory, flags=["--allow-root", directory.parent])


@pytest.fixture
def other(directory):
    place = directory.parent / "other"
    place.mkdir()
    return place


# Watches


def test_a_new_watch_is_201_and_the_same_spec_again_200(server, other):
    first = server.request("POST", WATCHES, {"root": str(other)})
    assert first.status == 201
    watch = first.json()
    assert first["location"] == f"{WATCHES}/{watch['id']}"
    assert watch["root"] == str(other)
    again = server.request("POST", WATCHES, {"root": str(other)})
    assert again.status == 200
    assert again.json()["id"] == watch["id"]
    assert len(server.watches()) == 2


def test_a_generated_id_is_the_name_and_four_characters_and_the_same_in_every_life(server, other):
    made = server.request("POST", WATCHES, {"root": str(other)}).json()["id"]
    name, _, hash = made.rpartition("-")
    assert name == "other" and len(hash) == 4 and hash.isalnum()
    server.restart()
    assert server.request("POST", WATCHES, {"root": str(other)}).json()["id"] == made


@pytest.mark.parametrize("spelling", ["{}/", "{}/.", "{}//"])
def test_another_spelling_of_a_root_is_the_same_watch(server, other, spelling):
    made = server.request("POST", WATCHES, {"root": str(other)}).json()
    again = server.request("POST", WATCHES, {"root": spelling.format(other)})
    assert (again.status, again.json()["id"]) == (200, made["id"])


def test_a_watch_tells_its_state_and_its_whole_spec(server, directory):
    (directory / "a").write_text("a")
    (directory / "sub").mkdir()
    watch = server.only_watch()
    assert server.get(f"{WATCHES}/{watch['id']}").json()["root"] == str(directory)
    assert watch["state"] == "live"
    assert watch["backend"] in ("inotify", "fanotify")
    assert isinstance(watch["filesystem"]["type"], str) and watch["filesystem"]["remote"] is False
    assert set(watch["crawl"]) == {"directories", "files", "seconds", "done"} and watch["crawl"]["done"]
    assert set(watch["counters"]) == {"events", "changes", "overflows", "rescans"}
    assert watch["kernelWatches"] >= 1
    expected = {
        "recursive": True,
        "hidden": True,
        "gitignore": False,
        "followSymlinks": False,
        "index": True,
        "ephemeral": False,
        "settle": "20ms",
        "settleMax": "500ms",
        "kinds": ["create", "modify", "attrib", "delete", "move"],
        "ignore": [],
        "include": [],
    }
    assert {name: watch["spec"].get(name) for name in expected} == expected


def test_a_spec_comes_back_as_it_was_given(server, other):
    given = {
        "recursive": False,
        "ignore": ["*.log", "!keep.log"],
        "include": ["**/*.{css,html}"],
        "hidden": False,
        "kinds": ["create", "delete"],
        "settle": "250ms",
        "settleMax": "2s",
        "index": False,
        "label": "the <other> one",
    }
    spec = server.request("POST", WATCHES, {"root": str(other), **given}).json()["spec"]
    assert {name: spec.get(name) for name in given} == given


def test_an_array_is_answered_one_by_one(server, other):
    answer = server.request(
        "POST",
        WATCHES,
        [
            {"root": str(other)},
            {"root": str(other)},
            {"root": str(other / "nothing")},
            {"root": "/"},
            {"root": str(other), "colour": "red"},
        ],
    )
    assert answer.status == 200
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 200, 404, 403, 400]
    assert results[0]["watch"]["id"] == results[1]["watch"]["id"]
    assert results[2]["problem"]["code"] and results[2]["problem"]["detail"]
    assert results[3]["problem"]["code"] == "path-not-allowed"
    assert "colour" in json.dumps(results[4]["problem"])
    assert server.request("POST", WATCHES, []).json() == {"results": []}


def test_put_chooses_the_id_and_refuses_another_root_under_it(server, other, directory):
    first = server.request("PUT", f"{WATCHES}/mine", {"root": str(other)})
    assert (first.status, first.json()["id"]) == (201, "mine")
    assert server.request("PUT", f"{WATCHES}/mine", {"root": str(other)}).status == 200
    server.request("PUT", f"{WATCHES}/mine", {"root": str(directory)}).problem(409, "watch-conflict")
    assert server.get(f"{WATCHES}/mine").json()["root"] == str(other)


@pytest.mark.parametrize("id", ["Mine", "-mine", "a" * 65, "mi%20ne", "m%2Fn", "%C3%A4"])
def test_an_id_of_another_form_is_refused(server, other, id):
    assert server.request("PUT", f"{WATCHES}/{id}", {"root": str(other)}).problem(400)


@pytest.mark.parametrize("id", ["a", "0", "a" * 64, "a.b_c-d"])
def test_an_id_of_the_form_is_taken(server, other, id):
    assert server.request("PUT", f"{WATCHES}/{id}", {"root": str(other)}).status == 201


def test_delete_is_204_once_and_404_after(server, other):
    id = server.request("POST", WATCHES, {"root": str(other)}).json()["id"]
    gone = server.request("DELETE", f"{WATCHES}/{id}")
    assert (gone.status, gone.body, gone["content-length"]) == (204, b"", None)
    server.request("DELETE", f"{WATCHES}/{id}").problem(404)
    server.get(f"{WATCHES}/{id}").problem(404)
    assert id not in [watch["id"] for watch in server.watches()]


def test_a_file_can_be_a_root(server, other):
    file = other / "one.txt"
    file.write_text("1")
    (other / "two.txt").write_text("2")
    id = server.request("POST", WATCHES, {"root": str(file), "settle": "0"}).json()["id"]
    with server.events(f"watch={id}") as stream:
        stream.expect("hello")
        eventually(lambda: server.get(f"{WATCHES}/{id}").json()["state"] == "live")
        (other / "two.txt").write_text("22")
        file.write_text("11")
        seen = stream.until(lambda event: event.get("kind") == "modify")
    assert {event["path"] for event in seen if event.type == "change"} == {""}


def test_overlapping_watches_are_each_told_and_one_survives_the_other(server, directory):
    inner = directory / "inner"
    inner.mkdir()
    outer = server.only_watch()["id"]
    id = server.request("POST", WATCHES, {"root": str(inner)}).json()["id"]
    eventually(lambda: server.get(f"{WATCHES}/{id}").json()["state"] == "live")
    with server.events(f"watch={id}") as inside, server.events(f"watch={outer}") as outside:
        inside.expect("hello")
        outside.expect("hello")
        (inner / "a").touch()
        assert inside.until(lambda event: event.get("path") == "a")[-1]["watch"] == id
        assert outside.until(lambda event: event.get("path") == "inner/a")[-1]["watch"] == outer
        assert server.request("DELETE", f"{WATCHES}/{id}").status == 204
        (inner / "b").touch()
        outside.changes_until("inner/b")


# Refusals


def refused(server, spec, status, *words, code=None):
    answer = server.request("POST", WATCHES, spec)
    problem = answer.problem(status, code)
    for word in words:
        assert word in json.dumps(problem), (word, problem)
    assert len(server.watches()) == 1, "a refused watch must not exist"


@pytest.mark.parametrize(
    "field, value",
    [
        ("settle", "20"),
        ("settle", 20),
        ("settle", "fast"),
        ("settle", "-1s"),
        ("settle", "1h2"),
        ("settle", ""),
        ("settleMax", "1 fortnight"),
        ("pollInterval", "999999999999999999999s"),
        ("recursive", "yes"),
        ("recursive", 1),
        ("kinds", ["explode"]),
        ("kinds", [1]),
        ("backend", "kqueue"),
        ("include", [7]),
        ("label", 5),
        ("id", "No Good"),
        ("colour", "red"),
        ("Root", "/"),
        ("", 1),
    ],
)
def test_a_bad_field_is_refused_by_name(server, other, field, value):
    refused(server, {"root": str(other), field: value}, 400, field)


@pytest.mark.parametrize("root", [None, 5, "", [], {}])
def test_a_root_that_is_no_path_is_refused_by_name(server, root):
    refused(server, {"root": root}, 400, "root")


def test_a_missing_root_field_is_named(server):
    refused(server, {"recursive": True}, 400, "root")


@pytest.mark.parametrize("pattern", ["[a", "{a,b", "a[z-", "a\\"])
def test_a_glob_that_cannot_be_is_422(server, other, pattern):
    refused(server, {"root": str(other), "include": [pattern]}, 422, code="invalid-glob")


def test_a_root_that_is_not_there_is_404(server, other):
    refused(server, {"root": str(other / "nothing")}, 404)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'"root"',
        b"7",
        b"null",
        b"[" * 200_000,
        b'{"root": "/\xff"}',
        b"[1]",
        b'{"root": "/x"} {}',
        b'{"a":' * 50_000,
    ],
    ids=lambda body: repr(body[:16]),
)
def test_a_body_that_is_no_object_is_400(server, body):
    answer = server.request("POST", WATCHES, body, content_type="application/json")
    if body == b"[1]":
        assert [result["status"] for result in answer.json()["results"]] == [400]
    else:
        answer.problem(400)
    assert server.get("/-/healthz").status == 200


@pytest.mark.parametrize("method, target", [("POST", WATCHES), ("PUT", f"{WATCHES}/x")])
@pytest.mark.parametrize(
    "body, type",
    [
        (b"", None),
        (b"{}", None),
        (b"{}", "text/plain"),
        (b"{}", "application/x-www-form-urlencoded"),
        (b"{}", "application/jsonp"),
        (b"{}", "text/plain; application/json"),
        (b"", "text/plain"),
    ],
)
def test_a_body_that_is_not_called_json_is_415(server, method, target, body, type):
    fields = {"content_type": type} if type else {}
    server.request(method, target, body, **fields).problem(415)


@pytest.mark.parametrize("type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_is_known_by_its_essence(server, other, type):
    body = json.dumps({"root": str(other)}).encode()
    assert server.request("POST", WATCHES, body, content_type=type).status == 201


def test_a_body_beyond_a_mebibyte_is_413_by_length_and_by_chunks(server):
    with Connection(server.address) as connection:
        connection.send(
            f"POST {WATCHES} HTTP/1.1\r\nHost: localhost\r\n"
            "Content-Type: application/json\r\nContent-Length: 1048577\r\n\r\n"
        )
        connection.read_response().problem(413)
    with Connection(server.address) as connection:
        connection.send(
            f"POST {WATCHES} HTTP/1.1\r\nHost: localhost\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        try:
            for _ in range(17):
                connection.send(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass
        connection.read_response().problem(413)


@pytest.mark.parametrize(
    "method, target, allowed",
    [
        ("DELETE", WATCHES, {"GET", "POST"}),
        ("POST", f"{WATCHES}/x", {"GET", "PUT", "DELETE"}),
        ("POST", f"{WATCHES}/x/files", {"GET"}),
        ("PUT", "/-/healthz", {"GET"}),
        ("POST", "/-/v1/events", {"GET"}),
        ("DELETE", "/-/v1/stats", {"GET"}),
        ("BREW", "/-/v1/clients", {"GET"}),
    ],
)
def test_a_method_that_is_not_there_is_405_and_names_those_that_are(server, method, target, allowed):
    answer = server.request(method, target, {} if method in ("POST", "PUT") else None)
    answer.problem(405)
    told = {word.strip() for word in answer["allow"].split(",")}
    assert allowed <= told and method not in told
    assert "HEAD" in told, "whoever has GET has HEAD (RFC 9110 §9.3.2)"


@pytest.mark.parametrize(
    "target",
    [
        "/-/v1/nothing",
        "/-/nothing",
        "/-/v2/watches",
        "/-/v1/watches/",
        "/-/v1/watches/x/y",
        "/-/v1",
        "/-/v1/watches/nothing/files",
    ],
)
def test_what_is_not_there_is_404_in_json(server, target):
    server.get(target).problem(404)


def test_the_api_alone_serves_no_files(server, directory):
    (directory / "index.html").write_text("<p>")
    server.get("/index.html").problem(404)


@pytest.mark.parametrize("target", [f"{WATCHES}/x/files?pth=a", "/-/v1/events?paths=src/"])
def test_a_parameter_nobody_knows_is_refused_by_name(server, target):
    problem = server.get(target).problem(400)
    assert target.partition("?")[2].partition("=")[0] in json.dumps(problem)


def test_events_in_a_form_nobody_has_are_406(server):
    server.get("/-/v1/events", accept="text/html").problem(406)
    server.get("/-/v1/events", accept="image/png, application/xml;q=0.5").problem(406)


# HEAD and OPTIONS


@pytest.mark.parametrize("target", [WATCHES, "/-/healthz", "/-/v1/clients", "/-/v1/nothing"])
def test_head_says_what_get_would(server, target):
    with Connection(server.address) as connection:
        head = connection.exchange("HEAD", target)
        get = connection.exchange("GET", target)
    assert (head.status, head["content-type"]) == (get.status, get["content-type"])
    assert head.body == b"" and head["content-length"] in (str(len(get.body)), None)


def test_head_of_the_events_is_a_head_and_no_stream(server):
    with Connection(server.address) as connection:
        head = connection.exchange("HEAD", "/-/v1/events")
        assert (head.status, head["content-type"].split(";")[0]) == (200, "text/event-stream")
        assert connection.exchange("GET", "/-/healthz").status == 200


@pytest.mark.parametrize(
    "target, allowed",
    [(WATCHES, {"GET", "HEAD", "POST", "OPTIONS"}), ("/-/v1/events", {"GET", "HEAD", "OPTIONS"})],
)
def test_options_names_the_methods(server, target, allowed):
    answer = server.request("OPTIONS", target)
    assert answer.status in (200, 204) and answer.body == b""
    assert allowed <= {word.strip() for word in answer["allow"].split(",")}


def test_options_of_the_whole_server_is_answered(server):
    answer = server.request("OPTIONS", "*")
    assert answer.status in (200, 204)


# Files


@pytest.fixture
def filled(daemon, directory):
    """A server whose directory holds 2 directories and 43 files."""
    for place, count in (("a", 20), ("b", 23)):
        (directory / place).mkdir()
        for number in range(count):
            (directory / place / f"{number:02}.txt").write_text("x" * number)
    server = daemon(directory)
    server.files = f"{WATCHES}/{server.only_watch()['id']}/files"
    return server


def pages(server, **query):
    found, first = [], None
    while True:
        page = server.get(f"{server.files}?{urlencode(query)}").json()
        first = first or page["cursor"]
        found.append(page["entries"])
        if not page.get("next"):
            return found, first
        query["after"] = page["next"]


@pytest.mark.parametrize("limit", [1, 7, 45, 1000])
def test_files_come_in_pages_each_once_and_parents_first(filled, limit):
    found, _ = pages(filled, limit=limit)
    assert all(len(page) <= limit for page in found)
    entries = [entry for page in found for entry in page]
    paths = [entry["path"] for entry in entries]
    expected = {"a", "b"} | {f"a/{n:02}.txt" for n in range(20)} | {f"b/{n:02}.txt" for n in range(23)}
    assert len(paths) == len(set(paths)) and set(paths) == expected
    for entry in entries:
        parent, _, name = entry["path"].rpartition("/")
        assert not parent or paths.index(parent) < paths.index(entry["path"])
        assert entry["type"] == ("file" if parent else "directory")
        if parent:
            assert entry["size"] == int(name[:2])
        assert "id" not in entry and "kind" not in entry


def test_files_below_a_path(filled):
    found, _ = pages(filled, path="b", limit=10)
    assert {entry["path"] for page in found for entry in page} - {"b"} == {f"b/{n:02}.txt" for n in range(23)}
    filled.get(f"{filled.files}?path=nothing").problem(404)


def test_the_cursor_of_a_listing_is_where_to_follow_from(filled, directory):
    (directory / "a" / "new").mkdir()
    page = filled.get(filled.files).json()
    assert "a/new" in [entry["path"] for entry in page["entries"]], (
        "a listing first publishes what is pending"
    )
    (directory / "a" / "newer").mkdir()
    with filled.events(f"since={page['cursor']}") as stream:
        stream.expect("hello", resumed=True)
        assert [event["path"] for event in stream.changes_until("a/newer")] == ["a/newer"]


@pytest.mark.parametrize("index", [True, False])
def test_the_first_page_shows_every_change_made_before_the_request(server, other, index):
    id = server.request("POST", WATCHES, {"root": str(other), "index": index}).json()["id"]
    for round in range(5):
        (other / f"d{round}").mkdir()
        for number in range(200):
            (other / f"d{round}" / f"{number}").write_text("x")
        for number in range(0, 200, 2):
            (other / f"d{round}" / f"{number}").unlink()
        entries = server.get(f"{WATCHES}/{id}/files?limit=1000&path=d{round}").json()["entries"]
        assert {entry["path"] for entry in entries} == {f"d{round}"} | {
            f"d{round}/{number}" for number in range(1, 200, 2)
        }


@pytest.mark.parametrize("index", [True, False])
def test_names_that_are_not_utf8_are_listed_and_found_by_their_bytes(server, other, index):
    odd = os.fsencode(other) + b"/o\xff"
    os.mkdir(odd)
    open(odd + b"/\xc3", "w").close()
    id = server.request("POST", WATCHES, {"root": str(other), "index": index}).json()["id"]
    entries = server.get(f"{WATCHES}/{id}/files?path=o%FF/").json()["entries"]
    assert [entry["path"] for entry in entries] == ["o\ufffd", "o\ufffd/\ufffd"]
    assert [base64.b64decode(entry["pathBytes"]) for entry in entries] == [b"o\xff", b"o\xff/\xc3"]
    (entry,) = server.get(f"{WATCHES}/{id}/files?path=o%FF/%C3").json()["entries"]
    assert (base64.b64decode(entry["pathBytes"]), entry["type"]) == (b"o\xff/\xc3", "file")
    server.get(f"{WATCHES}/{id}/files?path=o%FE").problem(404, "no-such-path")


def test_without_an_index_files_and_initial_read_the_disk(server, other):
    (other / "sub").mkdir()
    for number in range(20):
        (other / "sub" / f"{number:02}").write_text("x")
    id = server.request("POST", WATCHES, {"root": str(other), "index": False}).json()["id"]
    expected = {"sub"} | {f"sub/{number:02}" for number in range(20)}
    with server.events(f"watch={id}&initial=1") as stream:
        seen = stream.until(lambda event: event.type == "synced")
        assert {event["path"] for event in seen if event.type == "entry"} == expected
        (other / "sub" / "00").unlink()
        stream.expect("change", kind="delete", path="sub/00")
    found, after = [], ""
    while after is not None:
        page = server.get(f"{WATCHES}/{id}/files?limit=3{after}").json()
        found += page["entries"]
        after = f"&after={quote(page['next'])}" if "next" in page else None
    assert len(found) == 20 and {entry["path"] for entry in found} == expected - {"sub/00"}
    assert {(entry["type"], "size" in entry) for entry in found} == {("directory", False), ("file", False)}


def test_a_listing_first_publishes_what_is_pending(daemon, directory):
    server = daemon(directory, flags=["--settle", "5m"])
    watch = server.only_watch()["id"]
    with server.events() as stream:
        stream.expect("hello")
        (directory / "new").mkdir()
        eventually(lambda: server.only_watch()["counters"]["events"] > 0)
        page = server.get(f"{WATCHES}/{watch}/files").json()
        assert [entry["path"] for entry in page["entries"]] == ["new"]
        change = stream.expect("change", kind="create", path="new")
        assert change["id"] == page["cursor"]


def test_a_directory_moved_between_two_pages_ends_the_listing(filled, directory):
    page = filled.get(f"{filled.files}?limit=5").json()
    (directory / "a").rename(directory / "c")
    eventually(lambda: filled.get(f"{filled.files}?path=c").status == 200)
    filled.get(f"{filled.files}?limit=5&after={quote(page['next'])}").problem(409, "listing-changed")


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=many", "limit=", "after=%00nonsense"])
def test_a_bad_page_is_refused_by_name(filled, query):
    problem = filled.get(f"{filled.files}?{query}").problem(400)
    assert query.split("=")[0] in json.dumps(problem)


# Clients, stats, health


def test_clients_lists_those_who_follow_and_forgets_those_who_left(server):
    with server.events("path=src/") as stream:
        stream.expect("hello")
        clients = server.get("/-/v1/clients").json()["clients"]
        assert len(clients) == 1 and isinstance(clients[0]["id"], str)
        assert "sse" in json.dumps(clients[0]).lower()
    eventually(lambda: server.get("/-/v1/clients").json()["clients"] == [], what="the client is forgotten")


def test_clients_are_gathered_over_all_loops(daemon, directory):
    server = daemon(directory, flags=["--loops", "3"])
    streams = [server.events() for _ in range(12)]
    for stream in streams:
        stream.expect("hello")
    clients = server.get("/-/v1/clients").json()["clients"]
    assert len(clients) == 12 and len({client["id"] for client in clients}) == 12
    for stream in streams:
        stream.close()


def test_stats_is_one_object_for_the_whole_server(server):
    stats = server.get("/-/v1/stats").json()
    assert isinstance(stats, dict) and stats


def test_health_is_answered(server):
    assert server.get("/-/healthz").status == 200
    assert eventually(lambda: server.get("/-/readyz").status == 200)
