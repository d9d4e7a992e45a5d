"""Who follows, and closing one of them."""

import asyncio
import json

import pytest
import websockets

from client import Connection
from support import eventually


def clients(server):
    return server.get("/-/v1/clients").json()["clients"]


def only_client(server):
    (client,) = eventually(lambda: clients(server) or None)
    return client


def remove(server, client):
    return server.request("DELETE", f"/-/v1/clients/{client['id']}")


def test_a_removed_event_source_is_told_and_stays_away(daemon, directory):
    server = daemon(directory)
    server.only_watch()
    with server.events() as stream:
        stream.expect("hello")
        client = only_client(server)
        assert client["transport"] == "sse"
        assert remove(server, client).status == 204
        bye = stream.all()[-1]
        assert bye.type == "bye" and bye["reason"] == "removed" and "reconnectAfter" not in bye.json
        assert remove(server, client).problem(404)
    # EventSource comes back with the last id, and gives up for good at 204.
    assert server.get("/-/v1/events", accept="text/event-stream", last_event_id=bye["id"]).status == 204
    with server.events(last_event_id=bye["id"]) as again:
        assert again.response.status == 200, "once: this one has been here before, or is another"


def test_a_removed_line_reader_gets_bye(daemon, directory):
    server = daemon(directory)
    with Connection(server.address) as connection:
        connection.send_request("GET", "/-/v1/events?format=ndjson")
        assert remove(server, only_client(server)).status == 204
        assert b'"event":"bye"' in connection.read_response().body


def test_a_removed_poll_is_answered(daemon, directory):
    server = daemon(directory)
    server.only_watch()
    with Connection(server.address) as connection:
        connection.send_request("GET", "/-/v1/events?format=json&wait=60s")
        assert remove(server, only_client(server)).status == 204
        document = json.loads(connection.read_response().body)
        assert [(event["event"], event["reason"]) for event in document["events"]] == [("bye", "removed")]


def test_a_removed_websocket_is_closed_with_1008(daemon, directory):
    server = daemon(directory)
    server.only_watch()

    async def follow():
        url = f"ws://127.0.0.1:{server.port}/-/v1/socket"
        async with websockets.connect(url, subprotocols=["tidings.v1"]) as socket:
            await socket.send(json.dumps({"op": "subscribe", "ref": "a"}))
            seen = [json.loads(await socket.recv()), json.loads(await socket.recv())]
            client = await asyncio.to_thread(only_client, server)
            assert client["transport"] == "websocket"
            assert (await asyncio.to_thread(remove, server, client)).status == 204
            try:
                while True:
                    seen.append(json.loads(await socket.recv()))
            except websockets.ConnectionClosed as closed:
                return seen, closed.rcvd

    seen, close = asyncio.run(follow())
    assert (seen[-1]["event"], seen[-1]["reason"], seen[-1]["ref"]) == ("bye", "removed", "a")
    assert (close.code, close.reason) == (1008, "removed")


@pytest.mark.parametrize("id", ["0-1", "7-1", "nobody", "0", "-1-5", "0-18446744073709551616", "00-1"])
def test_a_client_that_is_not_there_is_404(daemon, directory, id):
    assert daemon(directory).request("DELETE", f"/-/v1/clients/{id}").problem(404)


def test_other_methods_are_405(daemon, directory):
    answer = daemon(directory).get("/-/v1/clients/0-1")
    assert answer.problem(405)
    assert "DELETE" in answer["allow"]


def test_reading_is_not_removing(daemon, directory, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("reader-0123456789 ro\nwriter-0123456789 rw\n")
    tokens.chmod(0o600)
    server = daemon(directory, flags=["--token-file", tokens])
    reader, writer = ({"authorization": f"Bearer {who}-0123456789"} for who in ("reader", "writer"))
    with server.events(**reader) as stream:
        stream.expect("hello")
        (client,) = server.get("/-/v1/clients", **reader).json()["clients"]
        place = f"/-/v1/clients/{client['id']}"
        assert server.request("DELETE", place, **reader).problem(403)
        assert server.request("DELETE", place).problem(401)
        assert server.request("DELETE", place, **writer).status == 204


def test_how_far_behind_is_said_in_changes_bytes_and_seconds(daemon, directory):
    server = daemon(directory, flags=["--settle", "0ms"])
    server.only_watch()
    with server.events(receive_buffer=4096) as stalled, server.events() as reader:
        stalled.expect("hello")
        reader.expect("hello")
        for number in range(4000):
            (directory / f"{number:0200}").mkdir()
        reader.until(lambda event: event.get("path") == f"{3999:0200}", seconds=60)
        (lag,) = [c["subscriptions"][0]["lag"] for c in clients(server) if c["subscriptions"][0]["lag"]["changes"]]
        assert 0 < lag["changes"] <= 4000
        # Each record has its name and its numbers.
        assert lag["bytes"] > 200 * lag["changes"]
        assert lag["seconds"] > 0
