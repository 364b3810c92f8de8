"""JSON values read back: references, tables and likenesses, and what nobody has written."""

import pytest

from llm_gateway.compression.places import Places, Value
from llm_gateway.compression.spelling import AS_SPELT, PLAIN, Spelt
from llm_gateway.compression.values import value_of

PLACES = Places()
PLACES.roots["2"] = {"user": {"id": 1, "name": "a"}, "list": [[7]]}


@pytest.mark.parametrize(
    "text, value",
    [
        ('{"a":[1,null]}', {"a": [1, None]}),
        ('{"a":[1],"b":{"$ref":"#/a"}}', {"a": [1], "b": [1]}),
        ('{"b":{"$ref":"result 2#/list/0"}}', {"b": [7]}),
        ('{"$like":"result 2#/user","name":"b"}', {"id": 1, "name": "b"}),
        ('[{"id":[2]},{"$like":"#/0","id":{"$ref":"#/0/id"}}]', [{"id": [2]}, {"id": [2]}]),
        ('{"$cols":["a","b"],"$rows":[[1,2],{"c":3}]}', [{"a": 1, "b": 2}, {"c": 3}]),
        ('{"$cols":["a",{"b":["c"]}],"$rows":[[1,[2]]]}', [{"a": 1, "b": {"c": 2}}]),
        (
            '[{"$cols":["a",{"b":["c"]}],"$rows":[[1,[2]]]},{"$ref":"#/0/0/b"}]',
            [[{"a": 1, "b": {"c": 2}}], {"c": 2}],
        ),
    ],
)
def test_what_was_written_is_read(text: str, value: Value) -> None:
    assert value_of(text, PLACES, PLAIN) == value


def test_numbers_are_read_as_they_are_spelt() -> None:
    value = value_of('[1.10,{"$ref":"result 2#/list/0"}]', PLACES, AS_SPELT)
    assert value == ["1.10", [7]]
    assert [type(each) for each in value] == [Spelt, list]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"$ref":1}',
        '{"$ref":"#/b"}',
        '{"$ref":"result 9#"}',
        '{"$ref":"result 2#/user/id/x"}',
        '{"$like":"result 2#/list"}',
        '{"$cols":["a"],"$rows":[[1,2]]}',
        '{"$cols":"a","$rows":[]}',
    ],
)
def test_what_nobody_wrote_is_an_error(text: str) -> None:
    with pytest.raises((ValueError, LookupError)):
        value_of(text, PLACES, PLAIN)
