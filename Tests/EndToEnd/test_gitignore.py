"""`gitignore: true` sees exactly what git does not ignore: git itself is asked."""

import os
import pathlib
import random
import shutil
import subprocess

import pytest

WATCHES = "/-/v1/watches"

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="git is not here to be asked")

FILES = [
    "frotz",
    "doc/frotz/a",
    "a/doc/frotz",
    "foo/bar/hello.c",
    "foo/bar.c",
    "foo/test.json",
    "hello.txt",
    "hello.c",
    "a/hello.java",
    "a/b/foo",
    "a/x/b",
    "a/x/y/b",
    "abc/x/y",
    "x/abc/y",
    "lib.a",
    "lib.o",
    "sub/lib.o",
    "important!.txt",
    "!important!.txt",
    "#foo",
    "foo ",
    "trailing  ",
    "sp ace",
    "build/out/1.log",
    "sub/build/2.log",
    "debug0.log",
    "debuga.log",
    "debug10.log",
    "logs/debug.log",
    "logs/monday/foo.bar",
    "logs/latest/debug.log",
    "sub/.hidden",
    ".env",
    "é.txt",
    "back\\slash",
    "[x]",
    "x]",
    "A.TXT",
]

# The examples of gitignore(5) and those by which people explain it to each other.
PATTERNS = [
    {"": "hello.*\n"},
    {"": "/hello.*\n"},
    {"": "doc/frotz\n"},
    {"": "/doc/frotz\n"},
    {"": "foo/*\n"},
    {"": "frotz/\n"},
    {"": "doc/frotz/\n"},
    {"": "**/foo\n"},
    {"": "**/foo/bar\n"},
    {"": "abc/**\n"},
    {"": "a/**/b\n"},
    {"": "**/logs/debug.log\n**/latest/**\n"},
    {"": "*.[oa]\n"},
    {"": "*.[oa]\n!sub/lib.o\n", "sub": "!lib.o\n"},
    {"": "*.[!o]\n"},
    {"": "/*\n!/foo\n/foo/*\n!/foo/bar\n"},
    {"": "*.txt\n!hello.txt\n"},
    {"": "*\n!*/\n!*.c\n"},
    {"": "*\n"},
    {"sub": "*\n"},
    {"": "build/\n", "build": "!out/\n", "sub": "!build/\n"},
    {"": "debug?.log\n"},
    {"": "debug[0-9].log\n"},
    {"": "debug[!01].log\n"},
    {"": "debug[a-z].log\n"},
    {"": "logs/*day/foo.bar\n"},
    {"": "logs\n", "logs": "!debug.log\n"},
    {"": "\\!important!.txt\n"},
    {"": "!important!.txt\n"},
    {"": "\\#foo\n"},
    {"": "#foo\n"},
    {"": "foo\\ \ntrailing\\ \\ \n"},
    {"": "foo  \nsp ace\n"},
    {"": "hello.txt\r\nlib.o \r\n"},
    {"": "\ufeffhello.txt\n"},
    {"": "hello.txt"},
    {"": "\n\n   \n/\n//\n!\n"},
    {"": "back\\\\slash\n"},
    {"": "\\[x\\]\nx]\n"},
    {"": "[\nhello[\n[x\nlib.o\n"},
    {"": "foo\\\nlib.o\n"},
    {"": "a.txt\n"},
    {"": ".*\n!.gitignore\n"},
    {"": "/sub/../lib.o\n./lib.a\n"},
    {"": "*/foo\n", "a": "/b\n!b/foo\n"},
    {"": "a/**\n!a/**/\n!a/x/y/b\n"},
    {"": "**\n!hello.txt\n"},
    {"": "**/\n"},
    {"": "foo**bar\nhel**c\n"},
    {"": "{hello.c,hello.txt}\n"},
    {"": "[[:alpha:]]ello.c\n"},
    {"": "?.txt\n??.txt\n"},
    {"": "*?.txt\n"},
    {"": "[!a].txt\n"},
    {"": "***/foo\n***/b\n"},
    {"": "logs/***\n"},
    # Asterisks that the manual calls regular, and git takes for directories.
    {"": "fo**/bar.c\nhel**/*.c\nlo**/latest/**\n"},
    {"": "/fo**\n!/foo/b**/\n"},
    {"": "a/x**\nsub/l**/lib.o\n", "a": "d**/a\n"},
]


