"""Where everything lies in JSON with comments."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.clients.edits.jsonc_reading import Node, read_document
from llm_gateway.clients.edits.values import CannotEdit

_trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(_trees, st.sampled_from([None, 2, "\t"]), st.booleans())
def test_all_json_is_read_as_it_is(tree: object, indent: int | str | None, ascii_only: bool) -> None:
    node = read_document(json.dumps(tree, indent=indent, ensure_ascii=ascii_only))
    assert node is not None and node.value == tree


def test_each_part_is_found() -> None:
    text = '/*a*/ { "k" /*b*/ : [1, 2.5e3,], // c\n"n": {}, } // d'
    node = read_document(text)
    assert node is not None and node.value == {"k": [1, 2500.0], "n": {}}
    first, second = node.members
    assert text[first.start : first.name_end] == '"k"' and text[first.comma] == ","
    assert text[first.node.start : first.node.end] == "[1, 2.5e3,]"
    assert [text[each.node.start : each.node.end] for each in first.node.members] == ["1", "2.5e3"]
    assert (second.name, second.node.value, text[second.comma]) == ("n", {}, ",")
    assert text[node.start : node.end].startswith("{") and text[node.start : node.end].endswith("}")


@pytest.mark.parametrize("text", ["", " \n", "// only a comment", "/* two\nlines */\n"])
def test_a_text_may_say_nothing(text: str) -> None:
    assert read_document(text) is None


@pytest.mark.parametrize(
    "text, line",
    [
        ("{", 1),
        ("[1 2]", 1),
        ('{"a": 1,\n "b"}', 2),
        ('{"a": 01}', 1),
        ("{a: 1}", 1),
        ("{}\n{}", 2),
        ('{"a": "\n"}', 1),
        ('{"a": "\\q"}', 1),
        ("/* open", 1),
        ("[,]", 1),
        ("nul", 1),
        ("[" * 101, 1),
    ],
)
def test_what_is_no_json_is_refused_by_its_line(text: str, line: int) -> None:
    with pytest.raises(CannotEdit, match=f"^line {line} is not JSON"):
        read_document(text)


def test_of_two_equal_names_the_last_counts() -> None:
    node = read_document('{"a": 1, "a": 2}')
    assert isinstance(node, Node) and node.value == {"a": 2} and len(node.members) == 2
