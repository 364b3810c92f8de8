"""What upstreams answer: right in every dialect, and wrong in the way that its name says."""

from collections import Counter

import pytest

from faults.asking import DIALECTS
from rawhttp import parse_replies
from scripted import Close, Drip, Hang, Reset, Script, Send
from scripted.wording import LAST_CHUNK
from soak.answers import EARLY, IN_STREAMS, IN_WHOLE, SHARE, STATUSES, Fault, answer, fault_of, whole
from soak.orders import Order


def sent(script: Script) -> bytes:
    return b"".join(step.data for step in script if isinstance(step, Send | Drip))


def an_order(kind: str, *, stream: bool) -> Order:
    return Order(3, kind, f"{kind}/m", stream, pieces=6)


@pytest.mark.parametrize("fault", ["", "drip"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", DIALECTS)
def test_a_right_answer_is_one(kind: str, stream: bool, fault: Fault) -> None:
    order = an_order(kind, stream=stream)
    (reply,) = parse_replies(sent(answer(kind, order, fault)))
    assert order.asking.ends_well(reply) and order.asking.text(reply) == order.text
    told = reply.body.replace(b" ", b"")
    assert all(b":%d" % count in told for count in order.tokens)


def test_a_whole_answer_is_what_is_sent() -> None:
    for kind in DIALECTS:
        order = an_order(kind, stream=False)
        assert sent(answer(kind, order, "")).endswith(b"\r\n\r\n" + whole(kind, order))


@pytest.mark.parametrize("kind", DIALECTS)
@pytest.mark.parametrize("fault", IN_STREAMS[1:])
def test_a_stream_goes_wrong_after_something_was_said(kind: str, fault: Fault) -> None:
    order = an_order(kind, stream=True)
    script = answer(kind, order, fault)
    (reply,) = parse_replies(sent(script))
    said = order.asking.text(reply)
    assert said and order.text.startswith(said)
    assert order.asking.ends_well(reply) is (fault == "malformed event")
    ends = {"inside": Reset(), "hang inside": Hang(), "no end": Send(LAST_CHUNK)}
    assert fault not in ends or script[-1] == ends[fault]


def test_a_whole_answer_goes_wrong() -> None:
    order = an_order("chat", stream=False)
    replies = {fault: parse_replies(sent(answer("chat", order, fault)))[0] for fault in IN_WHOLE}
    assert replies["truncated JSON"].whole and not order.asking.ends_well(replies["truncated JSON"])
    assert not replies["inside"].whole and not replies["wrong length"].whole
    assert answer("chat", order, "inside")[-1] == Reset()
    assert answer("chat", order, "wrong length")[-1] == Close()


@pytest.mark.parametrize("kind", DIALECTS)
def test_an_upstream_may_say_that_something_is_wrong(kind: str) -> None:
    for fault, status in STATUSES.items():
        order = an_order(kind, stream=True)
        (reply,) = parse_replies(sent(answer(kind, order, fault)))
        assert reply.status == status and order.asking.error(reply) == f"scripted {fault}"
        assert (reply.header("retry-after") == "1") is (fault == "429 later")


def test_an_upstream_may_say_nothing() -> None:
    assert answer("chat", an_order("chat", stream=True), "reset") == (Reset(),)
    assert answer("chat", an_order("chat", stream=False), "hang") == (Hang(),)


@pytest.mark.parametrize("stream", [False, True])
def test_a_small_share_goes_wrong_in_every_way(stream: bool) -> None:
    drawn = Counter(fault_of("1", number, 0, stream=stream) for number in range(20_000))
    assert drawn.keys() == {"", *EARLY, *(IN_STREAMS if stream else IN_WHOLE)}
    assert abs(1 - drawn[""] / drawn.total() - SHARE) < 0.01
    tries = [fault_of("1", 7, tried, stream=stream) for tried in range(1000)]
    assert tries == [fault_of("1", 7, tried, stream=stream) for tried in range(1000)] and len(set(tries)) > 5
