"""JSON with less said twice: how it is written, and that it reads back as it was."""

import json

import pytest

from llm_gateway.compression.columns import written
from llm_gateway.compression.places import Places, Value
from llm_gateway.compression.values import value_of

USER = {
    "login": "octo",
    "id": 1,
    "url": "https://api.example.com/users/octo",
    "site_admin": False,
    "type": "User",
    "avatar": "https://avatars.example.com/u/1",
}


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def both_ways(values: list[object]) -> list[str]:
    """Write values one after the other, as results, and read each back."""
    there, back = Places(), Places()
    texts: list[str] = []
    for number, value in enumerate(values, 1):
        wrote = written(compact(value), there, str(number))
        assert wrote is not None
        there.add(str(number), wrote.value, wrote.first, wrote.kin)
        read: Value = value_of(wrote.text, back, wrote.spelling)
        assert compact(read) == compact(value)
        back.roots[str(number)] = read
        texts.append(wrote.text)
    return texts


def test_small_values_stay_as_they_are() -> None:
    assert both_ways([{"a": [{"b": 1}, {"b": 2}]}]) == ['{"a":[{"b":1},{"b":2}]}']


def test_like_objects_become_rows() -> None:
    rows = [{"name": f"some name {n}", "version": "1.0.0"} for n in range(4)]
    (text,) = both_ways([rows])
    assert text.startswith('{"$cols":["name","version"],"$rows":[\n["some name 0","1.0.0"],\n["some name 1"')


def test_objects_in_a_column_have_columns_of_their_own() -> None:
    rows = [
        {"flight": f"HAT{n}", "seats": {"economy": n, "business": 2}, "note": "on time"} for n in range(4)
    ]
    (text,) = both_ways([rows])
    assert '"$cols":["flight",{"seats":["economy","business"]},"note"]' in text
    assert '["HAT3",[3,2],"on time"]' in text


def test_objects_of_like_objects_are_tables_too() -> None:
    methods: dict[str, object] = {
        f"card_{n}": {"source": "card", "brand": "visa", "last": n} for n in range(4)
    }
    (text,) = both_ways([{"name": "x", "methods": {**methods, "gift": {"source": "gift"}}}])
    assert text.startswith(
        '{"name":"x","methods":{"$cols":["source","brand","last"],"$rows":{"card_0":["card","visa",0],'
    )
    assert text.endswith('\n"gift":{"source":"gift"}}}}')


def test_few_keys_are_not_worth_a_heading() -> None:
    (text,) = both_ways([[{"id": "x" * 40}, {"id": "y" * 40}]])
    assert "$cols" not in text


def test_objects_with_other_keys_stand_among_the_rows() -> None:
    rows: list[object] = [{"name": f"name {n}", "number": n} for n in range(6)]
    (text,) = both_ways([[*rows, {"name": "x", "error": "none"}]])
    assert text.endswith(',\n{"name":"x","error":"none"}]}')


def test_what_stood_before_is_referred_to() -> None:
    first, second = both_ways(
        [{"owner": USER, "organization": USER, "id": 7}, {"a": {"uploader": USER}, "b": [USER]}]
    )
    assert '"organization":{"$ref":"#/owner"}' in first
    assert second == '{"a":{"uploader":{"$ref":"result 1#/owner"}},"b":[{"$ref":"result 1#/owner"}]}'


def test_long_strings_are_referred_to() -> None:
    (text,) = both_ways([{"a": "word " * 20, "b": "word " * 20}])
    assert text.endswith('"b":{"$ref":"#/a"}}')


def test_what_is_like_an_earlier_object_says_what_differs() -> None:
    other = {**USER, "id": 2}
    texts = both_ways([{"first": USER, "second": other}, {"third": {**USER, "site_admin": None}}])
    assert texts[0].endswith('\n"second":{"$like":"#/first","id":2}}}')
    assert texts[1] == '{"third":{"$like":"result 1#/first","site_admin":null}}'


def test_equal_to_python_is_not_the_same() -> None:
    numbers = {
        "count": 1,
        "ratio": 1.0,
        "flag": True,
        "text": "some longer text that makes it worth its while" * 3,
    }
    texts = both_ways(
        [numbers, {**numbers, "count": True}, {**numbers, "ratio": 1}, {**numbers, "flag": 1.0}]
    )
    assert [text[:28] for text in texts[1:]] == [
        '{"$like":"result 1#","count"',
        '{"$like":"result 1#","ratio"',
        '{"$like":"result 1#","flag":',
    ]


def test_nothing_refers_to_what_is_itself_a_reference() -> None:
    like = {**USER, "id": 2}
    texts = both_ways([USER, like, like])
    assert texts[1] == texts[2] == '{"$like":"result 1#","id":2}'


def test_an_object_is_not_like_the_one_it_stands_in() -> None:
    inner = {"id": 1, "body": "text " * 30, "parent": None}
    both_ways(
        [{"id": 1, "body": "text " * 30, "parent": inner}, {"id": 1, "body": "text " * 30, "parent": [inner]}]
    )


def test_keys_with_slashes_and_tildes_are_found_again() -> None:
    texts = both_ways([{"a/b": {"~": USER}}, [USER, {"": USER}]])
    assert texts[1] == '[{"$ref":"result 1#/a~1b/~0"},{"":{"$ref":"result 1#/a~1b/~0"}}]'


@pytest.mark.parametrize("name", ["$ref", "$cols", "$rows", "$like"])
def test_values_that_use_our_names_are_not_ours(name: str) -> None:
    assert written(compact({name: "#/a", "rest": "x" * 90}), Places(), "1") is None


def test_values_within_values_end_somewhere() -> None:
    deep: object = "x" * 90
    for _ in range(63):
        deep = {"a": deep, "b": [1]}
    assert written(compact(deep), Places(), "1") is not None
    for _ in range(10):
        deep = [deep]
    assert written(compact(deep), Places(), "1") is None


def test_a_text_that_cannot_be_spelt_is_none() -> None:
    assert written('{"a":1,"a":2}', Places(), "1") is None
