"""The backend `fanotify`, asked for by name; another is not tried in its place."""

import json
import subprocess

import pytest

import support
from support import eventually
from test_kernel_limits import namespace

WATCHES = "/-/v1/watches"


@pytest.fixture(autouse=True)
def allowed(directory):
    told = subprocess.run(
        [support.EXECUTABLE, "doctor", directory, "--json"], capture_output=True, timeout=support.PATIENCE
    )
    (probe,) = [one for one in json.loads(told.stdout)["checkup"]["backends"] if one["name"] == "fanotify"]
    if not probe["works"]:
        # That the refusal is told is tested elsewhere.
        pytest.skip(f"fanotify: {probe['refusal']}")  # by a container's policy or an old kernel


@pytest.fixture
def spaces():
    try:
        subprocess.run([*namespace("max_fanotify_groups", 9), "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no user namespace to be had: {error}")  # only in one can limits be lowered for us alone


def change_everything(directory):
    (directory / "sub").mkdir()
    (directory / "sub" / "a").write_text("one")
    (directory / "old").write_text("two")
    (directory / "old").rename(directory / "sub" / "new")
    (directory / "sub").rename(directory / "moved")
    (directory / "moved" / "a").unlink()
    (directory / "moved" / "late").write_text("three")
    (directory / "gone").mkdir()
    (directory / "gone").rename(directory.parent / "outside")


def test_both_backends_tell_of_the_same_tree_side_by_side(daemon, directory):
    server = daemon(directory)
    spec = {"root": str(directory), "backend": "fanotify", "id": "marks"}
    made = server.request("POST", WATCHES, spec)
    assert (made.status, made.json()["backend"]) == (201, "fanotify")
    eventually(lambda: all(watch["state"] == "live" for watch in server.watches()), what="both live")
    assert sorted(watch["backend"] for watch in server.watches()) == ["fanotify", "inotify"]
    change_everything(directory)
    for watch in server.watches():
        id = watch["id"]
        listed = server.get(f"{WATCHES}/{id}/files").json()["entries"]
        assert sorted(entry["path"] for entry in listed) == ["moved", "moved/late", "moved/new"], id
    assert server.request("DELETE", f"{WATCHES}/marks").status == 204
    made = server.request("POST", WATCHES, spec)
    (directory / "moved" / "later").touch()
    listed = server.get(f"{WATCHES}/marks/files").json()["entries"]
    assert "moved/later" in [entry["path"] for entry in listed]


def test_the_command_follows_by_marks(launched, directory):
    (directory / "sub").mkdir()
    (directory / "old").write_text("x")
    run = launched("watch", directory, "--backend", "fanotify", "--json")
    eventually(lambda: "watching " in run.stderr, what="the word that it watches")
    (directory / "old").rename(directory / "sub" / "new")
    eventually(lambda: run.stdout.count(b"\n") >= 1, what="a line")
    (line,) = map(json.loads, run.stdout.splitlines())
    assert (line["kind"], line["from"], line["path"]) == ("move", "old", "sub/new")


def test_a_mark_on_the_filesystem_says_who_made_a_change(launched, directory):
    run = launched("watch", directory, "--backend", "fanotify-filesystem", "--json")
    eventually(lambda: "watching " in run.stderr or run.process.poll() is not None, what="an answer")
    if run.process.poll() is not None:
        # Any other end is a failure.
        assert "fanotify-filesystem is refused here" in run.stderr, run.stderr
        pytest.skip(run.stderr)  # root of a container, or overlayfs, may not have it
    maker = subprocess.Popen(["mkdir", directory / "made"])
    maker.wait()
    eventually(lambda: run.stdout.count(b"\n") >= 1, what="a line")
    change = json.loads(run.stdout.splitlines()[0])
    assert (change["kind"], change["path"], change["pid"]) == ("create", "made", maker.pid)


def test_without_the_privilege_a_mark_on_the_filesystem_is_refused_with_the_reason(directory):
    command = ["unshare", "-Ur", support.EXECUTABLE, "watch", directory, "--backend", "fanotify-filesystem"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=support.PATIENCE)
    if run.stderr.startswith("unshare:"):
        pytest.skip(run.stderr)  # no user namespaces here; the executable was never run
    assert run.returncode == 78, run.stderr
    assert "fanotify-filesystem is refused here" in run.stderr and "CAP_SYS_ADMIN" in run.stderr, run.stderr


def test_where_the_kernel_gives_no_group_the_limit_is_named_and_inotify_works(spaces, directory):
    def watch(*words):
        command = [*namespace("max_fanotify_groups", 0), support.EXECUTABLE, "watch", directory, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=support.PATIENCE)

    refused = watch("--backend", "fanotify")
    assert refused.returncode == 71 and refused.stdout == ""
    assert "all 0 fanotify groups of this user are in use" in refused.stderr
    assert "user.max_fanotify_groups=1024" in refused.stderr, refused.stderr
    assert watch("--timeout", "50ms").returncode == 2


def test_a_limit_of_marks_leaves_the_rest_watched_and_says_which_number_to_raise(spaces, directory):
    for number in range(40):
        (directory / f"d{number}").mkdir()
    command = [*namespace("max_fanotify_marks", 20), support.EXECUTABLE, "watch", directory]
    run = subprocess.run(
        [*command, "--backend", "fanotify", "--timeout", "200ms"],
        capture_output=True, text=True, timeout=support.PATIENCE,
    )
    assert run.returncode == 2
    assert "of 20 fanotify marks" in run.stderr, run.stderr
    assert "sudo sysctl user.max_fanotify_marks=524288" in run.stderr, run.stderr
