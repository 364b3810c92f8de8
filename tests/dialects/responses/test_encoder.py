"""The stream for a client written: the documented sequence, as the vendor's SDK and Codex read it."""

import json
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

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
from llm_gateway.canonical.loss import Loss
from llm_gateway.canonical.parts import Refusal, Seal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import AnswerPart, Response, fold, unfold
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked
from llm_gateway.dialects.responses.answer import encode_response
from llm_gateway.dialects.responses.decoder import ResponsesDecoder
from llm_gateway.dialects.responses.encoder import ResponsesEncoder
from llm_gateway.dialects.responses.seals import own_seal

TOOLS = json.dumps({"crm__find": ["function", "crm", "find"], "tool_search": ["tool_search", "", ""]})
ASKED = Asked("responses", "t1", "my-model", True, True, 1_790_000_000, notes={"tools": TOOLS})
USAGE = Usage(3, 2, 0, 4, 1)

# An event as the client gets it, JSON of any shape.
Told = dict[str, Any]


def write(*events: Event) -> bytes:
    encoder = ResponsesEncoder(ASKED)
    return b"".join(map(encoder.feed, events))


def told(stream: bytes) -> list[Told]:
    """Return the events, each of which has its name on a line of its own."""
    found = []
    for raw in stream.decode().split("\n\n")[:-1]:
        name, data = raw.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        found.append(event)
    return found


def kinds(*events: Event) -> list[str]:
    return [event["type"].removeprefix("response.") for event in told(write(*events))]


def test_a_text() -> None:
    events = (Started("up", "theirs"), TextDelta("a", new=True), TextDelta("b"), Measured(USAGE))
    assert kinds(*events, Finished("stop")) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    stream = told(write(*events, Finished("stop")))
    assert [event["sequence_number"] for event in stream] == list(range(10))
    assert [event["delta"] for event in stream if event["type"].endswith("text.delta")] == ["a", "b"]
    assert stream[8]["item"]["content"][0]["text"] == "ab"
    whole = stream[9]["response"]
    assert (whole["id"], whole["model"], whole["status"]) == ("resp_t1", "my-model", "completed")
    assert whole["output"] == [stream[8]["item"]]
    assert whole["usage"]["input_tokens_details"]["cached_tokens"] == 2


def test_thinking_and_its_seal() -> None:
    sealed = Sealed(Seal("messages", "s"))
    stream = told(write(ThinkingDelta("a", new=True), ThinkingDelta("b"), sealed, Finished("stop")))
    assert [event["type"].removeprefix("response.") for event in stream[2:]] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "completed",
    ]
    item = stream[8]["item"]
    assert item["summary"] == [{"type": "summary_text", "text": "ab"}]
    assert item["encrypted_content"] == "lgw1.messages.s"


def test_thinking_that_is_not_shown() -> None:
    hidden = Sealed(Seal("messages", "r"), redacted=True)
    stream = told(
        write(ThinkingDelta("a", new=True), hidden, Sealed(Seal("messages", "s")), Finished("stop"))
    )
    items = stream[-1]["response"]["output"]
    assert [item.get("encrypted_content") for item in items] == [
        None,
        "lgw1r.lgw1.messages.r",
        "lgw1.messages.s",
    ]


