"""The account of one request: begun once, settled once, whatever happens in between."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fakes import FakeEngine
from llm_gateway.canonical.loss import Loss
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat import CHAT
from llm_gateway.engines.prepared import PreparedAnswer
from llm_gateway.errors import (
    Draining,
    Internal,
    UnknownModel,
    UpstreamTimeout,
    UpstreamTruncated,
    UpstreamUnreachable,
)
from llm_gateway.ledger.records import Attempt, Intent
from llm_gateway.pipeline.authenticate import Identity
from llm_gateway.pipeline.cut import used_in_vain
from llm_gateway.pipeline.turn import Caller, Turn
from llm_gateway.telemetry.metrics import Metrics
from pipeline_stage import Stage, call, on_stage, request

ADA = Caller(Identity("key_1", "ada"), "codex-cli")
ESTIMATED_IN = -(-len(request()) // 4)


@dataclass(frozen=True)
class Way:
    """A way on which this gets lost."""

    losses: tuple[Loss, ...] = ()


NOTHING_LOST = Way()


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return everything that is counted, by name and labels."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


async def begun(stage: Stage, model: str = "first/m", who: Caller = ADA) -> Turn:
    """Return a turn that has begun, and whose first target is being asked."""
    turn = Turn(stage.ledger, stage.metrics, stage.clock, stage.spending)
    plan = stage.router.plan(model, "chat")
    await turn.begin(who, call(model=model), "chat", plan)
    turn.attempt(plan.steps[0], NOTHING_LOST)
    return turn


def test_the_intent_is_durable_when_begin_returns(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        turn = await begun(stage)
        expected = Intent(
            id=turn.intent.id,
            at_us=stage.clock.now,
            key_id="key_1",
            caller="ada",
            client="codex-cli",
            dialect="chat",
            operation="chat/completions",
            model_asked="first/m",
            provider="first",
            model="m",
            request_bytes=len(request()),
        )
        assert stage.records() == [turn.intent] == [expected]
        assert stage.metrics.inflight == 1 and not turn.is_settled()
        await turn.settle("ok", 1)

    on_stage(tmp_path, scene)


def test_a_turn_is_settled_once_whatever_follows(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        turn = await begun(stage)
        stage.clock.advance(0.5)
        turn.attempt_answered(200, [(b"date", b"today"), (b"request-id", b"req_7")])
        stage.clock.advance(0.25)
        turn.first_byte()
        stage.clock.advance(0.25)
        turn.seen.usage = Usage(10, 2, 3, 5, 1)
        turn.seen.response_id, turn.seen.finish_reason = "chatcmpl-1", "stop"
        await turn.settle("ok", 99)
        assert turn.is_settled()
        await turn.settle("error", 1)
        await turn.fail(UpstreamTruncated("late"), 2)
        await turn.abandon(RuntimeError("later"))
        (end,) = stage.settlements()
        assert (end.outcome, end.http_status, end.error_kind) == ("ok", 200, "")
        assert (end.provider, end.model, end.usage) == ("first", "m", Usage(10, 2, 3, 5, 1))
        assert (end.latency_us, end.ttft_us, end.response_bytes) == (1_000_000, 750_000, 99)
        assert (end.upstream_request_id, end.response_id, end.finish_reason) == (
            "req_7",
            "chatcmpl-1",
            "stop",
        )
        assert end.attempts == (
            Attempt("first", "chat", "m", duration_us=500_000, status=200, request_id="req_7"),
        )

    on_stage(tmp_path, scene)


def test_nothing_is_settled_that_was_not_begun(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        turn = Turn(stage.ledger, stage.metrics, stage.clock, stage.spending)
        assert turn.is_settled() and turn.headers() == b""
        await turn.fail(Internal("before"))
        assert stage.records() == []

    on_stage(tmp_path, scene)


# who and what for


@pytest.mark.parametrize(
    ("who", "name"),
    [(ADA, "ada"), (Caller(Identity("key_1", "ada"), "codex-cli", "nightly"), "nightly (self-declared)")],
)
def test_a_name_that_a_caller_gives_itself_is_marked(tmp_path: Path, who: Caller, name: str) -> None:
    async def scene(stage: Stage) -> None:
        await (await begun(stage, who=who)).settle("ok", 0)
        assert (await stage.turn()).intent.caller == name == who.name

    on_stage(tmp_path, scene)


@pytest.mark.parametrize(
    ("targets", "asked_for", "purpose", "counts"),
    [
        (("first/m",), "request", "request", True),
        (("first/m", "second/m"), "request", "request", True),
        (("local/m",), "request", "request", True),
        (("first/m",), "smoke", "smoke", False),
        (("demo/echo",), "request", "demo", False),
        (("demo/echo",), "smoke", "demo", False),
        (("first/m", "demo/echo"), "request", "request", False),
        (("demo/error-429", "first/m"), "request", "request", False),
    ],
)
def test_demo_and_smoke_never_count(
    tmp_path: Path, targets: tuple[str, ...], asked_for: str, purpose: str, counts: bool
) -> None:
    who = Caller(Identity("key_1", "ada"), "x", purpose="smoke" if asked_for == "smoke" else "request")

    async def scene(stage: Stage) -> None:
        stage.engines["local"] = FakeEngine("local", lambda: PreparedAnswer.whole(200, b""))
        stage.plan_by({"fast": targets})
        await (await begun(stage, "fast", who)).settle("ok", 0)
        intent = (await stage.turn()).intent
        assert (intent.purpose, intent.counts) == (purpose, counts)

    on_stage(tmp_path, scene)


def test_a_name_that_nothing_serves_is_on_record_too(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        turn = Turn(stage.ledger, stage.metrics, stage.clock, stage.spending)
        await turn.begin(ADA, call(model="nothing"), CHAT.name, None)
        await turn.fail(UnknownModel("nothing serves it"))
        assert turn.headers() == f"x-llm-gateway-request-id: {turn.intent.id}\r\n".encode()
        row = await stage.turn()
        assert (row.intent.model_asked, row.intent.provider, row.intent.counts) == ("nothing", "", False)
        assert row.settlement is not None and row.settlement.usage is None
        assert (row.settlement.outcome, row.settlement.http_status) == ("error", 404)
        assert row.settlement.error_kind == "model_not_found"

    on_stage(tmp_path, scene)


# how it ends


def test_tries_are_kept_with_their_offsets(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.plan_by({"fast": ("down/m", "first/m", "second/m")})
        turn = await begun(stage, "fast")
        _, second, third = stage.router.plan("fast", "chat").steps
        stage.clock.advance(1.0)
        turn.attempt_failed(UpstreamUnreachable("refused"))
        turn.attempt(second, NOTHING_LOST)
        stage.clock.advance(2.0)
        turn.attempt_answered(503, [(b"x-request-id", b"r" * 200)])
        turn.attempt(third, NOTHING_LOST)
        stage.clock.advance(4.0)
        turn.attempt_cancelled()
        await turn.abandon(asyncio.CancelledError())
        end = await stage.settlement()
        assert end.attempts == (
            Attempt("down", "chat", "m", 0, 1_000_000, error_kind="upstream_unreachable"),
            Attempt("first", "chat", "m", 1_000_000, 2_000_000, False, 503, "upstream_status", "r" * 128),
            Attempt("second", "chat", "m", 3_000_000, 4_000_000, error_kind="cancelled"),
        )
        assert (end.provider, end.upstream_request_id) == ("second", ""), "what answered last, not before"

    on_stage(tmp_path, scene)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (UpstreamTruncated("cut"), "truncated"),
        (UpstreamTimeout("late"), "error"),
        (UpstreamUnreachable("refused"), "error"),
    ],
)
def test_a_fault_gives_the_status_and_the_kind(tmp_path: Path, error: UpstreamTimeout, outcome: str) -> None:
    async def scene(stage: Stage) -> None:
        turn = await begun(stage)
        await turn.fail(error, 5)
        end = await stage.settlement()
        assert (end.outcome, end.http_status, end.error_kind) == (outcome, error.status, error.kind)
        assert end.response_bytes == 5 and end.usage is None, "nobody is known to have worked"

    on_stage(tmp_path, scene)


@pytest.mark.parametrize(
    ("why", "outcome", "status", "kind"),
    [
        (asyncio.CancelledError(), "cancelled", 499, "cancelled"),
        (KeyError("a defect"), "error", 500, "internal_error"),
    ],
    ids=["the client left", "a defect"],
)
def test_a_turn_that_is_abandoned_is_settled(
    tmp_path: Path, why: BaseException, outcome: str, status: int, kind: str
) -> None:
    async def scene(stage: Stage) -> None:
        turn = await begun(stage)
        turn.attempt_answered(200, [])
        turn.seen.content_bytes = 9
        await turn.abandon(why, 7)
        end = await stage.settlement()
        assert (end.outcome, end.http_status, end.error_kind) == (outcome, status, kind)
        assert end.response_bytes == 7
        assert end.usage == Usage(uncached=ESTIMATED_IN, output=3, estimated=True)

    on_stage(tmp_path, scene)


def test_a_client_that_leaves_before_any_answer_used_what_it_asked(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        turn = await begun(stage)
        turn.attempt_cancelled(used=used_in_vain(len(request())))
        await turn.abandon(asyncio.CancelledError())
        end = await stage.settlement()
        assert end.usage == Usage(uncached=ESTIMATED_IN, estimated=True)
        assert end.attempts[0].usage is None, "it counts once"

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("why", [asyncio.CancelledError(), asyncio.CancelledError(Draining.kind)])
def test_what_had_not_gone_out_used_nothing(tmp_path: Path, why: asyncio.CancelledError) -> None:
    async def scene(stage: Stage) -> None:
        turn = await begun(stage)
        turn.attempt_cancelled()
        await turn.abandon(why)
        assert (await stage.settlement()).usage is None

    on_stage(tmp_path, scene)


def test_what_the_gateway_cut_before_any_answer_used_what_it_asked(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        turn = await begun(stage)
        turn.attempt_cancelled(used=used_in_vain(len(request())))
        await turn.abandon(asyncio.CancelledError(Draining.kind))
        end = await stage.settlement()
        assert (end.outcome, end.usage) == ("error", Usage(uncached=ESTIMATED_IN, estimated=True))

    on_stage(tmp_path, scene)


def test_of_two_that_are_asked_at_a_time_each_is_billed_once(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.plan_by({"fast": ("first/m", "second/m")})
        turn = await begun(stage, "fast")
        first = turn.attempt(stage.router.plan("fast", "chat").steps[0], NOTHING_LOST)
        second = turn.attempt(stage.router.plan("fast", "chat").steps[1], NOTHING_LOST)
        used = used_in_vain(len(request()))
        turn.attempt_cancelled(first, used)
        turn.attempt_cancelled(second, used)
        await turn.abandon(asyncio.CancelledError())
        end = await stage.settlement()
        assert (end.provider, end.usage) == ("second", used)
        assert [each.usage for each in end.attempts] == [used, None]

    on_stage(tmp_path, scene)


def test_a_client_that_leaves_before_anybody_was_asked_used_nothing(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        turn = Turn(stage.ledger, stage.metrics, stage.clock, stage.spending)
        await turn.begin(ADA, call(), CHAT.name, stage.router.plan("first/m", "chat"))
        await turn.abandon(asyncio.CancelledError())
        assert (await stage.settlement()).usage is None

    on_stage(tmp_path, scene)


@pytest.mark.parametrize(
    ("status", "error", "kind"), [(429, "", "upstream_status"), (200, "out of memory", "upstream_stream")]
)
def test_an_error_that_was_answered_says_where_it_was(
    tmp_path: Path, status: int, error: str, kind: str
) -> None:
    async def scene(stage: Stage) -> None:
        turn = await begun(stage)
        turn.attempt_answered(status, [])
        turn.seen.error, turn.seen.content_bytes = error, 8
        await turn.settle("error", 0)
        end = await stage.settlement()
        assert (end.http_status, end.error_kind) == (status, kind)
        assert (end.usage is None) == (status == 429)

    on_stage(tmp_path, scene)


# what others see of it


def test_the_client_is_told_of_its_turn(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        turn = await begun(stage, "first/modèle")
        stage.clock.advance(0.0123)
        turn.attempt_answered(200, [])
        assert turn.headers() == (
            b"x-llm-gateway-request-id: %b\r\n"
            b"x-llm-gateway-provider: first\r\n"
            b"x-llm-gateway-model: mod?le\r\n"
            b"x-llm-gateway-attempts: 1\r\n"
            b"server-timing: upstream;dur=12.3\r\n" % turn.intent.id.encode()
        )
        await turn.settle("ok", 0)

    on_stage(tmp_path, scene)


def test_it_is_counted(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        turn = await begun(stage)
        turn.attempt_answered(200, [])
        stage.clock.advance(0.02)
        turn.first_byte()
        turn.seen.usage = Usage(10, 2, 0, 5, 1)
        await turn.settle("ok", 0)
        who = {"client": "codex-cli", "provider": "first", "model": "m"}
        counted = samples(stage.metrics)
        assert counted["llm_gateway_requests_total", frozenset({**who, "outcome": "ok"}.items())] == 1
        assert counted["llm_gateway_tokens_total", frozenset({**who, "type": "cache_read"}.items())] == 2
        first = [value for (name, _), value in counted.items() if name.endswith("first_token_seconds_sum")]
        assert first == [0.02]

    on_stage(tmp_path, scene)


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        ([(b"x-request-id", b"req_1")], "req_1"),
        ([(b"request-id", b"req_2")], "req_2"),
        ([(b"x-request-id", b"of-a-proxy"), (b"request-id", b"req_2")], "req_2"),
        ([], ""),
    ],
)
def test_the_id_that_clients_write_down_is_kept(
    tmp_path: Path, headers: list[tuple[bytes, bytes]], kept: str
) -> None:
    async def scene(stage: Stage) -> None:
        turn = await begun(stage)
        turn.attempt_answered(200, headers)
        await turn.settle("ok", 0)
        assert (await stage.settlement()).upstream_request_id == kept

    on_stage(tmp_path, scene)
