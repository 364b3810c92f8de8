"""The scripted upstream, seen by a plain socket: a test tool that lies makes every other test worthless."""

import json
import socket
from random import Random

import pytest

from rawhttp import RawClient, Reply, request
from scripted import (
    Close,
    CloseOnReuse,
    Drip,
    Flood,
    Gate,
    Hang,
    Reset,
    ScriptedUpstream,
    Send,
    chat,
    faults,
    wording,
)


def ask(client: RawClient, path: str = "/v1/chat/completions", **fields: object) -> None:
    body = json.dumps({"model": "scripted-model", **fields}).encode()
    client.send(request("POST", path, body=body))


def answer(upstream: ScriptedUpstream, path: str = "/v1/chat/completions", **fields: object) -> Reply:
    with RawClient(upstream.port) as client:
        ask(client, path, **fields)
        return client.read_reply()


def test_default_answers_are_those_of_a_well_behaved_server() -> None:
    with ScriptedUpstream() as upstream:
        whole = answer(upstream).json()
        events = answer(upstream, stream=True).events()
        asked = answer(upstream, stream=True, stream_options={"include_usage": True}).events()
        tool = answer(upstream, tools=[{}]).json()
        vectors = answer(upstream, "/v1/embeddings", input=["a", "b"]).json()
        missing = answer(upstream, "/v1/nothing")
    assert whole["usage"] == chat.USAGE
    assert events[-1] == b"[DONE]" and not any(b"usage" in event for event in events)
    assert (
        "".join(json.loads(event)["choices"][0]["delta"].get("content", "") for event in events[:-1])
        == chat.TEXT + " "
    )
    assert json.loads(asked[-2])["usage"] == chat.USAGE
    assert '"finish_reason": "tool_calls"' in json.dumps(tool)
    assert isinstance(vectors["data"], list) and len(vectors["data"]) == 2
    assert missing.status == 404


def test_requests_are_recorded_byte_for_byte_also_chunked_ones() -> None:
    with ScriptedUpstream() as upstream, RawClient(upstream.port) as client:
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        sent = head + b'5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n'
        client.send_pieces(sent[start : start + 3] for start in range(0, len(sent), 3))
        assert client.read_reply().status == 200
        received = upstream.wait_asked()
    assert received.raw == sent
    assert received.body == b'{"a":1}'


def test_a_queued_script_comes_before_that_of_the_model() -> None:
    with ScriptedUpstream() as upstream:
        model = upstream.on("scripted-model", faults.failing(429, retry_after="7"))
        upstream.queue(faults.failing(500, html=True))
        first, second = answer(upstream), answer(upstream)
    assert model == "scripted-model"
    assert (first.status, first.header("content-type")) == (500, "text/html")
    assert (second.status, second.header("retry-after")) == (429, "7")


@pytest.mark.parametrize("how", [1, 7, (3, 50, 51), Random(1)])
def test_any_cut_of_a_stream_gives_the_same_bytes(how: int | tuple[int, ...] | Random) -> None:
    events = chat.events("m")
    assert b"".join(wording.cut(b"".join(events), how)) == b"".join(events)
    with ScriptedUpstream() as upstream:
        upstream.queue(chat.stream(events, how))
        assert answer(upstream, stream=True).body == b"".join(events)


def test_a_gate_holds_a_script_until_it_is_opened() -> None:
    with ScriptedUpstream() as upstream, RawClient(upstream.port) as client:
        upstream.queue((Send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na"), Gate("half"), Send(b"b")))
        ask(client)
        upstream.wait_gate("half")
        assert client.read_until(b"\r\n\r\na").endswith(b"\r\n\r\na")
        upstream.open("half")
        assert client.read_reply().body == b"ab"


def test_ends_are_real_and_the_record_says_whose_they_were() -> None:
    with ScriptedUpstream() as upstream:
        upstream.queue(
            (Send(b"HTTP/1.1 200 OK\r\n"), Reset()), (Send(b"HTTP/1.1 200 OK\r\n"), Close()), (Hang(),)
        )
        for ending in ("reset", "closed"):
            with RawClient(upstream.port) as client:
                ask(client)
                assert client.read_to_end() == (b"HTTP/1.1 200 OK\r\n", ending)
        with RawClient(upstream.port) as client:
            ask(client)
            upstream.wait_asked(3)
            assert client.read_to_end(0.05) == (b"", "open")
        upstream.wait_closed(upstream.connections[2])
    assert [connection.ended_by for connection in upstream.connections] == ["script", "script", "peer"]


def test_a_peer_that_goes_away_is_noticed_while_a_script_writes() -> None:
    with ScriptedUpstream() as upstream:
        upstream.queue((Flood(b"x" * 65536, 1 << 20),))
        with RawClient(upstream.port, receive_buffer=4096) as client:
            ask(client)
            client.sock.recv(1)
            client.reset()
        closed_at = upstream.wait_closed(upstream.connections[0])
    assert closed_at >= upstream.connections[0].opened_at
    assert 0 < upstream.connections[0].sent < 64 << 20


def test_a_connection_closed_at_reuse_gives_one_answer_only() -> None:
    with ScriptedUpstream() as upstream, RawClient(upstream.port) as client:
        upstream.queue((*chat.plain("m"), CloseOnReuse()))
        ask(client)
        assert client.read_reply().status == 200
        ask(client)
        assert client.read_to_end()[1] in ("closed", "reset")
        assert len(upstream.asked()) == 1


def test_a_drip_comes_in_small_pieces() -> None:
    with ScriptedUpstream() as upstream, RawClient(upstream.port) as client:
        upstream.queue((Drip(wording.response(200, b"{}"), 20, 0.001),))
        ask(client)
        assert len(client.sock.recv(65536)) == 20
        assert upstream.asked()[0].connection.sent <= 60


def send_nonsense() -> None:
    with ScriptedUpstream() as upstream, socket.create_connection(("127.0.0.1", upstream.port)) as sock:
        sock.sendall(b"nonsense\r\n\r\n")
        assert sock.recv(10) == b""


def test_what_cannot_be_read_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="cannot read"):
        send_nonsense()
