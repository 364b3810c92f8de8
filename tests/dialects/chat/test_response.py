"""Reading answers of many servers: believable counts count, the rest does not hurt."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat.read_usage import read_usage
from llm_gateway.dialects.chat.response import content_size, error_text, read_answer
from llm_gateway.dialects.contract import Seen


def usage(told: object) -> Usage | None:
    return read_usage(Raw(json.dumps(told).encode()))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5}, Usage(uncached=10, output=5)),
        ({"prompt_tokens": 10}, Usage(uncached=10)),
        ({"prompt_tokens": 10.0, "completion_tokens": 5.0}, Usage(uncached=10, output=5)),
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 99}},
            Usage(uncached=0, cache_read=10, output=5),
        ),
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
            },
            Usage(uncached=10, cache_read=60, cache_write=30, output=5),
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 5,
                "completion_tokens_details": {"reasoning_tokens": 8},
            },
            Usage(uncached=9, output=5, reasoning=5),
        ),
        # Gemini's OpenAI layer: thinking is only in the total.
        (
            {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 50},
            Usage(uncached=9, output=41, reasoning=36),
        ),
        # A total that counts cached tokens again tells nothing new.
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 5,
                "total_tokens": 18,
                "prompt_tokens_details": {"cached_tokens": 4},
            },
            Usage(uncached=5, cache_read=4, output=5),
        ),
        ({"completion_tokens": 5, "total_tokens": 50}, Usage(uncached=45, output=5)),
        ({"prompt_tokens": "7", "completion_tokens": 5, "total_tokens": 50}, Usage(uncached=45, output=5)),
        (
            {"prompt_tokens": 7, "completion_tokens": 5, "prompt_tokens_details": []},
            Usage(uncached=7, output=5),
        ),
        (
            {"prompt_tokens": 7, "completion_tokens": 5, "prompt_tokens_details": None},
            Usage(uncached=7, output=5),
        ),
    ],
)
def test_counts_are_normalised(told: object, expected: Usage) -> None:
    assert usage(told) == expected


@pytest.mark.parametrize(
    "told",
    [
        None,
        {},
        [],
        "none",
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {"prompt_tokens": -1, "completion_tokens": 5},
        {"prompt_tokens": 10**18, "completion_tokens": 5},
        {"prompt_tokens": 10, "completion_tokens": 10**18},
        {"prompt_tokens": 10, "completion_tokens": -5},
        {"prompt_tokens": 10, "completion_tokens": "5"},
        {"prompt_tokens": True, "completion_tokens": 5},
        {"prompt_tokens": 1.5, "completion_tokens": 5},
        {"completion_tokens": 5},
        {"completion_tokens": 5, "total_tokens": 4},
        {"input_tokens": 5, "output_tokens": 4},
    ],
)
def test_what_is_not_believable_is_no_count(told: object) -> None:
    assert usage(told) is None


def test_bytes_that_are_no_object_are_no_count() -> None:
    assert read_usage(Raw(b"")) is None
    assert read_usage(Raw(b'{"prompt_tokens":1')) is None
    assert read_usage(Raw(b'{"x":' + b"[" * 100_000)) is None


numbers = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.integers(0, 500)
details = numbers | st.dictionaries(
    st.sampled_from(("cached_tokens", "cache_write_tokens", "reasoning_tokens")), numbers
)


@given(
    told=st.fixed_dictionaries(
        {},
        optional={
            "prompt_tokens": numbers,
            "completion_tokens": numbers,
            "total_tokens": numbers,
            "prompt_cache_hit_tokens": numbers,
            "prompt_tokens_details": details,
            "completion_tokens_details": details,
        },
    )
)
def test_whatever_is_told_the_parts_are_sound(told: dict[str, object]) -> None:
    got = usage(told)
    if got is not None:
        assert min(got.uncached, got.cache_read, got.cache_write, got.output, got.reasoning) >= 0
        assert got.reasoning <= got.output <= 2_000_000_000
        assert got.input <= 1_000_000_000


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
