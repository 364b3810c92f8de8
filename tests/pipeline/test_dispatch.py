"""Walking a plan: who is asked, who is asked next and why, and what is on record of each try."""

import asyncio
import json
from pathlib import Path

import pytest

from fakes import FakeEngine
from llm_gateway.dialects.chat import CHAT
from llm_gateway.engines.prepared import PreparedAnswer
from llm_gateway.errors import UpstreamBroken, UpstreamFault, UpstreamUnreachable
from llm_gateway.ledger.records import Attempt
from llm_gateway.pipeline.authenticate import Identity
from llm_gateway.pipeline.plan import Plan
from llm_gateway.pipeline.turn import Caller, Turn
from llm_gateway.upstream.answer import Answer, read_whole
from pipeline_stage import Stage, call, on_stage, passages
from scripted import Close, Script, ScriptedUpstream, Send, chat, faults, wording

GOOD = (Send(wording.response(200, faults.ANSWER, (("x-request-id", "req_good"),))),)
FORWARDED = b"x-from-the-client: 1\r\n"


class Walk:
    """One call that is dispatched along the alias `fast`."""

    def __init__(self, stage: Stage, turn: Turn) -> None:
        self.stage = stage
        self.turn = turn
        self.call = call(model="fast")

    @classmethod
    async def begin(cls, stage: Stage, *targets: str, script: tuple[Script, ...] = ()) -> "Walk":
        stage.scripted.queue(*script)
        stage.plan_by({"fast": targets})
        self = cls(stage, Turn(stage.ledger, stage.metrics, stage.clock, stage.spending))
        plan = stage.router.plan("fast", CHAT.name)
        await self.turn.begin(Caller(Identity("key_1", "ada"), "codex-cli"), self.call, CHAT.name, plan)
        return self

    async def go(self) -> Answer:
        plan = self.stage.router.plan("fast", CHAT.name)
        ways = passages(self.call, FORWARDED)
        answer, self.passage = await self.stage.dispatcher.dispatch(plan, ways, self.turn)
        return answer

    async def body(self) -> bytes:
        answer = await self.go()
        try:
            return await read_whole(answer, 1 << 20)
        finally:
            answer.release()

    async def attempts(self) -> tuple[Attempt, ...]:
        await self.turn.settle("ok", 0)
        return (await self.stage.settlement()).attempts


