"""`tidings watch`: changes on standard output, for people, for programs, and for scripts that were
written for inotifywait."""

import json
import os
import re
import subprocess

import pytest

import support
from support import eventually


@pytest.fixture
def watching(launched):
    """`watching(*arguments)` runs `tidings watch` and returns once it says that it watches."""

    def watch(*arguments, watches=1):
        run = launched("watch", *arguments, environment={"TZ": "UTC"})
        eventually(lambda: run.stderr.count("watching ") >= watches, what="the word that it watches")
        return run

    return watch


def lines(run, count):
    """The first lines of its output, once there are as many."""
    eventually(lambda: run.stdout.count(b"\n") >= count, what=f"{count} lines")
    return run.stdout.decode("utf-8", "surrogateescape").splitlines()


def test_lines_for_people_say_when_what_and_where(watching, directory):
    (directory / "old").write_text("x")
    run = watching(directory)
    (directory / "new").write_text("x")
    lines(run, 1)
    (directory / "old").rename(directory / "moved")
    lines(run, 2)
    (directory / "sub").mkdir()
    first, second, third = lines(run, 3)
    clock = r"\d\d:\d\d:\d\d\.\d\d\d"
    assert re.fullmatch(rf"{clock}  create  {directory}/new  \(closed.*\)", first)
    assert re.fullmatch(rf"{clock}  move    {directory}/old -> {directory}/moved", second)
    assert re.fullmatch(rf"{clock}  create  {directory}/sub/", third)


def test_a_name_that_a_terminal_would_obey_is_shown(watching, directory):
    run = watching(directory)
    (directory / "a\x1b[2Jb\nc").touch()
    (line,) = lines(run, 1)
    assert r"a\x1b[2Jb\x0ac" in line


def test_json_lines_are_the_changes_of_the_protocol(watching, directory):
    run = watching(directory, "--json")
    (directory / "a.css").write_text("x")
    (line,) = [json.loads(line) for line in lines(run, 1)]
    assert line["event"] == "change"
    assert (line["kind"], line["path"], line["type"], line["closed"]) == (
        "create",
        "a.css",
        "file",
        True,
    )


def test_format_prints_what_inotifywait_prints(watching, directory):
    (directory / "sub").mkdir()
    (directory / "sub" / "a").write_text("x")
    run = watching(directory, "--format", "%e|%w|%f")
    steps = [
        (lambda: (directory / "sub" / "a").rename(directory / "b"), 2),
        (lambda: (directory / "b").chmod(0o600), 3),
        (lambda: (directory / "b").write_text("yy"), 4),
        (lambda: (directory / "b").unlink(), 5),
        (lambda: (directory / "d").mkdir(), 6),
    ]
    for step, count in steps:
        step()
        lines(run, count)
    assert lines(run, 6) == [
        f"MOVED_FROM|{directory}/sub/|a",
        f"MOVED_TO|{directory}/|b",
        f"ATTRIB|{directory}/|b",
        f"MODIFY,CLOSE_WRITE,CLOSE|{directory}/|b",
        f"DELETE|{directory}/|b",
        f"CREATE,ISDIR|{directory}/|d",
    ]


def test_format_joins_the_halves_of_a_move_by_cookie_and_tells_the_time(watching, directory):
    (directory / "a").touch()
    run = watching(directory, "--format", "%:e %c %T", "--timefmt", "%Y")
    (directory / "a").rename(directory / "b")
    halves = [line.split() for line in lines(run, 2)]
    assert [half[0] for half in halves] == ["MOVED_FROM", "MOVED_TO"]
    assert halves[0][1] == halves[1][1] and int(halves[0][1], 16) > 0
    assert all(re.fullmatch(r"20\d\d", half[2]) for half in halves)


def test_names_can_be_separated_by_nul(watching, directory):
    run = watching(directory, "--format", "%w%f%0")
    (directory / "a\nb").touch()
    eventually(lambda: run.stdout.endswith(b"\0"), what="a name")
    assert run.stdout == os.fsencode(directory) + b"/a\nb\0"


def test_only_the_kinds_asked_for_are_printed(watching, directory):
    for name in ["a", "b"]:
        (directory / name).write_text("x")
    run = watching(directory, "--kinds", "delete,move", "--format", "%e %f")
    (directory / "b").write_text("longer")
    (directory / "new").touch()
    (directory / "a").unlink()
    (directory / "b").unlink()
    assert lines(run, 2) == ["DELETE a", "DELETE b"]


