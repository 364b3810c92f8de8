"""A budget holds for everybody and everything, and is never said to be spent while it is not.

What users of other gateways met: money that was counted for some surfaces only, keys that passed their budget
under another name or through retries, holds that were never given back and so looked like money spent.
"""

import asyncio
import random
from pathlib import Path

import msgspec
import pytest

from llm_gateway.canonical.loss import Loss
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import BudgetReached, UpstreamTimeout
from llm_gateway.ledger.money import NANO
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.spending import spent_since
from llm_gateway.ledger.stated_prices import flat
from llm_gateway.pipeline.authenticate import Identity
from llm_gateway.pipeline.handle import handle
from llm_gateway.pipeline.limits import Bounds, Scope
from llm_gateway.pipeline.plan import Plan
from llm_gateway.pipeline.turn import Caller, Turn
from pipeline_stage import Stage, call, on_stage, request

BOOK = PriceBook({"first/m": flat("1000", "10000"), "second/m": flat("700", "7000")}, {})
KEY: Scope = ("key", "ada")
FIRST: Scope = ("provider", "first")
SECOND: Scope = ("provider", "second")
CLIENT: Scope = ("client", "codex-cli")
ALL: Scope = ("global", "")
SAID = [{"role": "user", "content": "Guten Tag"}]
SURFACES: dict[str, tuple[CallPath, dict[str, object]]] = {
    "chat": (CallPath("chat/completions"), {"model": "first/m", "messages": SAID}),
    "responses": (CallPath("responses"), {"model": "first/m", "input": "Guten Tag"}),
    "messages": (CallPath("messages"), {"model": "first/m", "max_tokens": 50, "messages": SAID}),
    "gemini": (CallPath("generateContent", "first/m"), {"contents": [{"parts": [{"text": "Guten Tag"}]}]}),
    "ollama": (CallPath("chat"), {"model": "first/m", "stream": False, "messages": SAID}),
}


def limit(stage: Stage, *scopes: Scope, per_day: int = 10**6 * NANO) -> None:
    bounds = dict.fromkeys(scopes, Bounds(per_day=per_day))
    stage.spending.use(BOOK, {"first", "second"}, bounds)


def used(stage: Stage) -> dict[Scope, int]:
    return {each.scope: each.used for each in stage.spending.standing()}


@pytest.mark.parametrize("surface", SURFACES)
def test_money_counts_on_every_surface_and_for_everybody(tmp_path: Path, surface: str) -> None:
    path, fields = SURFACES[surface]

    async def scene(stage: Stage) -> None:
        limit(stage, ALL, KEY, FIRST, SECOND)
        incoming = stage.incoming(msgspec.json.encode(fields))
        await handle(incoming, stage.gateway, DIALECTS[surface], path)
        assert incoming.status == 200
        cost = (await stage.settlement()).cost_nano
        assert cost and used(stage) == {ALL: cost, KEY: cost, FIRST: cost, SECOND: 0}
        limit(stage, KEY, per_day=cost)
        refused = stage.incoming(msgspec.json.encode(fields))
        await handle(refused, stage.gateway, DIALECTS[surface], path)
        assert refused.status == 429 and len(stage.scripted.asked()) == 1

    on_stage(tmp_path, scene)


