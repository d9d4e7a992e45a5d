"""Each transport by clients nobody here wrote: Chromium, Node, curl, jq, httpx-sse, websockets.

What they are told is told everywhere alike: a file each for `story`, and the same again for one who
comes back to where it was."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading

import httpx
import httpx_sse
import pytest
import websockets.exceptions
import websockets.sync.client

from support import eventually

EVENTS = "/-/v1/events"
needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="no curl here")
needs_jq = pytest.mark.skipif(not shutil.which("jq"), reason="no jq here")

# A file each, moved in whole, so that it is one change however slow the machine is.
STORY = ["one.css", "two.txt", "three.css"]
STYLES = [name for name in STORY if name.endswith(".css")]


@pytest.fixture
def server(daemon, directory):
    server = daemon(directory)
    server.only_watch()
    return server


def tell(directory, *names):
    for name in names or STORY:
        file = directory.parent / name
        file.write_text("content")
        file.rename(directory / name)


class Program:
    """A command, perhaps of several processes, that writes a line for each thing it hears."""

    def __init__(self, *words):
        self.lines = []
        self.process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self.reader = threading.Thread(target=lambda: self.lines.extend(self._said()), daemon=True)
        self.reader.start()

    def _said(self):
        for line in self.process.stdout:
            yield line.rstrip("\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.end()

    def end(self):
        """Its status, once it has ended and all it said has been heard."""
        status = self.process.wait(15)
        self.reader.join(15)
        self.process.stdout.close()
        return status

    def until(self, *lines):
        """Returns when it has said these lines, in this order, with others between or without."""

        def said():
            rest = iter(list(self.lines))
            return all(line in rest for line in lines)

        eventually(said, what=f"{lines} among {self.lines}")


# Server-Sent Events


@needs_curl
def test_curl_prints_the_stream_as_it_comes_and_goes_on_where_it_was(server, directory):
    words = ["curl", "-sSN", f"{server.url}{EVENTS}"]
    with Program(*words) as curl:
        curl.until("event: hello", "")
        (hello,) = [line for line in curl.lines if line.startswith("id: ")]
        tell(directory)
        eventually(lambda: paths(curl) == STORY)
    with Program(*words, "-H", f"Last-Event-ID: {hello.removeprefix('id: ')}") as curl:
        eventually(lambda: paths(curl) == STORY)
        tell(directory, "four")
        eventually(lambda: paths(curl) == [*STORY, "four"])
        assert server.stop() == 0
        assert curl.end() == 0, "the answer was complete"
        curl.until("event: bye")


def paths(curl):
    """What the changes of a stream are about: the lines of `data` behind `event: change`."""
    lines = [line for line in list(curl.lines) if not line.startswith("id:")]
    pairs = zip(lines, lines[1:])
    return [json.loads(data.removeprefix("data: "))["path"] for event, data in pairs if event == "event: change"]


def test_httpx_sse_comes_back_to_where_it_was(server, directory):
    with httpx.Client(timeout=15) as http:
        with httpx_sse.connect_sse(http, "GET", server.url + EVENTS) as source:
            events = source.iter_sse()
            assert next(events).event == "hello"
            tell(directory)
            first = next(events)
            assert (first.event, first.json()["path"]) == ("change", STORY[0])
        with httpx_sse.connect_sse(
            http, "GET", f"{server.url}{EVENTS}?path=**/*.css", headers={"last-event-id": first.id}
        ) as source:
            events = source.iter_sse()
            hello = next(events)
            assert (hello.event, hello.id, hello.json()["resumed"]) == ("hello", first.id, True)
            # `synced` comes where the replay ended, perhaps before the last of them happened.
            change = next(event for event in events if event.event == "change")
            assert [change.json()["path"]] == STYLES[1:]


class Relay:
    """A port that leads to the server until the line is cut, as a bad network does it."""

    def __init__(self, port):
        self.target, self.open = port, []
        self._listen(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def _listen(self, address):
        self.listener = socket.create_server(address)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
                self.open += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source, sink):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self):
        """Nobody gets through any more, and who had is thrown out."""
        for end in (self.listener, *self.open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def mend(self):
        self._listen(("127.0.0.1", self.port))


@pytest.fixture
def relay(server):
    relay = Relay(server.port)
    yield relay
    relay.cut()


FOLLOW_EVENTS = """
window.seen = [];
window.source = new EventSource(arguments[0]);
for (const type of ["hello", "change", "reset", "bye"])
  source.addEventListener(type, ({ data, lastEventId }) => {
    const event = JSON.parse(data);
    seen.push([type, event.path ?? "", lastEventId === event.id].join(" "));
  });
