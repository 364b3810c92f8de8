"""Places of JSON values: pointers lead where RFC 6901 says."""

import pytest

from llm_gateway.compression.places import Kin, Places, Value, step, value_at

# The document of RFC 6901, section 5.
DOCUMENT: Value = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "m~n": 8}


@pytest.mark.parametrize(
    "pointer, value",
    [("", DOCUMENT), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/m~0n", 8)],
)
def test_pointers_lead_to_values(pointer: str, value: Value) -> None:
    assert value_at(DOCUMENT, pointer) == value


@pytest.mark.parametrize("pointer", ["/foo/2", "/foo/x", "/bar", "/a~1b/c", "/foo/0/0"])
def test_pointers_to_nothing_are_errors(pointer: str) -> None:
    with pytest.raises((ValueError, LookupError)):
        value_at(DOCUMENT, pointer)


@pytest.mark.parametrize("key", ["a", "", "a/b", "~", "~1", "a~/b"])
def test_any_key_is_a_step(key: str) -> None:
    assert value_at({key: 7}, "/" + step(key)) == 7


def test_places_keep_what_was_written() -> None:
    places = Places()
    here = "3#/a"
    places.add("3", DOCUMENT, {"long text": here}, {("id",): Kin(here, {"id": 1})})
    assert places.roots["3"] == DOCUMENT
    assert places.first["long text"] == here
    assert places.kin[("id",)].place == here
