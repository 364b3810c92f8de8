"""Members: both spellings, the forms ProtoJSON allows, and what nobody understands."""

import msgspec
import pytest
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.dialects.gemini.members import (
    compact,
    listed,
    lose,
    lose_unknown,
    members_of,
    named,
    optional,
    says_nothing,
    text_of,
    value_of,
    wrong,
)
from llm_gateway.errors import MalformedRequest

INTEGER = msgspec.json.Decoder(int)


def test_names_are_read_in_both_spellings() -> None:
    fields = {"system_instruction": 1, "toolConfig": 2, "_response_json_schema": 3}
    assert named(fields) == {"systemInstruction": 1, "toolConfig": 2, "responseJsonSchema": 3}
    plain = {"contents": 1}
    assert named(plain) is plain


@pytest.mark.parametrize(("where", "place"), [("", "topP"), ("generationConfig", "generationConfig.topP")])
def test_a_member_in_both_spellings_is_refused(where: str, place: str) -> None:
    with pytest.raises(MalformedRequest, match="twice") as caught:
        named({"topP": 1, "top_p": 2}, where)
    assert caught.value.param == place


def test_a_member_of_the_wrong_type_is_named() -> None:
    with pytest.raises(MalformedRequest) as caught:
        optional({"a": Raw(b'"x"')}, "a", INTEGER, "a whole number", "config.")
    assert (caught.value.param, caught.value.message) == ("config.a", "`config.a` must be a whole number")
    assert optional({"a": Raw(b"null")}, "a", INTEGER, "") is None
    assert optional({}, "a", INTEGER, "") is None
    assert optional({"a": Raw(b"5")}, "a", INTEGER, "") == 5
    with pytest.raises(MalformedRequest):
        text_of(5, "a")
    assert (text_of(None, "a"), text_of("x", "a")) == ("", "x")
    assert wrong("a", "b").param == "a"


def test_members_of_an_object() -> None:
    assert members_of({"a": Raw(b'{"b_c": 1}')}, "a") == {"bC": Raw(b"1")}
    assert members_of({}, "a") == members_of({"a": Raw(b"null")}, "a") == {}
    with pytest.raises(MalformedRequest):
        members_of({"a": Raw(b"[]")}, "a")


def test_one_object_stands_for_a_list_of_one() -> None:
    assert listed({"a": 1}) == [{"a": 1}]
    assert listed([1]) == [1] and listed(None) is None


def test_values() -> None:
    assert value_of(None) is None and value_of(Raw(b"[1]")) == [1]
    with pytest.raises(MalformedRequest):
        value_of(Raw(b'"\xff"'))
    assert compact(Raw(b'{\n "a": 1.0,\n "b": "\xc3\xa4"}')) == '{"a":1.0,"b":"ä"}'


@pytest.mark.parametrize(
    ("value", "nothing"), [(None, True), (False, True), ([], True), (0, True), (1, False)]
)
def test_what_says_nothing(value: object, nothing: bool) -> None:
    assert says_nothing(value) is nothing


def test_losses_name_words_of_the_protocol_alone() -> None:
    losses = Losses()
    lose_unknown({"a": 1, "b": None, "c": 2, "see here": 3}, frozenset("a"), "x.", losses)
    lose(losses, "x.", "c" * 65, "")
    lose_unknown({"a": 1}, frozenset("a"), "x.", losses)
    assert [loss.what for loss in losses.found()] == ["x.c", "x.(unknown)"]
