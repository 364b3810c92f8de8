"""Pieces of a conversation stay the bytes that they came as."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.errors import MalformedRequest
from llm_gateway.server.conversation import as_input, input_items, stands_alone

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.lists(JSON, max_size=4), max_size=4), st.booleans())
def test_inputs_after_each_other_are_one_list(inputs: list[list[object]], spaced: bool) -> None:
    texts = [json.dumps(each, indent=1 if spaced else None).encode() for each in inputs]
    items = tuple(item for text in texts for item in input_items(Raw(text)))
    assert json.loads(as_input(items)) == [item for each in inputs for item in each]


@given(st.text())
def test_a_text_is_a_message_of_the_user(text: str) -> None:
    (item,) = input_items(Raw(json.dumps(text).encode()))
    told = json.loads(item)
    assert (told["type"], told["role"]) == ("message", "user")
    assert told["content"] == [{"type": "input_text", "text": text}]


@pytest.mark.parametrize("raw", [None, Raw(b"null"), Raw(b"[]"), Raw(b" [ ] ")])
def test_nothing_is_no_item(raw: Raw | None) -> None:
    assert input_items(raw) == ()
    assert as_input(()) == b"[]"


@pytest.mark.parametrize("raw", [b"7", b"true", b'{"role":"user"}'])
def test_what_is_no_input_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedRequest) as refused:
        input_items(Raw(raw))
    assert refused.value.param == "input"


@pytest.mark.parametrize(
    ("item", "alone"),
    [
        (b'{"type":"message"}', True),
        (b'{"type":"reasoning"}', False),
        (b'{"type":"reasoning","encrypted_content":null}', False),
        (b'{"type":"reasoning","encrypted_content":"gAAA"}', True),
        (b'{"role":"user"}', True),
        (b'{"type":7}', True),
        (b"\xff", True),
    ],
)
def test_reasoning_that_only_its_provider_has_does_not_stand_alone(item: bytes, alone: bool) -> None:
    assert stands_alone(item) is alone
