"""Answers read piece by piece, into events."""

import json
from typing import Any

import pytest

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
from llm_gateway.canonical.parts import Seal
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.gemini.reading import AnswerReader
from llm_gateway.errors import UpstreamBroken
from scripted import gemini

START = Started(gemini.ID, "m")
USAGE = Measured(Usage(uncached=32, cache_read=8, output=12, reasoning=2))
SEAL = Seal("gemini", gemini.SIGNATURE)
STRAY = "response.xUnknown"  # what the scripted server says in every piece


# JSON as a server sends it: of any shape.
def read(*pieces: Any) -> tuple[list[Event], list[str]]:
    reader = AnswerReader()
    found = [event for piece in pieces for event in reader.take(json.dumps(piece).encode())]
    return found + reader.finish(), [loss.what for loss in reader.losses if loss.what != STRAY]


def parts(*told: Any) -> tuple[list[Event], list[str]]:
    found, lost = read(gemini.answer("m", told, usage=None))
    assert found[0] == START and isinstance(found[-1], Finished)
    return found[1:-1], lost


def test_an_answer() -> None:
    told = [gemini.thought("t"), gemini.text("a"), gemini.call("f", {"a": 1})]
    found = [START, ThinkingDelta("t"), TextDelta("a"), CallStarted(0, "fc_scripted_1", "f", seal=SEAL)]
    end = [CallDelta(0, '{"a":1}'), USAGE, Finished("tool_calls", native="STOP")]
    assert read(gemini.answer("m", told)) == ([*found, *end], [])


def test_pieces() -> None:
    found, lost = read(*gemini.pieces("m"))
    assert "".join(event.text for event in found if isinstance(event, TextDelta)) == gemini.TEXT
    assert found.count(START) == 1 and found[-2:] == [USAGE, Finished("stop", native="STOP")]
    assert [type(event) for event in found].count(Measured) == 2 and lost == []


def test_an_answer_that_does_not_say_why_it_ended() -> None:
    assert not isinstance(read(gemini.answer("m", finish=None))[0][-1], Finished)
    reader = AnswerReader()
    reader.take(json.dumps(gemini.answer("m", finish=None)).encode())
    assert reader.finish(whole=True) == [Finished("stop")]
    assert AnswerReader().finish(whole=True) == []


@pytest.mark.parametrize(
    ("told", "events"),
    [
        ({"text": "a", "thoughtSignature": "c2ln"}, [TextDelta("a"), Sealed(Seal("gemini", "c2ln"))]),
        ({"text": "", "thoughtSignature": "c2ln"}, [Sealed(Seal("gemini", "c2ln"))]),
        (
            {"text": "a", "thought": True, "thoughtSignature": "c2ln"},
            [ThinkingDelta("a"), Sealed(Seal("gemini", "c2ln"))],
        ),
        ({"text": ""}, []),
        ({"text": "", "thoughtSignature": ""}, []),
        (
            {"functionCall": {"name": "f"}},
            [CallStarted(0, "call_scriptedgemini1_0", "f"), CallDelta(0, "{}")],
        ),
        (
            {"functionCall": {"name": "f", "id": "", "args": None}},
            [CallStarted(0, "call_scriptedgemini1_0", "f"), CallDelta(0, "{}")],
        ),
        (
            {"functionCall": {"name": "_f-2f--lgw1", "id": "x", "args": {"a": 1.0}}},
            [CallStarted(0, "x", "f/"), CallDelta(0, '{"a":1.0}')],
        ),
    ],
)
def test_parts(told: object, events: list[Event]) -> None:
    assert parts(told) == (events, [])


@pytest.mark.parametrize(
    ("told", "lost"),
    [
        ({"executableCode": {}}, "response.parts.executableCode"),
        ({"codeExecutionResult": {}}, "response.parts.codeExecutionResult"),
        ({"inlineData": {}}, "response.parts.inlineData"),
        ({"functionCall": {"name": "f", "partialArgs": []}}, "response.parts.functionCall.partialArgs"),
    ],
)
def test_parts_without_a_place_are_lost(told: object, lost: str) -> None:
    assert parts(told)[1] == [lost]