def test_calls_that_overlap() -> None:
    stream = told(
        write(
            TextDelta("x", new=True),
            CallStarted(0, "c0", "f"),
            CallStarted(1, "c1", "p", custom=True),
            CallDelta(0, "{"),
            CallDelta(1, "te"),
            CallDelta(0, "}"),
            CallDelta(1, "xt"),
            CallDelta(9, "of no call"),
            Finished("tool_calls"),
        )
    )
    output = stream[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["message", "function_call", "custom_tool_call"]
    assert (output[1]["arguments"], output[2]["input"]) == ("{}", "text")
    done = [event for event in stream if event["type"].endswith(("arguments.done", "input.done"))]
    assert [event.get("arguments") or event.get("input") for event in done] == ["{}", "text"]
    assert [event["item"] for event in stream if event["type"] == "response.output_item.done"] == output


def test_calls_in_the_clients_own_terms() -> None:
    stream = told(
        write(
            CallStarted(0, "c0", "crm__find"),
            CallDelta(0, "{}"),
            CallStarted(1, "c1", "tool_search"),
            CallDelta(1, '{"query":'),
            CallDelta(1, '"q"}'),
            Finished("tool_calls"),
        )
    )
    first, second = stream[-1]["response"]["output"]
    assert (first["namespace"], first["name"]) == ("crm", "find")
    assert (second["type"], second["arguments"]) == ("tool_search_call", {"query": "q"})
    assert sum("delta" in event for event in stream) == 1  # a search is told whole


def test_the_seal_of_a_call_goes_before_it() -> None:
    call = CallStarted(0, "c0", "f", seal=Seal("gemini", "g"))
    output = told(write(TextDelta("x", new=True), call, Finished("tool_calls")))[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["message", "reasoning", "function_call"]
    assert output[1]["encrypted_content"] == "lgw1c.lgw1.gemini.g"


@pytest.mark.parametrize(
    ("finish", "kind", "reason"),
    [
        (Finished("length"), "response.incomplete", "max_output_tokens"),
        (Finished("content_filter"), "response.incomplete", "content_filter"),
        (Finished("other"), "response.completed", None),
    ],
)
def test_endings(finish: Finished, kind: str, reason: str | None) -> None:
    last = told(write(TextDelta("x", new=True), finish))[-1]
    details = last["response"]["incomplete_details"]
    assert last["type"] == kind
    assert (details and details["reason"]) == reason
    status = "incomplete" if reason else "completed"
    assert last["response"]["status"] == last["response"]["output"][0]["status"] == status


@pytest.mark.parametrize(
    ("events", "lost"),
    [
        ([TextDelta("no"), Finished("refusal")], ["response.refusal"]),
        ([RefusalDelta("no"), Finished("refusal")], []),
        ([TextDelta("x"), Finished("other")], ["response.finish_reason"]),
    ],
)
def test_endings_without_a_word_are_lost(events: list[Event], lost: list[str]) -> None:
    encoder = ResponsesEncoder(ASKED)
    for event in events:
        encoder.feed(event)
    assert [loss.what for loss in encoder.losses] == lost


def test_a_failure_is_a_failed_response() -> None:
    stream = told(
        write(Started(), TextDelta("x", new=True), Measured(USAGE), Failed("busy", "overloaded_error"))
    )
    last = stream[-1]
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")
    assert last["response"]["error"] == {"code": "server_is_overloaded", "message": "busy"}
    assert last["response"]["usage"]["total_tokens"] == 9
    assert kinds(Failed("busy")) == ["created", "in_progress", "failed"]


@pytest.mark.parametrize("end", [Finished("stop"), Failed("x")])
def test_nothing_follows_the_end(end: Event) -> None:
    encoder = ResponsesEncoder(ASKED)
    encoder.feed(TextDelta("a", new=True))
    encoder.feed(end)
    late: list[Event] = [TextDelta("a"), CallDelta(0, "a"), ThinkingDelta("a"), Finished("stop")]
    assert b"".join(map(encoder.feed, late)) == b""


def test_empty_pieces_are_no_events() -> None:
    encoder = ResponsesEncoder(ASKED)
    encoder.feed(TextDelta("a", new=True))
    assert encoder.feed(TextDelta("")) == b""
    encoder.feed(CallStarted(0, "c", "f"))
    assert encoder.feed(CallDelta(0, "")) == b""


def test_losses_are_told() -> None:
    encoder = ResponsesEncoder(ASKED)
    encoder.feed(Started())
    assert not encoder.losses
    encoder.feed(Finished("stop_sequence", "END"))
    lost: list[Loss] = list(encoder.losses)
    assert [loss.what for loss in lost] == ["response.stop_sequence"]
    assert encoder.id == "resp_t1"


SDK_EVENTS = TypeAdapter[Any](ResponseStreamEvent)

texts = st.text(min_size=1, max_size=6)
parts: st.SearchStrategy[AnswerPart] = st.one_of(
    st.builds(Text, texts),
    st.builds(Refusal, texts),
    st.builds(
        Thinking, texts, st.one_of(st.none(), st.builds(Seal, st.just("messages"), st.text("ab", min_size=1)))
    ),
    st.builds(
        ToolCall,
        st.text("abc", min_size=1),
        st.sampled_from(["f", "crm__find"]),
        texts,
        st.booleans(),
        st.one_of(st.none(), st.builds(Seal, st.just("gemini"), st.just("g"))),
    ),
)
answers = st.builds(
    lambda said, finish: Response(parts=tuple(said), finish=finish, usage=USAGE),
    st.lists(parts, max_size=6, unique_by=lambda part: part.id if isinstance(part, ToolCall) else id(part)),
    st.sampled_from(["stop", "length", "tool_calls"]),
)


@given(answers)
def test_a_stream_ends_with_what_the_whole_answer_would_be(answer: Response) -> None:
    folded = fold(unfold(answer))
    last = told(write(*unfold(folded)))[-1]["response"]
    assert last == json.loads(encode_response(folded, ASKED).body)


@given(answers)
def test_the_vendors_sdk_reads_every_event(answer: Response) -> None:
    state = ResponseStreamState(input_tools=openai.omit, text_format=openai.omit)
    for event in told(write(*unfold(answer))):
        state.handle_event(SDK_EVENTS.validate_python(event))


@given(answers)
def test_what_is_written_is_read_again(answer: Response) -> None:
    answer = fold(unfold(answer))
    decoder = ResponsesDecoder()
    read = fold(decoder.feed(write(*unfold(answer))))
    assert [_told(part) for part in read.parts] == [each for part in answer.parts for each in _expected(part)]
    assert read.usage == USAGE


def _told(part: AnswerPart) -> object:
    if isinstance(part, Thinking):
        return (part.text, own_seal(part.seal)[0] if part.seal else "")
    return part


def _expected(part: AnswerPart) -> list[object]:
    """Return what an upstream of this dialect would be understood to have said."""
    match part:
        case Thinking("", None):
            return []
        case Thinking(text, seal):
            return [(text, f"lgw1.messages.{seal.data}" if seal else "")]
        case ToolCall():
            name = "find" if part.name == "crm__find" else part.name
            custom = part.custom and part.name != "crm__find"
            call = ToolCall(part.id, name, part.arguments, custom)
            return [("", "lgw1c.lgw1.gemini.g"), call] if part.seal else [call]
    return [part]
