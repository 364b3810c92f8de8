"""Reading answers of many servers: believable counts count, the rest does not hurt."""

import json

import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat.response import content_size, error_text, read_answer
from llm_gateway.dialects.contract import Seen


@pytest.mark.parametrize("body", [b"", b"upstream broke", b"[]", b'{"choices":3}', b'{"id":"\xff"}'])
def test_an_answer_that_cannot_be_read_tells_nothing(body: bytes) -> None:
    assert read_answer(body) == Seen()


def test_members_of_unexpected_types_do_not_cost_the_rest() -> None:
    answer = {
        "id": 7,
        "model": None,
        "choices": [{"message": {"content": {"weird": 1}}, "finish_reason": 3}],
        "usage": {"prompt_tokens": 4, "completion_tokens": 2},
    }
    assert read_answer(json.dumps(answer).encode()) == Seen(usage=Usage(uncached=4, output=2), complete=True)


def test_names_from_outside_are_cut() -> None:
    answer = {"id": "i" * 999, "model": "m" * 999, "choices": [{"finish_reason": "f" * 999}]}
    seen = read_answer(json.dumps(answer).encode())
    assert (len(seen.response_id), len(seen.model), len(seen.finish_reason)) == (256, 256, 256)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (None, 0),
        (5, 0),
        ("abc", 3),
        ("é😀", 6),
        (
            [
                {"type": "text", "text": "ab"},
                {"type": "thinking", "thinking": [{"type": "text", "text": "cde"}]},
            ],
            5,
        ),
        ([{"type": "image_url", "image_url": {"url": "data:…"}}], 0),
        ([{"function": {"name": "add", "arguments": '{"a":1}'}}], 10),
        ([{"function": {"name": "add", "arguments": {"a": 1}}}], 10),
        ([{"custom": {"name": "patch", "input": "***"}}], 8),
        ([[[[[[[["too deep"]]]]]]]], 0),
    ],
)
def test_generated_text_is_measured_as_utf8(value: object, size: int) -> None:
    assert content_size(value) == size


def test_both_spellings_of_reasoning_count_once() -> None:
    answer = {"choices": [{"message": {"content": "a", "reasoning": "bcd", "reasoning_content": "bcd"}}]}
    assert read_answer(json.dumps(answer).encode()).content_bytes == 4


def test_tool_calls_and_refusals_count() -> None:
    message = {
        "content": "é",
        "refusal": "no",
        "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}],
    }
    answer = {"choices": [{"message": message}, {"text": "completed"}]}
    assert read_answer(json.dumps(answer).encode()).content_bytes == 2 + 2 + 3 + 9


def test_a_function_call_of_the_old_kind_counts() -> None:
    answer = {"choices": [{"message": {"content": None, "function_call": {"name": "f", "arguments": "{}"}}}]}
    assert read_answer(json.dumps(answer).encode()).content_bytes == 3


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (None, ""),
        ("out of memory", "out of memory"),
        ({"message": "no", "code": 1}, "no"),
        ({"message": ""}, "the upstream reported an error"),
        ({"code": 1}, "the upstream reported an error"),
        (["x"], "the upstream reported an error"),
        ("x" * 999, "x" * 500),
    ],
)
def test_an_error_says_something(error: object, text: str) -> None:
    assert error_text(error) == text
