"""Usage told, and read again."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.usage import Usage
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
