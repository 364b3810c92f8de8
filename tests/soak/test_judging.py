"""Judgements: what may be seen after which faults, and that nothing else may."""

import itertools

import pytest

from rawhttp import Reply, parse_replies
from scripted import Send, chat
from soak.answers import EARLY, IN_STREAMS, IN_WHOLE, STATUSES, Fault, answer
from soak.connections import Ended
from soak.judging import Outcome, Verdict, allowed, judge, seen
from soak.orders import Behaviour, Order
from soak.upstreams import Play

WHOLE = Order(3, "chat", "chat/m", False)
STREAM = Order(3, "chat", "chat/m", True, pieces=6)
ERROR = Reply(502, (), chat.error("no", "upstream_broken"), True)


def plays(*faults: Fault, provider: str = "chat") -> list[Play]:
    return [Play(provider, fault, 0.0) for fault in faults]


def replied(order: Order, fault: Fault = "") -> Reply:
    script = answer("chat", order, fault)
    return parse_replies(b"".join(step.data for step in script if isinstance(step, Send)))[0]


def outcome(order: Order, reply: Reply | None, ended: Ended = "whole") -> Outcome:
    return Outcome(order, reply, ended, 10.0, 0.1)


def broken_off(order: Order) -> Reply:
    begun = chat.events("m", order.texts[:2], done=False)
    return Reply(200, (), b"".join([*begun, b"data: %b\n\n" % chat.error("no", "upstream_truncated")]), True)


# names


@pytest.mark.parametrize(
    ("order", "reply", "ended", "name"),
    [
        (WHOLE, replied(WHOLE), "whole", "right answer"),
        (STREAM, replied(STREAM), "whole", "right answer"),
        (STREAM, broken_off(STREAM), "whole", "broken off"),
        (STREAM, replied(STREAM, "no end"), "whole", "without an end"),
        (STREAM, replied(STREAM, "inside"), "cut", "cut"),
        (STREAM, replied(STREAM, "inside"), "left", "left"),
        (STREAM, None, "left", "left"),
        (WHOLE, replied(WHOLE, "truncated JSON"), "whole", "truncated"),
        (WHOLE, replied(WHOLE, "inside"), "cut", "cut"),
        (WHOLE, replied(Order(4, "chat", "chat/m", False)), "whole", "wrong answer"),
        (STREAM, replied(Order(4, "chat", "chat/m", True)), "left", "wrong answer"),
        (STREAM, Reply(200, (), b"".join(chat.events("m", STREAM.texts[:2])), True), "whole", "too short"),
        (WHOLE, ERROR, "whole", "error 502"),
        (WHOLE, Reply(502, (), b"<html>", True), "whole", "502 without a message"),
        (WHOLE, None, "nothing", "nothing"),
        (WHOLE, replied(WHOLE), "late", "late"),
    ],
)
def test_what_was_seen_has_a_name(order: Order, reply: Reply | None, ended: Ended, name: str) -> None:
    assert seen(outcome(order, reply, ended)).startswith(name)


# what may be


def test_a_right_answer_has_to_arrive() -> None:
    for order, fault in itertools.product((WHOLE, STREAM), ("", "drip")):
        played: list[Fault] = ["drip" if fault else ""]
        assert allowed(order, plays(*played), False) == {"right answer"}


def test_what_is_said_to_be_wrong_is_passed_on() -> None:
    for fault, status in STATUSES.items():
        assert allowed(WHOLE, plays(fault), False) == {f"error {status}"}
    assert allowed(WHOLE, plays("reset"), False) == {"error 502"}
    assert allowed(STREAM, plays("hang"), False) == {"error 504"}


def test_whoever_is_asked_next_may_be_well() -> None:
    for fault in EARLY:
        assert allowed(STREAM, plays(fault, ""), False) == {"right answer"}
    for fault in ("inside", "wrong length"):
        broken: Fault = "inside" if fault == "inside" else "wrong length"
        assert allowed(WHOLE, plays(broken, ""), False) == {"right answer"}


def test_after_an_answer_nobody_is_asked() -> None:
    for fault in ("", *IN_STREAMS):
        assert allowed(STREAM, plays(fault, ""), False) == set()
    assert allowed(WHOLE, plays("truncated JSON", ""), False) == set()


def test_a_broken_answer_is_no_whole_one() -> None:
    elsewhere = "messages"
    for fault in IN_STREAMS[1:]:
        expected = {"right answer"} if fault == "malformed event" else {"broken off"}
        assert allowed(STREAM, plays(fault), False) == expected
        assert allowed(STREAM, plays(fault, provider=elsewhere), False) == {"broken off"}
    for fault in IN_WHOLE[1:]:
        passed = {"truncated"} if fault == "truncated JSON" else {"error 502", "cut"}
        assert allowed(WHOLE, plays(fault), False) == passed
        assert allowed(WHOLE, plays(fault, provider=elsewhere), False) == {"error 502"}


@pytest.mark.parametrize(
    ("behaviour", "name"),
    [
        ("no such key", "error 401"),
        ("no such model", "error 404"),
        ("no JSON", "error 400"),
        ("breaks off", "left"),
    ],
)
def test_what_cannot_be_answered_reaches_nobody(behaviour: Behaviour, name: str) -> None:
    order = Order(3, "chat", "chat/m", False, behaviour)
    assert allowed(order, [], False) == {name}
    assert allowed(order, plays(""), False) == set()


def test_who_leaves_may_leave() -> None:
    order = Order(3, "chat", "chat/m", True, "leaves")
    assert allowed(order, plays(""), False) == {"left", "right answer"}


def test_a_refused_connection_is_an_error_where_nobody_else_answers() -> None:
    assert allowed(Order(3, "chat", "gone/m", False), [], False) == {"error 502"}
    aliased = Order(3, "chat", "gone-first", False)
    assert allowed(aliased, plays(""), False) == {"right answer", "error 502"}
    assert allowed(WHOLE, [], False) == set()


def test_who_was_told_to_wait_is_told_so() -> None:
    cooled = {"chat": 9.0}
    refused = outcome(WHOLE, Reply(429, (), chat.error("later", "rate_limit_error"), True))
    assert judge(refused, [], cooled) == Verdict("error 429")
    assert judge(refused, [], {"chat": 5.0}).unexplained
    assert judge(refused, [], {"messages": 9.0}).unexplained
    spread = outcome(Order(3, "chat", "any", False), refused.reply)
    assert judge(spread, [], cooled).unexplained
    assert not judge(spread, [], dict.fromkeys(("chat", "messages", "gemini"), 9.0)).unexplained


def test_what_cannot_be_explained_says_all_that_is_known() -> None:
    verdict = judge(outcome(WHOLE, ERROR), plays("", provider="gemini"), {})
    assert verdict.seen == "error 502"
    assert all(
        word in verdict.unexplained for word in ("right answer", "number=3", "gemini: right", "502", "no")
    )
