"""Usage told, and read again."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.usage import Special, Usage
from llm_gateway.dialects.gemini.read_usage import read_used
from llm_gateway.dialects.gemini.usage import told, told_of_prompt

COUNTS = st.integers(0, 10_000)


@given(COUNTS, COUNTS, st.integers(1, 10_000), COUNTS)
def test_what_is_told_is_read_as_it_was(uncached: int, cached: int, output: int, reasoning: int) -> None:
    usage = Usage(uncached, cached, 0, output, min(reasoning, output))
    assert read_used(Raw(msgspec.json.encode(told(usage))))[0] == usage


def test_names_are_googles() -> None:
    assert msgspec.to_builtins(told(Usage(32, 8, 0, 12, 2))) == {
        "promptTokenCount": 40,
        "candidatesTokenCount": 10,
        "totalTokenCount": 52,
        "cachedContentTokenCount": 8,
        "thoughtsTokenCount": 2,
    }
    assert msgspec.to_builtins(told_of_prompt(Usage(5))) == {"promptTokenCount": 5, "totalTokenCount": 5}


def test_counts_are_told_by_modality_where_there_is_more_than_text() -> None:
    special = Special(audio_in=3, audio_read=2, image_in=4, audio_out=5, image_out=6)
    usage = Usage(9, 4, 0, 14, 2, special=special)
    assert read_used(Raw(msgspec.json.encode(told(usage))))[0] == usage
    details = msgspec.json.decode(msgspec.json.encode(told(usage)))
    assert details["promptTokensDetails"] == [
        {"modality": "TEXT", "tokenCount": 4},
        {"modality": "AUDIO", "tokenCount": 5},
        {"modality": "IMAGE", "tokenCount": 4},
    ]
    assert details["candidatesTokensDetails"] == [
        {"modality": "TEXT", "tokenCount": 1},
        {"modality": "AUDIO", "tokenCount": 5},
        {"modality": "IMAGE", "tokenCount": 6},
    ]


def test_searches_alone_change_no_count() -> None:
    assert told(Usage(9, special=Special(searches=2))) == told(Usage(9))
