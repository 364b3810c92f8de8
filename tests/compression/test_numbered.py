"""Numbered lines: told from others, taken off and put back."""

import pytest

from llm_gateway.compression.numbered import Numbering, numbered_from, seems_numbered

LINES = ["def f():", "    return 1", "", "1→2"]


@pytest.mark.parametrize("first", [1, 7, 98, 999_998])
@pytest.mark.parametrize(
    "width, mark", [(6, "→"), (6, "\t"), (1, ":"), (4, "|"), (12, "→"), (1, ": "), (6, "| ")]
)
def test_numbers_are_taken_off_and_put_back(first: int, width: int, mark: str) -> None:
    text = Numbering(first, width, mark).put(LINES)
    found = numbered_from(["before", *text, "behind"], 1)
    assert found is not None
    numbering, lines = found
    assert lines == LINES
    assert numbering.put(lines) == text
    assert seems_numbered("\n".join(text))


@pytest.mark.parametrize(
    "lines",
    [
        ["     1→a", "     2→b", "     4→d"],
        ["     1→a", "     2→b", "     3\tc"],
        ["     1→a", "    2→b", "   3→c"],
        ["0:a", "1:b", "2:c"],
        ["01:a", "02:b", "03:c"],
        ["1 a", "2 b", "3 c"],
        ["1:a", "2:b"],
    ],
)
def test_what_is_not_numbered_one_by_one_is_left_alone(lines: list[str]) -> None:
    assert numbered_from(lines, 0) is None


@pytest.mark.parametrize("indent", ["", "    ", "        "])
@pytest.mark.parametrize("mark", [":", ": ", "|", "| ", "\t"])
def test_of_a_part_that_is_indented_what_stands_in_the_file_is_left(mark: str, indent: str) -> None:
    lines = [f"{indent}if a:", f"{indent}    b()"] * 2
    assert numbered_from(Numbering(9, 1, mark).put(lines), 0) == (Numbering(9, 1, mark), lines)


def test_numbering_ends_where_it_breaks_off() -> None:
    found = numbered_from(["1:a", "2:b", "3:c", "3:c", "4:d"], 0)
    assert found == (Numbering(1, 1, ":"), ["a", "b", "c"])


def test_most_texts_are_not_looked_at() -> None:
    assert not seems_numbered("total 12\ndrwxr-xr-x 3 root\n  nothing 1: here")


def test_what_follows_a_line_is_not_copied_for_it() -> None:
    """The output of `grep -n` has numbers with gaps: each of its lines may begin a stretch, and none does."""

    class Lines(list[str]):
        def __getitem__(self, index):  # type: ignore[no-untyped-def]
            assert not isinstance(index, slice)
            return super().__getitem__(index)

    lines = Lines(f"{3 * number}:found" for number in range(1, 50))
    assert [numbered_from(lines, at) for at in range(1, 49)] == [None] * 48
