"""The paths on which clients speak to models."""

import asyncio
import json
from pathlib import Path

import pytest

from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.http.limits import Limits
from llm_gateway.http.listener import Listener
from llm_gateway.ledger.sqlite import GUESSED
from llm_gateway.server.dialect_routes import dialect_routes
from pipeline_stage import Stage, on_stage, request
from server_stage import Door

OPERATIONS = ("chat/completions", "completions", "embeddings")


@pytest.mark.parametrize("version", ["/v1", "", "/v1/v1"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_reaches_its_own_at_the_provider(
    tmp_path: Path, version: str, operation: str
) -> None:
    async def scene(stage: Stage) -> None:
        door = Door(*dialect_routes(stage.gateway))
        body = request(prompt="a", input="a")
        reply = await door.ask(f"{version}/{operation}?x=1", method="POST", token=stage.key, body=body)
        assert reply.status == 200 and reply.json()["model"] == "m"
        (asked,) = stage.scripted.asked()
        assert asked.target == f"/v1/{operation}?x=1", "the query goes along"
        assert (await stage.turn()).intent.operation == operation

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_errors_come_in_the_clients_own_words(tmp_path: Path, operation: str) -> None:
    async def scene(stage: Stage) -> None:
        door = Door(*dialect_routes(stage.gateway))
        for token, body, status in (("", request(), 401), (stage.key, b"{", 400), (stage.key, b"{}", 400)):
            reply = await door.ask(f"/v1/{operation}", method="POST", token=token, body=body)
            assert reply.status == status and reply.error()["message"]
        assert (await door.ask(f"/v1/{operation}", token=stage.key)).status == 405

    on_stage(tmp_path, scene)


def test_a_stream_reaches_the_client_through_the_server(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        door = Door(*dialect_routes(stage.gateway))
        body = request(stream=True)
        reply = await door.ask("/v1/chat/completions", method="POST", token=stage.key, body=body)
        *events, last = reply.events()
        assert reply.whole and last == b"[DONE]"
        assert json.loads(events[0])["object"] == "chat.completion.chunk"

    on_stage(tmp_path, scene)


def test_a_key_that_is_revoked_ends_within_its_connection(tmp_path: Path) -> None:
    """What is known of a header section is kept from one request of a connection to the next."""

    async def scene(stage: Stage) -> None:
        door = Door(*dialect_routes(stage.gateway))
        body = request()
        asked = (
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: %b\r\n"
            b"content-length: %d\r\n\r\n%b" % (stage.key.encode(), len(body), body)
        )
        listener = Listener(door.edge.serve, door.edge.refusal, Limits())
        reader, writer = await asyncio.open_connection("127.0.0.1", await listener.listen("127.0.0.1", 0))
        for status in (b"200", b"200", b"401", b"401"):
            if status == b"401":
                stage.keys.replace([])
            writer.write(asked)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 " + status)
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))
        writer.close()
        await listener.close(1.0)

    on_stage(tmp_path, scene)


def test_a_key_is_asked_for_by_the_handler_itself(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        routes = dialect_routes(stage.gateway)
        assert len(routes) >= 9
        assert {(route.method, route.access) for route in routes} == {("POST", "key")}

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("base", ["/v1beta/models/", "/v1/models/", "/v1beta/v1beta/models/", "/v1beta/"])
@pytest.mark.parametrize("name", ["first/m", "models/first/m", "first%2Fm"])
def test_a_model_in_the_path_may_hold_a_slash(tmp_path: Path, base: str, name: str) -> None:
    """@ai-sdk/google leaves `models/` out before a name that has one."""

    async def scene(stage: Stage) -> None:
        door = Door(*dialect_routes(stage.gateway))
        body = json.dumps({"contents": [{"role": "user", "parts": [{"text": "Guten Tag"}]}]}).encode()
        reply = await door.ask(f"{base}{name}:generateContent", method="POST", token=stage.key, body=body)
        assert reply.status == 200 and "candidates" in reply.json()
        assert stage.scripted.asked()[0].json()["model"] == "m"

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("rest", ["models/first/m", "first/m:sing", "cachedContents"])
def test_a_model_without_a_method_is_not_found(tmp_path: Path, rest: str) -> None:
    async def scene(stage: Stage) -> None:
        door = Door(*dialect_routes(stage.gateway))
        reply = await door.ask(f"/v1beta/{rest}", method="POST", token=stage.key, body=b"{}")
        assert reply.status == 404 and "generateContent" in str(reply.error()["message"])

    on_stage(tmp_path, scene)


def test_what_a_kill_interrupts_is_guessed_of_every_operation_that_uses_tokens(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        paths = [route.path for route in dialect_routes(stage.gateway) if "{" not in route.path]
        asked = {path.removeprefix("/v1/") for path in paths if path.startswith("/v1/")}
        asked |= {path.removeprefix("/api/") for path in paths if path.startswith("/api/")}
        asked = {each for each in asked if not each.startswith(("v1/", "api/"))}
        assert len(asked) >= 10
        counts = {each for each in asked if any(kind.kind(each) == "count" for kind in DIALECTS.values())}
        assert asked - counts - set(GUESSED) <= {"responses/input_tokens"}

    on_stage(tmp_path, scene)
