"""Who gets in, and to what: section 8 of the contract, tried as an attacker would."""

import base64
import json
import os
import socket as sockets

import pytest
import websockets.exceptions
import websockets.sync.client

from client import Connection, request

WATCHES = "/-/v1/watches"
TOKEN = "correct-horse-battery-staple"
HANDSHAKE = {
    "upgrade": "websocket",
    "connection": "Upgrade",
    "sec_websocket_version": "13",
    "sec_websocket_key": base64.b64encode(b"0123456789abcdef").decode(),
}


@pytest.fixture
def site(serve, directory):
    (directory / "index.html").write_text("<title>home</title>")
    (directory / "sub").mkdir()
    (directory / "sub" / "page.html").write_text("<title>sub</title>")
    return serve(directory, "--allow-root", directory.parent)


def exchange(server, method, target, **fields):
    """A request whose Host may be anything, and an answer of which only the head is read."""
    with Connection(server.address) as connection:
        connection.send_request(method, target, **fields)
        return connection.read_head() if fields.get("upgrade") else connection.read_response(method)


# Host: a page of evil.example whose name was rebound to 127.0.0.1 must get nothing


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8434",
        "localhost.evil.example",
        "notlocalhost",
        "127.0.0.1.nip.io",
        "127.0.0.1.evil.example:1",
        "localhost..",
        "2130706433.example",
        "0x7f.1.example",
    ],
)
def test_a_foreign_host_is_421_and_told_which_flag_to_set(site, host):
    problem = exchange(site, "GET", WATCHES, host=host).problem(421, "host-not-allowed")
    assert "--allow-host" in json.dumps(problem)
    assert exchange(site, "GET", "/", host=host).status == 421, "the site, too"


@pytest.mark.parametrize(
    "host", ["", "a b", "user@localhost", "localhost/", "[::1", "localhost:port", "[::zz]", "a,b"]
)
def test_a_host_that_is_none_is_refused_and_harms_nobody(site, host):
    assert exchange(site, "GET", WATCHES, host=host).status in (400, 421)
    assert site.get("/-/healthz").status == 200


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST",
        "localhost:1",
        "app.localhost",
        "app.localhost:8434",
        "127.0.0.1",
        "127.0.0.1:9",
        "[::1]",
        "[::1]:80",
        "192.0.2.7",
        "10.0.0.1:8434",
    ],
)
def test_loopback_names_and_addresses_are_hosts(site, host):
    assert exchange(site, "GET", WATCHES, host=host).status == 200


def test_a_named_host_is_allowed(serve, directory):
    server = serve(directory, "--allow-host", "dev.example")
    assert exchange(server, "GET", WATCHES, host="dev.example:8434").status == 200
    assert exchange(server, "GET", WATCHES, host="DEV.example").status == 200
    exchange(server, "GET", WATCHES, host="x.dev.example").problem(421)


# Origin: a page of another site must neither read nor change anything

TARGETS = [
    ("GET", "/"),
    ("GET", WATCHES),
    ("GET", "/-/v1/events"),
    ("DELETE", f"{WATCHES}/x"),
    ("GET", "/-/healthz"),
    ("GET", "/-/"),
    ("OPTIONS", WATCHES),
]


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://127.0.0.1:1",
        "https://localhost.evil",
        "file://",
        "http://127.0.0.1.evil.example",
        "garbage",
        "http://",
    ],
)
@pytest.mark.parametrize("method, target", TARGETS)
def test_a_foreign_origin_is_403_everywhere(site, method, target, origin):
    answer = exchange(site, method, target, origin=origin)
    assert answer.status == 403
    assert not [name for name, _ in answer.fields if name.startswith("access-control-")]


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:1"])
def test_a_foreign_origin_gets_no_socket(site, origin):
    assert exchange(site, "GET", "/-/v1/socket", origin=origin, **HANDSHAKE).status == 403


def test_the_own_origin_is_welcome_and_the_scheme_does_not_matter(site):
    for scheme in ("http", "https"):
        own = f"{scheme}://127.0.0.1:{site.port}"
        answer = exchange(site, "GET", WATCHES, origin=own)
        assert answer.status == 200
        assert not [name for name, _ in answer.fields if name.startswith("access-control-")]
        assert exchange(site, "GET", "/-/v1/socket", origin=own, **HANDSHAKE).status == 101


@pytest.mark.parametrize(
    "host, origin, status",
    [
        ("localhost", "http://localhost", 200),
        ("localhost:80", "http://localhost", 200),
        ("localhost", "http://localhost:80", 200),
        ("localhost", "https://localhost:443", 200),
        ("localhost", "http://localhost:8434", 403),
        ("localhost:8434", "http://localhost", 403),
        ("localhost", "http://127.0.0.1", 403),
        ("LOCALHOST", "http://localhost", 200),
        ("[::1]:5", "http://[::1]:5", 200),
    ],
)
def test_an_origin_is_the_own_when_host_and_port_are(site, host, origin, status):
    assert exchange(site, "GET", WATCHES, host=host, origin=origin).status == status


