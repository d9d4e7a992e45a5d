"""What a watch can be asked to do besides being there: sync, rescan, being another (PATCH)."""

import json
import mmap
import os

import pytest

from client import Connection

WATCHES = "/-/v1/watches"


@pytest.fixture
def server(daemon, directory):
    """A daemon that watches `directory` with a settle nobody waits for."""
    return daemon(directory, flags=["--settle", "10m"])


def address(server, action):
    return f"{WATCHES}/{server.only_watch()['id']}/{action}"


def test_after_sync_every_change_made_before_is_in_the_journal(server, directory):
    since = server.request("POST", address(server, "sync"), {}).json()["cursor"]
    for number in range(200):
        (directory / f"{number}.txt").write_text("x")
    cursor = server.request("POST", address(server, "sync"), {}).json()["cursor"]
    answer = server.get(f"/-/v1/events?format=json&since={since}&wait=0s&limit=1000").json()
    assert {change["path"] for change in answer["events"] if change["event"] == "change"} == {
        f"{number}.txt" for number in range(200)
    }
    assert answer["next"] == cursor
    with server.events(f"since={cursor}") as stream:
        stream.expect("hello", resumed=True, id=cursor)


def test_sync_needs_no_body_but_its_type(server):
    target = address(server, "sync")
    assert server.request("POST", target, b"", content_type="application/json").json()["cursor"]
    for body in (b"", b"{}"):
        server.request("POST", target, body, content_type="text/plain").problem(415)
    with Connection(server.address) as connection:
        connection.send(f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        connection.read_response().problem(415)


@pytest.mark.parametrize("action", ["sync", "rescan"])
@pytest.mark.parametrize(
    "body, word",
    [({"tiemout": "1s"}, "tiemout"), ([], "body"), ({"timeout": 5, "path": 5}, "must be a string")],
)
def test_a_bad_body_is_refused_by_name(server, action, body, word):
    assert word in json.dumps(server.request("POST", address(server, action), body).problem(400))


@pytest.mark.parametrize("timeout", ["5", "fast", "61s", "-1s"])
def test_a_bad_timeout_is_refused(server, timeout):
    problem = server.request("POST", address(server, "sync"), {"timeout": timeout}).problem(400)
    assert problem["field"] == "timeout"


@pytest.mark.parametrize("action", ["sync", "rescan"])
def test_an_action_is_a_post_and_of_a_watch_that_exists(server, action):
    answer = server.get(address(server, action))
    answer.problem(405)
    assert "POST" in answer["allow"]
    server.request("POST", f"{WATCHES}/nobody/{action}", {}).problem(404)
    server.request("POST", f"{WATCHES}/nobody/{action}/x", {}).problem(404)


@pytest.mark.parametrize("path", ["", "sub", "sub/", "/sub/f"])
def test_a_rescan_tells_what_no_event_told(server, directory, path):
    (directory / "sub").mkdir()
    (directory / "sub" / "f").write_text("x")
    server.request("POST", address(server, "sync"), {}).json()
    with server.events() as stream, open(directory / "sub" / "f", "r+b") as file:
        stream.expect("hello")
        before = os.fstat(file.fileno()).st_mtime_ns
        with mmap.mmap(file.fileno(), 0) as memory:
            while os.fstat(file.fileno()).st_mtime_ns == before:  # the filesystem's clock is coarse
                memory[0:1] = b"y"
                memory.flush()
            answer = server.request("POST", address(server, "rescan"), {"path": path} if path else {})
            assert (answer.status, answer.body) == (202, b"")
            server.request("POST", address(server, "sync"), {}).json()
            stream.expect("change", kind="modify", path="sub/f", cause="rescan")
    assert server.only_watch()["counters"]["rescans"] == 1


@pytest.mark.parametrize("path", ["nothing", "../", "sub/../sub", "a\0b"])
def test_a_rescan_of_nothing_is_refused(server, directory, path):
    (directory / "sub").mkdir()
    answer = server.request("POST", address(server, "rescan"), {"path": path})
    problem = answer.problem(400 if "\0" in path else 404)
    assert problem["field"] == "path"


def test_who_may_only_read_may_sync_and_not_rescan(daemon, directory, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.touch(mode=0o600)
    tokens.write_text("reader-0123456789 ro\nwriter-0123456789 rw\n")
    server = daemon(directory, flags=["--token-file", tokens])

    def ask(action, who):
        token = {"authorization": f"Bearer {who}-0123456789"}
        id = server.get(WATCHES, **token).json()["watches"][0]["id"]
        return server.request("POST", f"{WATCHES}/{id}/{action}", {}, **token)

    assert ask("sync", "reader").status == 200
    ask("rescan", "reader").problem(403)
    assert ask("rescan", "writer").status == 202


# PATCH


def patch(server, id, body, **fields):
    return server.request("PATCH", f"{WATCHES}/{id}", body, **fields)


def test_a_patch_changes_what_it_names_and_tells_what_comes_and_goes(daemon, directory):
    (directory / "node_modules" / "deep").mkdir(parents=True)
    (directory / "node_modules" / "x.js").write_text("x")
    (directory / "a.txt").write_text("x")
    server = daemon(directory)
    watch = server.only_watch()
    id, spec = watch["id"], watch["spec"]
    with server.events() as stream:
        stream.expect("hello")
        answer = patch(server, id, {"ignore": ["node_modules/"], "label": "mine", "settle": "1s"})
        assert answer.status == 200
        expected = spec | {"ignore": ["node_modules/"], "label": "mine", "settle": "1s", "settleMax": "1s"}
        assert answer.json()["spec"] == expected == server.get(f"{WATCHES}/{id}").json()["spec"]
        assert server.request("POST", f"{WATCHES}/{id}/sync", {}).status == 200
        stream.expect("change", kind="delete", path="node_modules", cause="rescan")
        assert server.only_watch()["kernelWatches"] == 1
        entries = server.get(f"{WATCHES}/{id}/files").json()["entries"]
        assert [entry["path"] for entry in entries] == ["a.txt"]
        patch(server, id, {"ignore": None, "label": None, "settle": None, "settleMax": None})
        server.request("POST", f"{WATCHES}/{id}/sync", {})
        seen = stream.changes_until("node_modules/x.js")
        assert {event["cause"] for event in seen} == {"rescan"}
    watch = server.only_watch()
    assert (watch["spec"], watch["kernelWatches"]) == (spec, 3)


def test_an_empty_patch_changes_nothing(daemon, directory):
    server = daemon(directory)
    before = server.only_watch()
    answer = patch(server, before["id"], b"{}", content_type="application/merge-patch+json")
    assert answer.status == 200
    assert answer.json() == server.only_watch() == before


@pytest.mark.parametrize(
    "body, status, word",
    [
        ({"root": "/"}, 400, "root"),
        ({"index": False}, 400, "index"),
        ({"hiden": True}, 400, "hiden"),
        ({"hidden": 1}, 400, "hidden"),
        ({"kinds": ["explode"]}, 400, "kinds"),
        ({"settle": "soon"}, 400, "settle"),
        ({"settleMax": "1ms"}, 400, "settleMax"),
        ({"ignore": [1]}, 400, "ignore"),
        ({"include": ["[a"]}, 422, "include"),
        ([], 400, "patch"),
        (None, 400, "patch"),
    ],
)
def test_a_bad_patch_is_refused_by_name_and_changes_nothing(daemon, directory, body, status, word):
    server = daemon(directory)
    before = server.only_watch()
    problem = patch(server, before["id"], json.dumps(body).encode(), content_type="application/json")
    assert word in json.dumps(problem.problem(status))
    assert server.only_watch() == before


def test_a_patch_is_json_and_of_a_watch_that_exists(daemon, directory):
    server = daemon(directory)
    id = server.only_watch()["id"]
    patch(server, id, b"{}", content_type="text/plain").problem(415)
    patch(server, "nobody", {}).problem(404)
    server.request(
        "POST", WATCHES, b"{}", content_type="application/merge-patch+json"
    ).problem(415)
