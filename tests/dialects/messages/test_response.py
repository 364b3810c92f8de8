"""What a whole answer tells: cached tokens are counted beside the others, and nothing odd costs the rest."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Seen
from llm_gateway.dialects.messages.response import (
    Block,
    Tally,
    block_size,
    error_text,
    named,
    read_answer,
    size,
)


def usage_of(*told: object) -> Usage | None:
    tally = Tally()
    for each in told:
        tally.take(Raw(json.dumps(each).encode()))
    return tally.usage()


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"input_tokens": 5, "output_tokens": 3}, Usage(5, output=3)),
        ({"input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 3}, Usage(5, 7, output=3)),
        ({"input_tokens": 5, "cache_creation_input_tokens": 7, "output_tokens": 3}, Usage(5, 0, 7, 3)),
        (
            {
                "input_tokens": 5,
                "cache_creation_input_tokens": 7,
                "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
                "output_tokens": 3,
            },
            Usage(5, 0, 7, 3, cache_write_1h=4),
        ),
        (
            {
                "input_tokens": 5,
                "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
                "output_tokens": 3,
            },
            Usage(5, 0, 7, 3, cache_write_1h=4),
        ),
        (
            {"input_tokens": 5, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}},
            Usage(5, output=9, reasoning=4),
        ),
        (
            {"input_tokens": 5, "output_tokens": 2, "output_tokens_details": {"thinking_tokens": 4}},
            Usage(5, output=2, reasoning=2),
        ),
        ({"input_tokens": 5.0, "output_tokens": "3"}, Usage(5)),
        ({"input_tokens": True, "output_tokens": 3}, Usage(output=3)),
        ({"input_tokens": -1, "output_tokens": 10**10, "cache_read_input_tokens": None}, None),
        ({"input_tokens": 0, "output_tokens": 0}, None),
        ({"cache_creation": [1], "output_tokens_details": 7, "output_tokens": 3}, Usage(output=3)),
        ([], None),
        (None, None),
        ("many", None),
    ],
)
def test_usage_is_read_as_it_is_documented(told: object, usage: Usage | None) -> None:
    assert usage_of(told) == usage


def test_work_beside_the_answer_is_counted_too() -> None:
    """The counts on top leave out compaction and advice (the vendor's SDK, `BetaUsage.iterations`)."""
    each = {"cache_read_input_tokens": 1, "cache_creation_input_tokens": 2}
    told = {
        "input_tokens": 10,
        "output_tokens": 20,
        "iterations": [
            {"type": "message", "input_tokens": 10, "output_tokens": 20, **each},
            {"type": "compaction", "input_tokens": 100, "output_tokens": 200, **each},
            {"type": "advisor_message", "input_tokens": 1000, "output_tokens": 2000},
            "odd",
        ],
    }
    assert usage_of(told) == Usage(1110, 1, 2, 2220)


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        # As the vendor's server does: all of it again.
        (
            [
                {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 1},
                {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 9},
            ],
            Usage(5, 2, output=9),
        ),
        # As it did before, and many others do: only what is new.
        ([{"input_tokens": 5, "output_tokens": 1}, {"output_tokens": 9}], Usage(5, output=9)),
        (
            [{"input_tokens": 5, "output_tokens": 1}, {"input_tokens": 0, "output_tokens": 9}],
            Usage(5, output=9),
        ),
        # As servers do that count at the end.
        (
            [{"input_tokens": 0, "output_tokens": 0}, {"input_tokens": 5, "output_tokens": 9}],
            Usage(5, output=9),
        ),
        (
            [
                {"input_tokens": 100, "output_tokens": 0},
                {"input_tokens": 20, "cache_read_input_tokens": 80, "output_tokens": 9},
            ],
            Usage(20, 80, output=9),
        ),
    ],
)
def test_the_counts_of_a_stream_are_cumulative(told: list[object], usage: Usage) -> None:
    assert usage_of(*told) == usage


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda x: st.dictionaries(st.text(), x), max_leaves=9)
)
def test_nothing_that_is_told_breaks_the_reading(value: object) -> None:
    names = ("input_tokens", "cache_creation", "output_tokens_details", "iterations")
    usage = usage_of(dict.fromkeys(names, value))
    assert usage is None or usage.total > 0


def test_a_whole_answer_is_read() -> None:
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "not counted"},
        {"type": "text", "text": "grüße"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
    ]
    body = {
        "id": "msg_1",
        "model": "m",
        "content": content,
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 5, "output_tokens": 3},
    }
    assert read_answer(json.dumps(body).encode(), "messages") == Seen(
        Usage(5, output=3), "msg_1", "m", "tool_use", 2 + 7 + 7, complete=True
    )


@pytest.mark.parametrize("body", [b"", b"[]", b"{]", b'{"content":7}', b"[" * 100_000])
def test_what_cannot_be_read_tells_nothing(body: bytes) -> None:
    assert read_answer(body, "messages") == Seen()


def test_a_count_used_nothing() -> None:
    assert read_answer(b'{"input_tokens":83}', "messages/count_tokens") == Seen(Usage(), complete=True)


def test_an_error_in_an_answer_is_noticed() -> None:
    assert read_answer(b'{"type":"error","error":{"message":"no"}}', "messages").error == "no"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (None, ""),
        ("gone", "gone"),
        ({"message": "m" * 999}, "m" * 500),
        ({}, "the upstream reported an error"),
        ({"message": ""}, "the upstream reported an error"),
        (7, "the upstream reported an error"),
    ],
)
def test_what_an_error_says(error: object, said: str) -> None:
    assert error_text(error) == said


def test_sizes_are_of_utf_8() -> None:
    assert [size(value) for value in (None, "", "a", "ü", "🌍", {"ü": 1})] == [0, 0, 1, 2, 4, 8]
    assert block_size(Block(text="ab", thinking="c", input={})) == 3


def test_names_are_bounded() -> None:
    assert named("x" * 999) == "x" * 256
    assert named(7) == ""
