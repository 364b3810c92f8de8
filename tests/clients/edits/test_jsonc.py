"""JSON with comments, edited: how new members are laid out."""

import pytest

from llm_gateway.clients.edits import jsonc
from llm_gateway.clients.edits.values import CannotEdit


@pytest.mark.parametrize(
    "text, at, value, made",
    [
        ("", ("a", "b"), 1, '{\n  "a": {\n    "b": 1\n  }\n}\n'),
        ("// why", ("a",), 1, '// why\n{\n  "a": 1\n}\n'),
        ("{}", ("a",), "ü", '{\n  "a": "ü"\n}'),
        ('{"a":1}', ("b",), [1, {"c": 2}], '{"a":1,"b":[1,{"c":2}]}'),
        ('{"a": {}}', ("a", "b"), 1, '{"a": {"b": 1}}'),
        ('{\n\t"a": 1 // one\n}\n', ("b",), {"c": 2}, '{\n\t"a": 1, // one\n\t"b": {\n\t\t"c": 2\n\t}\n}\n'),
        ('{\n  "a": 1,\n}', ("b",), 2, '{\n  "a": 1,\n  "b": 2,\n}'),
        ('{"a": 1 // one\n}', ("b",), 2, '{"a": 1, // one\n  "b": 2\n}'),
        ("{\n  // here\n}", ("a",), 1, '{\n  // here\n  "a": 1\n}'),
        ('{\r\n    "a": {\r\n    }\r\n}', ("a", "b"), 1, '{\r\n    "a": {\r\n        "b": 1\r\n    }\r\n}'),
        ('{"a": 1, "b": "x"}', ("a",), {"c": 1}, '{"a": {"c": 1}, "b": "x"}'),
        ('{\n  "a": null // nothing\n}', ("a", "b"), 1, '{\n  "a": {\n    "b": 1\n  } // nothing\n}'),
    ],
)
def test_a_member_is_laid_out_as_its_neighbours(
    text: str, at: tuple[str, ...], value: object, made: str
) -> None:
    assert jsonc.put(text, at, value) == made


@pytest.mark.parametrize(
    "text, at, made",
    [
        ("", (), '[\n  "x"\n]\n'),
        ("[]\n", (), '[\n  "x"\n]\n'),
        ("[1, 2]", (), '[1, 2, "x"]'),
        ('[\n\t{\n\t\t"a": 1\n\t}\n]\n', (), '[\n\t{\n\t\t"a": 1\n\t},\n\t"x"\n]\n'),
        ('{"a": [1]}', ("a",), '{"a": [1, "x"]}'),
        ('{"a": null}', ("a",), '{"a": ["x"]}'),
        ("{}", ("a",), '{\n  "a": [\n    "x"\n  ]\n}'),
    ],
)
def test_an_item_comes_last(text: str, at: tuple[str, ...], made: str) -> None:
    assert jsonc.append(text, at, "x") == made


@pytest.mark.parametrize(
    "text, at, left",
    [
        ('{"a": 1, "b": 2}', ("a",), '{"b": 2}'),
        ('{"a": 1, "b": 2, "c": 3}', ("b",), '{"a": 1, "c": 3}'),
        ('{"a": 1, "b": 2}', ("b",), '{"a": 1}'),
        ('{"a": 1}', ("a",), "{}"),
        ('{\n  "a": 1, // one\n  "b": 2 // two\n}', ("b",), '{\n  "a": 1 // one\n}'),
        ('{\n  "a": 1, // one\n  "b": 2 // two\n}', ("a",), '{\n  "b": 2 // two\n}'),
        ('{\r\n  "a": 1,\r\n  "b": 2,\r\n}', ("b",), '{\r\n  "a": 1,\r\n}'),
        ('{\n  // about b\n  "b": 2\n}', ("b",), "{\n  // about b\n}"),
        ("[1, 2, 3]", ("1",), "[1, 3]"),
        ('{"a": [1]}', ("a", "0"), '{"a": []}'),
        ('{"a": 1}', ("b", "c"), '{"a": 1}'),
    ],
)
def test_a_member_goes_with_its_comma_and_its_comment(text: str, at: tuple[str, ...], left: str) -> None:
    assert jsonc.cut(text, at) == left


def test_what_is_no_table_takes_no_member() -> None:
    with pytest.raises(CannotEdit, match="a is no table"):
        jsonc.put('{"a": [1]}', ("a", "b"), 1)
    with pytest.raises(CannotEdit, match="a is no list"):
        jsonc.append('{"a": {}}', ("a",), 1)
    assert jsonc.parse("") is None and jsonc.parse("{}") == {}
