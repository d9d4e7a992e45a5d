"""Mounts and unmounts below, at and above a root (row 30; row 31 for bind mounts), in a mount
namespace of the server's own: nothing of this machine changes (mount_namespaces(7))."""

import subprocess

import pytest

import support
from model import Entry
from support import eventually
from test_random_operations import Follower

WATCHES = "/-/v1/watches"

# As root; else in a user namespace in which this user is root.
SPACES = {(): [], ("-U", "-r"): ["-U", "--preserve-credentials"]}


def new_space():
    """The words by which a namespace is made, and those by which it is entered."""
    refusals = []
    for words, entering in SPACES.items():
        command = ["unshare", "-m", *words, "mount", "-t", "tmpfs", "none", "/mnt"]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
            return ["unshare", "-m", *words], ["nsenter", "-m", *entering]
        except OSError as error:
            refusals.append(str(error))
        except subprocess.CalledProcessError as error:
            refusals.append(error.stderr.strip())
    pytest.skip(f"no mount namespace to be had: {'; '.join(refusals)}")


class Space:
    """A server in a mount namespace, and what can be done there. Paths are below its top."""

    def __init__(self, top, making, entering):
        self.top = top
        self.entering = entering
        self.server = support.Tidings("daemon", "--allow-root", top, "--settle", "10ms")
        self.server.launch([*making, support.EXECUTABLE, *self.server.arguments, "--port", "0"])
        eventually(self.server._address, what="an address in the banner")

    def run(self, *words):
        """A command in the namespace; a word that starts with `@` is a path below the top."""
        told = [str(self.top / word[1:]) if word.startswith("@") else word for word in words]
        command = [*self.entering, "-t", str(self.server.pid), *told]
        done = subprocess.run(command, capture_output=True, text=True, timeout=support.PATIENCE)
        assert done.returncode == 0, f"{' '.join(told)}: {done.stderr}"

    def mount(self, place):
        self.run("mount", "-t", "tmpfs", "none", f"@{place}")

    def unmount(self, place):
        # Who looks at the disk at this moment keeps it busy.
        eventually(lambda: self.run("umount", f"@{place}") or True, what=f"umount {place}")

    def path(self, place):
        """As seen from outside of the namespace."""
        return f"/proc/{self.server.pid}/root{self.top}/{place}"

    def write(self, place, text="x"):
        self.run("sh", "-c", 'printf %s "$1" >"$0"', f"@{place}", text)

    def watch(self, root, backend, **members):
        spec = {"root": str(self.top / root), "backend": backend, "settle": "10ms", **members}
        answer = self.server.request("POST", WATCHES, spec)
        if answer.status == 422 and backend != "inotify":
            # The kernel may refuse a backend to this user; for any other reason it must not be missing.
            assert "is refused here" in answer.json()["detail"], answer.json()
            pytest.skip(answer.json()["detail"])
        assert answer.status == 201, answer
        return self.state("live", answer.json()["id"])

    def state(self, wanted, id):
        def reached():
            watch = self.server.get(f"{WATCHES}/{id}").json()
            assert watch["state"] == wanted, watch
            return id

        return eventually(reached, what=f"{id} to be {wanted}")

    def agrees(self, follower, root, watch):
        """The client's picture is the disk as it is in the namespace, and what is told there."""
        eventually(lambda: follower.agrees(self.path(root), watch), what="the picture to be the disk")
        assert follower.picture.complaints == []

    def told(self, follower, **members):
        """Waits until an event with these members was among the last."""

        def came():
            return [
                event
                for event in list(follower.recent)
                if all(event.get(name) == value for name, value in members.items())
            ]

        return eventually(came, what=f"{members} among {follower.recent}")


@pytest.fixture
def space(tmp_path):
    making, entering = new_space()
    (tmp_path / "top").mkdir()
    space = Space(tmp_path / "top", making, entering)
    try:
        yield space
    finally:
        space.server.kill()


@pytest.fixture(params=["inotify", "fanotify", "fanotify-filesystem"])
def backend(request):
    return request.param


def test_what_is_mounted_over_a_directory_is_told_and_what_was_there_when_it_goes(space, backend):
    space.run("mkdir", "-p", "@root/d/e", "@root/other")
    space.write("root/d/e/old")
    watch = space.watch("root", backend)
    follower = Follower(space.server, "")
    space.agrees(follower, "root", watch)

    space.mount("root/d")
    space.told(follower, kind="create", path="d", cause="rescan")
    space.agrees(follower, "root", watch)
    assert b"d/e/old" not in follower.picture.entries
    space.run("mkdir", "@root/d/new")
    space.write("root/d/new/probe")
    space.told(follower, kind="create", path="d/new/probe")
    space.agrees(follower, "root", watch)

    space.unmount("root/d")
    space.told(follower, kind="create", path="d/e/old", cause="rescan")
    space.agrees(follower, "root", watch)
    space.write("root/d/e/probe")
    space.told(follower, kind="create", path="d/e/probe")
    space.agrees(follower, "root", watch)
    assert space.server.get(f"{WATCHES}/{watch}").json()["counters"]["rescans"] >= 2


def test_a_filesystem_below_the_root_can_be_unmounted_while_it_is_watched(space, backend):
    space.run("mkdir", "-p", "@root/a/d")
    space.mount("root/a/d")
    space.run("mkdir", "-p", "@root/a/d/1/2/3")
    space.write("root/a/d/1/2/3/f")
    watch = space.watch("root", backend)
    follower = Follower(space.server, "")
    space.agrees(follower, "root", watch)
    space.unmount("root/a/d")
    space.told(follower, kind="delete", path="a/d", cause="rescan")
    space.agrees(follower, "root", watch)
    # The same again, and with it a mount within the mount.
    space.mount("root/a/d")
    space.run("mkdir", "@root/a/d/inner")
    space.mount("root/a/d/inner")
    space.write("root/a/d/inner/probe")
    space.told(follower, path="a/d/inner/probe")
    space.agrees(follower, "root", watch)
    space.run("umount", "--lazy", "--recursive", "@root/a/d")
    space.run("mkdir", "@root/a/d/below")
    space.write("root/a/d/below/probe")
    space.told(follower, path="a/d/below/probe")
    space.agrees(follower, "root", watch)


