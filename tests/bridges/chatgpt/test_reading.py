"""The stream of an answer as events, cut anywhere: what is held back, what counts as its end."""

from random import Random

import pytest

from bridges.chatgpt.chatgpt_stage import MODEL
from bridges.chatgpt.fake_vendor import namespaced
from llm_gateway.bridges.chatgpt.reading import Reading
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.canonical.events import (
    CallDelta,
    CallStarted,
    Event,
    Failed,
    Finished,
    Measured,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
)
from llm_gateway.canonical.usage import Usage
from scripted.responses import custom_call, error_event, events, message, reasoning
from scripted.wording import cut

KNOWN = frozenset(("lookup", "run"))
USED = Measured(Usage(uncached=32, cache_read=8, output=12, reasoning=2))
FAILURE = {"code": "subscription_sharing_usage_limit_exceeded", "message": "CANARY"}


def read(parts: list[bytes]) -> tuple[Reading, list[Event]]:
    """Feed it all, and its end."""
    reading = Reading(KNOWN)
    told = [event for part in parts for event in reading.feed(part)]
    over = reading.complete or isinstance(told[-1] if told else None, Failed)
    return reading, told if over else [*told, *reading.close()]


def lost(reading: Reading) -> list[str]:
    """Return the names of what was lost, but for what the scripted answers have of their own."""
    return [loss.what for loss in reading.losses if loss.what != "response.x_unknown"]


def kinds(told: list[Event]) -> list[type[Event]]:
    return [type(event) for event in told]


def test_an_answer_is_told_to_its_end() -> None:
    reading, told = read(events(MODEL, [reasoning(), message("Hello.")]))
    spoken = "".join(event.text for event in told if isinstance(event, TextDelta))
    thought = "".join(event.text for event in told if isinstance(event, ThinkingDelta))
    assert (spoken, thought) == ("Hello.", "Erst denken.")
    assert kinds(told)[:2] == [Started, ThinkingDelta] and Sealed in kinds(told)
    assert told[-2:] == [USED, Finished("stop", native="completed")]
    assert reading.complete and lost(reading) == []


@pytest.mark.parametrize("seed", range(20))
def test_cut_anywhere_it_is_the_same(seed: int) -> None:
    whole = b"".join(events(MODEL, [reasoning(), message(), namespaced("lookup", {"city": "Köln"})]))
    _, told = read(cut(whole, Random(seed)))
    _, expected = read([whole])
    assert told == expected


def test_calls_lose_their_namespace_and_nothing_is_reported_for_it() -> None:
    dotted = {**custom_call("client_tools.run", "1")}
    reading, told = read(events(MODEL, [namespaced("lookup", {}), dotted]))
    assert [event for event in told if isinstance(event, CallStarted)] == [
        CallStarted(0, "call_scripted_1", "lookup"),
        CallStarted(1, "call_scripted_2", "run", custom=True),
    ]
    assert "".join(event.text for event in told if isinstance(event, CallDelta) and event.index) == "1"
    assert told[-1] == Finished("tool_calls", native="completed")
    assert lost(reading) == []


def test_what_the_common_model_cannot_hold_is_reported() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    reading, _ = read(events(MODEL, [search, message("Hello.")]))
    assert lost(reading) == ["response.web_search_call"]


def test_its_beginning_is_held_until_there_is_work_on_it() -> None:
    reading = Reading(KNOWN)
    created, in_progress, added, *_ = events(MODEL, [message("Hello.")])
    assert reading.feed(created) == reading.feed(in_progress) == []
    assert kinds(reading.feed(added)) == [Started]


def test_a_failure_right_after_the_beginning_stands_alone() -> None:
    """So that it can be told by a status, and another provider be asked."""
    for parts in (
        events(MODEL, ending="failed", failure=FAILURE)[:2]
        + events(MODEL, ending="failed", failure=FAILURE)[-1:],
        [events(MODEL)[0], error_event("CANARY", FAILURE["code"])],
    ):
        _, told = read(parts)
        assert kinds(told) == [Failed]


def test_a_failure_later_comes_after_what_was_said() -> None:
    _, told = read(events(MODEL, [message("Hello.")], ending="failed", failure=FAILURE))
    assert kinds(told)[0] is Started and TextDelta in kinds(told)
    assert isinstance(told[-1], Failed) and told[-1].kind == FAILURE["code"]


@pytest.mark.fault("B10")
@pytest.mark.parametrize("count", [1, 2, 4])
def test_an_answer_without_its_end_is_no_answer(count: int) -> None:
    with pytest.raises(BridgeFault, match="broke off") as raised:
        read(events(MODEL)[:count])
    assert raised.value.kind == "bridge_disconnected"


def test_a_last_event_may_lack_its_blank_line() -> None:
    *others, last = events(MODEL, [message("Hello.")])
    reading, told = read([*others, last.rstrip(b"\n")])
    assert reading.complete and kinds(told)[-1] is Finished


@pytest.mark.parametrize(
    ("reason", "finish"), [("max_output_tokens", "length"), ("content_filter", "content_filter")]
)
def test_an_answer_that_was_cut_for_a_reason_says_so(reason: str, finish: str) -> None:
    _, told = read(events(MODEL, ending="incomplete", reason=reason))
    assert isinstance(told[-1], Finished) and told[-1].reason == finish


def test_an_answer_that_is_incomplete_for_no_reason_is_no_answer() -> None:
    with pytest.raises(BridgeFault, match="before it was complete"):
        read(events(MODEL, ending="incomplete"))


@pytest.mark.fault("B10")
def test_what_is_no_stream_is_told_so() -> None:
    with pytest.raises(BridgeFault, match="cannot be read") as raised:
        Reading(KNOWN).feed(b'data: {"type":"response.completed","response":CANARY}\n\n')
    assert "CANARY" not in raised.value.message
