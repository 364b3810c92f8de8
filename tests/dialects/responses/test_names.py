"""Names and ids: legal on the other side, the same each time, different for different things."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.dialects.responses.names import flat_name, legal_id, legal_text

LEGAL = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@pytest.mark.parametrize(
    ("namespace", "name", "flat"),
    [
        ("", "exec", "exec"),
        ("functions", "exec", "exec"),
        ("clock", "sleep", "clock__sleep"),
        ("mcp__x__", "find", "mcp__x__find"),
        ("mcp__x", "_find", "mcp__x_find"),
        ("", "left as it is: the upstream judges", "left as it is: the upstream judges"),
    ],
)
def test_a_namespace_becomes_part_of_the_name(namespace: str, name: str, flat: str) -> None:
    assert flat_name(namespace, name) == flat


@given(namespace=st.text(min_size=1), name=st.text(min_size=1), salt=st.sampled_from(["", "1"]))
def test_a_name_made_of_two_is_legal(namespace: str, name: str, salt: str) -> None:
    flat = flat_name(namespace, name, salt=salt)
    assert flat == name or LEGAL.fullmatch(flat)
    assert flat == flat_name(namespace, name, salt=salt)


def test_shortened_names_stay_apart() -> None:
    long = "x" * 70
    names = {flat_name("n", long), flat_name("m", long), flat_name("n", long + "y"), flat_name("n", "a.b")}
    assert len(names) == 4
    assert flat_name("n", "a", salt="1") != flat_name("n", "a", salt="2") != flat_name("n", "a")


@given(st.text())
def test_ids_are_legal_and_the_same_each_time(call_id: str) -> None:
    assert LEGAL.fullmatch(legal_id(call_id))
    assert legal_id(call_id) == legal_id(call_id)
    if LEGAL.fullmatch(call_id):
        assert legal_id(call_id) == call_id


def test_long_words_are_shortened_and_stay_apart() -> None:
    assert legal_text("user 1") == "user 1"
    assert legal_text("x" * 65) != legal_text("x" * 66)
    assert len(legal_text("x" * 65)) == 40
