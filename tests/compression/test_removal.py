"""What is to be counted of a request: all that was sent shorter, back to what is known already."""

from llm_gateway.compression.removal import NOTHING, Reach, Removal
from removal_samples import WORDS, removal

FIRST, SECOND = 17, 5  # bytes that the first and the third result are shorter by


def test_a_request_reaches_as_far_as_it_was_sent_shorter() -> None:
    assert removal(()).reaches() == (NOTHING, NOTHING)
    assert removal(WORDS[1:2]).reaches() == (NOTHING, NOTHING)
    assert removal().reaches() == (NOTHING, Reach(b"-2", FIRST + SECOND))
    assert removal(read=2).reaches() == (Reach(b"-0", FIRST), Reach(b"-2", FIRST + SECOND))
    whole = Reach(b"-2", FIRST + SECOND)
    assert removal(read=3).reaches() == (whole, whole)


def test_what_nobody_knows_is_counted_from_the_beginning() -> None:
    found = removal(read=2).shortened(lambda reach: None)
    assert found.known is None
    assert [(block.raw, block.sent) for block in found.read] == [
        (b'"one two three four five six"', b'"one to six"')
    ]
    assert [(block.reach, block.raw) for block in found.new] == [
        (Reach(b"-2", FIRST + SECOND), b'"a b c d e f"')
    ]
    assert found.size == 29 + 12 + 13 + 8 and found.last == Reach(b"-2", FIRST + SECOND)


def test_what_is_new_begins_at_nothing() -> None:
    found = removal(read=0).shortened(lambda reach: None)
    assert found.known == 0 and not found.read and len(found.new) == 2


def test_what_is_known_is_not_counted_again() -> None:
    asked: list[Reach] = []

    def known(reach: Reach) -> int | None:
        asked.append(reach)
        return 7 if reach == Reach(b"-0", FIRST) else None

    found = removal(read=2).shortened(known)
    assert (found.known, found.read, len(found.new)) == (7, (), 1)
    assert asked == [Reach(b"-0", FIRST)], "of what is new both parts have to be known"


def test_of_other_bytes_nothing_is_known() -> None:
    other = (("one two three four five six", "1-6"), *WORDS[1:])
    once = removal(read=2).reaches()[0]
    found = removal(other, read=2).shortened(lambda reach: 7 if reach == once else None)
    assert found.known is None and len(found.read) == 1


def test_it_is_read_from_where_the_results_stand() -> None:
    known = removal(read=3)
    assert isinstance(known, Removal)
    assert [block.raw for block in known.shortened(lambda reach: None).read] == [
        b'"one two three four five six"',
        b'"a b c d e f"',
    ]
