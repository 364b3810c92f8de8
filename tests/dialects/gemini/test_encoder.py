"""Streams written, as events and as an array."""

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
    RefusalDelta,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
)
from llm_gateway.canonical.parts import Seal
from llm_gateway.canonical.response import fold
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked
from llm_gateway.dialects.gemini.decoder import GeminiDecoder
from llm_gateway.dialects.gemini.encoder import GeminiEncoder
from llm_gateway.dialects.gemini.seals import Thought, open_call_signature, signature_of

FORMS = ("alt=sse", "")
USAGE = Usage(uncached=32, cache_read=8, output=12, reasoning=2)


def encoder(query: str) -> GeminiEncoder:
    asked = Asked("streamGenerateContent", "01K", "alias", stream=True, wants_usage=True, now=1, query=query)
    return GeminiEncoder(asked)


# JSON, of the shape that the test says.
def pieces(query: str, *events: Event) -> tuple[list[Any], list[str]]:
    made = encoder(query)
    out = b"".join(map(made.feed, events))
    lost = [loss.what for loss in made.losses]
    if not query:
        return json.loads(out), lost
    assert out.endswith(b"\n\n")
    lines = out.removesuffix(b"\n\n").split(b"\n\n")
    assert all(line.startswith(b"data: ") and b"\n" not in line for line in lines)
    return [json.loads(line[6:]) for line in lines], lost


def parts(told: list[Any]) -> list[Any]:
    return [part for piece in told for part in piece["candidates"][0]["content"]["parts"]]


@pytest.mark.parametrize("query", FORMS)
def test_text(query: str) -> None:
    told, lost = pieces(
        query, Started("up", "m"), TextDelta("a"), TextDelta("ä\n"), Measured(USAGE), Finished("stop")
    )

    def piece(text: str) -> object:
        content = {"parts": [{"text": text}], "role": "model"}
        return {
            "candidates": [{"content": content, "index": 0}],
            "modelVersion": "alias",
            "responseId": "01K",
        }

    assert told[:2] == [piece("a"), piece("ä\n")]
    assert told[2] == {
        "candidates": [
            {"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP", "index": 0}
        ],
        "usageMetadata": {
            "promptTokenCount": 40,
            "candidatesTokenCount": 10,
            "totalTokenCount": 52,
            "cachedContentTokenCount": 8,
            "thoughtsTokenCount": 2,
        },
        "modelVersion": "alias",
        "responseId": "01K",
    }
    assert len(told) == 3 and lost == []


@pytest.mark.parametrize("query", FORMS)
def test_calls_are_told_whole(query: str) -> None:
    seal = Seal("responses", "s")
    told, lost = pieces(
        query,
        Started(),
        TextDelta("a"),
        CallStarted(0, "x", "f", seal=seal),
        CallDelta(0, '{"a":'),
        CallStarted(1, "y", "g"),
        CallDelta(1, "{\n}"),
        Measured(USAGE),
        CallDelta(0, "1}"),
        CallDelta(7, "nobody's"),
        Finished("tool_calls"),
    )
    calls = [
        {"functionCall": {"id": "x", "name": "f", "args": {"a": 1}}, "thoughtSignature": signature_of(seal)},
        {"functionCall": {"id": "y", "name": "g", "args": {}}},
    ]
    assert parts(told) == [{"text": "a"}, *calls]
    assert told[-1]["candidates"][0]["finishReason"] == "STOP" and lost == []


@pytest.mark.parametrize("query", FORMS)
def test_what_comes_after_a_call_comes_after_it(query: str) -> None:
    told, lost = pieces(
        query,
        CallStarted(0, "x", "f"),
        CallDelta(0, "no json"),
        TextDelta("a"),
        CallStarted(1, "y", "g", custom=True),
        CallDelta(1, "free"),
        ThinkingDelta("t"),
        Finished("stop"),
    )
    assert parts(told) == [
        {"functionCall": {"id": "x", "name": "f", "args": {"input": "no json"}}},
        {"text": "a"},
        {"functionCall": {"id": "y", "name": "g", "args": {"input": "free"}}},
        {"text": "t", "thought": True},
        {"text": ""},
    ]
    assert lost == ["response.tool_calls.arguments"]