def test_an_allowed_origin_is_echoed_and_no_other(serve, directory):
    friend = "https://app.example:8443"
    server = serve(directory, "--allow-origin", friend)
    answer = exchange(server, "GET", WATCHES, origin=friend)
    assert (answer.status, answer["access-control-allow-origin"]) == (200, friend)
    assert "Origin" in answer["vary"]
    assert exchange(server, "GET", WATCHES, origin="https://app.example").status == 403
    assert exchange(server, "GET", "/-/v1/socket", origin=friend, **HANDSHAKE).status == 101
    # Who may read depends on the Origin, so a cache must keep the two answers apart.
    without = exchange(server, "GET", WATCHES)
    assert without["access-control-allow-origin"] is None and "Origin" in without["vary"]


def test_a_preflight_of_an_allowed_origin_is_answered(serve, directory):
    friend = "https://app.example"
    server = serve(directory, "--allow-origin", friend)
    answer = exchange(
        server,
        "OPTIONS",
        WATCHES,
        origin=friend,
        access_control_request_method="POST",
        access_control_request_headers="content-type, authorization",
    )
    assert answer.status in (200, 204)
    assert answer["access-control-allow-origin"] == friend
    assert "POST" in answer["access-control-allow-methods"]
    assert "content-type" in answer["access-control-allow-headers"].lower()


def test_a_preflight_needs_no_token_since_it_cannot_carry_one(daemon, directory, token_file):
    friend = "https://app.example"
    server = daemon(directory, flags=["--allow-origin", friend, "--token-file", token_file])
    preflight = {"access_control_request_method": "POST", "access_control_request_headers": "authorization"}
    answer = exchange(server, "OPTIONS", WATCHES, origin=friend, **preflight)
    assert answer.status in (200, 204) and answer["access-control-allow-origin"] == friend
    assert "authorization" in answer["access-control-allow-headers"].lower()
    assert exchange(server, "GET", WATCHES, origin=friend).status == 401
    assert exchange(server, "OPTIONS", WATCHES, origin="https://evil.example", **preflight).status == 403


def test_without_an_allowed_origin_nothing_is_said_of_other_origins(site):
    for method, target in TARGETS:
        if target != "/-/v1/events":
            answer = exchange(site, method, target)
            assert not [name for name, _ in answer.fields if name.startswith("access-control-")], (
                method,
                target,
            )


def test_every_answer_forbids_sniffing_and_embedding_elsewhere(site, directory):
    (directory / "a.css").write_text("a{}")
    requests = [
        ("GET", "/", {}),
        ("GET", "/a.css", {}),
        ("GET", "/nothing", {}),
        ("GET", "/sub", {}),
        ("GET", WATCHES, {}),
        ("GET", "/-/v1/nothing", {}),
        ("DELETE", WATCHES, {}),
        ("GET", "/-/", {}),
        ("POST", WATCHES, {}),
        ("GET", WATCHES, {"host": "evil.example"}),
        ("GET", WATCHES, {"origin": "null"}),
        ("GET", "/-/client.js", {}),
        ("OPTIONS", WATCHES, {}),
        ("HEAD", "/-/v1/events", {}),
        ("GET", "/-/v1/events?since=x", {}),
        ("GET", "/-/v1/socket", HANDSHAKE),
        ("GET", "/-/healthz", {}),
    ]
    for method, target, fields in requests:
        answer = exchange(site, method, target, **fields)
        told = (answer["cross-origin-resource-policy"], answer["x-content-type-options"])
        assert told == ("same-origin", "nosniff"), (method, target, fields, answer)
    with Connection(site.address) as connection:
        connection.send("nonsense\r\n\r\n")
        answer = connection.read_response()
        assert (answer.status, answer["x-content-type-options"]) == (400, "nosniff")
        assert answer["cross-origin-resource-policy"] == "same-origin"
    with site.events() as stream:
        assert stream.response["x-content-type-options"] == "nosniff"
        assert stream.response["cross-origin-resource-policy"] == "same-origin"


# Tokens


@pytest.fixture
def token_file(tmp_path):
    file = tmp_path / "tokens"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def guarded(daemon, directory, token_file):
    return daemon(directory, flags=["--token-file", token_file])


