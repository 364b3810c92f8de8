"""While the gateway is away, an engine on this machine answers: in the client's dialect, without its key."""

import gzip
import json
import socket
from collections.abc import Iterator

import pytest

from door_stage import DoorStage, line_to, stand_in
from llm_gateway.companion.door import Told
from rawhttp import Reply, request
from scripted import ScriptedUpstream, Send, chat, ollama, wording

CHAT = "/v1/chat/completions"


@pytest.fixture
def engine() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(["small", "other"], [chat.respond, ollama.respond]) as engine:
        yield engine


@pytest.fixture
def door(engine: ScriptedUpstream) -> Iterator[DoorStage]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        nobody = int(probe.getsockname()[1])
    engines = [
        stand_in(engine.port, "chat", "/v1", "small", "other"),
        stand_in(engine.port, "ollama", "/api", "small"),
        stand_in(engine.port, "gemini", "/v1beta", "small"),
    ]
    with DoorStage(line_to(nobody), engines) as door:
        yield door


def ask(door: DoorStage, target: str, body: bytes, *headers: tuple[str, str], method: str = "POST") -> Reply:
    with door.client() as client:
        client.send(request(method, target, body=body, key="lgw_of-the-client", headers=headers))
        return client.read_reply()


def body(model: str) -> bytes:
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "Hallo"}], "n": 1}).encode()


@pytest.mark.parametrize(
    ("asked", "answers"),
    [("other", "other"), ("engine/other", "other"), ("fast", "small"), ("openai/gpt-5.5", "small")],
)
def test_an_engine_answers_with_its_own_model(
    door: DoorStage, engine: ScriptedUpstream, asked: str, answers: str
) -> None:
    reply = ask(door, CHAT, body(asked), ("x-api-key", "secret"), ("User-Agent", "editor/1"))
    assert reply.status == 200
    assert reply.header("x-llm-gateway-provider") == "engine" and reply.header("x-llm-gateway-away") == "true"
    got = engine.wait_asked()
    assert (got.target, got.body) == (CHAT, body(answers))
    assert got.header("user-agent") == "editor/1"
    assert got.header_names().isdisjoint({"authorization", "x-api-key"}) and b"lgw_" not in got.raw
    assert door.told == [Told("engine", answers, "v1/chat/completions", 200)]


def test_a_stream_streams(door: DoorStage, engine: ScriptedUpstream) -> None:
    streaming = json.dumps({"model": "small", "messages": [], "stream": True}).encode()
    assert ask(door, CHAT, streaming).events()[-1] == b"[DONE]"


@pytest.mark.parametrize("target", ["/chat/completions", "/v1/v1/chat/completions"])
def test_a_path_is_found_as_the_gateway_finds_it(
    door: DoorStage, engine: ScriptedUpstream, target: str
) -> None:
    assert ask(door, target, body("small")).status == 200
    assert engine.wait_asked().target == CHAT


def test_each_dialect_has_its_own_engine(door: DoorStage, engine: ScriptedUpstream) -> None:
    assert ask(door, "/api/chat", b'{"model": "x", "messages": []}').status == 200
    assert (engine.asked()[0].target, engine.asked()[0].model) == ("/api/chat", "small")
    engine.queue((Send(wording.response(200, b"{}")),))
    assert ask(door, "/v1beta/models/gemini-9:generateContent?alt=sse", b"{}").status == 200
    assert engine.asked()[1].target == "/v1beta/models/small:generateContent?alt=sse"


def test_a_dialect_that_none_speaks_is_an_error(door: DoorStage, engine: ScriptedUpstream) -> None:
    reply = ask(door, "/v1/messages", body("small"))
    assert reply.status == 503 and b"is away" in reply.body
    assert ask(door, CHAT, b"", method="DELETE").status == 503
    assert ask(door, "/", b"", method="GET").status == 503
    assert engine.requests == [] and door.told == []


def test_models_are_listed_and_coded_bodies_read(door: DoorStage, engine: ScriptedUpstream) -> None:
    listed = ask(door, "/v1/models", b"", method="GET").json()["data"]
    assert isinstance(listed, list) and [each["id"] for each in listed] == ["small", "other"]
    assert ask(door, CHAT, gzip.compress(body("fast")), ("Content-Encoding", "gzip")).status == 200
    assert engine.wait_asked().body == body("small")
    assert ask(door, CHAT, b"not gzip", ("Content-Encoding", "gzip")).status == 400


def test_what_names_no_model_passes_as_it_is(door: DoorStage, engine: ScriptedUpstream) -> None:
    for odd in (b"[1]", b"no json", b'{"model": 7}', b"{}"):
        ask(door, CHAT, odd)
    assert [got.body for got in engine.asked()] == [b"[1]", b"no json", b'{"model": 7}', b"{}"]


def test_two_that_are_away_are_both_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        nobody = int(probe.getsockname()[1])
    with DoorStage(line_to(nobody), [stand_in(nobody, "chat", "/v1")]) as door:
        reply = ask(door, CHAT, body("small"))
    assert reply.status == 503 and "nor does engine answer in its place" in str(reply.error()["message"])
    assert door.told == []
