"""A filesystem whose server does not answer, as a remote one does whose machine is gone: it stops its
own watch, which says so and goes on when it can, and nobody else."""

import pathlib

import pytest

from client import Connection
from fuse import hanging, mountable  # noqa: F401: fixtures
from support import eventually

WATCHES = "/-/v1/watches"


def scanners(server):
    """The threads that look at what may hang, and what each waits for in the kernel."""
    found = {}
    for thread in pathlib.Path(f"/proc/{server.pid}/task").iterdir():
        try:
            if (thread / "comm").read_text() == "tidings-scanner\n":
                found[thread.name] = (thread / "wchan").read_text()
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has ended meanwhile
    return found


def waits_for_the_disk(server):
    return any(place in ("request_wait_answer", "fuse_get_req") for place in scanners(server).values())


def hangs(server, id):
    watch = server.get(f"{WATCHES}/{id}").json()
    assert watch["state"] == "degraded", watch
    assert watch["problem"]["code"] == "not-responding", watch
    return watch


def is_live(server, id):
    watch = server.get(f"{WATCHES}/{id}").json()
    assert watch["state"] == "live", watch
    return watch


def states_of(id, events):
    return [event["state"] for event in events if event.type == "watch" and event["watch"] == id]


class World:
    """A server with a watch of its own disk, one of the filesystem that hangs, and somebody who
    follows."""

    def __init__(self, daemon, directory, filesystem):
        self.directory = directory
        self.filesystem = filesystem
        self.server = daemon(directory, flags=["--allow-root", str(filesystem.place)])
        self.here = self.server.only_watch()["id"]
        self.events = self.server.events("heartbeat=5m")
        self.events.expect("hello")
        self.written = 0

    def add(self, **members):
        spec = {"root": str(self.filesystem.place), "id": "far", "pollInterval": "100ms", **members}
        return self.server.request("POST", WATCHES, spec)

    def others_go_on(self):
        """What happens elsewhere is told, and whoever asks is answered, though the other hangs on."""
        self.written += 1
        name = f"file{self.written}"
        (self.directory / name).write_text("x")
        told = self.events.until(lambda event: event.get("path") == name)[-1]
        assert told["watch"] == self.here
        server = self.server
        assert server.get("/-/healthz").status == 200
        assert server.get(WATCHES).status == 200
        assert server.request("POST", f"{WATCHES}/{self.here}/sync", {}).status == 200
        names = [entry["path"] for entry in server.get(f"{WATCHES}/{self.here}/files").json()["entries"]]
        assert name in names
        below = self.directory / "below"
        below.mkdir(exist_ok=True)
        spec = {"root": str(below)}
        assert server.request("PUT", f"{WATCHES}/below", spec).status == 201
        assert server.request("DELETE", f"{WATCHES}/below").status == 204

    def told_states(self, last):
        """The states of the watch that hangs, as told, up to one."""
        events = self.events.until(
            lambda event: event.type == "watch" and (event["watch"], event["state"]) == ("far", last)
        )
        return states_of("far", events)


@pytest.fixture
def world(daemon, directory, hanging):  # noqa: F811
    return World(daemon, directory, hanging)


def test_a_root_that_hangs_when_it_is_added_is_a_watch_that_waits(world):
    world.filesystem.write("a/b", "x")
    world.filesystem.hang()
    asking = Connection(world.server.address)
    asking.send_request(
        "POST", WATCHES, {"root": str(world.filesystem.place), "id": "far", "pollInterval": "100ms"}
    )
    eventually(lambda: waits_for_the_disk(world.server), what="a thread to wait for the disk")
    world.others_go_on()
    answer = asking.read_response()
    assert answer.status == 201
    watch = answer.json()
    assert (watch["state"], watch["problem"]["code"]) == ("degraded", "not-responding")
    assert str(world.filesystem.place) in watch["reason"]
    assert watch["problem"]["hint"] == f"sudo umount -f -l {world.filesystem.place}"
    assert watch["filesystem"] == {"type": "fuse", "remote": True}
    assert world.told_states("degraded") == ["degraded"]
    world.others_go_on()
    world.filesystem.answer()
    assert world.told_states("live") == ["crawling", "live"]
    entries = world.server.get(f"{WATCHES}/far/files").json()["entries"]
    assert [entry["path"] for entry in entries] == ["a", "a/b"]
    world.filesystem.write("a/c", "x")
    world.events.until(lambda event: event.type == "change" and event["path"] == "a/c")


