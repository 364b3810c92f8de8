"""The account of a request where the ledger takes nothing: what does not begin, what is not taken back."""

import asyncio
from pathlib import Path

import pytest

from llm_gateway.canonical.loss import Loss
from llm_gateway.dialects.chat import CHAT
from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.queries import page
from llm_gateway.pipeline.authenticate import Identity
from llm_gateway.pipeline.turn import Caller, Turn
from pipeline_stage import Stage, call, on_stage

ADA = Caller(Identity("key_1", "ada"), "codex-cli")


class Way:
    losses: tuple[Loss, ...] = ()


async def begun(stage: Stage) -> Turn:
    """Return a turn that has begun, and whose first target is being asked."""
    turn = Turn(stage.ledger, stage.metrics, stage.clock, stage.spending)
    plan = stage.router.plan("first/m", "chat")
    await turn.begin(ADA, call(), "chat", plan)
    turn.attempt(plan.steps[0], Way())
    return turn


def test_a_turn_that_cannot_be_recorded_does_not_begin(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> Turn:
        await stage.ledger.close()
        turn = Turn(stage.ledger, stage.metrics, stage.clock, stage.spending)
        with pytest.raises(LedgerUnavailable):
            await turn.begin(ADA, call(), CHAT.name, stage.router.plan("first/m", "chat"))
        assert turn.is_settled() and stage.metrics.inflight == 0
        assert stage.records() == []
        return turn

    on_stage(tmp_path, scene, closes_ledger=True)


def test_an_answer_that_was_given_is_not_taken_back_when_its_end_cannot_be_recorded(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        turn = await begun(stage)
        await stage.ledger.close()
        await turn.settle("ok", 0)
        assert turn.is_settled() and stage.metrics.inflight == 0
        assert stage.settlements() == []

    on_stage(tmp_path, scene, closes_ledger=True)


def test_cancelling_a_durable_begin_leaves_nothing_open(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        turn = Turn(stage.ledger, stage.metrics, stage.clock, stage.spending)
        work = turn.begin(ADA, call(), CHAT.name, stage.router.plan("first/m", "chat"))
        task = asyncio.create_task(work)
        await asyncio.sleep(0)
        assert task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert turn.is_settled() and dict(stage.ledger.open_turns) == {}
        (row,) = await stage.ledger.read(page)
        assert row.settlement is not None and row.settlement.outcome == "cancelled"

    on_stage(tmp_path, scene, durability="power")
