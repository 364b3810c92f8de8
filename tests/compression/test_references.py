"""Runs that stand further up: the longest, only where they can be read, with context beside what is new."""

import pytest

from llm_gateway.compression.references import Earlier, Run

LINES = [f"line number {number} of the first text" for number in range(40)]


def earlier(*texts: list[str]) -> Earlier:
    found = Earlier()
    for number, lines in enumerate(texts, 1):
        found.add(f"result {number}", lines)
    return found


def back(parts: list[list[str] | Run], texts: Earlier) -> list[str]:
    lines: list[str] = []
    for part in parts:
        lines += texts.lines(part) if isinstance(part, Run) else part
    return lines


def test_a_whole_text_is_one_run() -> None:
    texts = earlier(LINES)
    assert texts.runs(LINES, 100, 4) == [Run("result 1", 1, 40)]


def test_new_lines_have_context_beside_them() -> None:
    changed = [*LINES[:20], "new", *LINES[21:]]
    texts = earlier(LINES)
    parts = texts.runs(changed, 100, 4)
    assert parts == [Run("result 1", 1, 16), [*LINES[16:20], "new", *LINES[21:25]], Run("result 1", 26, 15)]
    assert back(parts, texts) == changed


def test_without_context_only_what_is_new_is_left() -> None:
    texts = earlier(LINES)
    assert texts.runs(["a", *LINES[5:], "b"], 100, 0) == [["a"], Run("result 1", 6, 35), ["b"]]


def test_short_runs_are_not_worth_it() -> None:
    assert earlier(LINES).runs(["a", *LINES[:3]], 1000, 0) == [["a", *LINES[:3]]]


def test_the_longest_run_is_taken_and_of_equal_ones_the_first() -> None:
    texts = earlier(LINES[:10], LINES[:30], LINES[:30])
    assert texts.runs(LINES[:30], 100, 0) == [Run("result 2", 1, 30)]


def test_lines_that_cannot_be_read_there_are_not_referred_to() -> None:
    texts = Earlier()
    texts.add("result 1", LINES, [number >= 20 for number in range(40)])
    parts = texts.runs(LINES, 100, 0)
    assert parts == [LINES[:20], Run("result 1", 21, 20)]


def test_a_long_line_alone_is_a_run() -> None:
    long = "word " * 100
    texts = earlier(["a", long, "b"])
    assert texts.runs(["x", long, "y"], 160, 0) == [["x"], Run("result 1", 2, 1), ["y"]]
    assert texts.runs(["x", long, "y"], 160, 4) == [["x", long, "y"]]


def test_what_is_not_there_is_an_error() -> None:
    texts = earlier(LINES)
    assert texts.lines(Run("result 1", 40, 1)) == LINES[39:]
    for run in (Run("result 1", 40, 2), Run("result 1", 0, 1), Run("result 1", 1, 0)):
        with pytest.raises(ValueError, match="has no lines"):
            texts.lines(run)
    with pytest.raises(KeyError):
        texts.lines(Run("result 2", 1, 1))
