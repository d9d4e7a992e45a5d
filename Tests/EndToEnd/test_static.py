"""The site itself: files as HTTP has them since RFC 9110, and the one line that makes pages live."""

import email.utils
import os
import re
from urllib.parse import quote

import pytest

from client import Connection

PAGE = "<!doctype html><html><head><title>t</title></head><body><p>hello</p></body></html>"
SCRIPT = re.compile(r"<script\b[^>]*\bsrc=[\"']?/-/client\.js[^>]*></script>")


@pytest.fixture
def site(serve, directory):
    (directory / "index.html").write_text(PAGE)
    (directory / "data.bin").write_bytes(bytes(range(256)) * 4)
    (directory / "sub").mkdir()
    (directory / "sub" / "index.html").write_text(PAGE)
    (directory / "empty").mkdir()
    return serve(directory)


def test_a_file_comes_whole_with_its_type_length_and_validators(site, directory):
    answer = site.get("/data.bin")
    assert (answer.status, answer.body) == (200, bytes(range(256)) * 4)
    assert answer["content-length"] == "1024"
    assert answer["accept-ranges"] == "bytes"
    assert re.fullmatch(r'(W/)?"[^"]+"', answer["etag"])
    modified = email.utils.parsedate_to_datetime(answer["last-modified"]).timestamp()
    assert modified == int(os.stat(directory / "data.bin").st_mtime)


@pytest.mark.parametrize(
    "name, type",
    [
        ("a.html", "text/html"),
        ("a.css", "text/css"),
        ("a.js", "text/javascript"),
        ("a.mjs", "text/javascript"),
        ("a.json", "application/json"),
        ("a.svg", "image/svg+xml"),
        ("a.png", "image/png"),
        ("a.JPG", "image/jpeg"),
        ("a.webp", "image/webp"),
        ("a.woff2", "font/woff2"),
        ("a.wasm", "application/wasm"),
        ("a.txt", "text/plain"),
        ("a.unheard-of", "application/octet-stream"),
        ("noextension", "application/octet-stream"),
    ],
)
def test_types_are_known_by_the_extension(site, directory, name, type):
    (directory / name).write_text("x")
    answer = site.get(f"/{name}")
    essence, _, parameter = answer["content-type"].partition(";")
    assert essence == type
    if type.startswith("text/"):
        assert parameter.strip().lower() == "charset=utf-8"


def test_a_big_file_arrives_exactly_on_a_slow_connection(site, directory):
    content = os.urandom(8 << 20)
    (directory / "big").write_bytes(content)
    with Connection(site.address, receive_buffer=8192) as connection:
        assert connection.exchange("GET", "/big").body == content
        assert connection.exchange("GET", "/data.bin").status == 200


def test_a_file_that_shrinks_while_it_is_sent_ends_the_connection(site, directory):
    """The length has been promised: what is missing must not be made up, nor waited for."""
    (directory / "big").write_bytes(b"x" * (8 << 20))
    with Connection(site.address, receive_buffer=8192) as connection:
        connection.send_request("GET", "/big")
        head = connection.read_head()
        os.truncate(directory / "big", 100)
        rest = connection.read_to_end()
        assert len(rest) < int(head["content-length"])
    assert site.get("/data.bin").status == 200


def test_directories_are_their_index_and_without_a_slash_a_redirect(site):
    assert b"hello" in site.get("/").body
    assert b"hello" in site.get("/sub/").body
    redirect = site.get("/sub?a=b")
    assert redirect.status in (301, 307, 308) and redirect["location"] == "/sub/?a=b"
    assert site.get("/empty/").status == 404
    assert site.get("/index.html/").status == 404
    assert site.get("/nothing").status == 404


@pytest.mark.parametrize("name", ["a b.txt", "ä.txt", "100%.txt", "a+b.txt", "a?b.txt", "#.txt", "a;b=c.txt"])
def test_names_are_percent_decoded_once(site, directory, name):
    (directory / name).write_text(name)
    assert site.get("/" + quote(name)).body == name.encode()


@pytest.mark.parametrize("target", ["/index.html", "/data.bin"])
def test_what_is_known_is_not_sent_again(site, directory, target):
    first = site.get(target)
    tag = first["etag"]
    for known in (tag, f'"other", {tag}', "*", tag.removeprefix("W/"), f"W/{tag.removeprefix('W/')}"):
        again = site.get(target, if_none_match=known)
        assert (again.status, again.body, again["etag"]) == (304, b"", tag), known
    assert site.get(target, if_none_match='"other"').status == 200
    assert site.get(target, if_modified_since=first["last-modified"] or "").status in (200, 304)
    # If-None-Match decides alone when it is there (RFC 9110 §13.1.3).
    assert (
        site.get(target, if_none_match='"other"', if_modified_since=first["last-modified"] or "").status
        == 200
    )
    name = target[1:]
    (directory / name).write_text(PAGE + "<!-- longer -->")
    changed = site.get(target, if_none_match=tag)
    assert changed.status == 200 and changed["etag"] != tag


