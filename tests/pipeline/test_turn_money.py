"""The money of turns that really pass: cards before what names them, and history that comes out again."""

from pathlib import Path

from llm_gateway.canonical.loss import Loss
from llm_gateway.canonical.usage import Usage
from llm_gateway.config.settings import CacheSettings, ModelPrice
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.errors import UpstreamTimeout
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.recompute import recompute
from llm_gateway.ledger.records import Intent, Noted, Settlement
from llm_gateway.ledger.stated_prices import flat, stated_of
from llm_gateway.pipeline.authenticate import Identity
from llm_gateway.pipeline.handle import handle
from llm_gateway.pipeline.turn import Caller, Turn
from pipeline_stage import Stage, call, on_stage, request
from scripted import chat

BOOK = PriceBook({"first/m": flat("1", "10", "0.1"), "second/m": flat("3", "5")}, {})
ON = (b"x-llm-gateway-cache", b"on")


class Way:
    losses: tuple[Loss, ...] = ()


async def turn(stage: Stage, model: str = "first/m") -> Turn:
    """Return a turn whose first target is being asked."""
    made = Turn(stage.ledger, stage.metrics, stage.clock, stage.spending)
    plan = stage.router.plan(model, "chat")
    await made.begin(Caller(Identity("k", "ada"), "codex-cli"), call(model=model), "chat", plan)
    made.attempt(plan.steps[0], Way())
    return made


async def answered(made: Turn, usage: Usage, tier: str = "") -> None:
    made.attempt_answered(200, [])
    made.seen.usage, made.seen.complete, made.seen.tier = usage, True, tier
    await made.settle("ok", 1)


def kinds(stage: Stage) -> list[type]:
    return [type(record) for record in stage.records()]


def test_a_card_is_in_the_journal_before_the_first_turn_that_it_priced_and_once(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.spending.use(BOOK, {"first", "second"}, {})
        for _ in range(2):
            await answered(await turn(stage), Usage(10))
        assert kinds(stage) == [Intent, Noted, Settlement, Intent, Settlement]
        _, noted, end, *_ = stage.records()
        assert isinstance(noted, Noted) and isinstance(end, Settlement) and end.money is not None
        assert end.money.tariff == noted.id
        found = await stage.ledger.read(recompute)
        assert (found.reproduced, found.first) == (2, ())

    on_stage(tmp_path, scene)


def test_the_card_of_an_attempt_that_was_lost_is_on_record_too(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.spending.use(BOOK, {"first", "second"}, {})
        stage.plan_by({"fast": ("first/m", "second/m")})
        made = await turn(stage, "fast")
        made.attempt_failed(UpstreamTimeout("late"), used=Usage(1000, estimated=True))
        made.attempt(stage.router.plan("fast", "chat").steps[1], Way())
        await answered(made, Usage(10))
        assert kinds(stage) == [Intent, Noted, Noted, Settlement]
        end = await stage.settlement()
        assert (end.cost_nano, end.attempts[0].cost_nano) == (30_000, 1_000_000)
        assert end.money is not None and end.money.retried_nano == 1_000_000
        assert (await stage.ledger.read(recompute)).reproduced == 1

    on_stage(tmp_path, scene)


def test_the_card_of_an_attempt_that_costs_nothing_is_on_record_too(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        book = PriceBook({"first/m": flat("0", "0"), "second/m": flat("3", "5")}, {})
        stage.spending.use(book, {"first", "second"}, {})
        stage.plan_by({"fast": ("first/m", "second/m")})
        await answered(await turn(stage, "second/m"), Usage(10))
        made = await turn(stage, "fast")
        made.attempt_failed(UpstreamTimeout("late"), used=Usage(1000, estimated=True))
        made.attempt(stage.router.plan("fast", "chat").steps[1], Way())
        await answered(made, Usage(10))
        found = await stage.ledger.read(recompute)
        assert (found.reproduced, found.first) == (2, ())

    on_stage(tmp_path, scene)


def test_a_tier_is_paid_for_at_its_price(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stated = ModelPrice("first/m", input=1, output=10, flex=0.5)
        stage.spending.use(PriceBook(stated_of((stated,)), {}), {"first"}, {})
        await answered(await turn(stage), Usage(1000), "flex")
        end = await stage.settlement()
        assert (end.tier, end.cost_nano) == ("flex", 500_000)
        assert (await stage.ledger.read(recompute)).reproduced == 1

    on_stage(tmp_path, scene)


def test_everything_that_passes_comes_out_again(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.spending.use(BOOK, {"first"}, {})
        stage.replays.use(CacheSettings())
        costs: list[bytes | None] = []
        for fields in ({}, {"stream": True}, {}, {"model": "second/m"}, {"model": "demo/echo"}):
            incoming = stage.incoming(request(**fields), ON)
            await handle(incoming, stage.gateway, CHAT, CallPath("chat/completions"))
            assert incoming.status == 200
            costs.append(incoming.field(b"x-llm-gateway-cost-usd"))
        assert costs[0] == b"0.0001528" and costs[2:] == [b"0", None, None], "what it cost is told"
        found = await stage.ledger.read(recompute)
        assert (found.turns, found.differing, found.before) == (5, 0, 0)
        assert found.reproduced == 3, "two that were asked for, and one that was kept"

    on_stage(tmp_path, scene)


def test_what_a_kept_answer_saved_has_the_price_that_its_own_cost_had(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.spending.use(PriceBook({"first/named": flat("1", "10")}, {}), {"first"}, {})
        stage.replays.use(CacheSettings())
        stage.scripted.queue(chat.plain("named"))
        for _ in range(2):  # as `m`, whose price nobody knows
            incoming = stage.incoming(request(), ON)
            await handle(incoming, stage.gateway, CHAT, CallPath("chat/completions"))
        asked, kept = (end for end in stage.settlements())
        assert asked.money is not None and kept.money is not None
        assert kept.cached_from == asked.id and kept.saved_nano == asked.cost_nano
        assert kept.money.tariff == asked.money.tariff

    on_stage(tmp_path, scene)
