"""Where values stand in a JSON text, whatever stands around them, and what is left alone in writing."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.wire.splice import behind, elements, locate, splice

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
LAYOUTS = st.sampled_from([(None, (",", ":")), (None, (", ", ": ")), (1, (",", ":")), (2, (" ,", " : "))])


@given(st.lists(JSON, max_size=6), LAYOUTS, st.booleans())
def test_every_element_is_found(
    values: list[object], layout: tuple[int | None, tuple[str, str]], ascii_only: bool
) -> None:
    indent, separators = layout
    array = json.dumps(values, indent=indent, separators=separators, ensure_ascii=ascii_only).encode()
    text = b'{"a":' + array + b"}"
    raws = [bytes(raw) for raw in msgspec.json.decode(array, type=list[msgspec.Raw])]
    places = list(elements(text, 5, raws))
    assert [text[place : place + len(raw)] for place, raw in zip(places, raws, strict=True)] == raws
    assert places == sorted(set(places))


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4), LAYOUTS, st.booleans())
def test_the_values_of_a_key_are_found(
    texts: list[str], layout: tuple[int | None, tuple[str, str]], ascii_only: bool
) -> None:
    indent, separators = layout
    objects = [{"x": '","content":"', "content": text, "y": {"content": []}} for text in texts]
    text = json.dumps(objects, indent=indent, separators=separators, ensure_ascii=ascii_only).encode()
    values = [json.dumps(each, ensure_ascii=ascii_only).encode() for each in texts]
    found = locate(text, b'"content"', values)
    assert found is not None
    assert [text[place : place + len(value)] for place, value in zip(found, values, strict=True)] == values


@pytest.mark.parametrize(
    "text",
    [
        b'{"content":"b"}',  # another one
        b'{"content":"a","content":"a"}',  # twice
        b'{"content":"b","content":"a"}',
        b'{"content":"a","more":{"content":"c"}}',  # one more, somewhere
        b'{"cont\\u0065nt":"a"}',  # spelt otherwise
        b'{"x":"\\"content\\":\\"a\\""}',  # a string that looks like it
        b'{"content":["a"]}',
        b'{"x":["content","a"]}',
    ],
)
def test_where_it_is_in_doubt_nothing_is_found(text: bytes) -> None:
    assert locate(text, b'"content"', [b'"a"']) is None


def test_what_is_of_another_kind_is_passed_over() -> None:
    text = b'{"role":"user","content":[{"type":"content","content" : "a"}]}'
    assert locate(text, b'"content"', [b'"a"']) == [text.index(b'"a"')]


@given(st.binary(max_size=60), st.data())
def test_only_what_is_written_over_changes(body: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    places = list(zip(cuts[::2], cuts[1::2], strict=False))
    same = [(start, end, body[start:end]) for start, end in places]
    assert splice(body, same) == body
    written = splice(body, [(start, end, b"<>") for start, end in places])
    left = [
        body[a:b]
        for a, b in zip(
            [0, *(end for _, end in places)], [*(start for start, _ in places), len(body)], strict=True
        )
    ]
    assert written == b"<>".join(left)


def test_a_body_that_nothing_is_written_into_is_the_same_object() -> None:
    body = b"{}"
    assert splice(body, []) is body


@given(st.lists(JSON, min_size=1, max_size=6), st.data(), LAYOUTS)
def test_an_array_goes_on_behind_any_of_its_elements(
    values: list[object], data: st.DataObject, layout: tuple[int | None, tuple[str, str]]
) -> None:
    indent, separators = layout
    array = json.dumps(values, indent=indent, separators=separators).encode()
    text = b'{"a":' + array + b',"b":[]}'
    raws = [bytes(raw) for raw in msgspec.json.decode(array, type=list[msgspec.Raw])]
    places = list(elements(text, 5, raws))
    index = data.draw(st.integers(0, len(values) - 1))
    place, rest = behind(text, places[index] + len(raws[index]), 5 + len(array))
    assert json.loads(rest) == values[index + 1 :]
    assert list(elements(text, place, raws[index + 1 :])) == places[index + 1 :]


@pytest.mark.parametrize(
    "text",
    [
        b'{"con\\u0074ent":"same","extra":{"content":"same"}}',
        b'{"x":1 , "con\\u0074ent" : "same","extra":{"content":"same"}}',
        b'[{"\\u0063ontent":"same"},{"content":"same"}]',
    ],
)
def test_a_key_that_is_spelt_in_two_ways_is_in_doubt(text: bytes) -> None:
    assert locate(text, b'"content"', [b'"same"']) is None


@pytest.mark.parametrize(
    "text",
    [
        b'{"content":"same","t\\u0065xt":"other"}',
        b'{"content":"same","text":"in it: {\\"con\\u0074ent\\":1}"}',
        b'{"text":["a,",":\\u0063"],"content":"same"}',
        b'{"text":"\\u001b[0m","content":"same"}',
    ],
)
def test_other_keys_and_texts_may_be_spelt_as_they_like(text: bytes) -> None:
    assert locate(text, b'"content"', [b'"same"']) == [text.index(b'"content"') + 10]
