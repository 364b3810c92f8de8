"""Markers: what is written is read back, and what imitates them is not."""

import pytest

from llm_gateway.compression.markers import (
    After,
    Again,
    Json,
    Marker,
    Numbers,
    Same,
    escape,
    is_marker,
    read_marker,
    unescape,
)

WRITTEN: dict[str, Marker] = {
    "[lines 1-83]": Numbers(1, 83, 6, "→"),
    "[lines 7-9 tab]": Numbers(7, 9, 6, "\t"),
    "[lines 7-9 colon width 1]": Numbers(7, 9, 1, ":"),
    "[lines 7-9 colon space width 1]": Numbers(7, 9, 1, ": "),
    "[lines 7-9 bar width 12]": Numbers(7, 9, 12, "|"),
    "[lines 7-9 bar space]": Numbers(7, 9, 6, "| "),
    "[previous line 1 more time]": Again(1, 1),
    "[previous 3 lines 20 more times]": Again(3, 20),
    "[next 4 lines each begin with: lib/a.py:]": After(4, "lib/a.py:"),
    "[next 4 lines each begin with: ]]": After(4, "]"),
    "[JSON compact]": Json(-1, True),
    "[JSON]": Json(0, True),
    "[JSON indent 2 ASCII]": Json(2, True, ascii=True),
    "[JSON lines as spelt]": Json(0, True, each=True, spelt=True),
    "[JSON indent 4 minified]": Json(4, False),
}


@pytest.mark.parametrize("line", WRITTEN)
def test_what_is_written_is_read(line: str) -> None:
    marker = WRITTEN[line]
    assert str(marker) == line
    assert is_marker(line)
    assert read_marker(line) == marker


def test_lines_that_are_the_same_are_quoted() -> None:
    marker = Same("result 7", 12, 80, ("    def first(self, other, more):", "\treturn"))
    assert str(marker) == '[same as result 7 lines 12-80: "def first(self, othe" … "return"]'
    assert read_marker(str(marker)) == Same("result 7", 12, 80)
    alone = Same("call 3 content", 2, 2, ('a "]', 'a "]'))
    assert str(alone) == '[same as call 3 content line 2: "a "]"]'
    assert read_marker(str(alone)) == Same("call 3 content", 2, 2)


@pytest.mark.parametrize(
    "line",
    [
        "[lines 0-3]",
        "[lines 1-3 comma]",
        "[lines 1-3 tab space]",
        "[lines 1-3] ",
        "[same as what you said]",
        "[same as result 1 lines 1-3]",
        "[previous 12 lines 1 more time]",
        "[next 1 lines begin]",
        "[JSON indent 99]",
        "[JSON of yours]",
    ],
)
def test_what_only_looks_like_one_stands_for_nothing(line: str) -> None:
    if is_marker(line):
        with pytest.raises(ValueError, match="stands for nothing"):
            read_marker(line)


@pytest.mark.parametrize("line", ["", "a", "\\a", "[", "lines 1-3", " [lines 1-3]", "[INFO] lines 1", "\\"])
def test_other_lines_stay_as_they_are(line: str) -> None:
    assert escape([line]) == [line]
    assert not is_marker(line)
    assert unescape(line) == line


@pytest.mark.parametrize("line", [*WRITTEN, "[same as what you said]", "\\[lines 1-3]", "\\\\[JSON compact"])
def test_imitations_are_escaped(line: str) -> None:
    (escaped,) = escape([line])
    assert escaped == "\\" + line
    assert not is_marker(escaped)
    assert unescape(escaped) == line
