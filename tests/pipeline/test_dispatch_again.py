"""Second tries at one target, two targets at a time, and what other requests learn from it."""

import asyncio
from pathlib import Path

import pytest

from llm_gateway.config.routing import RoutingSettings
from llm_gateway.dialects.chat import CHAT
from llm_gateway.errors import UpstreamUnreachable
from llm_gateway.ledger.records import Attempt
from llm_gateway.pipeline.authenticate import Identity
from llm_gateway.pipeline.dispatch import Dispatcher
from llm_gateway.pipeline.turn import Caller, Turn
from llm_gateway.upstream.answer import Answer, read_whole
from pipeline_stage import Stage, call, on_stage, passages
from scripted import Gate, Hang, Script, Send, faults, wording

GOOD: Script = (Send(wording.response(200, faults.ANSWER)),)
USUAL = RoutingSettings()
BUSY = faults.failing(429)


class Ask:
    """Requests along the alias `fast`, one after another, with settings of their own."""

    def __init__(
        self, stage: Stage, *targets: str, settings: RoutingSettings = USUAL, chance: float = 0.0
    ) -> None:
        self.stage = stage
        stage.plan_by({"fast": targets})
        self.dispatcher = Dispatcher(
            stage.upstream, stage.fares, stage.clock, settings, lambda: chance, stage.tasks
        )
        self.turn = self._turn()

    def _turn(self) -> Turn:
        stage = self.stage
        return Turn(stage.ledger, stage.metrics, stage.clock, stage.spending)

    async def begin(self) -> Answer:
        self.turn = self._turn()
        asked, plan = call(model="fast"), self.stage.router.plan("fast", CHAT.name)
        await self.turn.begin(Caller(Identity("key_1", "ada"), "codex-cli"), asked, CHAT.name, plan)
        answer, _ = await self.dispatcher.dispatch(plan, passages(asked), self.turn)
        return answer

    async def status(self) -> int:
        answer = await self.begin()
        try:
            await read_whole(answer, 1 << 20)
        finally:
            answer.release()
        await self.turn.settle("ok", 0)
        return answer.status

    async def attempts(self) -> tuple[Attempt, ...]:
        return (await self.stage.settlement()).attempts


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_passes_by_itself_is_tried_again(tmp_path: Path, status: int) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(faults.failing(status), GOOD)
        ask = Ask(stage, "first/m")
        assert await ask.status() == 200
        assert [each.status for each in await ask.attempts()] == [status, 200]

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
def test_what_does_not_pass_is_not_tried_again(tmp_path: Path, status: int) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(faults.failing(status), GOOD)
        assert await Ask(stage, "first/m").status() == status
        assert len(stage.scripted.asked()) == 1

    on_stage(tmp_path, scene)


