"""Reading members: what is wrong is said with its place, and never with what a client wrote."""

import pytest
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.dialects.responses.fields import decoded, is_given, named, report_strays, required, text
from llm_gateway.errors import MalformedRequest


@pytest.mark.parametrize(("raw", "given"), [(b"", False), (b"null", False), (b"true", True), (b"0", True)])
def test_what_is_null_is_not_given(raw: bytes, given: bool) -> None:
    assert is_given(Raw(raw)) is given


def test_a_value_is_decoded_or_refused_with_its_place() -> None:
    assert decoded(Raw(b'{"a":[1]}'), "x") == {"a": [1]}
    with pytest.raises(MalformedRequest, match="`x` cannot be read") as caught:
        decoded(Raw(b'"\xff"'), "x")
    assert caught.value.param == "x"


def test_strings_are_strings() -> None:
    fields: dict[str, object] = {"a": "secret", "b": None, "c": 7}
    assert (text(fields, "a", "x"), text(fields, "b", "x"), text(fields, "d", "x")) == ("secret", "", "")
    assert required(fields, "a", "x") == "secret"
    with pytest.raises(MalformedRequest) as caught:
        text(fields, "c", "x")
    assert (caught.value.message, caught.value.param) == ("`x.c` must be a string", "x.c")
    with pytest.raises(MalformedRequest, match=r"`x\.b` is missing"):
        required(fields, "b", "x")


@pytest.mark.parametrize("word", ["a b", "ä", "", "x" * 49, "1a", "a\n"])
def test_a_word_that_is_none_of_the_protocol_is_not_repeated(word: str) -> None:
    assert named(word) == "unknown"
    assert named("some_key") == "some_key"


def test_strays_are_reported_when_they_say_something() -> None:
    losses = Losses()
    fields: dict[str, object] = {"known": 1, "null": None, "empty": [], "off": False, "zero": 0, "new": 1}
    report_strays(fields, frozenset({"known"}), "input.x", losses)
    assert sorted(loss.what for loss in losses.found()) == ["input.x.new", "input.x.off", "input.x.zero"]
