"""A turn's events as an answer: text, thinking, calls, usage, and every way in which it ends."""

import msgspec
import pytest
from msgspec import Raw

from bridges.copilot.fake_cli import IDLE, Told, message, piece, request, used
from llm_gateway.bridges.copilot.answer import Telling
from llm_gateway.bridges.copilot.events import read_event
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.canonical.events import (
    CallDelta,
    CallStarted,
    Finished,
    Measured,
    TextDelta,
    ThinkingDelta,
)
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.bridge.stream import Lost, Said

USAGE = Usage(uncached=12, cache_read=8, cache_write=20, output=12, reasoning=2)


def _tell(*events: Told, telling: Telling | None = None) -> list[Said]:
    telling = telling or Telling()
    said: list[Said] = []
    for kind, data in events:
        event = read_event(kind, Raw(msgspec.json.encode(data)))
        assert event is not None
        said += telling.take(event)
    return said


def _failing(status: int | None = None, **more: object) -> Told:
    return "model.call_failure", {"statusCode": status, **more}


def test_text_is_told_piece_by_piece_and_once() -> None:
    telling = Telling()
    said = _tell(piece("Hel"), piece("lo"), used(), message("Hello"), IDLE, telling=telling)
    assert said == [TextDelta("Hel"), TextDelta("lo"), Measured(USAGE), Finished("stop")]
    assert (telling.text, telling.over, telling.lasting) == ("Hello", True, True)


def test_what_was_not_streamed_is_told_whole() -> None:
    thought: Told = ("assistant.reasoning", {"reasoningId": "r", "content": "think"})
    assert _tell(thought, message("Hello")) == [ThinkingDelta("think"), TextDelta("Hello")]
    streamed: Told = ("assistant.reasoning_delta", {"reasoningId": "r", "deltaContent": "think"})
    assert _tell(streamed, thought) == [ThinkingDelta("think")]


def test_another_message_is_another_block() -> None:
    assert _tell(piece("a", "m1"), piece("b", "m2")) == [TextDelta("a"), TextDelta("b", new=True)]


def test_calls_end_the_turn_when_all_of_them_wait() -> None:
    streamed: Told = (
        "assistant.tool_call_delta",
        {"toolCallId": "c1", "toolName": "look", "inputDelta": '{"a'},
    )
    more: Told = ("assistant.tool_call_delta", {"toolCallId": "c1", "inputDelta": '": 1}'})
    telling = Telling()
    said = _tell(
        streamed, more, used("tool_calls"), message("", ("c1", "look"), ("c2", "go")), telling=telling
    )
    assert said == [
        CallStarted(0, "c1", "look"),
        CallDelta(0, '{"a'),
        CallDelta(0, '": 1}'),
        Measured(USAGE),
        CallStarted(1, "c2", "go"),
        CallDelta(1, '{"a":1}'),
    ]
    assert _tell(request("c1"), telling=telling) == []
    assert _tell(request("c2"), telling=telling) == [Finished("tool_calls")]
    assert telling.waiting == {"c1": "r-c1", "c2": "r-c2"}
    assert telling.lasting


def test_arguments_that_are_text_are_told_as_they_are() -> None:
    calls = [{"toolCallId": "c1", "name": "look", "arguments": "not json"}]
    said = _tell(("assistant.message", {"messageId": "m", "toolRequests": calls}))
    assert said == [CallStarted(0, "c1", "look"), CallDelta(0, "not json")]


def test_a_call_that_the_cli_answers_itself_ends_turn_and_session() -> None:
    telling = Telling()
    done: Told = ("tool.execution_complete", {"toolCallId": "c1"})
    assert _tell(done, telling=telling) == [], "it is one of the turn before"
    said = _tell(message("", ("c1", "nope")), done, telling=telling)
    assert said[-1] == Finished("tool_calls")
    assert not telling.lasting


@pytest.mark.parametrize(("finish", "reason"), [("length", "length"), ("content_filter", "content_filter")])
def test_an_answer_that_is_cut_off_is_not_gone_on_with(finish: str, reason: str) -> None:
    telling = Telling()
    assert _tell(piece("a"), used(finish), telling=telling)[-1] == Finished(reason, native=finish)  # type: ignore[arg-type]
    assert telling.over
    assert not telling.lasting


def test_usage_adds_up_over_the_calls_of_a_turn() -> None:
    assert _tell(used(), used())[-1] == Measured(
        Usage(uncached=24, cache_read=16, cache_write=40, output=24, reasoning=4)
    )


def test_what_the_cli_left_out_is_said() -> None:
    assert isinstance(_tell(("session.truncation", {"tokenLimit": 1}))[0], Lost)


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        ([_failing(429)], "rate_limited"),
        ([_failing(500), piece("a"), _failing(None, failureKind="transport")], "bridge_disconnected"),
        ([_failing(None, failureKind="transport", retryAttempt=2)], "bridge_unreachable"),
        ([("session.error", {"errorType": "authentication"})], "auth_required"),
        ([IDLE], "bridge_failed"),
    ],
)
def test_a_turn_that_fails_is_a_fault(events: list[Told], kind: str) -> None:
    with pytest.raises(BridgeFault) as told:
        _tell(*events)
    assert told.value.kind == kind


def test_the_cli_may_try_again_by_itself() -> None:
    tries = [_failing(401), _failing(503), _failing(None, failureKind="transport", retryAttempt=1)]
    permission: Told = ("permission.requested", {"requestId": "p"})
    assert _tell(*tries, permission, piece("a"), IDLE) == [TextDelta("a"), Finished("stop")]
