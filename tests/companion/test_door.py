"""The local door: what comes in goes to the gateway and back, and who may not come in does not."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from door_stage import DoorStage, line_to
from gateway_process import GatewayProcess, configuration
from llm_gateway.companion.door import LocalDoor, Rules
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import RefusedByPolicy
from llm_gateway.http.client import Patience
from llm_gateway.http.pool import Pool
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.client import Upstream
from rawhttp import Reply, request
from scripted import Close, Flood, Gate, Hang, ScriptedUpstream, Send, chat, wording

BODY = b'{"model": "m", "messages": []}'
CHAT = "/v1/chat/completions"
PROMPTLY = 0.1


@pytest.fixture
def gateway() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as gateway:
        yield gateway


@pytest.fixture
def door(gateway: ScriptedUpstream) -> Iterator[DoorStage]:
    with DoorStage(line_to(gateway.port)) as door:
        yield door


def ask(door: DoorStage, *headers: tuple[str, str], target: str = CHAT, method: str = "POST") -> Reply:
    body = BODY if method == "POST" else b""
    with door.client() as client:
        client.send(request(method, target, body=body, key="lgw_of-the-client", headers=headers))
        return client.read_reply()


# there and back


def test_a_request_goes_on_as_it_came_but_for_what_belongs_to_one_connection(
    gateway: ScriptedUpstream, door: DoorStage
) -> None:
    gateway.queue(
        (Send(wording.response(201, b"made", [("x-llm-gateway-provider", "p"), ("alt-svc", "h3")])),)
    )
    reply = ask(
        door,
        ("X-LLM-Gateway-Client", "editor"),
        ("anthropic-beta", "one"),
        ("anthropic-beta", "two"),
        ("Accept-Encoding", "gzip"),
        ("Cookie", "a=b"),
        ("Connection", "keep-alive, X-Mine"),
        ("X-Mine", "1"),
        ("TE", "trailers"),
        target=f"{CHAT}?beta=true&x=%20",
    )
    asked = gateway.wait_asked()
    assert (asked.method, asked.target, asked.body) == ("POST", f"{CHAT}?beta=true&x=%20", BODY)
    assert asked.header("host") == f"127.0.0.1:{gateway.port}"
    assert asked.header("authorization") == "Bearer lgw_of-the-client"
    assert asked.header("x-llm-gateway-client") == "editor"
    assert [value for name, value in asked.headers if name == "anthropic-beta"] == ["one", "two"]
    assert asked.header("accept-encoding") == "identity" and asked.header("content-length") == str(len(BODY))
    assert asked.header_names().isdisjoint({"cookie", "x-mine", "te", "connection", "origin"})
    assert (reply.status, reply.body) == (201, b"made")
    assert reply.header("x-llm-gateway-provider") == "p" and reply.header("alt-svc") is None


def test_pages_of_the_door_itself_are_judged_here_and_not_again_at_the_gateway(
    gateway: ScriptedUpstream, door: DoorStage
) -> None:
    own = ("Origin", f"http://127.0.0.1:{door.port}")
    with door.client() as client:
        site = ("Sec-Fetch-Site", "same-origin")
        client.send(request("POST", CHAT, body=BODY, headers=[own, site], host=f"127.0.0.1:{door.port}"))
        assert client.read_reply().status == 200
    assert gateway.wait_asked().header_names().isdisjoint({"origin", "sec-fetch-site"})


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_any_method_and_path_passes(gateway: ScriptedUpstream, door: DoorStage, method: str) -> None:
    assert ask(door, target="/v1/files/f_1?x", method=method).status == 404
    assert [(got.method, got.target, got.body) for got in gateway.requests] == [
        (method, "/v1/files/f_1?x", b"")
    ]


def test_a_stream_passes_event_by_event(gateway: ScriptedUpstream, door: DoorStage) -> None:
    head, first, *rest = chat.stream(chat.events("m", ["eins ", "zwei "]))
    gateway.queue((head, first, Gate("rest"), *rest))
    with door.client() as client:
        client.send(request("POST", CHAT, body=BODY))
        client.read_until(b"data: ")
        gateway.wait_gate("rest")
        assert b"zwei" not in client.received
        gateway.open("rest")
        reply = client.read_reply()
    assert reply.events() == [
        event.removeprefix(b"data: ").strip() for event in chat.events("m", ["eins ", "zwei "])
    ]
    assert reply.header("content-type") == "text/event-stream; charset=utf-8"


def test_a_long_answer_passes_whole(gateway: ScriptedUpstream, door: DoorStage) -> None:
    data = bytes(range(256)) * 4096
    gateway.queue((Send(wording.response(200, data)),))
    assert ask(door).body == data


def test_a_client_that_reads_slowly_holds_the_gateway_back(
    gateway: ScriptedUpstream, door: DoorStage
) -> None:
    event = wording.chunk(b"data: " + b"x" * 10_000 + b"\n\n")
    gateway.queue((Send(wording.stream_head()), Flood(event, 100_000)))
    with door.client() as client:
        client.send(request("POST", CHAT, body=BODY))
        client.read_until(b"xxxx")
        connection = gateway.wait_asked().connection
        before = -1
        while before != connection.sent:
            before = connection.sent
            time.sleep(0.3)
        assert connection.sent < 20_000_000, "all buffers on the way, and not the whole stream"


def test_one_connection_serves_request_after_request(gateway: ScriptedUpstream, door: DoorStage) -> None:
    with door.client() as client:
        for _ in range(3):
            client.send(request("POST", CHAT, body=BODY))
            assert client.read_reply().status == 200
    assert len(gateway.asked()) == 3


# who leaves


@pytest.mark.parametrize("begun", [False, True])
def test_a_client_that_leaves_cancels_what_it_asked_for(
    gateway: ScriptedUpstream, door: DoorStage, begun: bool
) -> None:
    head, first, *_ = chat.stream(chat.events("m", ["eins "]))
    gateway.queue((head, first, Hang()) if begun else (Hang(),))
    with door.client() as client:
        client.send(request("POST", CHAT, body=BODY))
        connection = gateway.wait_asked().connection
        if begun:
            client.read_until(b"data: ")
        left = time.monotonic()
        client.reset()
        assert gateway.wait_closed(connection) - left <= PROMPTLY


def test_a_door_that_closes_says_so_to_who_still_waits(gateway: ScriptedUpstream) -> None:
    gateway.queue((Hang(),))
    with DoorStage(line_to(gateway.port)) as door, door.client() as client:
        client.send(request("POST", CHAT, body=BODY))
        gateway.wait_asked()
        door.close()
        reply = client.read_reply()
    assert reply.status == 503 and reply.error()["code"] == "draining"


# who may not come in


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Origin", "http://evil.test")], 403),
        ([("Origin", "null")], 403),
        ([("Sec-Fetch-Site", "cross-site")], 403),
        ([("Host", "evil.test")], 400),  # a second one
    ],
)
def test_the_guard_stands_before_the_door(
    gateway: ScriptedUpstream, door: DoorStage, headers: list[tuple[str, str]], status: int
) -> None:
    for method in ("GET", "POST"):
        assert ask(door, *headers, method=method).status == status
    assert gateway.requests == []


@pytest.mark.control("T4")
@pytest.mark.parametrize("host", ["evil.test", "0.0.0.0", "127.0.0.1:1", "localhost."])
def test_another_name_is_not_ours(gateway: ScriptedUpstream, door: DoorStage, host: str) -> None:
    with door.client() as client:
        client.send(request("GET", "/v1/models", host=host))
        assert client.read_reply().status == 421
    assert gateway.requests == []


def test_a_websocket_is_told_to_go_on_over_http(gateway: ScriptedUpstream, door: DoorStage) -> None:
    upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ("Sec-WebSocket-Version", "13"),
    ]
    reply = ask(door, *upgrade, target="/v1/responses", method="GET")
    assert (reply.status, reply.header("upgrade")) == (426, "HTTP/1.1")
    assert gateway.requests == []


@pytest.mark.parametrize(
    ("target", "status"), [("/bridge/v1/connect", 404), ("http://evil.test/v1/models", 400), ("*", 400)]
)
def test_what_is_no_request_for_the_gateway_stays_here(
    gateway: ScriptedUpstream, door: DoorStage, target: str, status: int
) -> None:
    assert ask(door, target=target, method="GET").status == status
    assert gateway.requests == []


def test_a_body_has_a_limit_and_bytes_that_are_no_request_an_answer(gateway: ScriptedUpstream) -> None:
    with DoorStage(line_to(gateway.port), max_body=10) as door:
        assert ask(door).status == 413
        with door.client() as client:
            client.send(b"G\x01T / HTTP/1.1\r\n\r\n")
            assert client.read_reply().error()["code"] == "invalid_request"


def test_it_opens_on_loopback_alone() -> None:
    async def play() -> None:
        async def listen(door: LocalDoor, host: str, port: int) -> int:
            raise AssertionError(f"it listens on {host}")

        upstream = Upstream(Pool(connect_timeout=1), Patience(1, 1))
        rules = Rules(lambda headers: None, lambda target: DIALECTS["chat"], 1)
        door = LocalDoor(line_to(1), upstream, rules, Tasks(lambda name, error: None))
        for host in ("0.0.0.0", "::", "192.168.1.5", "desk.example", ""):
            with pytest.raises(RefusedByPolicy, match="this machine alone"):
                await door.open(listen, host, 0)

    asyncio.run(play())


# a gateway that is away


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (CHAT, ("error", "code")),
        ("/v1/messages", ("error", "type")),
        ("/v1beta/models/m:generateContent", ("error", "status")),
        ("/api/chat", ("error",)),
    ],
)
def test_a_gateway_that_is_not_there_is_said_at_once_in_the_clients_words(
    target: str, path: tuple[str, ...]
) -> None:
    port = free_port()
    with DoorStage(line_to(port)) as door:
        began = time.monotonic()
        reply = ask(door, target=target)
        assert time.monotonic() - began < 0.5
    assert (reply.status, reply.header("retry-after")) == (503, "2")
    said: object = reply.json()
    for name in path:
        assert isinstance(said, dict)
        said = said[name]
    assert said
    assert f"http://127.0.0.1:{port} is away: " in reply.body.decode() and b"llm-gateway up" in reply.body
    assert b"lgw_" not in reply.body


def test_a_machine_that_takes_no_connection_is_given_up_within_two_seconds() -> None:
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    held = []
    for _ in range(4):  # who comes when the queue is full hears nothing
        held.append(waiting := socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(full.getsockname())
    with DoorStage(line_to(full.getsockname()[1])) as door:
        began = time.monotonic()
        reply = ask(door)
        took = time.monotonic() - began
    assert reply.status == 503 and reply.error()["code"] == "gateway_away"
    assert 1.0 < took < 2.0
    for each in (*held, full):
        each.close()


def test_a_gateway_that_goes_while_an_answer_is_waited_for_is_noticed() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    with DoorStage(line_to(listening.getsockname()[1])) as door, door.client() as client:
        client.send(request("POST", CHAT, body=BODY))
        accepted, _ = listening.accept()
        listening.close()
        began = time.monotonic()
        reply = client.read_reply()
        assert time.monotonic() - began < 4.5
        accepted.close()
    assert reply.error()["code"] == "gateway_away" and "does not answer any more" in str(
        reply.error()["message"]
    )


def test_a_gateway_that_only_thinks_long_is_waited_for(gateway: ScriptedUpstream, door: DoorStage) -> None:
    gateway.queue((Gate("thought"), *chat.plain("m")))
    with door.client() as client:
        client.send(request("POST", CHAT, body=BODY))
        gateway.wait_gate("thought")
        time.sleep(2.3)
        gateway.open("thought")
        assert client.read_reply().status == 200
    assert [got.target for got in gateway.requests if got.method == "GET"] == ["/livez"]


def test_a_connection_that_closes_without_an_answer_is_a_gateway_that_is_away(
    gateway: ScriptedUpstream, door: DoorStage
) -> None:
    gateway.queue((Close(),))
    reply = ask(door)
    assert (reply.status, reply.error()["code"]) == (503, "gateway_away")


@pytest.mark.parametrize("torn", [False, True])
def test_a_stream_that_breaks_ends_with_an_error(
    gateway: ScriptedUpstream, door: DoorStage, torn: bool
) -> None:
    head, first, *_ = chat.stream(chat.events("m", ["eins "]))
    half = (Send(wording.chunk(b'data: {"half')),) if torn else ()
    gateway.queue((head, first, *half, Close()))
    reply = ask(door)
    assert reply.whole
    *_, kind, last = [line for line in reply.body.split(b"\n") if line]
    assert kind == b"event: error"
    assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "upstream_truncated"


def test_any_other_answer_that_breaks_is_cut_off(gateway: ScriptedUpstream, door: DoorStage) -> None:
    fields = [("content-type", "application/x-ndjson"), ("transfer-encoding", "chunked")]
    gateway.queue((Send(wording.head(200, fields)), Send(wording.chunk(b"{}\n")), Close()))
    with door.client() as client:
        client.send(request("POST", "/api/chat", body=BODY))
        received, how = client.read_to_end()
    assert b"{}\n" in received and not received.endswith(b"0\r\n\r\n") and how in ("closed", "reset")


# the real gateway behind it


def test_a_real_gateway_answers_through_it(tmp_path: Path) -> None:
    with (
        ScriptedUpstream() as upstream,
        GatewayProcess(tmp_path, configuration(upstream.url)) as gateway,
        DoorStage(line_to(gateway.port)) as door,
        door.client() as client,
    ):
        client.send(gateway.chat_request("scripted/scripted-model"))
        reply = client.read_reply()
        assert reply.status == 200 and reply.header("x-llm-gateway-provider") == "scripted"
        assert gateway.row(reply.header("x-llm-gateway-request-id"))["status"] == "ok"
        client.send(request("POST", CHAT, body=BODY, key="lgw_nobody"))
        assert client.read_reply().status == 401
        gateway.kill()
        client.send(gateway.chat_request("scripted/scripted-model"))
        assert client.read_reply().error()["code"] == "gateway_away"
