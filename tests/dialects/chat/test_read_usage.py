"""Usage as the many servers of this dialect tell it, made ours: no part more than its whole."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat.read_usage import Places, read_everywhere, read_usage
from sound_usage import assert_sound


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
    st.sampled_from(
        (
            "cached_tokens",
            "cache_write_tokens",
            "cache_creation_tokens",
            "reasoning_tokens",
            "audio_tokens",
            "image_tokens",
        )
    ),
    numbers,
)


@given(
    told=st.fixed_dictionaries(
        {},
        optional={
            "prompt_tokens": numbers,
            "completion_tokens": numbers,
            "total_tokens": numbers,
            "prompt_cache_hit_tokens": numbers,
            "cache_read_input_tokens": numbers,
            "cache_creation": st.dictionaries(st.just("ephemeral_1h_input_tokens"), numbers),
            "server_tool_use": st.dictionaries(st.just("web_search_requests"), numbers),
            "prompt_tokens_details": details,
            "completion_tokens_details": details,
        },
    )
)
def test_whatever_is_told_the_parts_are_sound(told: dict[str, object]) -> None:
    got = usage(told)
    if got is not None:
        assert_sound(got)


def places(
    usage: object = None, choice: object = None, groq: object = None, timings: object = None
) -> Places:
    parts = (usage, choice, groq, timings)
    return Places(*[Raw(b"" if each is None else json.dumps(each).encode()) for each in parts])


ONE = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
PARTLY = ONE | {"prompt_tokens_details": {"cached_tokens": 3}}
OTHER = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (places(), None),
        (places(ONE, OTHER, {"usage": OTHER}), Usage(9, output=5)),
        (places({"prompt_tokens": 0, "total_tokens": 0}, ONE), Usage(9, output=5)),
        (places(None, None, {"id": "r", "usage": ONE}), Usage(9, output=5)),
        (places(None, None, {"id": "r"}), None),
        (places(None, None, [1, 2, 3, 4, 5]), None),
        (places(None, None, None, {"cache_n": 4, "prompt_n": 5, "predicted_n": 5}), Usage(5, 4, 0, 5)),
        (places(None, None, None, {"prompt_ms": 1.5}), None),
        (places(None, None, None, [1, 2, 3]), None),
        # Usage tells it all; timings what of it was in the server's cache.
        (places(ONE, None, None, {"cache_n": 4, "prompt_n": 5, "predicted_n": 5}), Usage(5, 4, 0, 5)),
        # Timings that do not add up to the usage are of something else.
        (places(ONE, None, None, {"cache_n": 4, "prompt_n": 1}), Usage(9, output=5)),
        (places(ONE, None, None, {"cache_n": "4", "prompt_n": -1, "predicted_n": None}), Usage(9, output=5)),
        (
            places(
                ONE | {"prompt_tokens_details": {"cached_tokens": 3}},
                None,
                None,
                {"cache_n": 4, "prompt_n": 5},
            ),
            Usage(6, 3, 0, 5),
        ),
    ],
)
def test_usage_is_found_wherever_it_is(told: Places, expected: Usage | None) -> None:
    assert read_everywhere(told) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"server_tool_use": {"web_search_requests": 2}}, 2),
        ({"server_side_tool_usage_details": {"web_search_calls": 2, "x_search_calls": 1}}, 3),
        ({"num_search_queries": 4}, 4),
        ({"num_search_queries": 10**6}, 0),
        ({"num_search_queries": -1}, 0),
        ({"server_tool_use": None}, 0),
    ],
)
def test_searches_are_counted(told: dict[str, object], expected: int) -> None:
    got = usage(ONE | told)
    assert got is not None
    assert (got.special.searches if got.special else 0) == expected


def test_what_stands_beside_is_told_by_the_total() -> None:
    told = {"prompt_tokens": 9, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4000}}
    assert usage(told | {"total_tokens": 4014}) == Usage(9, 4000, 0, 5)
    thought = {"completion_tokens_details": {"reasoning_tokens": 7}}
    assert usage(told | thought | {"total_tokens": 4021}) == Usage(9, 4000, 0, 12, 7)
    assert usage(told | {"total_tokens": 14}) == Usage(0, 9, 0, 5)
