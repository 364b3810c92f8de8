"""Layouts of JSON: taken away and put back byte for byte, or left alone."""

import json

import pytest

from llm_gateway.compression.layout import COMPACT, laid_out, laid_out_as

VALUE = {"a": [1, {"b": "x: {y, z}"}, [], {}], "é": None, "f": 1.5}


@pytest.mark.parametrize("indent", [None, 1, 2, 3, 4, 8])
def test_known_layouts_come_back(indent: int | None) -> None:
    text = json.dumps(VALUE, indent=indent, ensure_ascii=False)
    found = laid_out(text)
    assert found == (json.dumps(VALUE, separators=(",", ":"), ensure_ascii=False), indent or 0)
    assert laid_out_as(*found) == text


def test_compact_text_is_as_it_should_be() -> None:
    assert laid_out('{"a":[1,2]}') == ('{"a":[1,2]}', COMPACT)
    assert laid_out_as('{"a":[1,2]}', COMPACT) == '{"a":[1,2]}'


@pytest.mark.parametrize("number", ["-0", "1e400", "1E5", "1.10", "0.1e-7", "9" * 5000])
def test_numbers_stay_as_they_are_spelt(number: str) -> None:
    assert laid_out(f'{{\n  "a": {number}\n}}') == (f'{{"a":{number}}}', 2)


def test_keys_that_come_twice_and_escapes_stay() -> None:
    assert laid_out('{"a": 1, "a": "\\u0041\\/"}') == ('{"a":1,"a":"\\u0041\\/"}', 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{'a': 1}",
        '{"a": 1,}',
        '{"a" : 1}',
        '{ "a": 1 }',
        '{\n\t"a": 1\n}',
        '{\r\n  "a": 1\r\n}',
        '{\n         "a": 1\n}',
        '{"a": "\ud800"}',
        "[NaN]",
        "[" * 100_000 + "]" * 100_000,
    ],
)
def test_other_layouts_and_other_texts_are_left_alone(text: str) -> None:
    found = laid_out(text)
    assert found is None or laid_out_as(*found) == text
    assert found is None or found[1] == COMPACT
