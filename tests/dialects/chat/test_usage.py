"""Usage written: what is told is what was counted, read by our own reader."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.usage import Special, Usage
from llm_gateway.dialects.chat.read_usage import read_usage
from llm_gateway.dialects.chat.usage import told

counts = st.integers(0, 10_000)


@given(uncached=counts, read=counts, write=counts, output=st.integers(1, 10_000), data=st.data())
def test_what_is_told_is_read_back(
    uncached: int, read: int, write: int, output: int, data: st.DataObject
) -> None:
    reasoning = data.draw(st.integers(0, output))
    usage = Usage(uncached, read, write, output, reasoning)
    assert read_usage(Raw(msgspec.json.encode(told(usage)))) == usage


def test_cached_tokens_are_a_part_of_the_prompt() -> None:
    assert msgspec.to_builtins(told(Usage(1, 2, 4, 8, 3))) == {
        "prompt_tokens": 7,
        "completion_tokens": 8,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }


def test_sound_and_pictures_are_told_where_there_are_any() -> None:
    special = Special(audio_in=3, image_in=3, audio_out=4, image_out=2)
    usage = Usage(9, 4, 0, 8, 1, special=special)
    assert read_usage(Raw(msgspec.json.encode(told(usage)))) == usage
    details = msgspec.to_builtins(told(usage))
    assert details["prompt_tokens_details"] == {
        "cached_tokens": 4,
        "cache_write_tokens": 0,
        "audio_tokens": 3,
        "image_tokens": 3,
    }