def test_what_stands_beside_an_answer_is_lost() -> None:
    one = {"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP", "index": 0, "safetyRatings": [{}]}
    beside = {
        "groundingMetadata": {"a": 1},
        "citationMetadata": {"a": 1},
        "logprobsResult": {},
        "avgLogprobs": -1,
    }
    found, lost = read({"candidates": [{**one, **beside}, {**one, "index": 1}]})
    assert [event for event in found if isinstance(event, TextDelta)] == [TextDelta("a")]
    assert lost == ["response.citationMetadata", "response.groundingMetadata", "response.candidates"]


def test_words_about_an_end_are_lost() -> None:
    one = {"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "no"}
    found, lost = read({"candidates": [one]})
    assert (found[-1], lost) == (Finished("other", native=one["finishReason"]), ["response.finishMessage"])
    feedback = {"blockReason": "OTHER", "blockReasonMessage": "no"}
    assert read({"promptFeedback": feedback})[1] == ["response.blockReasonMessage"]


def test_a_blocked_prompt() -> None:
    assert read(gemini.blocked("m"))[0] == [
        START,
        Measured(Usage(40)),
        Finished("content_filter", native="PROHIBITED_CONTENT"),
    ]


@pytest.mark.parametrize(
    ("error", "failed"),
    [
        ({"code": 503, "message": "busy", "status": "UNAVAILABLE"}, Failed("busy", "UNAVAILABLE")),
        ({"code": 503}, Failed("the upstream reported an error", "503")),
        ("busy", Failed("busy")),
    ],
)
def test_an_error_ends_it(error: object, failed: Failed) -> None:
    assert read({"error": error}, gemini.answer("m")) == ([failed], [])


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"<html>", b'{"candidates": {}}', b'{"candidates": [{"content": 1}]}']
)
def test_what_is_no_answer_is_the_upstreams_fault(data: bytes) -> None:
    with pytest.raises(UpstreamBroken):
        AnswerReader().take(data)


def test_text_that_is_not_utf_8_is_the_upstreams_fault() -> None:
    body = b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":"\xff"}}}]}}]}'
    with pytest.raises(UpstreamBroken):
        AnswerReader().take(body)


def test_what_the_scripted_server_says_beside_is_reported() -> None:
    reader = AnswerReader()
    reader.take(json.dumps(gemini.answer("m")).encode())
    assert [loss.what for loss in reader.losses] == [STRAY]


@pytest.mark.parametrize(
    "place",
    [
        (),
        ("candidates", 0),
        ("candidates", 0, "content"),
        ("candidates", 0, "content", "parts", 0),
        ("candidates", 0, "content", "parts", 1),
        ("candidates", 0, "content", "parts", 1, "functionCall"),
        ("promptFeedback",),
    ],
)
def test_a_member_that_nobody_knows_is_reported_and_the_answer_read(place: tuple[str | int, ...]) -> None:
    answer = gemini.answer("m", [gemini.text("a"), gemini.call("f", {"brandnew": 1})])
    answer["promptFeedback"] = {}
    told = read(answer)
    at: Any = answer
    for key in place:
        at = at[key]
    at |= {"newAndOld": {"a": 1}, "saysNothing": False, "no name": 1}
    assert read(answer) == (told[0], ["response.newAndOld", "response.(unknown)"])


def test_members_that_say_nothing_to_a_reader_are_no_loss() -> None:
    feedback: object = {"safetyRatings": [{}]}
    candidate = {"tokenCount": 3, "avgLogprobs": -1.5, "safetyRatings": [{}], "content": {"role": "model"}}
    piece = {"createTime": "now", "modelStatus": {"modelStage": "STABLE"}, "promptFeedback": feedback}
    assert read({**piece, "candidates": [candidate]})[1] == []


def test_what_google_says_about_parts_is_lost_by_name() -> None:
    told = {
        "text": "a",
        "videoMetadata": {"fps": 1},
        "partMetadata": {"a": "b"},
        "functionResponse": {"a": 1},
    }
    lost = ["response.videoMetadata", "response.partMetadata", "response.functionResponse"]
    assert parts(told) == ([TextDelta("a")], lost)


def test_a_member_that_nobody_knows_does_not_hide_that_it_is_no_answer() -> None:
    with pytest.raises(UpstreamBroken):
        AnswerReader().take(b'{"brandnew": 1, "candidates": {}}')