def test_a_quota_is_never_tried_again(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        body = b'{"error":{"code":"insufficient_quota","message":"You exceeded your current quota"}}'
        stage.scripted.queue((Send(wording.response(429, body)),), GOOD)
        assert await Ask(stage, "first/m").status() == 429
        assert len(stage.scripted.asked()) == 1

    on_stage(tmp_path, scene)


def test_another_target_is_asked_before_the_same_one_again(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(BUSY, BUSY, GOOD)
        ask = Ask(stage, "first/m", "second/m")
        assert await ask.status() == 200
        assert [each.provider for each in await ask.attempts()] == ["first", "second", "first"]

    on_stage(tmp_path, scene)


def test_tries_end_and_the_last_words_are_told(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(*[faults.failing(503)] * 5)
        ask = Ask(stage, "first/m", settings=RoutingSettings(retries=2))
        assert await ask.status() == 503
        assert len(stage.scripted.asked()) == 3

    on_stage(tmp_path, scene)


def test_who_is_asked_to_wait_long_is_told_so(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(faults.failing(429, retry_after="9"), GOOD)
        ask = Ask(stage, "first/m")
        assert await ask.status() == 429
        blocked = stage.fares.of("first", "chat", "m").blocked(stage.clock.monotonic() + 8.9)
        assert blocked is not None and blocked.kind == "cooling"
        assert stage.fares.of("second", "chat", "m").blocked(0.0) is None

    on_stage(tmp_path, scene)


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 9.0), (0.5, 9.45), (1.0, 9.9)])
def test_a_cool_down_ends_by_chance_a_little_later_than_it_was_told(
    tmp_path: Path, chance: float, seconds: float
) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(faults.failing(429, retry_after="9"))
        await Ask(stage, "first/m", chance=chance).status()
        blocked = stage.fares.of("first", "chat", "m").blocked(stage.clock.monotonic())
        assert blocked is not None and blocked.until - stage.clock.monotonic() == pytest.approx(seconds)

    on_stage(tmp_path, scene)


def test_a_cool_down_is_never_longer_than_the_configuration_says(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(faults.failing(429, retry_after="9"))
        await Ask(stage, "first/m", settings=RoutingSettings(longest_cool_down=9.0), chance=1.0).status()
        blocked = stage.fares.of("first", "chat", "m").blocked(stage.clock.monotonic())
        assert blocked is not None and blocked.until - stage.clock.monotonic() == pytest.approx(9.0)

    on_stage(tmp_path, scene)


@pytest.mark.parametrize(("chance", "least"), [(0.0, 0.99), (1.0, 1.09)])
def test_a_second_try_comes_no_earlier_than_it_was_told_and_by_chance_a_little_later(
    tmp_path: Path, chance: float, least: float
) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(faults.failing(429, retry_after="1"), GOOD)
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await Ask(stage, "first/m", chance=chance).status() == 200
        assert loop.time() - began >= least

    on_stage(tmp_path, scene)


def test_second_tries_are_few(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(*[faults.failing(500)] * 60)
        ask = Ask(stage, "first/m", settings=RoutingSettings(retries=1))
        for _ in range(20):
            await ask.status()
        assert 20 <= len(stage.scripted.asked()) <= 20 + 3 + 2

    on_stage(tmp_path, scene)


def test_after_the_deadline_nothing_is_tried_again(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(faults.failing(500), GOOD)
        assert await Ask(stage, "first/m", settings=RoutingSettings(deadline=0.0)).status() == 500

    on_stage(tmp_path, scene)


def test_who_cannot_be_reached_is_tried_again_and_then_told_of(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        ask = Ask(stage, "down/m")
        for _ in range(2):  # three tries, and what is left of the budget
            with pytest.raises(UpstreamUnreachable) as caught:
                await ask.begin()
            await ask.turn.fail(caught.value)
        blocked = stage.fares.of("down", "chat", "m").blocked(stage.clock.monotonic())
        assert blocked is not None and blocked.kind == "open"

    on_stage(tmp_path, scene)


def test_leaving_while_a_try_waits_ends_it_at_once(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(faults.failing(503, retry_after="4"))
        ask = Ask(stage, "first/m")
        asking = asyncio.ensure_future(ask.begin())
        await asyncio.to_thread(stage.scripted.wait_asked)
        await asyncio.sleep(0.1)
        asking.cancel()
        done, _ = await asyncio.wait({asking}, timeout=0.1)
        assert done and asking.cancelled()
        await ask.turn.abandon(asyncio.CancelledError())

    on_stage(tmp_path, scene)


# two at a time

HEDGED = RoutingSettings(retries=0, hedge_after=0.05)


def test_a_silent_target_gets_company_and_the_first_head_wins(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue((Hang(),), GOOD)
        ask = Ask(stage, "first/m", "second/m", settings=HEDGED)
        assert await ask.status() == 200
        assert [(each.provider, each.status, each.error_kind) for each in await ask.attempts()] == [
            ("second", 200, ""),
            ("first", 0, "cancelled"),
        ]
        assert (await stage.settlement()).provider == "second"
        assert stage.fares.of("first", "chat", "m").blocked(0.0) is None, "slow is not broken"

    on_stage(tmp_path, scene)


def test_the_first_one_may_still_win(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue((Gate("slow"), *GOOD), (Hang(),))
        ask = Ask(stage, "first/m", "second/m", settings=HEDGED)
        asking = asyncio.ensure_future(ask.status())
        await asyncio.to_thread(stage.scripted.wait_asked, 2)
        stage.scripted.open("slow")
        assert await asking == 200
        assert [each.provider for each in await ask.attempts()] == ["first", "second"]
        assert (await stage.settlement()).provider == "first"

    on_stage(tmp_path, scene)


def test_a_quick_target_stays_alone(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        ask = Ask(stage, "first/m", "second/m", settings=RoutingSettings(hedge_after=5.0))
        assert await ask.status() == 200
        assert len(stage.scripted.asked()) == 1

    on_stage(tmp_path, scene)


def test_when_both_fail_the_third_is_asked(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue((Gate("slow"), *faults.failing(500)), (Gate("slow"), *faults.failing(503)), GOOD)
        ask = Ask(stage, "first/m", "second/m", "first/other", settings=HEDGED)
        asking = asyncio.ensure_future(ask.status())
        await asyncio.to_thread(stage.scripted.wait_asked, 2)
        stage.scripted.open("slow")
        assert await asking == 200
        assert len(await ask.attempts()) == 3

    on_stage(tmp_path, scene)


def test_leaving_lets_go_of_both(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue((Hang(),), (Hang(),))
        ask = Ask(stage, "first/m", "second/m", settings=HEDGED)
        asking = asyncio.ensure_future(ask.begin())
        await asyncio.to_thread(stage.scripted.wait_asked, 2)
        asking.cancel()
        await asyncio.wait({asking}, timeout=1)
        for received in stage.scripted.asked():
            await asyncio.to_thread(stage.scripted.wait_closed, received.connection)
        await ask.turn.abandon(asyncio.CancelledError())
        assert [each.error_kind for each in (await stage.settlement()).attempts] == ["cancelled"] * 2

    on_stage(tmp_path, scene)
