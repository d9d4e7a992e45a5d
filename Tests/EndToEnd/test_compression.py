"""What is compressed on its way, read by zlib, by libraries and by hand."""

import json
import zlib

import httpx
import httpx_sse
import pytest
import websockets.exceptions
import websockets.sync.client
from websockets.extensions import permessage_deflate


def place(server):
    host, port = server.address
    return f"{host}:{port}"


@pytest.fixture
def server(daemon, directory):
    server = daemon(directory, flags=["--settle", "0ms"])
    server.only_watch()
    return server


@pytest.mark.parametrize("coding, window", [("gzip", 31), ("deflate", 15)])
@pytest.mark.parametrize("format", ["sse", "ndjson"])
def test_a_stream_is_flushed_at_every_send(server, directory, coding, window, format):
    inflater = zlib.decompressobj(window)
    with httpx.stream("GET", f"http://{place(server)}/-/v1/events?format={format}",
                      headers={"Accept-Encoding": coding}, timeout=15) as answer:
        assert answer.headers["Content-Encoding"] == coding
        assert "Accept-Encoding" in answer.headers["Vary"]
        pieces = answer.iter_raw()
        text = ""
        while '"hello"' not in text:
            text += inflater.decompress(next(pieces)).decode()
        for name in ("a", "b", "c"):
            (directory / name).write_text(name)
            while f'"path":"{name}"' not in text:
                text += inflater.decompress(next(pieces)).decode()
        # A planned close ends the stream as its format has it, checksum and all.
        server.stop()
        for piece in pieces:
            text += inflater.decompress(piece).decode()
    assert '"bye"' in text
    assert inflater.eof


def test_a_library_reads_a_compressed_stream_without_being_told(server, directory):
    with httpx.Client(timeout=15) as client:
        with httpx_sse.connect_sse(client, "GET", f"http://{place(server)}/-/v1/events") as source:
            assert source.response.headers["Content-Encoding"] == "gzip"
            events = source.iter_sse()
            assert next(events).event == "hello"
            (directory / "a").write_text("a")
            assert json.loads(next(events).data)["path"] == "a"


def test_json_is_compressed_where_it_is_long_and_liked(server, directory):
    for number in range(50):
        (directory / f"file-{number}").write_text("")
    watch = server.only_watch()
    url = f"http://{place(server)}/-/v1/watches/{watch['id']}/files"
    plain = httpx.get(url, headers={"Accept-Encoding": "identity"})
    packed = httpx.get(url, headers={"Accept-Encoding": "gzip;q=0.5, deflate;q=0.8"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "deflate"
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 3
    assert packed.json()["entries"] == plain.json()["entries"]
    assert "Accept-Encoding" in plain.headers["Vary"]


def test_a_page_of_the_server_has_a_tag_for_each_form(server):
    url = f"http://{place(server)}/-/dashboard.js"
    tags = set()
    for coding in ("identity", "gzip", "deflate"):
        answer = httpx.get(url, headers={"Accept-Encoding": coding})
        tags.add(answer.headers["ETag"])
        again = httpx.get(
            url, headers={"Accept-Encoding": coding, "If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
    assert len(tags) == 3


@pytest.mark.parametrize("offer", [
    dict(), dict(server_no_context_takeover=True, client_no_context_takeover=True),
    dict(server_max_window_bits=9, client_max_window_bits=9), dict(client_max_window_bits=True)])
def test_operations_may_be_compressed(server, offer):
    factory = permessage_deflate.ClientPerMessageDeflateFactory(**offer)
    with websockets.sync.client.connect(
            f"ws://{place(server)}/-/v1/socket", compression=None, extensions=[factory]) as socket:
        assert "permessage-deflate" in socket.response.headers["Sec-WebSocket-Extensions"]
        for ref in ("a", "b"):
            socket.send(json.dumps({"op": "subscribe", "ref": ref, "path": ["**/*.css"] * 30}))
            assert json.loads(socket.recv(timeout=15)) == {"op": "ok", "ref": ref}
            assert json.loads(socket.recv(timeout=15))["event"] == "hello"


def test_a_bomb_is_refused_at_the_limit_of_a_message(server):
    with websockets.sync.client.connect(f"ws://{place(server)}/-/v1/socket") as socket:
        socket.send(" " * (20 << 20))
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            socket.recv(timeout=15)
        assert closed.value.rcvd.code == 1009
    assert server.get("/-/healthz").status == 200