def test_excluded_names_are_not_watched_and_not_printed(watching, directory):
    run = watching(directory, "--exclude", "*.log", "--exclude", "cache/", "--format", "%w%f")
    (directory / "cache").mkdir()
    (directory / "cache" / "x").touch()
    (directory / "a.log").touch()
    (directory / "end").touch()
    assert lines(run, 1) == [f"{directory}/end"]


def test_included_globs_are_all_that_is_printed(watching, directory):
    run = watching(directory, "--include", "**/*.css", "--format", "%f %e")
    (directory / "a.js").write_text("x")
    (directory / "css").mkdir()
    (directory / "css" / "a.css").write_text("x")
    eventually(lambda: b"a.css" in run.stdout)
    assert b"a.js" not in run.stdout


def test_once_ends_with_the_first_change_and_status_0(watching, directory):
    run = watching(directory, "--once", "--format", "%f")
    (directory / "a").touch()
    assert run.wait() == 0
    assert run.stdout == b"a\n"


def test_timeout_ends_with_status_2_and_prints_nothing(launched, directory):
    run = launched("watch", directory, "--timeout", "50ms", "--once")
    assert run.wait() == 2
    assert run.stdout == b""


def test_a_change_puts_the_timeout_off(watching, directory):
    run = watching(directory, "--timeout", "1s", "--format", "%f")
    (directory / "a").touch()
    assert run.wait() == 2
    assert run.stdout == b"a\n"


def test_several_roots_are_told_by_their_names(watching, tmp_path):
    for name in ["one", "two"]:
        (tmp_path / name).mkdir()
    run = watching(tmp_path / "one", tmp_path / "two", "--format", "%w%f", watches=2)
    (tmp_path / "one" / "a").touch()
    lines(run, 1)
    (tmp_path / "two" / "b").touch()
    assert lines(run, 2) == [f"{tmp_path}/one/a", f"{tmp_path}/two/b"]


def test_a_file_is_a_root_too_and_its_neighbours_are_not(watching, directory):
    (directory / "note").write_text("x")
    run = watching(directory / "note", "--format", "%w|%f|%e")
    (directory / "other").write_text("x")
    (directory / "note").write_text("yy")
    assert lines(run, 1)[0] == f"{directory}/note||MODIFY,CLOSE_WRITE,CLOSE"


def test_without_recursion_subdirectories_are_left_alone(watching, directory):
    (directory / "sub").mkdir()
    run = watching(directory, "--no-recursive", "--format", "%w%f")
    (directory / "sub" / "a").touch()
    (directory / "b").touch()
    eventually(lambda: f"{directory}/b\n".encode() in run.stdout)
    assert b"/sub/a" not in run.stdout


def test_quiet_says_nothing_while_all_is_well(launched, directory):
    run = launched("watch", directory, "--quiet", "--timeout", "50ms")
    assert run.wait() == 2
    assert run.stderr == ""


@pytest.mark.parametrize(
    "words",
    [
        ["watch"],
        ["watch", ".", "--format", "%q"],
        ["watch", ".", "--format", "%f", "--json"],
        ["watch", ".", "--kinds", "create,explode"],
        ["watch", ".", "--timeout", "0"],
        ["watch", ".", "--timeout", "5"],
    ],
)
def test_words_that_make_no_sense_are_64(launched, words):
    run = launched(*words)
    assert run.wait() == 64
    assert run.stderr


@pytest.mark.parametrize(
    "flags, status",
    [(["missing"], 66), ([".", "missing"], 66), ([".", "--include", "[z-a"], 78)],
)
def test_what_cannot_be_watched_is_refused_at_the_start(directory, flags, status):
    run = subprocess.run(
        [support.EXECUTABLE, "watch", *flags],
        cwd=directory,
        capture_output=True,
        timeout=support.PATIENCE,
    )
    assert run.returncode == status
    assert run.stdout == b"" and b"tidings: " in run.stderr


def test_who_reads_late_is_told_all_in_order_and_in_whole_lines(directory):
    """While the pipe has room lines are written as changes are found, then by a thread that waits: what
    the pipe would not take must neither be lost nor be overtaken."""
    watch = [support.EXECUTABLE, "watch", "--json", "--settle", "0", directory]
    with subprocess.Popen(watch, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert b"watching" in run.stderr.readline()
        made = [f"file-{number:04d}-{'x' * 100}" for number in range(1500)]
        for name in made:
            (directory / name).mkdir()
        told = []
        while len(told) < len(made):
            told.append(json.loads(run.stdout.readline()))
        run.terminate()
    assert [(event["kind"], event["path"]) for event in told] == [("create", name) for name in made]
    sequence = [int(event["id"].rpartition("-")[2]) for event in told]
    assert sequence == sorted(set(sequence))
