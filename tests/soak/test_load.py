"""The load: at its own times, whatever becomes of what was sent."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from scripted import Hang, Received, Script, ScriptedUpstream, Send, chat
from scripted.wording import response
from soak.judging import Outcome
from soak.load import Load
from soak.orders import Order, number_of


def slow(request: Received, names: Sequence[str]) -> Script:
    """Answer the first order never, the others at once."""
    return (Hang(),) if number_of(request.body) == 0 else (Send(response(200, chat.completion("m"))),)


def load(port: int, outcomes: list[Outcome], order: Order, patience: float = 0.5) -> Load:
    def numbered(number: int) -> Order:
        return Order(number, order.dialect, order.model, order.stream, order.behaviour)

    return Load(port, "right", "wrong", 100.0, numbered, outcomes.append, patience)


def test_nobody_waits_for_who_was_sent_before() -> None:
    outcomes: list[Outcome] = []
    with ScriptedUpstream(("m",), (slow,)) as upstream:
        began = time.monotonic()
        count = asyncio.run(load(upstream.port, outcomes, Order(0, "chat", "m", False)).drive(0.2))
        assert 0.5 < time.monotonic() - began < 5
    assert count == len(outcomes) == 20
    by_number = {outcome.order.number: outcome for outcome in outcomes}
    assert by_number.keys() == set(range(20))
    assert by_number.pop(0).ended == "late" and outcomes[-1].order.number == 0
    for outcome in by_number.values():
        assert outcome.ended == "whole" and outcome.reply is not None and outcome.reply.status == 200
        assert 0 < outcome.seconds < 0.5 and outcome.at > began


def test_a_rush_is_everything_at_once_that_was_due_meanwhile() -> None:
    outcomes: list[Outcome] = []
    with ScriptedUpstream(("m",), (slow,)) as upstream:
        few = load(upstream.port, outcomes, Order(1, "chat", "m", False))
        began = time.monotonic()
        asyncio.run(replace(few, rushes=((0.05, 0.2),)).drive(0.3))
    sent = sorted(outcome.at - outcome.seconds - began for outcome in outcomes)
    assert len(sent) == 30
    assert sum(0.24 <= at < 0.26 for at in sent) >= 20
    assert not any(0.06 < at < 0.24 for at in sent)


def test_who_breaks_off_sends_half() -> None:
    outcomes: list[Outcome] = []
    with ScriptedUpstream(("m",), (slow,)) as upstream:
        order = Order(0, "chat", "m", False, "breaks off")
        asyncio.run(load(upstream.port, outcomes, order).drive(0.05))
        assert upstream.asked() == [] and len(upstream.connections) == 5
    assert {(outcome.ended, outcome.reply) for outcome in outcomes} == {("left", None)}


def test_where_nobody_listens_nothing_comes() -> None:
    outcomes: list[Outcome] = []
    with ScriptedUpstream() as upstream:
        port = upstream.port
    asyncio.run(load(port, outcomes, Order(0, "chat", "m", False)).drive(0.02))
    assert [outcome.ended for outcome in outcomes] == ["nothing"] * 2


def test_a_client_that_leaves_has_heard_a_little() -> None:
    outcomes: list[Outcome] = []
    said = chat.stream(chat.events("m", ["a"] * 20))
    with ScriptedUpstream(("m",), (partial(lambda script, request, names: script, said),)) as upstream:
        asyncio.run(load(upstream.port, outcomes, Order(0, "chat", "m", True, "leaves")).drive(0.01))
    assert outcomes[0].ended == "left"
    assert outcomes[0].reply is not None and outcomes[0].reply.body.count(b"data:") == 2
