"""A conversation gone through at once or bit by bit refers to the same."""

import json

import pytest

from llm_gateway.canonical.slots import Called, Entry, Slot
from llm_gateway.compression.block import STRICT
from llm_gateway.compression.past import Past, is_worth_it

FILE = "\n".join(f"{number:6d}\t    value_{number} = compute({number})" for number in range(1, 80))
WRITTEN = "\n".join(f"    value_{number} = compute({number})" for number in range(1, 80))


def slot(text: str, *, error: bool = False) -> Slot:
    return Slot(json.dumps(text).encode(), "read", error)


ENTRIES: list[Entry] = [
    Called(json.dumps({"path": "a", "text": WRITTEN}).encode(), "write"),
    slot("done"),
    Called(b'{"path":"a"}', "read"),
    slot(FILE),
    slot(FILE),
]


def test_what_was_written_is_referred_to_when_it_is_read() -> None:
    sent = Past().go(ENTRIES, [STRICT] * 3, 1)
    assert sent is not None and len(sent) < len(FILE) / 2
    assert "call 1 text" in json.loads(sent)


def test_bit_by_bit_is_the_same_as_at_once() -> None:
    steady, at_once = Past(), Past()
    for until in (0, 1):
        steady.go(ENTRIES, [STRICT] * 3, until)
    assert steady.go(ENTRIES, [STRICT] * 3, 2) == at_once.go(ENTRIES, [STRICT] * 3, 2)
    assert (steady.slots, steady.size) == (at_once.slots, at_once.size) and steady.size > len(FILE)


def test_what_goes_as_it_comes_is_referred_to_all_the_same() -> None:
    past = Past()
    assert past.go(ENTRIES[3:], [None, STRICT], 0) is None
    sent = past.go(ENTRIES[3:], [None, STRICT], 1)
    assert sent is not None and "result 1" in json.loads(sent)


@pytest.mark.parametrize("literal", [b'"\\ud800 %b"' % (b"x" * 99), b'"\xff%b"' % (b"x" * 99)])
def test_what_is_no_text_goes_as_it_comes(literal: bytes) -> None:
    past = Past()
    assert past.go([Slot(literal)], [STRICT], 0) is None
    assert past.failures == 0


def test_what_is_small_is_left_alone() -> None:
    assert not is_worth_it(slot("x")) and is_worth_it(slot("x" * 100))
    assert not is_worth_it(slot("x" * 100, error=True)) and is_worth_it(slot("x" * 3_000, error=True))