def test_if_match_guards(site):
    tag = site.get("/data.bin")["etag"]
    assert site.get("/data.bin", if_match='"other"').status == 412
    if not tag.startswith("W/"):
        assert site.get("/data.bin", if_match=tag).status == 200


@pytest.mark.parametrize(
    "wanted, status, part",
    [
        ("bytes=0-0", 206, slice(0, 1)),
        ("bytes=100-199", 206, slice(100, 200)),
        ("bytes=1000-", 206, slice(1000, 1024)),
        ("bytes=-24", 206, slice(1000, 1024)),
        ("bytes=0-99999", 206, slice(0, 1024)),
        ("bytes=-99999", 206, slice(0, 1024)),
        ("bytes=1024-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=5-2", 200, slice(0, 1024)),
        ("bytes=a-b", 200, slice(0, 1024)),
        ("lines=0-1", 200, slice(0, 1024)),
        ("bytes=99999999999999999999-", 416, None),
    ],
)
def test_a_range_is_the_part_that_was_asked_for(site, wanted, status, part):
    answer = site.get("/data.bin", range=wanted)
    assert answer.status == status
    if status == 206:
        assert answer.body == (bytes(range(256)) * 4)[part]
        assert answer["content-range"] == f"bytes {part.start}-{part.stop - 1}/1024"
    elif status == 200:
        assert len(answer.body) == 1024
    else:
        assert answer["content-range"] == "bytes */1024"


def test_a_range_of_another_version_is_the_whole(site):
    tag = site.get("/data.bin")["etag"]
    assert site.get("/data.bin", range="bytes=0-0", if_range='"other"').status == 200
    if not tag.startswith("W/"):
        assert site.get("/data.bin", range="bytes=0-0", if_range=tag).status == 206


def test_methods_that_change_files_are_refused(site, directory):
    for method in ("PUT", "DELETE", "PATCH"):
        answer = site.request(method, "/data.bin", {"x": 1} if method != "DELETE" else None)
        assert answer.status == 405 and "GET" in answer["allow"]
    assert (directory / "data.bin").stat().st_size == 1024


def test_head_of_a_file_has_its_length_and_no_body(site):
    for target in ("/data.bin", "/"):
        with Connection(site.address) as connection:
            head = connection.exchange("HEAD", target)
            get = connection.exchange("GET", target)
            assert (head.body, head["content-length"], head["etag"]) == (b"", str(len(get.body)), get["etag"])


# The script


@pytest.mark.parametrize(
    "page",
    [
        PAGE,
        "<p>no head, no body</p>",
        "",
        "<html><body><h1>x</h1>",
        "<!doctype html>\n<!-- <head> -->\n<html lang=en>\n<HEAD data-x='>'><title>t</title></HEAD><BODY></BODY></html>",
        "<script>var a = '</head><body>';</script><p>x",
        "<html><head></head><body><pre>&lt;/body&gt;</pre><textarea></body></textarea></body></html>",
    ],
)
def test_a_page_gets_the_script_once_and_loses_nothing(site, directory, page):
    (directory / "page.html").write_text(page)
    answer = site.get("/page.html")
    text = answer.body.decode()
    found = SCRIPT.findall(text)
    assert len(found) == 1, text
    assert text.replace(found[0], "", 1).replace("\n", "") == page.replace("\n", "")
    assert answer["content-length"] == str(len(answer.body))


def test_a_page_with_a_script_has_its_own_tag_and_no_ranges(site, directory):
    answer = site.get("/index.html")
    assert answer["accept-ranges"] in (None, "none")
    ranged = site.get("/index.html", range="bytes=0-9")
    assert ranged.status == 200 and len(ranged.body) == len(answer.body)


def test_the_script_is_there_small_and_not_cached_blindly(site):
    answer = site.get("/-/client.js")
    assert answer.status == 200
    assert answer["content-type"].startswith("text/javascript")
    assert len(answer.body) <= 4096


def test_what_is_no_page_is_left_alone(site, directory):
    for name in ("a.txt", "a.svg", "a.js", "a.xml"):
        (directory / name).write_text(PAGE)
        assert site.get(f"/{name}").body == PAGE.encode()


def test_the_dashboard_is_a_page_of_its_own(site):
    answer = site.get("/-/")
    assert answer.status == 200 and answer["content-type"].startswith("text/html")
    policy = answer["content-security-policy"]
    assert "'unsafe-inline'" not in policy and "'self'" in policy
    for asset in re.findall(rb"(?:src|href)=[\"']?([^\"' >]+)", answer.body):
        assert not re.match(rb"(?!data:)[a-z]+:|//", asset), f"{asset} is not its own"


def test_files_asked_for_in_one_breath_come_one_after_the_other(site):
    """An answer was once put behind a file that was still being sent, and the server fell over."""
    with Connection(site.address) as connection:
        connection.send("GET /data.bin HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50)
        for _ in range(50):
            assert connection.read_response().body == bytes(range(256)) * 4
    assert site.get("/-/healthz").status == 200