def test_a_crawl_that_hangs_goes_on_when_it_can(world):
    for number in range(200):
        world.filesystem.write(f"d{number}/f", "x")
    world.filesystem.hang_after(100)
    assert world.add().status == 201
    assert world.told_states("degraded") == ["crawling", "degraded"]
    assert hangs(world.server, "far")["crawl"]["done"] is False
    world.others_go_on()
    assert world.server.get(f"{WATCHES}/far/files?timeout=0s").problem(503)["code"] == "not-responding"
    world.filesystem.answer()
    states = world.told_states("live")
    assert states in (["live"], ["crawling", "live"])
    reset = world.events.until("reset")[-1]
    assert (reset["reason"], reset["scope"]) == ("watch-started", [{"watch": "far", "path": ""}])
    crawl = is_live(world.server, "far")["crawl"]
    assert (crawl["directories"], crawl["files"], crawl["done"]) == (201, 200, True)


def test_in_mid_life_it_says_so_once_and_tells_afterwards_what_has_changed(world):
    world.filesystem.write("a/b", "x")
    assert world.add().status == 201
    eventually(lambda: is_live(world.server, "far"))
    assert world.told_states("live") == ["crawling", "live"]
    for round in range(2):
        world.filesystem.hang()
        assert world.told_states("degraded") == ["degraded"]
        world.others_go_on()
        assert "has given no answer for" in hangs(world.server, "far")["reason"]
        answer = world.server.request("POST", f"{WATCHES}/far/sync", {"timeout": "100ms"})
        assert answer.problem(504)["code"] == "sync-timeout"
        answer = world.server.request("PATCH", f"{WATCHES}/far", {"label": "x"})
        assert answer.problem(503)["code"] == "not-responding"
        assert world.server.request("POST", f"{WATCHES}/far/rescan", {}).status == 202
        world.filesystem.write(f"a/new{round}", "x")
        world.filesystem.answer()
        events = world.events.until(
            lambda event: event.type == "change" and event["path"] == f"a/new{round}"
        )
        states = states_of("far", events)
        if "live" not in states:
            states += world.told_states("live")
        assert states == ["live"]
        assert "label" not in eventually(lambda: is_live(world.server, "far"))["spec"]


def test_who_wants_a_listing_of_all_goes_on_without_what_hangs(world):
    world.filesystem.write("a", "x")
    assert world.add().status == 201
    assert world.told_states("live") == ["crawling", "live"]
    world.filesystem.hang()
    assert world.told_states("degraded") == ["degraded"]
    (world.directory / "here").write_text("x")
    with world.server.events("initial=1") as late:
        events = late.until("synced")
        assert [event["path"] for event in events if event.type == "entry"] == ["here"]
        world.filesystem.answer()
        reset = late.until("reset")[-1]
        assert (reset["reason"], reset["scope"]) == ("watch-started", [{"watch": "far", "path": ""}])
    entries = world.server.get(f"{WATCHES}/far/files").json()["entries"]
    assert [entry["path"] for entry in entries] == ["a"]


def test_the_command_says_what_it_waits_for(launched, hanging):  # noqa: F811
    hanging.hang()
    run = launched("watch", hanging.place, "--poll-interval", "100ms", "--json")
    eventually(lambda: f"{hanging.place} is not responding" in run.stderr, what="the word that it waits")
    hanging.answer()
    eventually(lambda: f"watching {hanging.place} (" in run.stderr, what="the word that it watches")
    hanging.write("a", "x")
    eventually(lambda: b'"path":"a"' in run.stdout, what="a change")
    hanging.hang()
    eventually(lambda: run.stderr.count("is not responding") == 2, what="the word that it waits again")
    assert run.stop() == 0


def test_what_hangs_is_removed_at_once_and_its_thread_ends_when_it_can(world):
    descriptors = pathlib.Path(f"/proc/{world.server.pid}/fd")
    before = len(list(descriptors.iterdir()))
    world.filesystem.hang()
    for _ in range(2):
        assert world.add().status == 201
        assert world.server.request("DELETE", f"{WATCHES}/far").status == 204
        assert world.server.request("DELETE", f"{WATCHES}/far").status == 404
        assert world.told_states("removed") == ["degraded", "removed"]
    assert len(scanners(world.server)) == 2
    world.others_go_on()
    world.filesystem.answer()
    eventually(lambda: not scanners(world.server), what="the end of the threads")
    eventually(lambda: len(list(descriptors.iterdir())) <= before, what="the end of what they held open")
    world.others_go_on()
    assert [watch["id"] for watch in world.server.watches()] == [world.here]


def test_what_hangs_while_it_is_removed_is_gone_nevertheless(world):
    assert world.add(pollInterval="1h").status == 201
    eventually(lambda: is_live(world.server, "far"))
    world.filesystem.hang()
    asking = Connection(world.server.address)
    asking.send_request("POST", f"{WATCHES}/far/sync", {})
    eventually(lambda: waits_for_the_disk(world.server), what="a thread to wait for the disk")
    assert world.server.request("DELETE", f"{WATCHES}/far").status == 204
    assert asking.read_response().status == 504
    assert world.told_states("removed")[-2:] == ["live", "removed"]
    world.others_go_on()