"""


def test_chromium_comes_back_to_where_it_was_by_itself(server, directory, relay, browser):
    browser.open(f"http://127.0.0.1:{relay.port}/-/healthz")
    browser.run(FOLLOW_EVENTS, EVENTS)
    eventually(lambda: browser.value("seen") == ["hello  true"])
    tell(directory, "before")
    eventually(lambda: browser.value("seen").count("change before true") == 1)
    relay.cut()
    eventually(lambda: browser.value("source.readyState") == 0)
    tell(directory)
    relay.mend()
    # Its own time to come back is 1 to 5 seconds, as `retry:` said.
    eventually(lambda: len(browser.value("seen")) >= 3 + len(STORY), seconds=60)
    told = ["hello  true", "change before true", "hello  true", *(f"change {name} true" for name in STORY)]
    assert browser.value("seen") == told


def test_chromium_gives_up_when_an_operator_has_removed_it(server, browser):
    browser.open(f"{server.url}/-/healthz")
    browser.run(FOLLOW_EVENTS, EVENTS)
    eventually(lambda: browser.value("seen") == ["hello  true"])
    (listed,) = eventually(lambda: server.get("/-/v1/clients").json()["clients"])
    assert server.request("DELETE", f"/-/v1/clients/{listed['id']}").status == 204
    eventually(lambda: browser.value("source.readyState") == 2, seconds=60, what="EventSource to give up")
    assert browser.value("seen") == ["hello  true", "bye  true"]


# WebSocket: one script, in whatever has a WebSocket of its own. Two subscriptions share the socket;
# when the first has heard the story, it is ended and another begins where it had begun.

FOLLOW_SOCKET = """
const socket = new WebSocket(address, "tidings.v1");
const send = (message) => socket.send(JSON.stringify(message));
let start;
socket.onopen = () => {
  say("open " + socket.protocol);
  send({ op: "subscribe", ref: "all" });
  send({ op: "subscribe", ref: "styles", path: ["**/*.css"] });
};
socket.onmessage = ({ data }) => {
  const { ref, op, event, path, id } = JSON.parse(data);
  say([ref, op ?? event, path ?? ""].join(" ").trim());
  if (ref === "all" && event === "hello") start = id;
  if (ref === "all" && path === LAST) {
    send({ op: "unsubscribe", ref });
    send({ op: "subscribe", ref: "again", since: start });
  }
};
socket.onclose = ({ code, wasClean }) => say(`close ${code} ${wasClean ? "clean" : "broken"}`);
"""
FOLLOW_SOCKET = FOLLOW_SOCKET.replace("LAST", json.dumps(STORY[-1]))


def play(server, directory, said):
    """The story for a follower of `FOLLOW_SOCKET`, whose lines so far `said` gives; then the end."""
    eventually(lambda: {"all hello", "styles hello"} <= set(said()))
    tell(directory)

    def changes(ref):
        begin = f"{ref} change "
        return [line.removeprefix(begin) for line in said() if line.startswith(begin)]

    eventually(lambda: changes("again") == STORY)
    assert changes("all") == STORY
    eventually(lambda: changes("styles") == STYLES)
    assert server.stop() == 0
    eventually(lambda: said()[-1].startswith("close "))
    lines = said()
    assert lines[0] == "open tidings.v1" and lines[-1] == "close 1001 clean", lines
    assert {"all ok", "styles ok", "again ok", "styles bye", "again bye"} <= set(lines)
    assert "all bye" not in lines, "it was unsubscribed"


def node_with_socket():
    """The words that start Node with a WebSocket of its own: Node 22 and later have it, 20.10 and
    later when asked."""
    if node := shutil.which("node"):
        for words in ([node], [node, "--experimental-websocket"]):
            probe = [*words, "-p", "typeof WebSocket"]
            if subprocess.run(probe, capture_output=True, text=True).stdout.strip() == "function":
                return words
    return None


def test_the_websocket_of_node(server, directory):
    words = node_with_socket()
    if not words:
        pytest.skip("no Node with a WebSocket of its own here (20.10 or later)")
    address = json.dumps(f"ws://127.0.0.1:{server.port}/-/v1/socket")
    script = f"const address = {address}, say = console.log;\n{FOLLOW_SOCKET}"
    with Program(*words, "--no-warnings", "-e", script) as node:
        play(server, directory, lambda: list(node.lines))
        assert node.end() == 0


def test_the_websocket_of_chromium(server, directory, browser):
    browser.open(f"{server.url}/-/healthz")
    browser.run(
        f"window.seen = []; const address = arguments[0], say = (line) => seen.push(line);\n{FOLLOW_SOCKET}",
        f"ws://127.0.0.1:{server.port}/-/v1/socket",
    )
    play(server, directory, lambda: browser.value("seen"))


def test_the_websocket_of_pythons_library(server, directory):
    """With everything it does unless told otherwise: compression, pings of its own."""
    address = f"ws://127.0.0.1:{server.port}/-/v1/socket"
    with websockets.sync.client.connect(address, subprotocols=["tidings.v1"], open_timeout=15) as socket_:
        said = [f"open {socket_.subprotocol}"]
        assert "permessage-deflate" in socket_.response.headers["sec-websocket-extensions"]

        def send(**message):
            socket_.send(json.dumps(message))

        def follow():
            start = None
            try:
                for text in socket_:
                    message = json.loads(text)
                    ref, path = message["ref"], message.get("path", "")
                    said.append(f"{ref} {message.get('op') or message['event']} {path}".strip())
                    if said[-1] == "all hello":
                        start = message["id"]
                    if said[-1] == f"all change {STORY[-1]}":
                        send(op="unsubscribe", ref=ref)
                        send(op="subscribe", ref="again", since=start)
            except websockets.exceptions.ConnectionClosed:
                pass
            close = socket_.protocol.close_rcvd
            said.append(f"close {close.code} clean" if close else "close broken")

        send(op="subscribe", ref="all")
        send(op="subscribe", ref="styles", path=["**/*.css"])
        reader = threading.Thread(target=follow, daemon=True)
        reader.start()
        play(server, directory, lambda: list(said))
        reader.join(15)


# Lines


@needs_curl
@needs_jq
def test_curl_and_jq_make_a_pipeline_of_lines(server, directory, tmp_path):
    raw = tmp_path / "raw"

    def pipeline(query):
        wanted = 'select(.event == "hello" or .event == "change") | .id, .path // .event'
        script = 'curl -sSN "$1" | tee "$2" | jq --unbuffered -r "$3"'
        address = f"{server.url}{EVENTS}?format=ndjson&heartbeat=1s{query}"
        return Program("sh", "-c", script, "sh", address, raw, wanted)

    with pipeline("") as lines:
        eventually(lambda: lines.lines[1:] == ["hello"])
        start = lines.lines[0]
        # A heartbeat is an empty line, at which jq takes no offence.
        eventually(lambda: b"\n\n" in raw.read_bytes())
        tell(directory)
        eventually(lambda: lines.lines[1::2] == ["hello", *STORY])
    with pipeline(f"&since={start}&path=**/*.css") as lines:
        eventually(lambda: lines.lines[1::2] == ["hello", *STYLES])
        assert server.stop() == 0
        assert lines.end() == 0


# Long-poll


def curl(server, query, *words):
    """Status, fields and document of one poll."""
    command = ["curl", "-sS", "-i", "-m", "60", "-H", "Accept: application/json", *words]
    said = subprocess.run(
        [*command, f"{server.url}{EVENTS}?{query}"], capture_output=True, check=True, text=True, timeout=60
    ).stdout
    head, _, body = said.replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.split("\n")
    fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return int(first.split()[1]), fields, json.loads(body) if body else None


@needs_curl
def test_curl_polls_from_answer_to_answer(server, directory):
    status, fields, document = curl(server, "wait=0")
    assert (status, document) == (204, None)
    start = fields["event-cursor"]
    for query, *words in (["wait=10ms"], ["", "-H", "Prefer: wait=1"]):
        status, fields, document = curl(server, f"since={start}&{query}", *words)
        assert (status, document, fields["event-cursor"]) == (204, None, start)
        assert fields.get("preference-applied") == ("wait=1" if words else None)

    def tell_who_waits():
        eventually(lambda: [c for c in server.get("/-/v1/clients").json()["clients"] if c["transport"] == "poll"])
        tell(directory)

    teller = threading.Thread(target=tell_who_waits)
    teller.start()
    cursor, seen = start, []
    while len(seen) < len(STORY):
        status, fields, document = curl(server, f"since={cursor}&limit=1", "-H", "Prefer: wait=30")
        assert status == 200 and len(document["events"]) == 1
        cursor = document["next"]
        seen += [event["path"] for event in document["events"]]
    teller.join()
    assert seen == STORY
    assert curl(server, f"since={cursor}&wait=0")[0] == 204


@needs_curl
def test_curl_is_told_that_a_cursor_is_no_good(daemon, directory):
    server = daemon(directory, flags=["--settle", "0ms", "--history", "4"])
    server.only_watch()
    start = curl(server, "wait=0")[1]["event-cursor"]
    with server.events() as stream:
        stream.expect("hello")
        for name in "abcdefgh":
            (directory / name).mkdir()
            stream.until(lambda event, name=name: event.get("path") == name)
    status, fields, problem = curl(server, f"since={start}")
    assert (status, fields["content-type"]) == (410, "application/problem+json")
    assert (problem["code"], problem["reason"]) == ("cursor-expired", "history")
    # From the oldest that is still there it goes on.
    status, _, document = curl(server, f"since={problem['oldest']}&wait=0")
    assert status == 200 and document["events"][-1]["path"] == "h"
    assert curl(server, "since=nonsense")[0] == 400
