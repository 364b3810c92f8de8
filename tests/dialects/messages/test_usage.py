"""Usage as it is written: read back, it is the same."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.usage import Special, Usage
from llm_gateway.dialects.messages.tally import Tally
from llm_gateway.dialects.messages.usage import told, told_last

COUNT = st.integers(0, 10**6)


@given(COUNT, COUNT, COUNT, COUNT, COUNT)
def test_what_is_written_is_read_back(uncached: int, read: int, write: int, output: int, part: int) -> None:
    usage = Usage(uncached, read, write, output, min(part, output))
    for written in (told(usage), told_last(usage)):
        tally = Tally()
        tally.take(Raw(msgspec.json.encode(written)))
        assert tally.usage() == (usage if usage.total else None)


def test_nobody_counted_is_zeros() -> None:
    assert told(None) == told(Usage())
    assert told_last(None) == told_last(Usage())


def test_every_member_is_there_that_clients_are_generated_from() -> None:
    assert set(msgspec.to_builtins(told(Usage()))) == {
        "cache_creation",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "inference_geo",
        "input_tokens",
        "output_tokens",
        "output_tokens_details",
        "server_tool_use",
        "service_tier",
    }


def test_lifetimes_and_searches_are_told() -> None:
    usage = Usage(5, 6, 70, 8, cache_write_1h=30, special=Special(searches=2))
    tally = Tally()
    tally.take(Raw(msgspec.json.encode(told(usage))))
    assert tally.usage() == usage
    # The end of a stream has no place for lifetimes.
    tally = Tally()
    tally.take(Raw(msgspec.json.encode(told_last(usage))))
    assert tally.usage() == msgspec.structs.replace(usage, cache_write_1h=0)
