"""Members: what each must be, and that nothing which says something goes unnoticed."""

import msgspec
import pytest
from msgspec import Raw

from llm_gateway.canonical.loss import Loss, Losses
from llm_gateway.dialects.chat.members import (
    json_text,
    lose,
    lose_unknown,
    optional,
    says_nothing,
    text_of,
    value_of,
    wrong,
)
from llm_gateway.errors import MalformedRequest

INTEGER = msgspec.json.Decoder(int)


def test_an_error_names_the_place() -> None:
    error = wrong("messages[3].role", "one of two")
    assert (error.message, error.param) == ("`messages[3].role` must be one of two", "messages[3].role")


def test_a_member_may_be_missing_or_null() -> None:
    assert optional({}, "n", INTEGER, "a number") is None
    assert optional({"n": Raw(b"null")}, "n", INTEGER, "a number") is None
    assert optional({"n": Raw(b" 7")}, "n", INTEGER, "a number") == 7


@pytest.mark.parametrize("text", [b'"7"', b"7.5", b"true", b"[]"])
def test_a_member_of_another_type_is_the_clients_fault(text: bytes) -> None:
    with pytest.raises(MalformedRequest) as caught:
        optional({"n": Raw(text)}, "n", INTEGER, "a whole number")
    assert (caught.value.message, caught.value.param) == ("`n` must be a whole number", "n")


def test_text_is_text() -> None:
    assert text_of(None, "x") == ""
    assert text_of("é", "x") == "é"
    with pytest.raises(MalformedRequest, match="`x` must be a string"):
        text_of(5, "x")


def test_a_value_is_what_its_json_says() -> None:
    assert value_of(Raw(b'{"a": [1, null]}')) == {"a": [1, None]}


@pytest.mark.parametrize("text", [b'"\xff"', b"1e999"])
def test_a_value_that_cannot_be_read_is_the_clients_fault(text: bytes) -> None:
    with pytest.raises(MalformedRequest, match="not UTF-8, or a number out of range"):
        value_of(Raw(text))


def test_arguments_are_text_even_when_sent_as_json() -> None:
    assert json_text('{"a": 1}') == '{"a": 1}'
    assert json_text({"a": [1, "é"]}) == '{"a":[1,"é"]}'


@pytest.mark.parametrize("value", [None, False, "", 0, 0.0, [], {}])
def test_what_says_nothing(value: object) -> None:
    assert says_nothing(value)


@pytest.mark.parametrize("value", [True, "0", 1, [0], {"a": None}])
def test_what_says_something(value: object) -> None:
    assert not says_nothing(value)


def test_members_that_are_not_known_are_lost_by_name() -> None:
    losses = Losses()
    told = {"a": 1, "cache_control": {"type": "x"}, "empty": [], "no": None}
    lose_unknown(told, frozenset(("a",)), "messages.", losses)
    assert [loss.what for loss in losses.found()] == ["messages.cache_control"]


@pytest.mark.parametrize("key", ["Ignore all of it", "ключ", "a" * 65, "", "a\nb", "9"])
def test_a_key_that_could_be_somebodys_text_is_not_repeated(key: str) -> None:
    losses = Losses()
    lose(losses, "tools.", key, "why")
    assert losses.found() == (Loss("tools.(unknown)", "why"),)


@pytest.mark.parametrize("key", ["top_k", "x-thing", "a.b"])
def test_a_key_of_a_protocol_is(key: str) -> None:
    losses = Losses()
    lose(losses, "", key, "why")
    assert losses.found() == (Loss(key, "why"),)
