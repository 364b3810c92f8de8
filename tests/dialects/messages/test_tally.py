"""Usage as it is told, once or several times: cached tokens stand beside the others, counts add up."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.usage import Special, Usage
from llm_gateway.dialects.messages.tally import Tally
from sound_usage import assert_sound


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


counts = st.integers(-5, 60) | st.none() | st.text(max_size=2) | st.floats()
odd = st.recursive(
    counts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    "ephemeral_5m_input_tokens",
                    "ephemeral_1h_input_tokens",
                    "thinking_tokens",
                    "web_search_requests",
                    "type",
                    "input_tokens",
                    "cache_creation",
                )
            ),
            inner | st.just("compaction"),
        )
    ),
    max_leaves=6,
)
tellings = st.dictionaries(
    st.sampled_from(
        (
            "input_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
            "cache_creation",
            "output_tokens",
            "output_tokens_details",
            "server_tool_use",
            "service_tier",
            "speed",
            "iterations",
        )
    ),
    odd,
)


@given(st.lists(tellings, max_size=3))
def test_whatever_is_told_the_parts_are_sound(told: list[dict[str, object]]) -> None:
    usage = usage_of(*told)
    if usage is not None:
        assert_sound(usage)
        assert usage.total > 0


def tier_of(*told: dict[str, object]) -> str:
    tally = Tally()
    for each in told:
        tally.take(Raw(json.dumps(each).encode()))
    return tally.tier


def test_the_tier_that_served_is_kept() -> None:
    assert tier_of({"output_tokens": 3}) == ""
    assert tier_of({"output_tokens": 3, "service_tier": "standard"}) == ""
    assert tier_of({"output_tokens": 3, "service_tier": "batch"}) == "batch"
    assert tier_of({"output_tokens": 3, "service_tier": "priority"}, {"output_tokens": 9}) == "priority"
    assert tier_of({"output_tokens": 3, "service_tier": "standard", "speed": "fast"}) == "fast"


def test_for_how_long_is_told_once_and_kept() -> None:
    short = {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}
    start = {"input_tokens": 1, "cache_creation_input_tokens": 7, "cache_creation": short, "output_tokens": 1}
    assert usage_of(start, {"output_tokens": 9}) == Usage(1, 0, 7, 9, cache_write_1h=4)
    # Zeros at the end tell nothing, and more that was written is of an unknown time: the cheaper one.
    assert usage_of(start, {"output_tokens": 9, "cache_creation": dict.fromkeys(short, 0)}) == Usage(
        1, 0, 7, 9, cache_write_1h=4
    )
    more = {"input_tokens": 1, "cache_creation_input_tokens": 10, "output_tokens": 9}
    assert usage_of(start, more) == Usage(1, 0, 10, 9, cache_write_1h=4)


def test_searches_are_counted() -> None:
    told = {"input_tokens": 1, "output_tokens": 1, "server_tool_use": {"web_search_requests": 2}}
    assert usage_of(told) == Usage(1, output=1, special=Special(searches=2))
    assert usage_of(told | {"server_tool_use": {"web_search_requests": 10**6}}) == Usage(1, output=1)
    assert usage_of(told | {"server_tool_use": None}) == Usage(1, output=1)
