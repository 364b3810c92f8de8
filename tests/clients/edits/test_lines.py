"""Lines put into a text and taken out again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.clients.edits import lines

_ENDED = st.sampled_from(["\n", "a\n", " b \n", "c\r\n", "\r\n"])
_texts = st.tuples(st.lists(_ENDED, max_size=5).map("".join), st.sampled_from(["", "d"])).map("".join)


@given(_texts, st.integers(0, 30), st.lists(st.sampled_from(["x", "", "y z"]), min_size=1, max_size=3))
def test_what_is_put_in_is_taken_out(text: str, at: int, block: list[str]) -> None:
    position = lines.content_end(text, min(at, len(text)))
    made = lines.insert(text, position, block)
    start = position + len(lines.newline(text)) if text else 0
    end = start + len(lines.newline(text).join(block))
    assert made[start:end] == lines.newline(text).join(block)
    assert lines.cut(made, [(start, end)]) == text


@given(_texts)
def test_what_comes_first_is_taken_out_too(text: str) -> None:
    made = lines.insert(text, None, ["first"])
    assert made.startswith("first") and lines.cut(made, [(0, 5)]) == text


@pytest.mark.parametrize(
    "text, spans, left",
    [
        ("a\nb\nc\n", [(2, 3)], "a\nc\n"),
        ("a\nb\nc", [(4, 5)], "a\nb"),
        ("a\r\nb\r\nc", [(3, 4), (6, 7)], "a"),
        ("a\nb\nc\n", [(0, 1), (2, 3)], "c\n"),
        ("a\n\nb\n", [(3, 4)], "a\n\n"),
        ("a", [(0, 1)], ""),
        ("a\nb\nc\nd\n", [(0, 1), (4, 5)], "b\nd\n"),
        ("a\nb\n", [], "a\nb\n"),
    ],
)
def test_lines_go_whole(text: str, spans: list[tuple[int, int]], left: str) -> None:
    assert lines.cut(text, spans) == left


def test_a_text_ends_its_lines_as_its_first() -> None:
    assert lines.newline("") == lines.newline("a") == lines.newline("a\nb\r\n") == "\n"
    assert lines.newline("a\r\nb\n") == "\r\n" == lines.newline("\r\n")
    assert [lines.tail(text) for text in ("", "a", "a\n", "a\r\n", "\n")] == [0, 1, 1, 1, 0]
    assert lines.indent_of("a\n \tb c", 6) == " \t" and lines.line_start("a\nb", 2) == 2
