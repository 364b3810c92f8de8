"""TOML, edited statement by statement."""

import pytest

from llm_gateway.clients.edits import toml
from llm_gateway.clients.edits.values import CannotEdit


@pytest.mark.parametrize(
    "text, at, value, made",
    [
        ("", ("a",), True, "a = true\n"),
        ("# c\n[t]\nx = 1\n", ("a",), "b", 'a = "b"\n# c\n[t]\nx = 1\n'),
        ("a = 1 # one\n\n[t]\n", ("b",), 2.5, "a = 1 # one\nb = 2.5\n\n[t]\n"),
        ("a = 1 # one\n", ("a",), [1, "x"], 'a = [1, "x"] # one\n'),
        ("[t]\nx = 1\n\n[u]\n", ("t", "y"), 2, "[t]\nx = 1\ny = 2\n\n[u]\n"),
        ("a = 1", ("t", "u"), {"k": {"l m": 1}, "e": {}}, 'a = 1\n\n[t.u]\nk = { "l m" = 1 }\ne = {}'),
        ("a = 1\n", ("t", "u"), 1, "a = 1\n\n[t]\nu = 1\n"),
        ("[t.u]\nk = 1\n[v]\nw = 1\n", ("t", "u"), {"k": 2}, "[v]\nw = 1\n\n[t.u]\nk = 2\n"),
        ("[t.u]\nk = 1\n", ("t", "w"), 1, "t.w = 1\n[t.u]\nk = 1\n"),
        ("a.b = 1\n", ("a",), 2, "a = 2\n"),
    ],
)
def test_a_value_comes_where_its_table_is(text: str, at: tuple[str, ...], value: object, made: str) -> None:
    assert toml.put(text, at, value) == made
    assert toml.parse(made)


def test_an_item_is_a_table_of_its_own_or_comes_into_the_line() -> None:
    made = toml.append(toml.append("a = 1\n", ("l",), {"n": 1}), ("l",), {"n": 2})
    assert made == "a = 1\n\n[[l]]\nn = 1\n\n[[l]]\nn = 2\n"
    assert toml.cut(made, ("l", "1")) == "a = 1\n\n[[l]]\nn = 1\n"
    assert toml.append("l = [1] # c\n", ("l",), 2) == "l = [1, 2] # c\n"
    assert toml.append("", ("l",), "x") == 'l = ["x"]\n'
    assert toml.cut("l = [1, 2] # c\n", ("l", "0")) == "l = [2] # c\n"
    assert toml.cut("l = [1]\n", ("l", "7")) == "l = [1]\n" == toml.cut("l = [1]\n", ("m",))
    with pytest.raises(CannotEdit, match="several lines"):
        toml.append("l = [\n1, # c\n]\n", ("l",), 2)
    with pytest.raises(CannotEdit, match="no list"):
        toml.append("l = 1\n", ("l",), 2)


def test_a_table_goes_with_its_parts_and_leaves_comments() -> None:
    text = "x = 1\n\n[t]\na = 1\n# said\nb = 2\n\n[t.u]\nc = 3\n\n[v]\n"
    assert toml.cut(text, ("t",)) == "x = 1\n# said\n\n[v]\n"
    assert toml.cut(text, ("x",)) == text.removeprefix("x = 1\n")
    assert toml.cut(text, ("t", "u", "c")) == text.replace("c = 3\n", "")


def test_what_is_no_toml_is_refused_by_its_line() -> None:
    with pytest.raises(CannotEdit, match=r"^line 2 is not TOML$"):
        toml.parse("a = 1\nb = secret\n")
    with pytest.raises(CannotEdit):
        toml.parse('a = "')
    with pytest.raises(CannotEdit, match="a NoneType cannot be written"):
        toml.put("", ("a",), None)
