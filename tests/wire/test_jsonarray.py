"""Arrays cut into elements: the same ones however they arrive, and torn ones made whole."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.wire.jsonarray import ArraySplitter, ElementTooLarge, completion

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=4)
STREAM = '[{"a": "x]}\\"\\\\", "é": [{"b": []}, "🌍"]},\r\n{"c": {}}\n,\n[1, "["]\n]\n'.encode()
ELEMENTS = ['{"a": "x]}\\"\\\\", "é": [{"b": []}, "🌍"]}'.encode(), b'{"c": {}}', b'[1, "["]']


def cut(data: bytes, places: list[int]) -> list[bytes]:
    return [data[start:end] for start, end in pairwise([0, *sorted(places), len(data)])]


def split(pieces: list[bytes]) -> tuple[list[bytes], ArraySplitter]:
    splitter = ArraySplitter()
    return [element for piece in pieces for element in splitter.feed(piece)], splitter


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_split_gives_the_same_elements(places: list[int]) -> None:
    elements, splitter = split(cut(STREAM, places))
    assert elements == ELEMENTS
    assert (splitter.opened, splitter.ended, splitter.told, splitter.pending) == (True, True, 3, b"")


@given(st.lists(OBJECTS, max_size=4), st.sampled_from([None, 2]), st.booleans(), st.integers(1, 9))
def test_elements_of_any_content_come_whole(
    values: list[dict[str, object]], indent: int | None, ascii_only: bool, size: int
) -> None:
    data = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode()
    elements, splitter = split([data[at : at + size] for at in range(0, len(data), size)])
    assert [json.loads(element.decode()) for element in elements] == values
    assert splitter.ended and splitter.told == len(values)


def test_the_state_is_told_on_the_way() -> None:
    splitter = ArraySplitter()
    told = []
    for piece in (b"", b" [", b'{"a":', b"1},", b"]", b'{"b":1}'):
        found = splitter.feed(piece)
        told.append((found, splitter.opened, splitter.pending, splitter.separated, splitter.ended))
    assert told == [
        ([], False, b"", False, False),
        ([], True, b"", False, False),
        ([], True, b'{"a":', False, False),
        ([b'{"a":1}'], True, b"", True, False),
        ([], True, b"", True, True),
        ([], True, b"", True, True),  # nothing follows the end
    ]


def test_objects_without_an_array_are_cut_too() -> None:
    elements, splitter = split([b'{"error": {}}\n{"x"', b": 1}"])
    assert elements == [b'{"error": {}}', b'{"x": 1}']
    assert not splitter.opened and not splitter.ended


def test_what_is_no_element_is_passed_over() -> None:
    assert split([b'[1, null, {"a": 1}, "x"]'])[0] == [b'{"a": 1}']
    assert split([b']}{"a": 1}'])[0] == [b'{"a": 1}']


@pytest.mark.parametrize("size", [1, 7, 100])
def test_an_element_without_an_end_is_refused(size: int) -> None:
    data = b'[{"a": "' + b"x" * 100
    splitter = ArraySplitter(limit=50)

    def feed() -> None:
        for start in range(0, 100, size):
            splitter.feed(data[start : start + size])

    with pytest.raises(ElementTooLarge, match="50 bytes"):
        feed()


def test_the_limit_is_for_one_element_not_for_a_piece() -> None:
    assert len(ArraySplitter(limit=10).feed(b'[{"a": 1},{"b": 2},{"c": 3}]')) == 3


@given(OBJECTS, st.sampled_from([None, 1]), st.booleans(), st.data())
def test_whatever_begins_a_value_can_be_completed(
    value: dict[str, object], indent: int | None, ascii_only: bool, data: st.DataObject
) -> None:
    whole = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    torn = whole[: data.draw(st.integers(1, len(whole)))]
    done = torn + completion(torn)
    assert isinstance(json.loads(done.decode()), dict)


@pytest.mark.parametrize(
    ("torn", "rest"),
    [
        (b"", b"null"),
        (b'{"a":1}', b""),
        (b"{", b"}"),
        (b'{"a', b'":null}'),
        (b'{"a"', b":null}"),
        (b'{"a":', b"null}"),
        (b'{"a":1,', b'"":null}'),
        (b'{"a":"b', b'"}'),
        (b'{"a":"b"', b"}"),
        (b'{"a":"b\\', b'\\"}'),
        (b'{"a":"\\u00', b'00"}'),
        (b'{"a":"\xf0', b'\x90\x80\x80"}'),
        (b'{"a":"\xe4\xbd', b'\x80"}'),
        (b'{"a":[tr', b"ue]}"),
        (b'{"a":-', b"0}"),
        (b'{"a":1.', b"0}"),
        (b'[{"a":1},', b"null]"),
        (b'{"\\"', b'":null}'),
    ],
)
def test_the_fewest_bytes_complete_it(torn: bytes, rest: bytes) -> None:
    assert completion(torn) == rest
