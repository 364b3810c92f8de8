"""A request to a target that speaks another dialect, and its answer: what passes, and what is lost."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from fakes import FakeIncoming
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.dialects.ollama import OLLAMA
from llm_gateway.dialects.responses import RESPONSES
from llm_gateway.ledger.records import Settlement
from llm_gateway.pipeline.handle import handle
from llm_gateway.providers.endpoint import Endpoint
from llm_gateway.upstream.client import Line
from llm_gateway.vault import Secret
from pipeline_stage import Stage, on_stage, request
from scripted import Received, Script, chat, faults, responses, wording
from scripted.script import Send

RESPONDERS = (responses.respond,)
STRICT = (b"x-llm-gateway-strict", b"1")


def asked(
    home: Path,
    body: bytes,
    script: Script | None,
    *headers: tuple[bytes, bytes],
    targets: tuple[str, ...] = (),
) -> tuple[FakeIncoming, Settlement | None, list[Received]]:
    """Return what a chat client heard of a provider that speaks `responses`, its turn, what was asked."""

    async def scene(stage: Stage) -> tuple[FakeIncoming, Settlement | None, list[Received]]:
        there = ("127.0.0.1", stage.scripted.port, "/v1")
        stage.lines["talker", "responses"] = Line(
            Endpoint("talker", "responses", "http", *there, secret=Secret("sk-upstream-secret"))
        )
        stage.plan_by({"fast": targets} if targets else {})
        if script is not None:
            stage.scripted.queue(script)
        incoming = stage.incoming(body, *headers)
        await handle(incoming, stage.gateway, CHAT, CallPath("chat/completions"))
        return incoming, (await stage.turn()).settlement, stage.scripted.asked()

    return on_stage(home, scene, responders=RESPONDERS)


def body(**fields: object) -> bytes:
    return request(**{"model": "talker/m", **fields})


def test_a_whole_answer_passes_from_dialect_to_dialect(tmp_path: Path) -> None:
    heard, turn, (sent,) = asked(tmp_path, body(), None, (b"user-agent", b"x/1"), (b"openai-beta", b"y"))
    answer = json.loads(heard.sent)
    assert heard.status == 200 and heard.field(b"content-type") == b"application/json"
    assert answer["object"] == "chat.completion" and answer["model"] == "talker/m"
    assert answer["choices"][0]["message"]["content"] == responses.TEXT
    assert (sent.target, sent.json()["model"]) == ("/v1/responses", "m")
    assert sent.header("user-agent") == "x/1"
    assert sent.header("openai-beta") is None, "what is for another dialect's servers stays here"
    assert sent.header("authorization") == "Bearer sk-upstream-secret"
    assert turn is not None and turn.usage is not None
    assert (turn.outcome, turn.usage.input, turn.usage.output) == ("ok", 40, 12)
    assert turn.response_id == answer["id"], "the id that the client keeps is the one in the ledger"
    assert heard.field(b"x-request-id") is not None


def test_a_stream_passes_and_is_settled_before_its_end(tmp_path: Path) -> None:
    heard, turn, _ = asked(tmp_path, body(stream=True), None)
    assert heard.field(b"content-type") == b"text/event-stream; charset=utf-8"
    assert heard.sent.endswith(b"data: [DONE]\n\n")
    text = "".join(
        json.loads(event[6:])["choices"][0]["delta"].get("content") or ""
        for event in heard.sent.decode().split("\n\n")
        if event.startswith("data: {") and json.loads(event[6:])["choices"]
    )
    assert text == responses.TEXT
    (settled,) = {told for piece, told in heard.pieces if b"[DONE]" in piece}
    assert settled == 1, "the turn was settled before the client had the end"
    assert turn is not None and turn.usage is not None and turn.usage.output == 12


def test_what_cannot_be_said_is_in_the_header_and_the_ledger(tmp_path: Path) -> None:
    heard, turn, _ = asked(tmp_path, body(logit_bias={"50256": -100}, seed=7), None)
    assert heard.status == 200
    named = heard.field(b"x-llm-gateway-losses")
    assert named is not None and {b"logit_bias", b"seed"} <= set(named.split(b", "))
    assert turn is not None and {loss.partition(":")[0] for loss in turn.losses} >= {"logit_bias", "seed"}


def test_who_is_strict_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    heard, turn, sent = asked(tmp_path, body(seed=7), None, STRICT)
    error = json.loads(heard.sent)["error"]
    assert heard.status == 422 and error["code"] == "loss_refused" and "seed" in error["message"]
    assert sent == []
    assert turn is not None and (turn.http_status, turn.error_kind) == (422, "loss_refused")


def test_who_is_strict_is_served_by_a_target_that_can_be_told_everything(tmp_path: Path) -> None:
    targets = ("talker/m", "demo/echo")
    heard, _, sent = asked(tmp_path, body(model="fast", seed=7), None, STRICT, targets=targets)
    assert heard.status == 200 and heard.field(b"x-llm-gateway-provider") == b"demo"
    assert sent == []


def test_of_a_request_that_loses_nothing_the_answer_is_told(tmp_path: Path) -> None:
    """The scripted upstream says something that nobody knows, which whoever is strict cannot know before."""
    heard, turn, _ = asked(tmp_path, body(), None, STRICT)
    assert heard.status == 200 and heard.field(b"x-llm-gateway-losses") == b"response.x_unknown"
    assert turn is not None and [loss.partition(":")[0] for loss in turn.losses] == ["response.x_unknown"]


@pytest.mark.parametrize("status", [400, 401, 429, 500, 529])
def test_an_error_keeps_its_status_and_words(tmp_path: Path, status: int) -> None:
    script = faults.failing(status, retry_after="7") if status != 529 else faults.overloaded()
    heard, turn, _ = asked(tmp_path, body(), script)
    assert heard.status == status
    assert json.loads(heard.sent)["error"]["message"] == f"scripted {status}"
    assert status == 529 or heard.field(b"retry-after") == b"7"
    assert turn is not None and (turn.outcome, turn.http_status) == ("error", status)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_is_none_is_the_upstreams_fault(tmp_path: Path, stream: bool) -> None:
    heard, turn, _ = asked(tmp_path, body(stream=stream), (Send(wording.response(200, b"{]")),))
    assert heard.status == 502
    assert turn is not None and turn.error_kind == "upstream_broken"


def test_a_stream_that_breaks_off_ends_with_an_error_in_the_clients_dialect(tmp_path: Path) -> None:
    begun = responses.events("m", [responses.message()])[:3]
    script = (Send(wording.stream_head()), *(Send(wording.chunk(event)) for event in begun))
    heard, turn, _ = asked(tmp_path, body(stream=True), (*script, Send(wording.LAST_CHUNK)))
    last = heard.sent.decode().strip().split("\n\n")[-1]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "upstream_truncated"
    assert b"[DONE]" not in heard.sent
    assert turn is not None and turn.outcome == "truncated"


def test_a_request_that_loads_a_model_is_answered_without_asking_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        incoming = stage.incoming(b'{"model":"first/m","messages":[],"keep_alive":300}')
        await handle(incoming, stage.gateway, OLLAMA, CallPath("chat"))
        answer = json.loads(incoming.sent)
        assert (incoming.status, answer["done"], answer["done_reason"]) == (200, True, "load")
        assert incoming.field(b"content-type") == b"application/json"
        assert stage.scripted.asked() == [], "the provider speaks another dialect and is always ready"
        end = await stage.settlement()
        assert (end.outcome, end.usage) == ("ok", Usage())

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_tells_when_it_was_complete(tmp_path: Path, stream: bool) -> None:
    stages: list[Stage] = []

    def seven_seconds_later(received: Received, names: Sequence[str]) -> Script | None:
        stages[0].clock.advance(7)
        return chat.respond(received, names)

    async def scene(stage: Stage) -> None:
        stages.append(stage)
        began = stage.clock.now_us() // 1_000_000
        incoming = stage.incoming(json.dumps({"model": "first/m", "input": "hi", "stream": stream}).encode())
        await handle(incoming, stage.gateway, RESPONSES, CallPath("responses"))
        told = json.loads(incoming.sent.strip().rpartition(b"\ndata: ")[2])
        answer = told["response"] if stream else told
        assert (answer["created_at"], answer["completed_at"]) == (began, began + 7)

    on_stage(tmp_path, scene, responders=(seven_seconds_later,))
