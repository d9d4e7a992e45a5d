"""HTTP/2 to this server from programs nobody here wrote: a browser, and clients of HTTP/1.1, with
nghttpx between. It has the certificate that browsers want, and speaks HTTP/2 behind itself."""

import contextlib
import shutil
import socket
import subprocess

import pytest
import websockets.sync.client

import client
from support import eventually

pytestmark = pytest.mark.skipif(
    not (shutil.which("nghttpx") and shutil.which("openssl")), reason="nghttpx and openssl are not installed"
)


def free_port():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        return taken.getsockname()[1]


@pytest.fixture
def proxy(tmp_path):
    """`proxy(server, tls)`: nghttpx in front of it, gone when the test is; gives its port."""
    running = []

    def start(server, tls):
        port = free_port()
        words = ["nghttpx", "--conf=/dev/null", "-n1", f"-b127.0.0.1,{server.port};;proto=h2"]
        words += [f"--errorlog-file={tmp_path / 'errors'}", "--accesslog-file=/dev/null"]
        if tls:
            key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
            make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
            subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
            words += [f"-f127.0.0.1,{port}", key, certificate]
        else:
            words += [f"-f127.0.0.1,{port};no-tls"]
        running.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        eventually(lambda: socket.create_connection(("127.0.0.1", port), timeout=1).close() or True)
        return port

    yield start
    for process in running:
        process.terminate()
        process.wait(15)


@pytest.fixture
def site(serve, directory):
    (directory / "index.html").write_text("<!doctype html><title>here</title><body>one</body>")
    server = serve(directory, "--settle", "0ms")
    server.only_watch()
    return server


def over_http2(server):
    """How many connections of HTTP/2 the server has."""
    text = server.get("/-/metrics").body.decode()
    (line,) = [line for line in text.splitlines() if 'connections_inflight{transport="http2"}' in line]
    return int(float(line.split()[-1]))


def test_a_browser_follows_events_and_opens_a_websocket(site, directory, proxy, browser):
    port = proxy(site, tls=True)
    browser.open(f"https://localhost:{port}/")
    assert browser.value("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
    browser.run(
        """
        window.seen = [];
        const source = new EventSource("/-/v1/events?event=message");
        source.onmessage = ({ data }) => seen.push("sse " + (JSON.parse(data).path ?? JSON.parse(data).event));
        const socket = new WebSocket("wss://" + location.host + "/-/v1/socket", "tidings.v1");
        socket.onopen = () => socket.send(JSON.stringify({ op: "subscribe", ref: "a" }));
        socket.onmessage = ({ data }) => seen.push("ws " + (JSON.parse(data).path ?? JSON.parse(data).event));
        """
    )
    eventually(lambda: {"sse hello", "ws hello"} <= set(browser.value("seen")))
    assert over_http2(site) >= 1
    kinds = {listed["transport"] for listed in site.get("/-/v1/clients").json()["clients"]}
    assert kinds >= {"sse", "websocket"}
    (directory / "new").mkdir()
    eventually(lambda: {"sse new", "ws new"} <= set(browser.value("seen")))
    # The page reloads itself: its own script came the same way.
    (directory / "index.html").write_text("<!doctype html><title>here</title><body>two</body>")
    eventually(lambda: browser.value("document.body.textContent").startswith("two"))


def test_a_client_of_http1_reads_events_through_it(site, directory, proxy):
    with client.EventStream(("127.0.0.1", proxy(site, tls=False))) as stream:
        stream.expect("hello")
        assert over_http2(site) == 1
        (directory / "new").mkdir()
        stream.changes_until("new")


def test_a_websocket_of_http1_goes_through_it(site, directory, proxy):
    """nghttpx makes an extended CONNECT of the Upgrade (RFC 8441)."""
    port = proxy(site, tls=False)
    with websockets.sync.client.connect(f"ws://127.0.0.1:{port}/-/v1/socket", compression=None) as socket_:
        socket_.send('{"op":"ping","ref":"a"}')
        assert socket_.recv(timeout=15) == '{"op":"pong","ref":"a"}'
        assert over_http2(site) == 1
        socket_.send('{"op":"subscribe","ref":"a"}')
        assert {"ok" in socket_.recv(timeout=15) for _ in range(2)} == {True, False}
        (directory / "new").mkdir()
        assert '"path":"new"' in socket_.recv(timeout=15)
        assert socket_.ping().wait(15)
    assert socket_.close_code == 1000
