"""Lines read: what each says, and that nobody is believed who says nothing of this dialect."""

import pytest

from llm_gateway.canonical.events import (
    CallDelta,
    CallStarted,
    Failed,
    Finished,
    Measured,
    Started,
    TextDelta,
    ThinkingDelta,
)
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.ollama.lines import LineReader
from llm_gateway.errors import UpstreamBroken


def test_a_message_is_told_in_its_order() -> None:
    reader = LineReader()
    assert reader.read(
        b'{"model":"m","message":{"thinking":"t","content":"a","tool_calls":[{"id":"c","function":'
        b'{"name":"f","arguments":{"a": 1.50}}}]},"done":true,"done_reason":"stop","eval_count":2}'
    ) == [
        Started("", "m"),
        ThinkingDelta("t"),
        TextDelta("a"),
        CallStarted(0, "c", "f"),
        CallDelta(0, '{"a": 1.50}'),
        Measured(Usage(output=2)),
        Finished("tool_calls", native="stop"),
    ]
    assert reader.read(b'{"message":{"content":"late"},"done":true}') == []


def test_a_prompts_answer_says_the_same_at_the_top() -> None:
    reader = LineReader()
    assert reader.read(b'{"response":"a","thinking":"t"}')[1:] == [ThinkingDelta("t"), TextDelta("a")]
    call = b'{"response":"","tool_calls":[{"function":{"name":"f","arguments":"{}"}}],"done":true}'
    assert [type(event) for event in reader.read(call)] == [CallStarted, CallDelta, Finished]


def test_calls_are_counted_over_lines_and_given_ids() -> None:
    reader = LineReader()
    line = b'{"created_at":"2026","message":{"tool_calls":[{"function":{"name":"f"}}]}}'
    started = [event for event in reader.read(line) + reader.read(line) if isinstance(event, CallStarted)]
    assert [event.index for event in started] == [0, 1]
    assert started[0].id != started[1].id
    assert started[0] == LineReader().read(line)[1]


def test_nulls_and_empty_texts_say_nothing() -> None:
    reader = LineReader()
    assert reader.read(b'{"model":null,"message":{"content":null,"thinking":null}}') == [Started()]
    assert reader.read(b'{"message":{"content":"","thinking":"","tool_calls":null},"done":false}') == []
    assert reader.read(b'{"message":null,"response":null,"unknown":[]}') == []
    assert reader.losses == ()


@pytest.mark.parametrize(
    ("line", "lost"),
    [
        (b'{"message":{"content":"a"},"x":1}', "response.x"),
        (b'{"message":{"content":"a","x":1}}', "response.x"),
        (b'{"message":{"tool_calls":[{"function":{"name":"f","x":1}}]}}', "response.x"),
        (b'{"message":{"tool_calls":[{"function":{"name":"f"},"x":1}]}}', "response.x"),
    ],
)
def test_what_nobody_knows_is_lost_by_its_name(line: bytes, lost: str) -> None:
    reader = LineReader()
    assert len(reader.read(line)) > 1
    assert [loss.what for loss in reader.losses] == [lost]


def test_an_error_is_the_last_word() -> None:
    reader = LineReader()
    assert reader.read(b'{"error":"no memory"}') == [Failed("no memory")]
    assert reader.read(b'{"message":{"content":"x"}}') == []


def test_what_the_common_model_cannot_hold_is_lost() -> None:
    reader = LineReader()
    reader.read(b'{"message":{"content":"x","images":["QUJD"]},"logprobs":[{"token":"x"}]}')
    assert [loss.what for loss in reader.losses] == ["response.logprobs", "response.images"]
    prompt = LineReader()
    prompt.read(b'{"response":"","image":"QUJD"}')
    assert [loss.what for loss in prompt.losses] == ["response.images"]


@pytest.mark.parametrize("line", [b"", b"7", b"{", b"[]", b'{"message":5}', b'{"message":{"content":5}}'])
def test_a_line_of_something_else_is_refused(line: bytes) -> None:
    with pytest.raises(UpstreamBroken, match="no JSON of the ollama dialect"):
        LineReader().read(line)


def test_arguments_that_are_no_text_are_refused() -> None:
    line = b'{"message":{"tool_calls":[{"function":{"name":"f","arguments":"\xff"}}]}}'
    with pytest.raises(UpstreamBroken):
        LineReader().read(line)
