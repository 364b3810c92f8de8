"""The items of an input, page by page: each once, in order, with an id."""

import json
from typing import Any  # a JSON document, walked as it comes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.errors import MalformedRequest
from llm_gateway.server.input_list import page_of_items

ITEMS = [
    {"role": "user", "content": "hello"},
    {"role": "assistant", "content": "hi"},
    {"id": "rs_own", "type": "reasoning", "summary": []},
    {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"},
    {"type": "function_call_output", "call_id": "c", "output": "1"},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}], "status": None},
    {"type": "item_reference", "id": None},
]


def page(items: object = ITEMS, **query: str) -> dict[str, Any]:
    told = json.loads(page_of_items(json.dumps(items).encode(), "resp_1", query))
    assert told["object"] == "list"
    assert isinstance(told, dict)
    return told


def test_every_item_has_an_id_and_messages_their_long_form() -> None:
    data = page(order="asc")["data"]
    assert [item["id"] for item in data] == [
        "msg_resp_1_0",
        "msg_resp_1_1",
        "rs_own",
        "fc_resp_1_3",
        "fco_resp_1_4",
        "msg_resp_1_5",
        "item_resp_1_6",
    ]
    assert data[0]["content"] == [{"type": "input_text", "text": "hello"}]
    assert data[1]["content"] == [{"type": "output_text", "annotations": [], "text": "hi"}]
    assert {(data[n]["type"], data[n]["status"]) for n in (0, 1, 5)} == {("message", "completed")}
    assert data[2] == ITEMS[2] and "status" not in data[3]


def test_the_newest_come_first_unless_told_otherwise() -> None:
    assert page()["data"] == page(order="asc")["data"][::-1]
    assert page()["first_id"] == "item_resp_1_6" and page()["last_id"] == "msg_resp_1_0"


@given(st.integers(0, 12), st.integers(1, 5), st.sampled_from(["asc", "desc"]))
def test_pages_after_each_other_are_the_whole(count: int, limit: int, order: str) -> None:
    items = [{"role": "user", "content": str(number)} for number in range(count)]
    found: list[str] = []
    after: dict[str, str] = {}
    while True:
        told = page(items, order=order, limit=str(limit), **after)
        found += [item["content"][0]["text"] for item in told["data"]]
        if not told["has_more"]:
            break
        assert len(told["data"]) == limit
        after = {"after": told["last_id"]}
    expected = [str(number) for number in range(count)]
    assert found == (expected if order == "asc" else expected[::-1])


def test_an_empty_page() -> None:
    told = page([])
    assert (told["data"], told["first_id"], told["last_id"], told["has_more"]) == ([], None, None, False)
    assert page(order="asc", after="item_resp_1_6")["data"] == []


def test_a_page_is_twenty_items() -> None:
    told = page([{"role": "user", "content": "x"}] * 21)
    assert len(told["data"]) == 20 and told["has_more"] is True


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", "0"), ("limit", "101"), ("limit", "x"), ("limit", "-1"), ("order", "up"), ("after", "nobody")],
)
def test_a_query_that_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(MalformedRequest) as refused:
        page(**{name: value})
    assert refused.value.param == name


def test_what_is_no_item_is_shown_as_it_came() -> None:
    assert page(["text", {"id": 7, "role": "user"}], order="asc")["data"] == [
        "text",
        {"id": 7, "role": "user"},
    ]
