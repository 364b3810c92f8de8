"""Trees of values: what is at a place, and what an edit makes of it."""

import pytest

from llm_gateway.clients.edits.values import MISSING, CannotEdit, appended, dropped, get, placed, same


def test_a_place_leads_through_tables_and_lists() -> None:
    tree = {"a": [{"b": None}, "text"], "1": "one"}
    assert get(tree, ("a", "0", "b")) is None
    assert get(tree, ("a", "1")) == "text" and get(tree, ("1",)) == "one"
    for at in (("b",), ("a", "2"), ("a", "x"), ("a", "1", "0"), ("1", "x")):
        assert get(tree, at) is MISSING
    assert get(tree, ()) == tree


def test_what_is_missing_on_the_way_is_made() -> None:
    tree = {"a": {"x": 1}, "n": None, "l": [{"k": 1}]}
    assert placed(tree, ("a", "b", "c"), 2) == {**tree, "a": {"x": 1, "b": {"c": 2}}}
    assert placed(tree, ("n", "b"), 2) == {**tree, "n": {"b": 2}}
    assert placed(tree, ("l", "0", "k"), 2) == {**tree, "l": [{"k": 2}]}
    assert placed(tree, ("l", "0"), 2) == {**tree, "l": [2]}
    assert placed(None, ("a",), 1) == {"a": 1} and placed(tree, (), 3) == 3
    assert tree == {"a": {"x": 1}, "n": None, "l": [{"k": 1}]}
    with pytest.raises(CannotEdit, match=r"^a\.x is no table, so a\.x\.y cannot be set in it$"):
        placed(tree, ("a", "x", "y"), 1)


def test_an_item_comes_to_the_end_of_a_list_or_begins_one() -> None:
    assert appended({"a": [1]}, ("a",), 2) == {"a": [1, 2]}
    assert appended({"a": None}, ("a",), 2) == appended({}, ("a",), 2) == {"a": [2]}
    assert appended(None, (), 2) == [2]
    with pytest.raises(CannotEdit, match="a is no list"):
        appended({"a": 1}, ("a",), 2)
    with pytest.raises(CannotEdit, match="the top level is no list"):
        appended("text", (), 2)


def test_what_is_dropped_was_a_member_or_an_item() -> None:
    assert dropped({"a": 1, "b": [1, 2]}, ("b", "0")) == {"a": 1, "b": [2]}
    assert dropped({"a": 1}, ("a",)) == {} == dropped({}, ("a",))
    assert dropped({"b": [1]}, ("b", "4")) == {"b": [1]} and dropped("x", ("a",)) == "x"


def test_empty_is_as_good_as_not_there_and_a_number_is_no_truth() -> None:
    assert same({"a": {}, "b": 1}, {"b": 1}) and same(None, {}) and same([], None)
    assert not same({"a": 1}, {"a": True}) and not same({"a": 1}, {"a": 1.0}) and not same("1", 1)
    assert not same([1, 2], [2, 1]) and same({"x": 1, "y": 2}, {"y": 2, "x": 1})
    assert same({"a": float("nan")}, {"a": float("nan")})