def fill(directory, ignores):
    for name in FILES:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    for place, text in ignores.items():
        (directory / place / ".gitignore").write_bytes(text.encode())


def git(directory, *words, input=None, **environment):
    run = subprocess.run(
        ["git", *words], cwd=directory, input=input, capture_output=True, env=os.environ | environment
    )
    assert run.returncode in (0, 1), run.stderr
    return run.stdout


def seen_by_git(root, **environment):
    """Every path below `root` that git does not ignore, nor anything above it."""
    paths = []
    for place, directories, files in os.walk(root):
        directories[:] = [name for name in directories if name != ".git"]
        for name in directories + files:
            path = os.path.relpath(os.path.join(place, name), root)
            # git asks for the file's kind on its own; a slash at the end is not needed.
            paths.append(path)
    ignored = git(
        root, "check-ignore", "--no-index", "-z", "--stdin", input="\0".join(paths).encode(), **environment
    )
    return set(paths) - set(ignored.decode().split("\0"))


def seen_by_us(server, id):
    sync = server.request("POST", f"{WATCHES}/{id}/sync", {})
    assert sync.status == 200
    entries = server.get(f"{WATCHES}/{id}/files?limit=10000").json()["entries"]
    return {entry["path"] for entry in entries}


def watch(server, root):
    answer = server.request("POST", WATCHES, {"root": str(root), "gitignore": True})
    assert answer.status == 201
    return answer.json()["id"]


@pytest.fixture
def home(tmp_path):
    """A person with settings of their own."""
    place = tmp_path / "home"
    place.mkdir()
    return {"HOME": str(place), "XDG_CONFIG_HOME": str(place / ".config")}


@pytest.fixture
def server(daemon, directory, home):
    return daemon(directory, flags=["--allow-root", directory.parent], environment=os.environ | home)


def made(parent, name, ignores):
    root = pathlib.Path(parent) / name
    root.mkdir()
    git(root, "init", "-q")
    fill(root, ignores)
    return root


def test_what_git_documents_is_what_we_do(server, directory, home):
    for number, ignores in enumerate(PATTERNS):
        root = made(directory.parent, f"case{number}", ignores)
        assert seen_by_us(server, watch(server, root)) == seen_by_git(root, **home), ignores


def test_patterns_nobody_has_thought_of_mean_the_same_to_both(server, directory, home):
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    pieces = ["*", "**", "?", "/", "/", "a", "b", "foo", "sub", "hello", ".", "c", "txt", "[a-h]", "lib", "o"]

    def line():
        pattern = "".join(chance.choice(pieces) for _ in range(chance.randint(1, 5)))
        return ("!" if chance.random() < 0.3 else "") + pattern + ("/" if chance.random() < 0.2 else "")

    for number in range(40):
        places = chance.sample(["", "a", "sub", "foo", "a/x"], 3)
        ignores = {place: "\n".join(line() for _ in range(chance.randint(1, 4))) for place in places}
        root = made(directory.parent, f"case{number}", ignores)
        assert seen_by_us(server, watch(server, root)) == seen_by_git(root, **home), (seed, ignores)


def test_files_outside_of_the_root_count_in_their_order(server, directory, home):
    top = made(directory.parent, "top", {"": "*.txt\n/sub/lib.o\n", "sub": "!hidden.txt\n"})
    (top / ".git/info/exclude").write_text("*.java\n!lib.a\n/a/x/\n")
    settings = pathlib.Path(home["XDG_CONFIG_HOME"]) / "git"
    settings.mkdir(parents=True)
    (settings / "ignore").write_text("*.a\n*.log\n")
    for name in ("sub/hidden.txt", "sub/seen.txt", "sub/a.java", "sub/1.log", "sub/lib.a"):
        (top / name).write_text("x")
    for root in (top, top / "sub", top / "a", top / "logs"):
        id = watch(server, root)
        assert seen_by_us(server, id) == seen_by_git(root, **home), root


