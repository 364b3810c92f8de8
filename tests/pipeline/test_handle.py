"""A request from door to ledger, as a dialogue: the client says, the upstream says, we expect."""

import asyncio
import gzip
import json
import zlib
from pathlib import Path

import pytest

from fakes import FakeEngine, FakeIncoming
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.errors import LedgerUnavailable, RequestTimeout
from llm_gateway.ledger.queries import page
from llm_gateway.pipeline.handle import handle
from llm_gateway.providers.alias import Alias, AliasTarget
from llm_gateway.providers.names import Target
from llm_gateway.upstream.answer import Answer
from llm_gateway.upstream.client import Line
from pipeline_stage import Stage, closed_port, endpoint, on_stage, request
from scripted import chat, faults
from standings import Block, Fares


async def say(stage: Stage, body: bytes, *headers: tuple[bytes, bytes], key: bool = True) -> FakeIncoming:
    """Send a request and return what the client heard."""
    incoming = stage.incoming(body, *headers)
    if not key:
        incoming.headers = list(headers)
    await handle(incoming, stage.gateway, CHAT, CallPath("chat/completions"))
    assert incoming.done
    return incoming


def error(incoming: FakeIncoming) -> dict[str, object]:
    told: dict[str, object] = json.loads(incoming.sent)["error"]
    return told


def refused(stage: Stage) -> dict[str, int]:
    return stage.metrics._refused


