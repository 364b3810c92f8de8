"""Usage: parts that do not overlap, and an estimate that errs upward."""

from llm_gateway.canonical.usage import Usage, estimate_tokens


def test_the_parts_of_the_input_add_up() -> None:
    usage = Usage(uncached=10, cache_read=20, cache_write=5, output=7, reasoning=3)
    assert usage.input == 35
    assert usage.total == 42
    assert not usage.estimated


def test_an_estimate_is_a_quarter_of_the_bytes_rounded_up() -> None:
    assert [estimate_tokens(n) for n in (-3, 0, 1, 4, 5, 4000)] == [0, 0, 1, 1, 2, 1000]