def test_a_file_that_the_settings_name_takes_the_place_of_the_usual_one(server, directory, home):
    usual = pathlib.Path(home["XDG_CONFIG_HOME"]) / "git"
    usual.mkdir(parents=True)
    (usual / "ignore").write_text("*.c\n")
    own = pathlib.Path(home["HOME"])
    (own / "mine").write_text("*.java\n")
    (own / ".gitconfig").write_text("[user]\n\tname = me\n[core]\n\texcludesFile = ~/mine\n")
    root = made(directory.parent, "top", {})
    seen = seen_by_us(server, watch(server, root))
    assert seen == seen_by_git(root, **home)
    assert "hello.c" in seen and "a/hello.java" not in seen


def test_a_work_tree_elsewhere_has_the_patterns_of_its_repository(server, directory, home):
    main = made(directory.parent, "main", {})
    named = ["-c", "user.name=a", "-c", "user.email=a@b"]
    git(main, *named, "commit", "-q", "--allow-empty", "-m", "first", **home)
    git(main, "worktree", "add", "-q", "../linked", **home)
    linked = main.parent / "linked"
    fill(linked, {})
    (main / ".git/info/exclude").write_text("*.c\n")
    seen = seen_by_us(server, watch(server, linked))
    assert seen == seen_by_git(linked, **home) - {".git"}
    assert "hello.c" not in seen and "hello.txt" in seen


def test_an_edit_of_a_file_outside_of_the_root_shows_and_hides_what_it_names(server, directory, home):
    top = made(directory.parent, "top", {})
    root = top / "sub"
    own = pathlib.Path(home["HOME"])
    (own / ".gitconfig").write_text("[core]\n\texcludesFile = ~/mine\n")
    (root / "hidden.txt").write_text("x")
    id = watch(server, root)
    assert "hidden.txt" in seen_by_us(server, id)
    with server.events(f"watch={id}") as stream:
        stream.expect("hello")
        for number, file in enumerate([top / ".git/info/exclude", own / "mine", top / ".gitignore"]):
            for kind, text in [("delete", "hid*.txt\n"), ("create", "")]:
                # As `echo > file` and as an editor does it.
                draft = file.with_name("draft")
                (draft if number else file).write_text(text)
                if number:
                    draft.rename(file)
                assert seen_by_us(server, id) == seen_by_git(root, **home), (file, text)
                (root / f"{number}{kind}").mkdir()
                told = stream.changes_until(f"{number}{kind}")
                assert [(event["kind"], event["path"]) for event in told[:-1]] == [(kind, "hidden.txt")], file


def test_an_ignored_directory_costs_nothing_and_an_edit_brings_it(server, directory, home):  # row 38
    root = made(directory.parent, "top", {"": "node_modules/\n"})
    for number in range(50):
        (root / f"node_modules/{number}/lib").mkdir(parents=True)
    id = watch(server, root)
    seen_by_us(server, id)
    directories = {path for path in seen_by_git(root, **home) if (root / path).is_dir()}
    assert server.get(f"{WATCHES}/{id}").json()["kernelWatches"] == len(directories) + 1
    with server.events(f"watch={id}") as stream:
        stream.expect("hello")
        (root / "node_modules/7/lib/x.js").write_text("x")
        (root / ".gitignore").write_text("node_modules/?\n")
        assert seen_by_us(server, id) == seen_by_git(root, **home)
        seen = stream.until(lambda event: event.get("path") == "node_modules/49/lib")
        created = {event["path"] for event in seen if event.get("kind") == "create"}
        assert "node_modules/7" not in created and "node_modules/49" in created
    directories = {path for path in seen_by_git(root, **home) if (root / path).is_dir()}
    assert server.get(f"{WATCHES}/{id}").json()["kernelWatches"] == len(directories) + 1
