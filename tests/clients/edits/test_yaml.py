"""YAML, edited by lines."""

import pytest

from llm_gateway.clients.edits import yaml
from llm_gateway.clients.edits.values import CannotEdit

ITEM = {"id": "x", "on": True, "of": [{"k": "yes"}, 1], "none": {}}
LINES = '- id: x\n  "on": true\n  of:\n    - k: "yes"\n    - 1\n  none: {}'


@pytest.mark.parametrize(
    "text, at, value, made",
    [
        ("", ("a", "b"), "http://127.0.0.1:8787/v1", "a:\n  b: http://127.0.0.1:8787/v1\n"),
        ("a: 1 # one\n", ("a",), "a b", 'a: "a b" # one\n'),
        ("a:\n", ("a",), 2, "a: 2\n"),
        ("a: 1\n\n# end", ("b",), None, "a: 1\nb: null\n\n# end"),
        ("a:\n    b: 1\nc: 2\n", ("a", "d"), {"e": 1}, "a:\n    b: 1\n    d:\n      e: 1\nc: 2\n"),
        ("a: 1\nb: 2\n", ("a",), {"c": [1]}, "a:\n  c:\n    - 1\nb: 2\n"),
        ("a: |\n  text\nb: 2\n", ("a",), "x", "a: x\nb: 2\n"),
        ("a: null # none\n", ("a", "b"), 1, "a: # none\n  b: 1\n"),
        ("{}\n", ("a",), 1, "a: 1\n"),
        ("l:\n- a: 1\n", ("l", "0", "b"), 2, "l:\n- a: 1\n"),
    ],
)
def test_a_value_is_laid_out_as_its_neighbours(
    text: str, at: tuple[str, ...], value: object, made: str
) -> None:
    if "0" in at:
        with pytest.raises(CannotEdit, match="no table of lines"):
            yaml.put(text, at, value)
        return
    assert yaml.put(text, at, value) == made


@pytest.mark.parametrize(
    "text, at, made",
    [
        ("", (), f"{LINES}\n"),
        ("[]", (), LINES),
        ("- 1\n# c\n", (), f"- 1\n{LINES}\n# c\n"),
        ("l:\n- 1\nm: 2\n", ("l",), f"l:\n- 1\n{LINES}\nm: 2\n"),
        ("l: []\nm: 2\n", ("l",), "l:\n  " + LINES.replace("\n", "\n  ") + "\nm: 2\n"),
        ("l:\n    - 1\n", ("l",), "l:\n    - 1\n    " + LINES.replace("\n", "\n    ") + "\n"),
        ("m: 2\n", ("l",), "m: 2\nl:\n  " + LINES.replace("\n", "\n  ") + "\n"),
    ],
)
def test_an_item_comes_last(text: str, at: tuple[str, ...], made: str) -> None:
    assert yaml.append(text, at, ITEM) == made
    assert yaml.parse(made)


def test_an_entry_goes_with_its_lines() -> None:
    text = "a: 1\nb: # two\n  - x\n  - y: 1\n\n# c\nd: 2"
    assert yaml.cut(text, ("b",)) == "a: 1\n\n# c\nd: 2"
    assert yaml.cut(text, ("b", "0")) == text.replace("  - x\n", "")
    assert yaml.cut(text, ("d",)) == text.removesuffix("\nd: 2")


def test_what_cannot_be_edited_by_lines_is_refused() -> None:
    with pytest.raises(CannotEdit, match="shares its line"):
        yaml.cut("l:\n  - a: 1\n", ("l", "0", "a"))
    with pytest.raises(CannotEdit, match="in one line"):
        yaml.cut("a: {b: 1}\n", ("a", "b"))
    with pytest.raises(CannotEdit, match="no list of lines"):
        yaml.append("a: [1]\n", ("a",), 2)
    with pytest.raises(CannotEdit, match="no table of lines"):
        yaml.put("a: {b: 1}\n", ("a", "c"), 2)
    with pytest.raises(CannotEdit, match=r"^line 2 is not YAML$"):
        yaml.parse("a: 1\n b: secret: x\n")
    with pytest.raises(CannotEdit, match="it is not YAML"):
        yaml.parse("\x00")