def test_the_first_target_is_asked_and_no_other(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        walk = await Walk.begin(stage, "first/m", "second/m", script=(GOOD,))
        assert await walk.body() == faults.ANSWER
        (asked,) = stage.scripted.asked()
        assert (asked.method, asked.target) == ("POST", "/v1/chat/completions")
        assert asked.model == "m", "the target's name, not the alias"
        assert asked.header("x-from-the-client") == "1"
        assert asked.header("authorization") == "Bearer sk-upstream-secret"
        (attempt,) = await walk.attempts()
        assert attempt == Attempt("first", "chat", "m", status=200, request_id="req_good")

    on_stage(tmp_path, scene)


@pytest.mark.parametrize(
    "broken",
    [
        (Send(wording.response(200, faults.ANSWER)[:-9]), Close()),
        (Send(wording.stream_head()), Close()),
        faults.BROKEN_ANSWERS["gzip that is not gzip"],
    ],
    ids=["whole", "stream", "coded"],
)
def test_an_answer_that_breaks_before_anybody_has_a_byte_of_it_is_none(
    tmp_path: Path, broken: Script
) -> None:
    async def scene(stage: Stage) -> None:
        walk = await Walk.begin(stage, "first/m", "second/m", script=(broken, GOOD))
        assert await walk.body() == faults.ANSWER
        first, second = await walk.attempts()
        assert (first.provider, second.provider) == ("first", "second")
        assert first.error_kind.startswith("upstream_") and not second.error_kind

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("status", [401, 402, 403, 404, 408, 413, 429, 500, 502, 503, 504, 529])
def test_the_next_target_is_asked_when_another_may_do_better(tmp_path: Path, status: int) -> None:
    bad = faults.overloaded() if status == 529 else faults.failing(status, retry_after="9")

    async def scene(stage: Stage) -> None:
        walk = await Walk.begin(stage, "first/m", "second/m", script=(bad, chat.plain("m")))
        assert await walk.body() == faults.ANSWER.replace(faults.MODEL.encode(), b"m")
        first, second = await walk.attempts()
        assert (first.provider, first.status, first.error_kind) == ("first", status, "upstream_status")
        assert (second.provider, second.status, second.error_kind) == ("second", 200, "")
        assert second.request_id == "", "the id of another try is none of this one's"
        assert walk.turn.headers().count(b"x-llm-gateway-attempts: 2\r\n") == 1

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("status", [400, 405, 409, 415, 422])
def test_a_mistake_of_the_client_is_told_and_not_repeated_elsewhere(tmp_path: Path, status: int) -> None:
    async def scene(stage: Stage) -> None:
        walk = await Walk.begin(stage, "first/m", "second/m", script=(faults.failing(status),))
        answer = await walk.go()
        answer.release()
        assert answer.status == status
        assert len(stage.scripted.asked()) == 1
        assert [attempt.status for attempt in await walk.attempts()] == [status]

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("status", [429, 500])
def test_what_the_last_target_says_is_told_whatever_it_is(tmp_path: Path, status: int) -> None:
    async def scene(stage: Stage) -> None:
        scripts = (faults.failing(503), faults.failing(status))
        walk = await Walk.begin(stage, "first/m", "second/m", script=scripts)
        assert json.loads(await walk.body())["error"]["message"] == f"scripted {status}"
        assert [attempt.status for attempt in await walk.attempts()] == [503, status]

    on_stage(tmp_path, scene)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ((Close(),), "upstream_broken"),
        (faults.BROKEN_ANSWERS["not HTTP"], "upstream_broken"),
        (faults.BROKEN_ANSWERS["reset without an answer"], "upstream_broken"),
    ],
)
def test_the_next_target_is_asked_when_no_answer_came(tmp_path: Path, script: Script, kind: str) -> None:
    async def scene(stage: Stage) -> None:
        walk = await Walk.begin(stage, "first/m", "second/m", script=(script, GOOD))
        assert await walk.body() == faults.ANSWER
        first, second = await walk.attempts()
        assert (first.provider, first.status, first.error_kind) == ("first", 0, kind)
        assert (second.provider, second.status) == ("second", 200)

    on_stage(tmp_path, scene)


