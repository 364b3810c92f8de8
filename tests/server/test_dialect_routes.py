"""The paths on which clients speak to models."""

import json
from pathlib import Path

import pytest

from llm_gateway.dialects.chat import CHAT
from llm_gateway.server.dialect_routes import chat_routes
from pipeline_stage import Stage, on_stage, request
from server_stage import Door

OPERATIONS = ("chat/completions", "completions", "embeddings")


@pytest.mark.parametrize("version", ["/v1", "", "/v1/v1"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_reaches_its_own_at_the_provider(
    tmp_path: Path, version: str, operation: str
) -> None:
    async def scene(stage: Stage) -> None:
        door = Door(*chat_routes(stage.gateway, CHAT))
        body = request(prompt="a", input="a")
        reply = await door.ask(f"{version}/{operation}?x=1", method="POST", token=stage.key, body=body)
        assert reply.status == 200 and reply.json()["model"] == "m"
        (asked,) = stage.scripted.asked()
        assert asked.target == f"/v1/{operation}"
        assert (await stage.turn()).intent.operation == operation

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_errors_come_in_the_clients_own_words(tmp_path: Path, operation: str) -> None:
    async def scene(stage: Stage) -> None:
        door = Door(*chat_routes(stage.gateway, CHAT))
        for token, body, status in (("", request(), 401), (stage.key, b"{", 400), (stage.key, b"{}", 400)):
            reply = await door.ask(f"/v1/{operation}", method="POST", token=token, body=body)
            assert reply.status == status and reply.error()["message"]
        assert (await door.ask(f"/v1/{operation}", token=stage.key)).status == 405

    on_stage(tmp_path, scene)


def test_a_stream_reaches_the_client_through_the_server(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        door = Door(*chat_routes(stage.gateway, CHAT))
        body = request(stream=True)
        reply = await door.ask("/v1/chat/completions", method="POST", token=stage.key, body=body)
        *events, last = reply.events()
        assert reply.whole and last == b"[DONE]"
        assert json.loads(events[0])["object"] == "chat.completion.chunk"

    on_stage(tmp_path, scene)


def test_a_key_is_asked_for_by_the_handler_itself(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        routes = chat_routes(stage.gateway, CHAT)
        assert len(routes) == 9
        assert {(route.method, route.access) for route in routes} == {("POST", "key")}

    on_stage(tmp_path, scene)