def test_a_request_is_answered_and_accounted(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        heard = await say(
            stage,
            request(temperature=0.5, x_unknown=[1]),
            (b"user-agent", b"codex_cli_rs/0.50"),
            (b"x-stainless-lang", b"python"),
            (b"x-llm-gateway-caller", b"nightly"),
            (b"cookie", b"a=b"),
        )
        assert (heard.status, heard.sent) == (200, chat.completion("m"))
        (asked,) = stage.scripted.asked()
        assert asked.json() == json.loads(request(model="m", temperature=0.5, x_unknown=[1]))
        assert asked.header("x-stainless-lang") == "python"
        assert asked.header("authorization") == "Bearer sk-upstream-secret"
        assert stage.key.encode() not in asked.raw and b"cookie" not in asked.raw
        turn = await stage.turn()
        assert (turn.intent.caller, turn.intent.client) == ("nightly (self-declared)", "codex-cli")
        assert turn.settlement is not None
        assert turn.settlement.usage == Usage(uncached=32, cache_read=8, output=12, reasoning=2)
        assert heard.field(b"x-llm-gateway-request-id") == turn.intent.id.encode()

    on_stage(tmp_path, scene)


def test_a_stream_is_answered_and_accounted(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        heard = await say(stage, request(stream=True))
        assert heard.sent == b"".join(chat.events("m", usage=None))
        assert (await stage.settlement()).outcome == "ok"

    on_stage(tmp_path, scene)


def test_a_packed_body_is_read_and_goes_on_plain(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        packed = gzip.compress(request())
        heard = await say(stage, packed, (b"content-encoding", b"gzip"))
        assert heard.status == 200
        (asked,) = stage.scripted.asked()
        assert asked.body == request(model="m") and asked.header("content-encoding") is None
        assert (await stage.turn()).intent.request_bytes == len(request())

    on_stage(tmp_path, scene)


def test_what_an_application_asks_for_itself_is_told_apart(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        agent, session = (b"user-agent", b"opencode/1.2"), (b"x-session-id", b"ses_1")
        await say(stage, request(), agent, session)
        await say(stage, request(tools=[{"type": "function"}]), agent, session)
        later, title = [turn.intent for turn in await stage.ledger.read(page)]
        assert (title.label, title.client, title.told_by, title.session) == (
            "title",
            "opencode",
            "agent",
            "ses_1",
        )
        assert (later.label, later.session) == ("", "ses_1")

    on_stage(tmp_path, scene)


@pytest.mark.parametrize(
    ("agent", "model", "purpose"),
    [
        (b"llm-gateway-smoke/1", "first/m", "smoke"),
        (b"llm-gateway-smoke/1", "demo/echo", "demo"),
        (b"curl/8", "demo/echo", "demo"),
        (b"curl/8", "first/m", "request"),
    ],
)
def test_what_a_request_is_for_is_on_record(tmp_path: Path, agent: bytes, model: str, purpose: str) -> None:
    async def scene(stage: Stage) -> None:
        assert (await say(stage, request(model=model), (b"user-agent", agent))).status == 200
        intent = (await stage.turn()).intent
        assert (intent.purpose, intent.counts) == (purpose, purpose == "request")

    on_stage(tmp_path, scene)


# refused at the door: no turn


@pytest.mark.parametrize(
    ("headers", "body", "status", "code", "param"),
    [
        ([], request(), 401, "invalid_api_key", None),
        ([(b"x-api-key", b"lgw_wrong")], b"not read at all", 401, "invalid_api_key", None),
        (None, b"hello", 400, "invalid_request", None),
        (None, b"{}", 400, "invalid_request", "model"),
        (None, b" " * (1 << 21), 413, "body_too_large", None),
        ([(b"content-encoding", b"compress")], b"x", 415, "unsupported_encoding", None),
        ([(b"content-encoding", b"gzip")], gzip.compress(bytes(1 << 21)), 413, "body_too_large", None),
    ],
    ids=["no key", "wrong key", "not JSON", "no model", "too large", "unknown coding", "bomb"],
)
def test_what_is_refused_at_the_door_is_no_turn(
    tmp_path: Path,
    headers: list[tuple[bytes, bytes]] | None,
    body: bytes,
    status: int,
    code: str,
    param: str | None,
) -> None:
    async def scene(stage: Stage) -> None:
        keyless = headers is not None and not any(name == b"content-encoding" for name, _ in headers)
        heard = await say(stage, body, *(headers or ()), key=not keyless)
        assert heard.status == status
        assert (error(heard)["code"], error(heard)["param"]) == (code, param)
        assert stage.records() == [] and stage.scripted.asked() == []
        assert heard.field(b"x-llm-gateway-request-id") is None
        assert refused(stage) == {code: 1}

    on_stage(tmp_path, scene)


def test_a_body_may_be_packed_more_than_once(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        twice = gzip.compress(zlib.compress(request()))
        codings = [(b"content-encoding", b"deflate"), (b"content-encoding", b"gzip")]
        assert (await say(stage, twice, *codings)).status == 200
        assert stage.scripted.asked()[0].body == request(model="m")

    on_stage(tmp_path, scene)


def test_a_body_that_does_not_come_is_refused(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        late = RequestTimeout("the body came too slowly")
        stuck = FakeIncoming(headers=[(b"x-api-key", stage.key.encode())], failure=late)
        await handle(stuck, stage.gateway, CHAT, CallPath("chat/completions"))
        assert (stuck.status, error(stuck)["code"]) == (408, "request_timeout")

    on_stage(tmp_path, scene)


# accepted and failed: a turn that says so


def test_an_unknown_model_is_refused_and_on_record(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        heard = await say(stage, request(model="first-m"))
        assert (heard.status, error(heard)["code"], error(heard)["param"]) == (
            404,
            "model_not_found",
            "model",
        )
        turn = await stage.turn()
        assert turn.intent.model_asked == "first-m"
        assert turn.settlement is not None and turn.settlement.error_kind == "model_not_found"
        assert heard.field(b"x-llm-gateway-request-id") == turn.intent.id.encode()
        assert refused(stage) == {}, "it was accepted"

    on_stage(tmp_path, scene)


def test_a_conversation_stays_with_who_answered_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        pair = tuple(AliasTarget(Target(name, "m")) for name in ("first", "second"))
        stage.plan_by({"list": ("first/m", "second/m")}, {"smart": Alias(pair, sticky=True)})
        asked: list[bytes | None] = []
        for model, session in (("smart", b"a"), ("smart", b"a"), ("smart", b"b"), ("list", b"a")):
            if not asked:
                stage.scripted.queue(faults.failing(500))
            heard = await say(stage, request(model=model), (b"session-id", session))
            asked.append(heard.field(b"x-llm-gateway-provider"))
        assert asked == [b"second", b"second", b"first", b"first"]
        whys = [[each.why for each in end.attempts] for end in stage.settlements()]
        assert whys == [["", ""], ["it answered this conversation last"], [""], [""]]

    on_stage(tmp_path, scene)


def test_an_error_holds_no_conversation(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        pair = tuple(AliasTarget(Target(name, "m")) for name in ("first", "second"))
        stage.plan_by({}, {"smart": Alias(pair, sticky=True)})
        stage.scripted.queue(faults.failing(500), faults.failing(500))
        assert (await say(stage, request(model="smart"))).status == 500
        heard = await say(stage, request(model="smart"))
        assert heard.field(b"x-llm-gateway-provider") == b"first"

    on_stage(tmp_path, scene)


def test_a_request_that_no_target_takes_is_refused_and_on_record(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.plan_by({}, {"smart": Alias((AliasTarget(Target("first", "m"), tools=False),))})
        assert (await say(stage, request(model="smart"))).status == 200
        heard = await say(stage, request(model="smart", tools=[{"type": "function"}]))
        assert (heard.status, error(heard)["code"]) == (400, "no_target")
        assert "first/m: it gets no requests that offer tools" in str(error(heard)["message"])
        assert [each.error_kind for each in stage.settlements()] == ["", "no_target"]

    on_stage(tmp_path, scene)


def test_who_cools_down_is_not_asked_and_the_client_is_told_for_how_long(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.standings.put("first", Fares(Block("cooling", stage.clock.monotonic() + 12.5)))
        heard = await say(stage, request())
        assert (heard.status, error(heard)["code"]) == (429, "cooling_down")
        assert heard.field(b"retry-after") == b"13"
        assert stage.scripted.asked() == []
        assert (await stage.settlement()).error_kind == "cooling_down"
        assert heard.field(b"x-llm-gateway-request-id") == (await stage.turn()).intent.id.encode()

    on_stage(tmp_path, scene)


def test_an_upstream_that_is_down_is_told_and_on_record_first(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        heard = await say(stage, request(model="down/m"))
        assert (heard.status, error(heard)["code"]) == (502, "upstream_unreachable")
        assert heard.pieces[-1][1] == 1, "settled before the client knows"
        end = await stage.settlement()
        assert (end.provider, end.outcome, end.http_status) == ("down", "error", 502)
        assert [attempt.error_kind for attempt in end.attempts] == ["upstream_unreachable"]

    on_stage(tmp_path, scene)


def test_a_secret_of_an_upstream_is_in_no_error_and_no_record(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        port = closed_port()
        stage.lines["down", "chat"] = Line(endpoint("down", port, secret="sk-very-secret"))
        stage.plan_by({})
        heard = await say(stage, request(model="down/m"))
        assert b"sk-very-secret" not in heard.sent + repr(stage.records()).encode()
        assert "sk-very-secret" not in repr(stage.lines)

    on_stage(tmp_path, scene)


def test_without_a_ledger_nothing_is_sent(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.ledger.close()
        heard = await say(stage, request())
        assert (heard.status, error(heard)["code"]) == (503, LedgerUnavailable.kind)
        assert heard.field(b"retry-after") == b"5"
        assert stage.scripted.asked() == []
        assert refused(stage) == {LedgerUnavailable.kind: 1}

    on_stage(tmp_path, scene, closes_ledger=True)


def test_a_client_that_leaves_before_the_answer_is_on_record(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(faults.never())
        task = asyncio.create_task(say(stage, request()))
        asked = await asyncio.to_thread(stage.scripted.wait_asked)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(stage.scripted.wait_closed, asked.connection)
        end = await stage.settlement()
        assert (end.outcome, end.http_status) == ("cancelled", 499)
        assert end.usage is not None and end.usage.estimated

    on_stage(tmp_path, scene)


def test_a_defect_of_ours_is_on_record_and_goes_on_to_the_edge(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        def broken() -> Answer:
            raise ZeroDivisionError

        stage.engines["local"] = FakeEngine("local", broken)
        stage.plan_by({})
        with pytest.raises(ZeroDivisionError):
            await say(stage, request(model="local/m"))
        end = await stage.settlement()
        assert (end.outcome, end.http_status, end.error_kind) == ("error", 500, "internal_error")

    on_stage(tmp_path, scene)
