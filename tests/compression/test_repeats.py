"""Lines that are repeated: one marker for all but the first of them."""

from llm_gateway.compression.markers import Again
from llm_gateway.compression.repeats import repeats

LONG = "waiting for the other process to end"


def test_a_line_again_and_again() -> None:
    assert repeats(["a", *[LONG] * 5, "b"]) == [["a", LONG], Again(1, 4), ["b"]]


def test_lines_that_come_together() -> None:
    pair = [LONG, "and again"]
    assert repeats([*pair * 4]) == [pair, Again(2, 3)]


def test_what_is_not_worth_a_marker_stays() -> None:
    assert repeats(["a"] * 5) == [["a"] * 5]
    assert repeats([LONG, LONG]) == [[LONG, LONG]]


def test_no_lines() -> None:
    assert repeats([]) == []
