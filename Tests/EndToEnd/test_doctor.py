"""`tidings doctor`: what watching needs here, and what to type when it is not there."""

import ctypes
import json
import os
import subprocess

import pytest

import support


@pytest.fixture
def doctor():
    """`doctor(*arguments)` gives its exit status and what it printed."""

    def run(*arguments):
        done = subprocess.run(
            [support.EXECUTABLE, "doctor", *map(str, arguments)],
            capture_output=True,
            timeout=60,
            text=True,
        )
        assert "Fatal" not in done.stderr
        return done

    return run


@pytest.fixture
def holding():
    """`holding(path)` gives this process an inotify instance with a watch on the path."""
    library = ctypes.CDLL(None, use_errno=True)
    opened = []

    def hold(*paths):
        instance = library.inotify_init1(os.O_CLOEXEC)
        assert instance >= 0
        opened.append(instance)
        for path in paths:
            assert library.inotify_add_watch(instance, os.fsencode(path), 0x100) > 0

    yield hold
    for instance in opened:
        os.close(instance)


def setting(name):
    with open(f"/proc/sys/{name}") as file:
        return int(file.read())


def test_json_holds_what_the_kernel_says(doctor, directory):
    facts = json.loads(doctor(directory, "--json").stdout)["checkup"]
    limits = {limit["name"]: limit["maximum"] for limit in facts["limits"]}
    for name in ["max_user_watches", "max_user_instances", "max_queued_events"]:
        assert limits[f"fs.inotify.{name}"] == setting(f"fs/inotify/{name}")
    assert facts["kernel"] == os.uname().release
    assert facts["user"] == os.getuid()
    assert {backend["name"]: backend["works"] for backend in facts["backends"]}["inotify"]


def test_directories_are_counted_with_the_root_and_without_files(doctor, directory):
    for name in ["a", "a/b", "c"]:
        (directory / name).mkdir()
    (directory / "a" / "file").touch()
    (directory / "link").symlink_to(directory / "a")
    place = json.loads(doctor(directory, "--json").stdout)["checkup"]["place"]
    assert place["path"] == str(directory)
    assert place["census"]["directories"] == 4
    assert place["census"]["isComplete"]


def test_a_count_that_takes_too_long_is_given_up(doctor, directory):
    for number in range(200):
        (directory / str(number)).mkdir()
    place = json.loads(doctor(directory, "--json", "--patience", "0").stdout)["checkup"]["place"]
    assert not place["census"]["isComplete"]


def test_a_file_needs_no_count(doctor, directory):
    (directory / "note").touch()
    place = json.loads(doctor(directory / "note", "--json").stdout)["checkup"]["place"]
    assert "census" not in place


def test_who_watches_is_found_by_process(doctor, directory, holding):
    (directory / "sub").mkdir()
    holding(directory, directory / "sub")
    holding()
    holders = json.loads(doctor(directory, "--json").stdout)["checkup"]["holders"]["processes"]
    (mine,) = [holder for holder in holders if holder["pid"] == os.getpid()]
    assert mine["inotifyInstances"] == 2
    assert mine["inotifyWatches"] == 2
    assert mine["user"] == os.getuid()
    assert f"(pid {os.getpid()})" in doctor(directory).stdout


def test_people_read_facts_first_and_the_verdict_last(doctor, directory):
    done = doctor(directory)
    text = done.stdout
    parts = [text.index(part) for part in ["System", "Limits", "Who watches", str(directory)]]
    assert parts == sorted(parts)
    assert all(len(line) <= 100 + len(str(directory)) for line in text.splitlines())
    if done.returncode == 0:
        assert text.endswith("\nNothing to mend.\n")
    else:
        assert done.returncode == 1 and "To mend: " in text


def test_the_status_says_whether_something_is_to_be_mended(doctor, directory):
    done = doctor(directory, "--json")
    document = json.loads(done.stdout)
    assert document["ok"] == (done.returncode == 0)
    assert document["ok"] == all(finding["level"] != "mend" for finding in document["findings"])


@pytest.mark.skipif(os.getuid() == 0, reason="root reads everything")
def test_a_directory_that_cannot_be_read_is_to_be_mended(doctor, directory):
    locked = directory / "locked"
    locked.mkdir(mode=0)
    done = doctor(directory)
    locked.chmod(0o700)
    assert done.returncode == 1
    assert f"sudo setfacl -m u:{os.getuid()}:rx {locked}" in done.stdout


def test_a_limit_on_open_files_is_to_be_mended(directory):
    done = subprocess.run(
        ["sh", "-c", 'ulimit -n 200 && exec "$0" doctor "$1"', support.EXECUTABLE, str(directory)],
        capture_output=True,
        timeout=60,
        text=True,
    )
    assert done.returncode == 1
    assert "To mend: A process may have 200 files open" in done.stdout


def test_a_place_that_is_not_there_is_66(doctor, directory):
    done = doctor(directory / "nothing")
    assert done.returncode == 66
    assert "nothing" in done.stderr and done.stdout == ""