def test_a_key_spends_its_own_budget_under_whatever_name(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        limit(stage, KEY, per_day=0)
        for headers in ((), ((b"x-llm-gateway-caller", b"nobody"),), ((b"x-llm-gateway-client", b"curl"),)):
            incoming = stage.incoming(request(), *headers)
            await handle(incoming, stage.gateway, DIALECTS["chat"], CallPath("chat/completions"))
            assert incoming.status == 429, headers
        assert stage.scripted.asked() == []

    on_stage(tmp_path, scene)


def test_without_a_budget_nothing_is_too_dear(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        dear = PriceBook({"first/m": flat("1000000", "1000000")}, {})
        stage.spending.use(dear, {"first"}, {})
        for _ in range(3):
            incoming = stage.incoming(request())
            await handle(incoming, stage.gateway, DIALECTS["chat"], CallPath("chat/completions"))
            assert incoming.status == 200
        stage.spending.use(dear, {"first"}, {("key", "somebody else"): Bounds(per_day=0)})
        incoming = stage.incoming(request())
        await handle(incoming, stage.gateway, DIALECTS["chat"], CallPath("chat/completions"))
        assert incoming.status == 200

    on_stage(tmp_path, scene)


def test_a_local_model_with_a_dear_one_behind_it_is_held_as_the_dear_one(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.plan_by({"fast": ("demo/echo", "first/m")})
        limit(stage, KEY, per_day=NANO // 100)
        incoming = stage.incoming(request(model="fast"))
        await handle(incoming, stage.gateway, DIALECTS["chat"], CallPath("chat/completions"))
        assert incoming.status == 429, "what it falls back to costs more than is left"

    on_stage(tmp_path, scene)


class Way:
    losses: tuple[Loss, ...] = ()


WHO = Caller(Identity("gone", "ada"), "codex-cli")


class Crowd:
    """Many requests at a time that end in every way, some of them after other attempts that cost, too."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.stage = stage
        self.dice = random.Random(seed)
        self.open: list[Turn] = []
        self.refused: list[BudgetReached] = []
        stage.plan_by({"fast": ("first/m", "second/m")})
        self.plan = stage.router.plan("fast", "chat")

    async def come(self) -> None:
        """Let one more request begin, if there is room for it."""
        stage, asked = self.stage, call(model="fast", max_tokens=self.dice.randrange(1, 400))
        turn = Turn(stage.ledger, stage.metrics, stage.clock, stage.spending)
        try:
            turn.held = stage.spending.hold("ada", "codex-cli", asked, Plan("fast", self.plan.steps))
        except BudgetReached as error:
            self.refused.append(error)
            return
        await turn.begin(WHO, asked, "chat", self.plan)
        first, second = self.plan.steps
        turn.attempt(first, Way())
        if self.dice.random() < 0.3:
            lost = Usage(self.dice.randrange(90), estimated=True) if self.dice.random() < 0.5 else None
            turn.attempt_failed(UpstreamTimeout("late"), used=lost)
            turn.attempt(second, Way())
        self.open.append(turn)

    async def go(self) -> None:
        """Let one of them end."""
        turn = self.open.pop(self.dice.randrange(len(self.open)))
        usage = Usage(self.dice.randrange(100), output=self.dice.randrange(200))
        match self.dice.randrange(5):
            case 0:
                await turn.fail(UpstreamTimeout("late"))
            case 1:
                turn.attempt_cancelled()
                await turn.abandon(asyncio.CancelledError())
            case 2:
                turn.attempt_answered(500, [])
                await turn.settle("error", 0)
            case _:
                turn.attempt_answered(200, [])
                turn.seen.usage, turn.seen.complete = usage, True
                await turn.settle("ok", 9)


@pytest.mark.parametrize("seed", range(3))
def test_after_a_crowd_a_budget_stands_at_what_the_ledger_says_to_the_nanodollar(
    tmp_path: Path, seed: int
) -> None:
    async def scene(stage: Stage) -> None:
        scopes = (ALL, KEY, CLIENT, FIRST, SECOND)
        limit(stage, *scopes)
        crowd = Crowd(stage, seed)
        for _ in range(400):
            await crowd.come()
            while len(crowd.open) > 200 or (crowd.open and crowd.dice.random() < 0.4):
                await crowd.go()
        while crowd.open:
            await crowd.go()
        assert crowd.refused == []
        sums = dict.fromkeys(scopes, 0)
        for each in await stage.ledger.read(spent_since, 0):
            for scope in (ALL, ("key", each.key), ("client", each.client), ("provider", each.provider)):
                sums[scope] += each.nano
        assert used(stage) == sums and sums[ALL] == sums[FIRST] + sums[SECOND] > 0
        assert sums[FIRST] and sums[SECOND]

    on_stage(tmp_path, scene)


def test_a_budget_that_is_held_is_not_called_spent_and_has_room_again(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        limit(stage, KEY, per_day=40 * NANO)
        crowd = Crowd(stage, 5)
        for _ in range(200):
            await crowd.come()
        spent = used(stage)[KEY]
        assert spent <= 40 * NANO and crowd.refused, "two hundred at a time do not overshoot"
        for error in crowd.refused:
            assert "has no room now under its limit of $40.0000 per day: $0.0000 are spent" in error.message
            assert error.retry_after == 1
        open_ = len(crowd.open)
        while crowd.open:
            await crowd.go()
        assert used(stage)[KEY] < spent
        crowd.refused.clear()
        await crowd.come()
        assert crowd.refused == [] and open_ > 5
        await crowd.go()

    on_stage(tmp_path, scene)