def test_what_comes_by_a_bind_mount_is_followed_under_every_name(space, backend):
    space.run("mkdir", "-p", "@root/d/sub", "@root/twin", "@outside/deep")
    watch = space.watch("root", backend)
    follower = Follower(space.server, "")
    space.agrees(follower, "root", watch)
    # Of what lies outside: written to by a name that the watch does not know.
    space.run("mount", "--bind", "@outside", "@root/twin")
    space.told(follower, kind="create", path="twin/deep", cause="rescan")
    space.write("outside/deep/probe")
    space.told(follower, kind="create", path="twin/deep/probe")
    space.agrees(follower, "root", watch)
    space.unmount("root/twin")
    space.agrees(follower, "root", watch)
    space.write("outside/deep/unseen")
    # Of what lies inside: one directory, two names, and a rename seen under both.
    space.run("mount", "--bind", "@root/d", "@root/twin")
    space.told(follower, kind="create", path="twin/sub", cause="rescan")
    space.write("root/d/sub/probe")
    for path in ("d/sub/probe", "twin/sub/probe"):
        space.told(follower, kind="create", path=path)
    space.agrees(follower, "root", watch)
    space.run("mv", "@root/twin/sub/probe", "@root/twin/moved")
    space.run("mv", "@root/d/sub", "@root/d/other")
    space.agrees(follower, "root", watch)
    assert {b"d/moved", b"twin/moved", b"d/other", b"twin/other"} <= follower.picture.entries.keys()
    space.write("root/twin/other/again")
    space.agrees(follower, "root", watch)
    space.unmount("root/twin")
    space.agrees(follower, "root", watch)
    space.write("root/d/other/last")
    space.told(follower, kind="create", path="d/other/last")
    space.agrees(follower, "root", watch)
    assert b"twin/other" not in follower.picture.entries


def first_change(stream):
    return stream.until("change")[-1]


def test_two_watches_on_one_directory_by_a_bind_mount_each_see_their_own_kinds(space, backend):
    space.run("mkdir", "-p", "@root/d", "@twin")
    space.run("mount", "--bind", "@root/d", "@twin")
    space.write("root/d/f")
    by_name = space.watch("root", backend, kinds=["create", "delete"])
    by_twin = space.watch("twin", backend, kinds=["attrib"])
    with space.server.events(f"watch={by_name}") as names, space.server.events(f"watch={by_twin}") as looks:
        space.run("chmod", "600", "@root/d/f")
        space.write("twin/g")
        assert first_change(names)["path"] == "d/g"
        assert first_change(looks)["path"] == "f"
        assert space.server.request("DELETE", f"{WATCHES}/{by_name}").status == 204
        space.run("chmod", "644", "@root/d/f")
        assert first_change(looks)["path"] == "f"
    space.unmount("twin")
    space.agrees(Follower(space.server, f"watch={by_twin}"), "twin", by_twin)


def test_the_filesystem_of_the_root_itself_can_be_unmounted_and_mounted(space, backend):
    space.run("mkdir", "@root")
    space.mount("root")
    space.write("root/f")
    watch = space.watch("root", backend)
    follower = Follower(space.server, "")
    space.agrees(follower, "root", watch)
    space.unmount("root")
    space.told(follower, kind="delete", path="")
    space.told(follower, reason="watch-started")
    space.state("live", watch)
    space.agrees(follower, "root", watch)
    space.run("mkdir", "@root/bare")
    space.told(follower, kind="create", path="bare")
    space.mount("root")
    space.write("root/again")
    space.told(follower, path="again")
    space.agrees(follower, "root", watch)
    assert b"bare" not in follower.picture.entries


def test_a_mount_above_the_root_hides_it_and_gives_it_back(space, backend):
    space.run("mkdir", "-p", "@a/b/root/d")
    watch = space.watch("a/b/root", backend)
    follower = Follower(space.server, "")
    space.agrees(follower, "a/b/root", watch)
    space.mount("a")
    space.told(follower, kind="delete", path="")
    space.state("gone", watch)
    # Another root comes to stand where it was, and the first one again.
    space.run("mkdir", "-p", "@a/b/root")
    space.state("live", watch)
    space.write("a/b/root/other")
    space.told(follower, path="other")
    space.agrees(follower, "a/b/root", watch)
    space.unmount("a")
    space.told(follower, path="d", kind="create")
    space.state("live", watch)
    space.write("a/b/root/d/probe")
    space.told(follower, kind="create", path="d/probe")
    space.agrees(follower, "a/b/root", watch)
    assert follower.picture.entries[b"d"] == Entry("directory")


def test_without_an_index_a_mount_is_a_reset_of_what_stands_there(space, backend):
    space.run("mkdir", "-p", "@root/d/e")
    watch = space.watch("root", backend, index=False)
    with space.server.events(f"watch={watch}") as stream:
        stream.expect("hello")
        space.mount("root/d")
        (reset,) = [event for event in stream.until("reset") if event.type == "reset"]
        assert reset["reason"] == "unmounted"
        assert reset["scope"] == [{"watch": watch, "path": "d"}]
        space.write("root/d/probe")
        stream.until(lambda event: event.get("path") == "d/probe")
