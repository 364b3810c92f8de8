"""Encoded results read back: every marker, and what nobody has written."""

import pytest

from llm_gateway.compression.places import Places
from llm_gateway.compression.reading import read, root_of
from llm_gateway.compression.references import Earlier

EARLIER = Earlier()
EARLIER.add("result 1", ["a", "b", "c", "d"])
PLACES = Places()
PLACES.roots["1"] = {"user": {"id": 1}}


def lines(*sent: str) -> list[str]:
    return read(list(sent), EARLIER, PLACES, 2).lines


def test_lines_and_what_was_escaped() -> None:
    assert lines("a", "\\[lines 1-3]", "\\\\[JSON compact]", "\\b") == [
        *("a", "[lines 1-3]", "\\[JSON compact]", "\\b"),
    ]


def test_numbers_are_put_before_lines_and_runs() -> None:
    same = '[same as result 1 lines 2-3: "b" … "c"]'
    found = read(["[lines 9-12 colon width 1]", "x", same, "\\[lines 1]", "y"], EARLIER, PLACES, 2)
    assert found.lines == ["9:x", "10:b", "11:c", "12:[lines 1]", "y"]
    assert found.plain == ["x", "b", "c", "[lines 1]", "y"]
    assert found.shown == [True, False, False, True, True]


def test_repeats_say_again_what_is_above() -> None:
    assert lines("a", "b", "[previous 2 lines 2 more times]", "c") == ["a", "b", "a", "b", "a", "b", "c"]


def test_beginnings_are_put_before_lines() -> None:
    found = read(["[next 2 lines each begin with: x/]", "1", "\\2", "3"], EARLIER, PLACES, 2)
    assert found.lines == ["x/1", "x/\\2", "3"]
    assert all(found.shown)


def test_json_among_lines_is_laid_out_and_kept() -> None:
    found = read(
        [
            "a",
            "[JSON indent 2]",
            '{"b":{"$ref":"result 1#/user"},',
            '"c":[1]}',
            "[JSON compact minified]",
            "[1.10]",
        ],
        EARLIER,
        PLACES,
        2,
    )
    assert found.lines == [
        *("a", "{", '  "b": {', '    "id": 1', "  },", '  "c": [', "    1", "  ]", "}", "[1.10]"),
    ]
    assert found.roots == {"2": {"b": {"id": 1}, "c": [1]}}
    assert not any(found.shown[1:])


def test_json_one_a_line() -> None:
    assert lines("[JSON lines]", '{"$cols":["a","b"],"$rows":[', "[1,2],", "[3,4]]}", "end") == [
        *('{"a": 1, "b": 2}', '{"a": 3, "b": 4}', "end"),
    ]


def test_each_json_text_of_a_result_has_a_name() -> None:
    assert [root_of(7, nth) for nth in range(3)] == ["7", "7.2", "7.3"]


@pytest.mark.parametrize(
    "sent",
    [
        ["[lines 1-3]", "a"],
        ["[lines 1-3]", '[same as result 1 lines 1-4: "a" … "d"]'],
        ["[lines 1-3]", "[lines 1-3]", "a", "b", "c"],
        ["[lines 1-3]", "[JSON compact]", "[]"],
        ['[same as result 9 lines 1-2: "a" … "b"]'],
        ['[same as result 1 lines 3-5: "a" … "b"]'],
        ['[same as result 1 lines 3-2: "a" … "b"]'],
        ["[previous line 3 more times]"],
        ["a", "[previous 2 lines 3 more times]"],
        ["a", "[previous 0 lines 3 more times]"],
        ["[next 3 lines each begin with: x]", "a"],
        ["[JSON compact]"],
        ["[JSON compact]", "[1,"],
        ["[JSON compact]", '{"$ref":"#/nowhere"}'],
        ["[JSON indent 2 minified]", "[1}"],
        ["[same as before]"],
    ],
)
def test_what_nobody_wrote_is_an_error(sent: list[str]) -> None:
    with pytest.raises((ValueError, LookupError)):
        lines(*sent)
