"""Members of JSON: what is wrong is named by its place, what is not understood by its key."""

import msgspec
import pytest
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.dialects.messages.members import (
    lose,
    lose_unknown,
    optional,
    says_nothing,
    text_of,
    value_of,
    wrong,
)
from llm_gateway.errors import MalformedRequest

_INTEGER = msgspec.json.Decoder(int)


def whats(losses: Losses) -> list[str]:
    return [loss.what for loss in losses.found()]


def test_an_error_names_the_place_and_not_what_stands_there() -> None:
    error = wrong("messages[0].role", "user or assistant")
    assert (error.message, error.param) == (
        "`messages[0].role` must be user or assistant",
        "messages[0].role",
    )


def test_members_are_optional_and_typed() -> None:
    fields = {"a": Raw(b"1"), "b": Raw(b"null"), "c": Raw(b'"x"')}
    assert optional(fields, "a", _INTEGER, "a number") == 1
    assert optional(fields, "b", _INTEGER, "a number") is None
    assert optional(fields, "z", _INTEGER, "a number") is None
    with pytest.raises(MalformedRequest, match="`c` must be a number"):
        optional(fields, "c", _INTEGER, "a number")


def test_values() -> None:
    assert value_of(None) is None
    assert value_of(Raw(b'{"a":[1]}')) == {"a": [1]}
    assert text_of(None, "x") == ""
    assert text_of("a", "x") == "a"
    with pytest.raises(MalformedRequest, match="`x` must be a string"):
        text_of(1, "x")


@pytest.mark.parametrize("value", [None, False, [], {}, "", 0, ()])
def test_a_member_that_says_nothing_is_no_loss(value: object) -> None:
    assert says_nothing(value)
    losses = Losses()
    lose_unknown({"x": value}, frozenset(), "p.", losses)
    assert losses.found() == ()


def test_unknown_members_are_lost_by_name() -> None:
    losses = Losses()
    told = {"type": "x", "a-b": 1, "cache_control": {"type": "ephemeral"}, "not a name": 1, "x" * 65: 1}
    lose_unknown(told, frozenset(("type",)), "tools.", losses)
    assert whats(losses) == ["tools.a-b", "cache_control", "tools.(unknown)"]


def test_known_members_are_no_loss() -> None:
    losses = Losses()
    lose_unknown({"type": "x"}, frozenset(("type", "text")), "p.", losses)
    assert losses.found() == ()


def test_a_clients_words_are_never_the_name_of_a_loss() -> None:
    losses = Losses()
    for key in ("secret sentence", "ключ", "", "a\nb"):
        lose(losses, "", key, "why")
    assert whats(losses) == ["(unknown)"]