def test_the_next_target_is_asked_when_one_is_down(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        walk = await Walk.begin(stage, "down/m", "first/m", script=(GOOD,))
        assert await walk.body() == faults.ANSWER
        first, second = await walk.attempts()
        assert (first.provider, first.status, first.error_kind) == ("down", 0, "upstream_unreachable")
        assert second.status == 200

    on_stage(tmp_path, scene)


def test_the_last_fault_is_raised_when_nobody_answers(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        walk = await Walk.begin(stage, "first/m", "down/m", script=((Close(),),))
        with pytest.raises(UpstreamUnreachable, match="refused"):
            await walk.go()
        kinds = [attempt.error_kind for attempt in await walk.attempts()]
        assert kinds == ["upstream_broken", "upstream_unreachable"]

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_counts_as_no_answer(tmp_path: Path, status: int) -> None:
    async def scene(stage: Stage) -> None:
        with ScriptedUpstream() as elsewhere:
            script = faults.redirect(f"{elsewhere.url}/v1/chat/completions", status)
            walk = await Walk.begin(stage, "first/m", script=(script,))
            with pytest.raises(UpstreamBroken, match="redirect"):
                await walk.go()
            assert elsewhere.connections == []
            assert [attempt.error_kind for attempt in await walk.attempts()] == ["upstream_broken"]

    on_stage(tmp_path, scene)


def test_leaving_while_a_target_thinks_lets_it_go_and_asks_no_other(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        walk = await Walk.begin(stage, "first/m", "second/m", script=(faults.never(),))
        task = asyncio.create_task(walk.go())
        await asyncio.to_thread(stage.scripted.wait_asked)
        stage.clock.advance(2.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (asked,) = stage.scripted.asked()
        await asyncio.to_thread(stage.scripted.wait_closed, asked.connection)
        assert asked.connection.ended_by == "peer"
        (attempt,) = await walk.attempts()
        assert attempt == Attempt("first", "chat", "m", duration_us=2_000_000, error_kind="cancelled")

    on_stage(tmp_path, scene)


def test_tries_have_their_place_in_time(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        def late() -> Answer:
            stage.clock.advance(0.75)
            raise UpstreamUnreachable("asleep")

        stage.engines["local"] = FakeEngine("local", late)
        walk = await Walk.begin(stage, "local/m", "first/m", script=(GOOD,))
        stage.clock.advance(0.5)
        await walk.body()
        first, second = await walk.attempts()
        assert (first.started_us, first.duration_us) == (500_000, 750_000)
        assert (second.started_us, second.duration_us) == (1_250_000, 0)

    on_stage(tmp_path, scene)


def test_an_engine_of_ours_is_asked_like_any_target(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        walk = await Walk.begin(stage, "demo/echo")
        assert json.loads(await walk.body())["choices"][0]["message"]["content"]
        (attempt,) = await walk.attempts()
        assert attempt == Attempt("demo", "chat", "echo", status=200)

    on_stage(tmp_path, scene)


@pytest.mark.parametrize(
    ("fields", "strips", "sent"),
    [
        ({}, False, None),
        ({"stream": True}, True, {"include_usage": True}),
        ({"stream": True, "stream_options": {"x": 1}}, True, {"x": 1, "include_usage": True}),
        ({"stream": True, "stream_options": {"include_usage": True}}, False, {"include_usage": True}),
    ],
    ids=str,
)
def test_a_stream_is_made_to_tell_its_usage(
    tmp_path: Path, fields: dict[str, object], strips: bool, sent: object
) -> None:
    async def scene(stage: Stage) -> None:
        walk = await Walk.begin(stage, "first/m", script=(GOOD,))
        walk.call = call(**fields)
        (await walk.go()).release()
        stripped = b"".join(map(walk.passage.meter().feed, chat.events("m")))
        assert (b"prompt_tokens" not in stripped) is strips
        assert stage.scripted.asked()[0].json().get("stream_options") == sent
        await walk.turn.settle("ok", 0)

    on_stage(tmp_path, scene)


def test_an_engine_is_made_to_tell_its_usage_like_any_target(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        walk = await Walk.begin(stage, "demo/echo")
        walk.call = call(model="fast", stream=True)
        assert b"prompt_tokens" in await walk.body()
        assert b"prompt_tokens" not in b"".join(map(walk.passage.meter().feed, chat.events("m")))
        await walk.turn.settle("ok", 0)

    on_stage(tmp_path, scene)


def test_a_plan_without_targets_is_a_fault_and_no_silence(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        turn = Turn(stage.ledger, stage.metrics, stage.clock, stage.spending)
        with pytest.raises(UpstreamFault, match="fast"):
            await stage.dispatcher.dispatch(Plan("fast", ()), passages(call()), turn)

    on_stage(tmp_path, scene)


def test_a_refusal_of_an_engine_may_be_done_better_by_another(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        busy = PreparedAnswer.whole(429, b"busy")
        stage.engines["local"] = FakeEngine("local", lambda: busy)
        walk = await Walk.begin(stage, "local/m", "first/m", script=(GOOD,))
        assert await walk.body() == faults.ANSWER
        assert [attempt.status for attempt in await walk.attempts()] == [429, 200]
        assert busy.ended, "an answer that is not relayed is let go"

    on_stage(tmp_path, scene)