def test_with_a_token_file_nothing_is_told_without_the_token(guarded):
    for method, target in [
        ("GET", WATCHES),
        ("GET", "/-/v1/events"),
        ("GET", "/-/v1/clients"),
        ("GET", "/-/v1/stats"),
        ("DELETE", f"{WATCHES}/x"),
        ("GET", f"{WATCHES}/x/files"),
    ]:
        answer = exchange(guarded, method, target)
        answer.problem(401)
        assert answer["www-authenticate"].startswith("Bearer")
    exchange(guarded, "GET", WATCHES, authorization=f"Bearer {TOKEN}").json()
    exchange(guarded, "GET", WATCHES, authorization=f"bearer {TOKEN}").json()


@pytest.mark.parametrize(
    "value",
    [
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN} {TOKEN}",
        f"Bearer {TOKEN.upper()}",
        "Bearer " + "x" * 5000,
        "Bearer \xff",
    ],
)
def test_a_wrong_token_is_refused(guarded, value):
    exchange(guarded, "GET", WATCHES, authorization=[value]).problem(401)


def test_the_answer_does_not_tell_how_wrong_a_token_was(guarded):
    wrong = [TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "x" * len(TOKEN), "x"]
    bodies = {exchange(guarded, "GET", WATCHES, authorization=f"Bearer {token}").body for token in wrong}
    assert len(bodies) == 1


def test_a_token_in_the_query_is_no_token(guarded):
    for name in ("token", "access_token", "bearer"):
        exchange(guarded, "GET", f"{WATCHES}?{name}={TOKEN}").problem(401)


def test_a_websocket_presents_its_token_as_a_subprotocol(guarded):
    address = f"ws://127.0.0.1:{guarded.port}/-/v1/socket"

    def connect(*protocols, **options):
        return websockets.sync.client.connect(address, subprotocols=protocols, compression=None, **options)

    with connect("tidings.v1", f"bearer.{TOKEN}") as socket:
        assert socket.subprotocol == "tidings.v1", "the token must not be echoed"
        socket.send('{"op":"ping"}')
        assert json.loads(socket.recv(timeout=15))["op"] == "pong"
    with connect("tidings.v1", additional_headers={"Authorization": f"Bearer {TOKEN}"}) as socket:
        socket.send('{"op":"ping"}')
        assert json.loads(socket.recv(timeout=15))["op"] == "pong"
    for protocols in (["tidings.v1"], ["tidings.v1", "bearer.wrong"], [f"bearer.{TOKEN}x"]):
        with pytest.raises(
            (websockets.exceptions.InvalidStatus, websockets.exceptions.ConnectionClosed)
        ) as refused:
            with connect(*protocols) as socket:
                socket.recv(timeout=15)
        if isinstance(refused.value, websockets.exceptions.InvalidStatus):
            assert refused.value.response.status_code == 401
        else:
            assert refused.value.rcvd.code == 4401


def test_health_needs_no_token_and_tells_nothing(guarded):
    answer = exchange(guarded, "GET", "/-/healthz")
    assert answer.status in (200, 401)
    assert b"/" not in answer.body.replace(b"/-/problems/", b""), "no path of this machine"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_token_file_that_others_can_read_is_refused(launched, directory, token_file, mode):
    token_file.chmod(mode)
    run = launched("daemon", "--root", directory, "--port", "0", "--token-file", token_file)
    assert run.wait() not in (0, None)
    assert "600" in run.stderr and TOKEN not in run.stderr


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_token_file_without_a_token_is_refused(launched, directory, token_file, content):
    token_file.write_text(content)
    run = launched("daemon", "--root", directory, "--port", "0", "--token-file", token_file)
    assert run.wait() != 0
    assert "token" in run.stderr


def test_a_token_file_that_is_not_there_is_refused(launched, directory):
    run = launched("daemon", "--root", directory, "--port", "0", "--token-file", directory / "none")
    assert run.wait() != 0


# Where it listens


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_address_others_can_reach_needs_a_token(launched, directory, host):
    run = launched("serve", directory, "--port", "0", "--host", host)
    assert run.wait() != 0
    assert "--token-file" in run.stderr and "--insecure" in run.stderr


def test_an_address_others_can_reach_is_served_with_a_token_or_when_insisted(started, directory, token_file):
    guarded = started("serve", directory, "--host", "0.0.0.0", "--token-file", token_file)
    assert request(("127.0.0.1", guarded.port), "GET", WATCHES).status == 401
    open_to_all = started("serve", directory, "--host", "0.0.0.0", "--insecure")
    assert request(("127.0.0.1", open_to_all.port), "GET", WATCHES).status == 200


def test_by_default_only_loopback_is_bound(site):
    with open(f"/proc/{site.pid}/net/tcp") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    bound = {
        row[1].split(":")[0] for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == site.port
    }
    assert bound == {"0100007F"}


# Which directories


