"""Two targets at a time, turn of the event loop by turn: whoever loses is let go of and stands on record."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from llm_gateway.canonical.abilities import Abilities
from llm_gateway.config.routing import RoutingSettings
from llm_gateway.dialects.chat import CHAT
from llm_gateway.engines.prepared import PreparedAnswer
from llm_gateway.errors import UpstreamBroken
from llm_gateway.ledger.records import Attempt
from llm_gateway.pipeline.authenticate import Identity
from llm_gateway.pipeline.dispatch import Dispatcher
from llm_gateway.pipeline.turn import Caller, Turn
from llm_gateway.upstream.answer import Answer
from pipeline_stage import Stage, call, on_stage, passages

# From nothing at all to well after the end of a race, in turns of the event loop.
TURNS = range(9)


class Lent(PreparedAnswer):
    """An answer that has to be given back."""

    held = True

    def release(self) -> None:
        self.held = False


class Timed:
    """An engine that answers when it is told to, and knows what became of its answer."""

    counts = True

    def __init__(self, name: str, *, status: int = 200) -> None:
        self.name = name
        self.models: Sequence[str] = ("m",)
        self.dialect = "chat"
        self.abilities: Abilities | None = None
        self.people: frozenset[str] | None = None
        self.asked = asyncio.Event()
        self.given: Lent | None = None
        self.cancelled = False
        self._status = status
        self._go: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def go(self) -> None:
        """Answer in the next turn of the loop, unless it was let go of."""
        if not self._go.done():
            self._go.set_result(None)

    def fail(self) -> None:
        """Fail in the next turn of the loop, unless it was let go of."""
        if not self._go.done():
            self._go.set_exception(UpstreamBroken("it broke"))

    async def answer(self, operation: str, body: bytes, model: str) -> Answer:
        self.asked.set()
        try:
            await self._go
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        self.given = Lent.whole(self._status, self.name.encode())
        return self.given

    async def close(self) -> None:
        """Nothing is held."""

    @property
    def gave_back(self) -> bool:
        return self.cancelled or (self.given is not None and not self.given.held)


class Race:
    """A request that is asked of two engines."""

    def __init__(self, stage: Stage, *, statuses: tuple[int, int] = (200, 200)) -> None:
        self.stage = stage
        self.one = Timed("one", status=statuses[0])
        self.two = Timed("two", status=statuses[1])
        stage.engines |= {"one": self.one, "two": self.two}
        stage.plan_by({"fast": ("one/m", "two/m")})
        settings = RoutingSettings(retries=0, hedge_after=0.001)
        clock = stage.clock
        self.dispatcher = Dispatcher(stage.upstream, stage.fares, clock, settings, lambda: 0.0, stage.tasks)
        self.turn = Turn(stage.ledger, stage.metrics, clock, stage.spending)

    async def start(self) -> "asyncio.Task[Answer]":
        """Return the request when both are asked."""
        plan = self.stage.router.plan("fast", CHAT.name)
        asked = call(model="fast")
        await self.turn.begin(Caller(Identity("key_1", "ada"), "codex-cli"), asked, CHAT.name, plan)

        async def dispatch() -> Answer:
            answer, _ = await self.dispatcher.dispatch(plan, passages(asked), self.turn)
            return answer

        task = asyncio.ensure_future(dispatch())
        await self.one.asked.wait()
        await self.two.asked.wait()
        return task

    async def attempts(self) -> dict[str, Attempt]:
        await self.turn.settle("ok", 0)
        attempts = (await self.stage.settlement()).attempts
        assert len(attempts) == 2, "each is on record once"
        return {each.provider: each for each in attempts}


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


@pytest.mark.parametrize("later", TURNS)
@pytest.mark.parametrize("first", ["one", "two"])
def test_whoever_loses_is_let_go_of_however_close_it_was(tmp_path: Path, first: str, later: int) -> None:
    async def scene(stage: Stage) -> None:
        race = Race(stage)
        task = await race.start()
        winner, loser = (race.one, race.two) if first == "one" else (race.two, race.one)
        winner.go()
        await turns(later)
        loser.go()
        answer = await task
        assert answer is winner.given
        assert not winner.gave_back
        assert loser.gave_back
        attempts = await race.attempts()
        assert (attempts[winner.name].status, attempts[winner.name].error_kind) == (200, "")
        assert attempts[loser.name].error_kind == "cancelled"
        assert (await stage.settlement()).provider == winner.name, "the account is the winner's"

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("later", TURNS)
@pytest.mark.parametrize("fails", [True, False], ids=["breaks", "503"])
def test_an_answer_wins_against_a_failure_however_close_it_was(
    tmp_path: Path, fails: bool, later: int
) -> None:
    async def scene(stage: Stage) -> None:
        race = Race(stage, statuses=(200, 503))
        task = await race.start()
        race.one.go()
        await turns(later)
        if fails:
            race.two.fail()
        else:
            race.two.go()
        assert await task is race.one.given
        attempts = await race.attempts()
        assert attempts["one"].status == 200
        assert attempts["two"].error_kind in ("upstream_broken", "upstream_status", "cancelled")
        settlement = await stage.settlement()
        assert (settlement.provider, settlement.http_status) == ("one", 200)

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("later", TURNS)
def test_when_both_fail_the_account_is_that_of_the_one_that_is_told(tmp_path: Path, later: int) -> None:
    async def scene(stage: Stage) -> None:
        race = Race(stage, statuses=(500, 503))
        task = await race.start()
        race.two.go()
        await turns(later)
        race.one.go()
        answer = await task
        told = "one" if answer.take() == b"one" else "two"
        assert {each.status for each in (await race.attempts()).values()} == {500, 503}
        settlement = await stage.settlement()
        assert (settlement.provider, settlement.http_status) == (told, answer.status)

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("later", TURNS)
def test_a_failure_after_an_error_is_told_and_accounted(tmp_path: Path, later: int) -> None:
    async def scene(stage: Stage) -> None:
        race = Race(stage, statuses=(200, 503))
        task = await race.start()
        race.two.go()
        await turns(later)
        race.one.fail()
        try:
            told = ("two", (await task).status)
        except UpstreamBroken as error:
            told = ("one", 502)
            await race.turn.fail(error)
        assert len(await race.attempts()) == 2
        settlement = await stage.settlement()
        assert (settlement.provider, settlement.http_status) == told

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("later", TURNS)
def test_a_client_that_leaves_as_the_answer_comes_holds_nothing(
    tmp_path: Path, later: int, both: bool
) -> None:
    async def scene(stage: Stage) -> None:
        race = Race(stage)
        task = await race.start()
        race.one.go()
        if both:
            race.two.go()
        await turns(later)
        task.cancel()
        await asyncio.wait({task})
        answer = None if task.cancelled() else task.result()
        assert race.one.gave_back == (answer is None)
        assert race.two.gave_back
        attempts = await race.attempts()
        assert attempts["two"].error_kind == "cancelled"
        assert attempts["one"].error_kind in (("",) if answer is not None else ("", "cancelled"))

    on_stage(tmp_path, scene)
