"""Requests while nothing can be recorded: what costs money is refused, the rest goes on and comes later."""

import asyncio
import json
from pathlib import Path

import pytest

from fakes import FakeIncoming
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.queries import page
from llm_gateway.pipeline.handle import handle
from pipeline_stage import Stage, on_stage, request
from scripted import Responder, chat
from storage_faults import no_larger_than


async def say(stage: Stage, model: str, *, stream: bool = False) -> FakeIncoming:
    """Send a request and return what the client heard."""
    body = request(model=model, stream=True) if stream else request(model=model)
    incoming = stage.incoming(body)
    await handle(incoming, stage.gateway, CHAT, CallPath("chat/completions"))
    assert incoming.done
    return incoming


def pay(stage: Stage) -> None:
    """Let `first` cost money; `second` is free."""
    stage.spending.use(PriceBook({}, {}), {"first"}, {})
    stage.plan_by({"both": ("first/m", "second/m")})


def hears(heard: FakeIncoming) -> tuple[int, str]:
    """Return the status and what a refusal says it is."""
    error = json.loads(heard.sent).get("error", {})
    return heard.status, error.get("code", "")


@pytest.mark.fault("P7")
def test_what_costs_money_is_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        pay(stage)
        with no_larger_than(0):
            heard = await say(stage, "first/m")
            assert hears(heard) == (503, "ledger_unavailable") and heard.field(b"retry-after") == b"5"
            assert stage.scripted.asked() == [], "nothing was sent"
            assert (await say(stage, "second/m")).status == 200
            assert (await say(stage, "demo/echo")).status == 200
            stream = await say(stage, "second/m", stream=True)
            assert stream.sent.endswith(b"data: [DONE]\n\n"), "the answer is not spoilt"
            assert (await say(stage, "both")).status == 200
            assert (await say(stage, "nobody/m")).status == 404
            assert stage.ledger.kept
        found = await stage.ledger.read(page)
        told = [(turn.intent.model_asked, turn.settlement and turn.settlement.provider) for turn in found]
        assert told[::-1] == [
            ("second/m", "second"),
            ("demo/echo", "demo"),
            ("second/m", "second"),
            ("both", "second"),
            ("nobody/m", ""),
        ]
        assert all(turn.settlement and turn.settlement.usage for turn in found if turn.intent.provider)
        for _ in range(300):
            if stage.ledger.takes_turns and stage.ledger.failure is None:
                break
            await asyncio.sleep(0.01)
        assert (await say(stage, "first/m")).status == 200

    on_stage(tmp_path, scene, reports=True)


def test_an_answer_that_runs_when_the_disk_fills_is_whole(tmp_path: Path) -> None:
    script: Responder = chat.respond

    async def scene(stage: Stage) -> None:
        pay(stage)
        incoming = stage.incoming(request(stream=True))
        running = asyncio.ensure_future(handle(incoming, stage.gateway, CHAT, CallPath("chat/completions")))
        await incoming.heard(b"data:")
        with no_larger_than(0):
            await running
        assert incoming.sent.endswith(b"data: [DONE]\n\n")
        (turn,) = await stage.ledger.read(page)
        assert turn.settlement is not None and turn.settlement.outcome == "ok"

    on_stage(tmp_path, scene, responders=(script,), reports=True)