@pytest.mark.parametrize(
    "root",
    [
        "/",
        "/etc",
        "/proc/self/root",
        "/proc/self/cwd",
        "{}/../..",
        "{}/link-out",
        "{}/link-out/sub",
        "{}x",
        "{}/../outside",
    ],
)
def test_a_root_outside_of_the_allowed_ones_is_refused(daemon, directory, root):
    outside = directory.parent / "outside"
    (outside / "sub").mkdir(parents=True)
    (directory.parent / "sitex").mkdir()
    (directory / "link-out").symlink_to(outside)
    server = daemon(directory)
    answer = server.request("POST", WATCHES, {"root": root.format(directory)})
    if ".." in root:
        assert answer.status in (400, 403)
    else:
        answer.problem(403, "path-not-allowed")
    assert len(server.watches()) == 1


def test_a_root_inside_of_an_allowed_one_is_watched(daemon, directory):
    (directory / "in" / "side").mkdir(parents=True)
    server = daemon(directory)
    assert server.request("POST", WATCHES, {"root": str(directory / "in" / "side")}).status == 201


def test_whether_something_exists_outside_is_not_told(daemon, directory):
    server = daemon(directory)
    there = server.request("POST", WATCHES, {"root": "/etc/passwd"}).problem(403)
    nowhere = server.request("POST", WATCHES, {"root": "/etc/no-such-thing"}).problem(403)
    assert there["code"] == nowhere["code"]


# Static files

ESCAPES = [
    "/../secret",
    "/..%2fsecret",
    "/%2e%2e/secret",
    "/%2e%2e%2fsecret",
    "/sub/../../secret",
    "/sub/..%2f..%2fsecret",
    "/..%5csecret",
    "/..\\secret",
    "//secret",
    "/./../secret",
    "/%2e/%2e%2e/secret",
    "/sub/%2e%2e/%2e%2e/secret",
    "/link/secret",
    "/link-file",
    "/absolute-link",
    "/..%00/secret",
    "/secret%00.html",
    "/%c0%ae%c0%ae/secret",
    "/..;/secret",
    "/%252e%252e/secret",
    "/proc-link/self/root/etc/passwd",
    "/root-link/etc/passwd",
    "/index.html/../../secret",
    "/sub/page.html/..",
    "/....//secret",
    "/%2fetc%2fpasswd",
    "/~root",
    "/dev-zero",
]


@pytest.mark.parametrize("target", ESCAPES)
def test_nothing_outside_of_the_site_is_ever_served(site, directory, target):
    (directory.parent / "secret").write_text("SECRET root:x:0:0")
    (directory / "link").symlink_to("..")
    (directory / "link-file").symlink_to("../secret")
    (directory / "absolute-link").symlink_to(directory.parent / "secret")
    (directory / "proc-link").symlink_to("/proc")
    (directory / "root-link").symlink_to("/proc/self/root")
    (directory / "dev-zero").symlink_to("/dev/zero")
    answer = site.get(target)
    assert answer.status in (301, 308, 400, 403, 404), answer
    assert b"SECRET" not in answer.body and b"root:" not in answer.body
    if answer.status in (301, 308):
        assert answer["location"].startswith("/") and not answer["location"].startswith("//")
    assert site.get("/").status == 200


@pytest.mark.parametrize(
    "target", ["/.env", "/.git/config", "/sub/.hidden", "/.well-hidden/x", "/%2eenv", "/.%65nv"]
)
def test_names_that_start_with_a_dot_are_not_served(site, directory, target):
    for path in (".env", ".git/config", "sub/.hidden", ".well-hidden/x"):
        (directory / path).parent.mkdir(exist_ok=True)
        (directory / path).write_text("SECRET")
    answer = site.get(target)
    assert answer.status == 404 and b"SECRET" not in answer.body


def test_what_is_no_regular_file_is_not_served(site, directory):
    os.mkfifo(directory / "pipe")
    with sockets.socket(sockets.AF_UNIX) as listener:
        listener.bind(str(directory / "socket"))
        assert site.get("/pipe").status in (403, 404), "and without waiting for a writer"
        assert site.get("/socket").status in (403, 404)


def test_a_redirect_never_leads_to_another_site(site, directory):
    (directory / "evil.example").mkdir()
    for target in ("//evil.example", "/\\evil.example", "/%2fevil.example", "//evil.example/%2e%2e"):
        location = site.get(target)["location"]
        assert location is None or (location.startswith("/") and location[1:2] not in ("/", "\\")), location


def test_a_page_cannot_change_anything_by_a_link_or_a_form(site):
    """Everything a page of another site can send without asking: GET, and POST with a form's type."""
    before = site.watches()
    for target in (f"{WATCHES}/{before[0]['id']}", WATCHES):
        site.get(target)
        for type in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"):
            answer = site.request("POST", target, b'{"root":"/"}', content_type=type)
            assert answer.status in (405, 415), answer
    assert [watch["id"] for watch in site.watches()] == [watch["id"] for watch in before]
