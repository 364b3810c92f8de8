"""What was decided is found again, from the memory before it is looked up."""

from collections.abc import Mapping, Sequence

from llm_gateway.compression.decisions import MEASURED, RAW, Decision, Decisions, Forgetful, Measured


class Book:
    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.held: dict[bytes, Decision] = {}

    def find(self, chains: Sequence[bytes]) -> Mapping[bytes, Decision]:
        self.asked += chains
        return {chain: self.held[chain] for chain in chains if chain in self.held}

    def keep(self, decided: Mapping[bytes, Decision]) -> None:
        self.held.update(decided)


def test_what_is_remembered_is_not_looked_up() -> None:
    book = Book()
    decisions = Decisions(book)
    decisions.keep({b"a": "strict-1"})
    decisions.remember({b"b": RAW})
    assert decisions.find([b"a", b"b", b"c"]) == {b"a": "strict-1", b"b": RAW}
    assert decisions.find([b"a", b"b"]) == {b"a": "strict-1", b"b": RAW}
    assert book.asked == [b"a", b"c"]
    assert book.held == {b"a": "strict-1"}


def test_nothing_is_kept_where_there_is_nothing() -> None:
    book = Book()
    Decisions(book).keep({})
    assert not book.held
    forgetful = Forgetful()
    forgetful.keep({b"a": RAW})
    assert forgetful.find([b"a"]) == {}


def test_what_was_measured_is_told_apart_from_what_was_sent() -> None:
    book = Book()
    measured = Measured(book)
    measured.keep({b"a": "strict-1"})
    book.keep({b"b": "strict-1"})
    assert book.held == {b"a": MEASURED + "strict-1", b"b": "strict-1"}
    assert measured.find([b"a", b"b", b"c"]) == {b"a": "strict-1"}
