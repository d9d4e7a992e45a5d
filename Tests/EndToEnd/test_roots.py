"""Roots that come, go and are replaced while they are watched (row 29), as clients see it."""

import pytest

from support import eventually
from test_random_operations import Follower

WATCHES = "/-/v1/watches"


def state(server, wanted):
    def reached():
        (watch,) = server.watches()
        assert watch["state"] == wanted, watch
        return watch

    return eventually(reached, what=f"the watch to be {wanted}")


@pytest.mark.parametrize("depth", ["root", "a/b/root"])
def test_a_root_that_is_not_there_yet_is_waited_for(daemon, directory, depth):
    root = directory / depth
    server = daemon(root)
    watch = state(server, "gone")
    assert (watch["root"], watch["problem"]["code"]) == (str(root), "root-gone")
    assert watch["id"].startswith("root-")
    with server.events() as stream:
        stream.expect("hello")
        root.mkdir(parents=True)
        (root / "f").write_text("x")
        seen = stream.until(lambda event: event.get("path") == "f")
    told = [event.get("state") or event.get("reason") or event["kind"] for event in seen]
    assert told == ["live", "watch-started", "create", "create"]
    follower = Follower(server, "")
    eventually(lambda: follower.agrees(root, watch["id"]), what="the picture to be the disk")
    root.rename(directory / "elsewhere")
    state(server, "gone")
    root.mkdir()
    (root / "g").touch()
    state(server, "live")
    eventually(lambda: follower.agrees(root, watch["id"]), what="the picture to be the disk")


def test_what_was_waited_for_may_be_a_file(daemon, directory):
    server = daemon(directory / "f")
    state(server, "gone")
    (directory / "sibling").touch()
    with server.events() as stream:
        stream.expect("hello")
        (directory / "f").write_text("one")
        stream.until(lambda event: event.get("reason") == "watch-started")
        state(server, "live")
        (directory / "sibling").write_text("x")
        (directory / "f").write_text("more")
        seen = [event for event in stream.until(lambda event: event.get("size") == 4) if event.type == "change"]
    assert {event["path"] for event in seen} == {""}


def test_when_a_directory_above_is_renamed_the_root_is_gone_until_it_is_back(daemon, directory):
    root = directory / "a" / "b" / "root"
    root.mkdir(parents=True)
    server = daemon(root)
    state(server, "live")
    with server.events() as stream:
        stream.expect("hello")
        (directory / "a").rename(directory / "x")
        deleted, gone = stream.until("watch")
        assert (deleted["kind"], deleted["path"], gone["state"]) == ("delete", "", "gone")
        (directory / "x" / "b" / "root" / "f").touch()
        (directory / "x").rename(directory / "a")
        live, reset, *_ = stream.until(lambda event: event.get("path") == "f")
        assert (live["state"], reset["reason"]) == ("live", "watch-started")


def test_a_root_named_by_a_link_is_what_the_link_leads_to(daemon, directory):
    for number in (1, 2):
        (directory / str(number)).mkdir()
        (directory / str(number) / f"f{number}").touch()
    link = directory / "current"
    link.symlink_to("1")
    server = daemon(flags=["--allow-root", directory])
    made = server.request("POST", WATCHES, {"root": str(link)})
    assert made.status == 201, made
    watch = state(server, "live")
    assert watch["root"] == str(directory / "1")
    follower = Follower(server, "")
    eventually(lambda: follower.agrees(directory / "1", watch["id"]), what="the picture to be the disk")
    (directory / "next").symlink_to("2")
    (directory / "next").rename(link)
    eventually(lambda: state(server, "live")["root"] == str(directory / "2"), what="the other root")
    eventually(lambda: follower.agrees(directory / "2", watch["id"]), what="the picture to be the disk")


def test_a_link_that_comes_to_lead_out_of_what_is_allowed_is_not_followed(daemon, directory, tmp_path):
    (directory / "in").mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").touch()
    link = directory / "current"
    link.symlink_to("in")
    server = daemon(flags=["--allow-root", directory])
    assert server.request("POST", WATCHES, {"root": str(link)}).status == 201
    watch = state(server, "live")
    with server.events() as stream:
        stream.expect("hello")
        (directory / "next").symlink_to(outside)
        (directory / "next").rename(link)
        stream.until(lambda event: event.get("state") == "gone")
        (outside / "more").touch()
        (directory / "next").symlink_to("in")
        (directory / "next").rename(link)
        seen = stream.until(lambda event: event.get("kind") == "create")
    assert [event["path"] for event in seen if event.type == "change"] == [""]
    entries = server.get(f"{WATCHES}/{watch['id']}/files").json()["entries"]
    assert entries == []
