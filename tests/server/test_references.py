"""Items that are only named are put in the place of their names, where they are kept."""

import asyncio
import json

import pytest
from msgspec import Raw

from llm_gateway.server.conversation import as_input, input_items
from llm_gateway.server.references import ids_of, looked_up, refers

KEPT = {
    "resp_1": [
        b'{"id":"rs_1","type":"reasoning","summary":[ 1.50 ]}',
        b'{"id":"fc_1","type":"function_call"}',
    ],
    "resp_2": [b'{"id":"msg_2","type":"message"}', b'{"type":"message"}', b"7"],
}


def resolved(*items: object) -> tuple[list[bytes], list[str]]:
    asked: list[str] = []

    async def find(item_id: str) -> list[bytes]:
        asked.append(item_id)
        return next((each for each in KEPT.values() if item_id in ids_of(each)), [])

    given = input_items(Raw(json.dumps(items).encode()))
    return list(asyncio.run(looked_up(given, find))), asked


def reference(item_id: object) -> dict[str, object]:
    return {"type": "item_reference", "id": item_id}


def test_a_reference_becomes_the_bytes_of_its_item() -> None:
    found, asked = resolved({"role": "user"}, reference("rs_1"), reference("fc_1"), reference("msg_2"))
    assert found == [b'{"role": "user"}', *KEPT["resp_1"], KEPT["resp_2"][0]]
    assert asked == ["rs_1", "msg_2"], "an answer is fetched once"
    assert json.loads(as_input(tuple(found)))[1]["summary"] == [1.5]


@pytest.mark.parametrize(
    "item", [reference("gone"), reference(7), reference(""), reference("x" * 300), 7, "fc_1"]
)
def test_what_is_not_known_stays_as_it_is(item: object) -> None:
    assert resolved(item)[0] == [json.dumps(item).encode()]


def test_only_an_input_with_the_word_may_refer() -> None:
    assert refers(Raw(json.dumps([reference("x")]).encode()))
    assert not refers(Raw(b'[{"type":"message"}]')) and not refers(None)


def test_ids_are_those_that_there_are() -> None:
    assert ids_of([item for each in KEPT.values() for item in each]) == ["rs_1", "fc_1", "msg_2"]
    assert ids_of([b'{"id":7}', b'{"id":null}', b'{"id":""}', b"\xff"]) == []
