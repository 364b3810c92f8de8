"""Members of a request: what each must be, and what of them says something."""

from collections.abc import Callable

import pytest
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.dialects.ollama.members import (
    flag,
    items,
    lose_unknown,
    members,
    number,
    says_nothing,
    text,
    texts,
    whole,
    wrong,
)
from llm_gateway.errors import MalformedRequest


def test_members_are_read() -> None:
    assert text(Raw(b'"a"'), "x") == "a"
    assert flag(Raw(b"false"), "x") is False
    assert number(Raw(b"1"), "x") == 1.0
    assert whole(Raw(b"9007199254740993"), "x") == 9007199254740993
    assert whole(Raw(b"4.0"), "x") == 4
    assert items(Raw(b"[1, {}]"), "x") == [Raw(b"1"), Raw(b"{}")]
    assert texts(Raw(b'["a"]'), "x") == ["a"]
    assert members(Raw(b'{"a": 1}'), "x") == {"a": Raw(b"1")}


@pytest.mark.parametrize("raw", [None, Raw(b"null")])
def test_what_is_absent_is_empty(raw: Raw | None) -> None:
    assert text(raw, "x") == ""
    assert flag(raw, "x") is number(raw, "x") is whole(raw, "x") is None
    assert items(raw, "x") == []
    assert texts(raw, "x") == []
    assert members(raw, "x") == {}


@pytest.mark.parametrize(
    ("read", "must"),
    [
        (text, "a string"),
        (flag, "true or false"),
        (number, "a number"),
        (whole, "a whole number"),
        (items, "a list"),
        (texts, "a list of strings"),
    ],
)
def test_what_is_of_another_type_is_refused_with_its_place(
    read: Callable[[Raw, str], object], must: str
) -> None:
    for raw in (b'{"secret":1}', b'"\xff"'):
        with pytest.raises(MalformedRequest) as caught:
            read(Raw(raw), "options.x")
        assert caught.value.message == f"`options.x` must be {must}"
        assert caught.value.param == "options.x"


def test_an_object_is_refused_where_it_is_none() -> None:
    with pytest.raises(MalformedRequest, match="`x` must be an object"):
        members(Raw(b"[]"), "x")


def test_a_number_with_a_fraction_is_not_whole() -> None:
    with pytest.raises(MalformedRequest, match="`x` must be a whole number"):
        whole(Raw(b"4.5"), "x")
    assert wrong("y", "z").param == "y"


def test_unknown_members_are_lost_by_name_where_they_say_something() -> None:
    losses = Losses()
    told = {
        "known": Raw(b"1"),
        "think_budget": Raw(b"5"),
        "empty": Raw(b"null"),
        "off": Raw(b"false"),
        "a secret text": Raw(b"1"),
    }
    lose_unknown(told, frozenset(("known",)), "messages.", losses)
    assert [loss.what for loss in losses.found()] == ["messages.think_budget", "messages.(unknown)"]


@pytest.mark.parametrize("raw", [b"null", b"false", b'""', b"[]", b"{}", b"0"])
def test_some_values_say_nothing(raw: bytes) -> None:
    assert says_nothing(Raw(raw)) and says_nothing(None)
    assert not says_nothing(Raw(b"true")) and not says_nothing(Raw(b'"null"'))
