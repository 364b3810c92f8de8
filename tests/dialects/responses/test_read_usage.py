"""Usage as servers of this dialect tell it, made ours, and what hosted tools used beside it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.usage import Special, Usage
from llm_gateway.dialects.responses.read_usage import read_usage, searches_in, with_tools
from sound_usage import assert_sound


def usage(**told: object) -> Usage | None:
    return read_usage(Raw(json.dumps(told).encode()))


def test_usage_as_documented() -> None:
    got = usage(
        input_tokens=83,
        input_tokens_details={"cached_tokens": 16, "cache_write_tokens": 7},
        output_tokens=9,
        output_tokens_details={"reasoning_tokens": 4},
        total_tokens=92,
    )
    assert got == Usage(uncached=60, cache_read=16, cache_write=7, output=9, reasoning=4)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"input_tokens": 5, "output_tokens": 3}, Usage(5, output=3)),
        ({"input_tokens": 5.0, "output_tokens": 3, "total_tokens": 8}, Usage(5, output=3)),
        ({"output_tokens": 3, "total_tokens": 8}, Usage(5, output=3)),
        ({"input_tokens": 5, "output_tokens": 3, "total_tokens": 99}, Usage(5, output=3)),
        (
            {"input_tokens": 5, "input_tokens_details": {"cached_tokens": 9}, "output_tokens": 3},
            Usage(0, 5, output=3),
        ),
        (
            {"input_tokens": 5, "input_tokens_details": None, "output_tokens": 3, "total_tokens": 8},
            Usage(5, output=3),
        ),
        # Reasoning beside the output, as xAI counts it.
        (
            {
                "input_tokens": 5,
                "output_tokens": 3,
                "output_tokens_details": {"reasoning_tokens": 10},
                "total_tokens": 18,
            },
            Usage(5, output=13, reasoning=10),
        ),
        ({"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}, None),
        ({"input_tokens": -1, "output_tokens": 3, "total_tokens": 2}, None),
        ({"input_tokens": "5", "output_tokens": 3}, None),
        ({"input_tokens": True, "output_tokens": 3}, None),
        ({"input_tokens": 5, "output_tokens": None}, None),
        ({"output_tokens": 3, "total_tokens": 1}, None),
        ({"input_tokens": 10**12, "output_tokens": 3, "total_tokens": 10**12 + 3}, None),
    ],
)
def test_usage_that_is_told_in_another_way(told: dict[str, object], expected: Usage | None) -> None:
    assert usage(**told) == expected


@pytest.mark.parametrize("raw", [b"", b"null", b"7", b"[1,2,3]", b'{"input_tokens":', b'"\xff\xff\xff"'])
def test_usage_that_is_none(raw: bytes) -> None:
    assert read_usage(Raw(raw)) is None


counts = st.integers(-5, 60) | st.none() | st.text(max_size=2) | st.floats()
details = counts | st.dictionaries(
    st.sampled_from(
        ("cached_tokens", "cache_write_tokens", "reasoning_tokens", "audio_tokens", "image_tokens")
    ),
    counts,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "input_tokens": counts,
            "output_tokens": counts,
            "total_tokens": counts,
            "input_tokens_details": details,
            "output_tokens_details": details,
            "server_side_tool_usage_details": st.dictionaries(st.just("web_search_calls"), counts),
        },
    ),
    st.dictionaries(
        st.sampled_from(("web_search", "image_gen")),
        counts | st.dictionaries(st.sampled_from(("num_requests", "input_tokens", "output_tokens")), counts),
    ),
)
def test_whatever_is_told_the_parts_are_sound(told: dict[str, object], tools: dict[str, object]) -> None:
    found = with_tools(usage(**told), Raw(json.dumps(tools).encode()), 3)
    if found is not None:
        assert_sound(found)


def test_sound_and_pictures_are_told_apart() -> None:
    told = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 20, "audio_tokens": 50, "image_tokens": 10},
        "output_tokens": 40,
        "output_tokens_details": {"reasoning_tokens": 4, "audio_tokens": 30},
        "total_tokens": 140,
    }
    assert usage(**told) == Usage(80, 20, 0, 40, 4, special=Special(audio_in=50, image_in=10, audio_out=30))


PLAIN = Usage(8, output=6)


@pytest.mark.parametrize(
    ("tools", "searches", "expected"),
    [
        (None, 0, PLAIN),
        (None, 2, Usage(8, output=6, special=Special(searches=2))),
        # Its own account counts, whatever calls there are.
        ({"web_search": {"num_requests": 0}}, 2, PLAIN),
        ({"web_search": {"num_requests": 3}}, 2, Usage(8, output=6, special=Special(searches=3))),
        ({"web_search": 7, "image_gen": None}, 2, PLAIN),
        ([1, 2, 3], 2, PLAIN),
        (
            {
                "image_gen": {
                    "input_tokens": 50,
                    "cached_tokens": 20,
                    "cached_tokens_details": {"cached_image_tokens": 20, "cached_text_tokens": 0},
                    "input_tokens_details": {"image_tokens": 30, "text_tokens": 20},
                    "output_tokens": 100,
                    "output_tokens_details": {"image_tokens": 90, "text_tokens": 10},
                }
            },
            0,
            Usage(38, 20, 0, 106, special=Special(image_in=10, image_read=20, image_out=90)),
        ),
    ],
)
def test_hosted_tools_are_counted(tools: object, searches: int, expected: Usage) -> None:
    raw = Raw(b"" if tools is None else json.dumps(tools).encode())
    assert with_tools(PLAIN, raw, searches) == expected


def test_tools_without_a_usage_are_what_was_used() -> None:
    picture = Raw(b'{"image_gen":{"input_tokens":5,"output_tokens":9}}')
    assert with_tools(None, picture, 0) == Usage(5, output=9, special=Special(image_out=9))
    assert with_tools(None, Raw(b""), 2) is None


def test_what_a_usage_says_of_searches_counts_once() -> None:
    told = usage(
        input_tokens=8,
        output_tokens=6,
        total_tokens=14,
        server_side_tool_usage_details={"web_search_calls": 1, "x_search_calls": 1},
    )
    assert with_tools(told, Raw(b""), 2) == Usage(8, output=6, special=Special(searches=2))


def test_searches_are_told_from_what_else_a_call_does() -> None:
    actions = [{"type": "search"}, {"type": "open_page"}, {"type": "find_in_page"}, {}, None]
    output: list[object] = [{"type": "web_search_call", "action": action} for action in actions]
    assert searches_in([*output, {"type": "message"}, 7]) == 3
    assert searches_in({"type": "web_search_call"}) == 0
