"""Going on over a WebSocket from what is kept for the key, when the connection remembers nothing of it."""

import json
from pathlib import Path

import pytest

from llm_gateway.content.content import Content
from llm_gateway.pipeline.authenticate import Identity
from llm_gateway.server.kept_responses import KIND, read_kept
from scripted import responses
from socket_stage import Place, talking
from websocket_peer import WebSocketPeer

Json = dict[str, object]


async def turn(peer: WebSocketPeer, model: str, said: str, **fields: object) -> Json:
    peer.send_json(type="response.create", model=f"{model}/m", input=said, **fields)
    *_, last = await peer.until("response.completed", "response.failed", "error")
    if last["type"] == "error":
        return last
    response = last["response"]
    assert last["type"] == "response.completed" and isinstance(response, dict)
    return response


async def kept(place: Place, response_id: object) -> tuple[Json, list[Json]]:
    content = place.content
    assert isinstance(content, Content)
    payload = await content.fetch("key_1", KIND, str(response_id))
    assert payload is not None
    found = read_kept(payload)
    return json.loads(found.response), json.loads(found.input)


@pytest.mark.parametrize("dialect", ["chat", "messages", "gemini", "ollama"])
def test_a_conversation_goes_on_over_another_connection(tmp_path: Path, dialect: str) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as peer:
            first = await turn(peer, dialect, "first words")
            second = await turn(peer, dialect, "second words", previous_response_id=first["id"])
        async with place.open() as peer:
            third = await turn(peer, dialect, "third words", previous_response_id=second["id"])
            fourth = await turn(peer, dialect, "fourth words", previous_response_id=third["id"])
        body = place.scripted.asked()[-1].body
        assert all(f"{word} words".encode() in body for word in ("first", "second", "third", "fourth"))
        told, items = await kept(place, fourth["id"])
        assert (told["previous_response_id"], told["store"]) == (third["id"], True)
        assert told == fourth
        assert len(items) == 7

    talking(tmp_path, scene, keeps=7)


def test_what_the_connection_remembers_comes_first(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as peer:
            first = await turn(peer, "chat", "first words")
            assert isinstance(place.content, Content)
            await place.content.erase("key_1")
            second = await turn(peer, "chat", "second words", previous_response_id=first["id"])
        assert b"first words" in place.scripted.asked()[1].body
        assert len((await kept(place, second["id"]))[1]) == 3

    talking(tmp_path, scene, keeps=7)


def test_what_is_not_to_be_stored_is_of_the_connection_alone(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as peer:
            first = await turn(peer, "chat", "first words", store=False)
            assert "id" in await turn(peer, "chat", "more", previous_response_id=first["id"], store=False)
        async with place.open() as peer:
            refused = await turn(peer, "chat", "more", previous_response_id=first["id"])
            assert refused["status"] == 400

    talking(tmp_path, scene, keeps=7)


def test_keys_that_change_while_a_connection_is_open(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as peer:
            first = await turn(peer, "responses", "first words")
            place.stage.let_in(place.stage.key, Identity("key_1", "ada"))
            await turn(peer, "chat", "second words", previous_response_id=first["id"])
            assert isinstance(place.content, Content)
            assert [total[:2] for total in await place.content.totals()] == [("key_1", 1)]
        async with place.open() as peer:
            place.stage.let_in(place.stage.key, Identity("key_2", "bob"))
            refused = await turn(peer, "chat", "more", previous_response_id=responses.ID)
            assert refused["error"]
            assert refused["status"] == 400

    talking(tmp_path, scene, keeps=7)