@pytest.mark.parametrize("query", FORMS)
def test_thinking_and_seals(query: str) -> None:
    seal = Seal("messages", "s")
    told, lost = pieces(
        query,
        Started(),
        ThinkingDelta(""),
        ThinkingDelta("t"),
        Sealed(seal),
        Sealed(seal, redacted=True),
        RefusalDelta("no"),
        TextDelta(""),
        Finished("refusal", "END"),
    )
    assert parts(told) == [
        {"text": "t", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": signature_of(seal)},
        {"text": "", "thought": True, "thoughtSignature": signature_of(seal, redacted=True)},
        {"text": "no"},
        {"text": ""},
        {"text": ""},
    ]
    assert told[-1]["candidates"][0]["finishReason"] == "SAFETY"
    assert lost == ["response.stop_sequence"]


@pytest.mark.parametrize("query", FORMS)
@pytest.mark.parametrize(
    "before", [(), (Started(),), (Started(), TextDelta("a")), (CallStarted(0, "x", "f"),)]
)
def test_a_failure_is_the_end(query: str, before: tuple[Event, ...]) -> None:
    made = encoder(query)
    out = b"".join(map(made.feed, (*before, Failed("busy", "UNAVAILABLE"))))
    assert made.feed(TextDelta("more")) == made.feed(Finished("stop")) == b""
    decoder = GeminiDecoder()
    found = decoder.feed(out) + decoder.close()
    assert found[-1] == Failed("busy", "UNAVAILABLE")
    if query:
        *_, event, rest = out.split(b"\n\n")
        assert event == b"data: %b" % rest, "told in both ways of which every SDK sees one"
        assert json.loads(rest)["error"]["code"] == 503
    else:
        assert json.loads(out)[-1]["error"]["code"] == 503


@pytest.mark.parametrize("query", FORMS)
def test_what_was_written_is_read_as_it_was(query: str) -> None:
    events: list[Event] = [
        Started("01K", "alias"),
        ThinkingDelta("t"),
        Sealed(Seal("gemini", "c2ln")),
        TextDelta("ä"),
        TextDelta("b"),
        CallStarted(0, "x", "f"),
        CallDelta(0, '{"a":1}'),
        Measured(USAGE),
        Finished("tool_calls", native="STOP"),
    ]
    made, decoder = encoder(query), GeminiDecoder()
    found = [event for told in events for event in decoder.feed(made.feed(told))] + decoder.close()
    assert fold(found) == fold(events)


@pytest.mark.parametrize("query", FORMS)
def test_a_call_holds_what_was_thought_before_it(query: str) -> None:
    """Gemini CLI drops the parts that are thoughts."""
    seal = Seal("messages", "s")
    told, _ = pieces(
        query,
        Started(),
        ThinkingDelta("t"),
        ThinkingDelta("u"),
        Sealed(seal),
        TextDelta(""),
        TextDelta("a"),
        TextDelta("b"),
        Sealed(seal, redacted=True),
        CallStarted(0, "x", "f"),
        CallDelta(0, "{}"),
        CallStarted(1, "y", "g", seal=seal),
        CallDelta(1, "{}"),
        ThinkingDelta("v"),
        RefusalDelta("no"),
        CallStarted(2, "z", "h", seal=seal),
        CallDelta(2, "{}"),
        Finished("tool_calls"),
    )
    found = [open_call_signature(part["thoughtSignature"]) for part in parts(told) if "functionCall" in part]
    assert found == [
        (None, [Thought("tu", "messages", "s", early=True), Thought("", "messages", "s", redacted=True)]),
        (seal, []),
        (seal, [Thought("v", early=True)]),
    ]
    assert [part["text"] for part in parts(told) if "text" in part] == ["t", "u", "", "a", "b", "", "v", "no"]


def test_the_client_knows_the_answer_by_the_turns_id() -> None:
    assert encoder("").id == "01K"