def test_the_same_is_found_again_and_another_replaces_it_while_it_hangs(world):
    world.filesystem.hang()
    assert world.add().status == 201
    assert world.add().status == 200
    put = {"root": str(world.filesystem.place), "hidden": False}
    answer = world.server.request("PUT", f"{WATCHES}/far", put)
    assert answer.status == 201
    assert answer.json()["spec"]["hidden"] is False
    put = {"root": str(world.filesystem.place / "other")}
    assert world.server.request("PUT", f"{WATCHES}/far", put).status == 409
    world.filesystem.answer()
    eventually(lambda: is_live(world.server, "far"))
    assert world.server.request("DELETE", f"{WATCHES}/far").status == 204
    eventually(lambda: not scanners(world.server), what="the end of the threads")


def test_a_link_that_leads_to_what_hangs_stops_nobody(world):
    link = world.directory / "link"
    link.symlink_to(world.filesystem.place)
    world.filesystem.hang()
    asking = Connection(world.server.address)
    asking.send_request("POST", WATCHES, {"root": str(link), "id": "link"})
    world.others_go_on()
    # It leads out of what may be watched, which takes no look at what is there.
    assert asking.read_response().problem(403)["code"] == "path-not-allowed"
    world.others_go_on()


@pytest.mark.parametrize("below", ["", "mounted"])
def test_a_watch_goes_on_by_itself_when_what_may_hang_is_mounted_in_its_root(
    daemon, directory, mountable, below
):
    root = mountable.place
    (root / "mounted").mkdir()
    (root / "before").write_text("x")
    server = daemon(directory, flags=["--allow-root", str(root)])
    spec = {"root": str(root), "id": "far", "pollInterval": "100ms"}
    assert server.request("POST", WATCHES, spec).status == 201
    assert eventually(lambda: is_live(server, "far"))["backend"] == "inotify"
    assert not scanners(server)
    mountable.place = root / below
    mountable.hang()
    mountable.write("after", "x")
    mountable.mount()
    eventually(lambda: hangs(server, "far"))
    assert server.get(WATCHES).status == 200
    mountable.answer()
    watch = eventually(lambda: is_live(server, "far"))
    assert watch["backend"] == ("inotify" if below else "poll")
    entries = server.get(f"{WATCHES}/far/files").json()["entries"]
    wanted = {"before", "mounted", "mounted/after"} if below else {"after"}
    assert {entry["path"] for entry in entries} == wanted
    if below:
        (root / "another").write_text("x")
        answer = server.request("POST", f"{WATCHES}/far/sync", {})
        assert answer.status == 200
        assert server.get(f"{WATCHES}/far").json()["counters"]["changes"] >= 1


def test_a_server_starts_though_a_root_of_its_own_hangs(daemon, directory, hanging):  # noqa: F811
    hanging.write("a", "x")
    hanging.hang()
    (directory / "link").symlink_to(hanging.place)
    server = daemon(directory, directory / "link")
    states = {watch["root"]: watch["state"] for watch in server.watches()}
    assert states == {str(directory): "live", str(hanging.place): "degraded"}
    hanging.answer()
    eventually(lambda: [is_live(server, watch["id"]) for watch in server.watches()])


def test_what_gives_up_waiting_has_not_gone(world):
    world.filesystem.write("a", "x")
    assert world.add().status == 201
    assert world.told_states("live") == ["crawling", "live"]
    world.filesystem.fail()
    assert world.told_states("degraded") == ["degraded"]
    problem = hangs(world.server, "far")["problem"]
    assert problem["errno"] == "EIO"
    entries = world.server.get(f"{WATCHES}/far/files").json()["entries"]
    assert [entry["path"] for entry in entries] == ["a"]
    world.filesystem.write("b", "x")
    world.filesystem.answer()
    events = world.events.until(lambda event: event.type == "change" and event["path"] == "b")
    assert [event["path"] for event in events if event.type == "change"] == ["b"]
    if "live" not in states_of("far", events):
        assert world.told_states("live") == ["live"]


def test_health_is_answered_and_a_stop_is_a_stop(world):
    world.filesystem.hang()
    asking = Connection(world.server.address)
    asking.send_request("POST", WATCHES, {"root": str(world.filesystem.place)})
    eventually(lambda: waits_for_the_disk(world.server), what="a thread to wait for the disk")
    assert world.server.get("/-/healthz").status == 200
    asking.close()
    world.events.close()
    assert world.server.stop() == 0
