"""Responses by their ids: of the key that asks, else of the default provider, else of nobody."""

import json
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from llm_gateway.content.content import Content
from llm_gateway.content.rows import database_of
from llm_gateway.content.safe import DAY_US
from llm_gateway.pipeline.authenticate import Identity
from llm_gateway.pipeline.forwarding import Forwarding
from llm_gateway.server.kept_responses import KIND, KeptResponse, KeptResponses
from llm_gateway.server.responses_api import ResponsesApi
from llm_gateway.upstream.client import Line
from llm_gateway.vault import mint_key
from pipeline_stage import Stage, endpoint, on_stage
from rawhttp import Reply
from scripted import Received, Script, Send
from scripted.wording import response
from server_stage import Door

TOLD = b'{"id": "resp_1", "status": "completed", "output": [], "x": 1.50}'


class Desk:
    """Somebody with a key that keeps content, before a gateway with one kept response."""

    def __init__(self, stage: Stage, content: Content, default: str) -> None:
        self.stage = stage
        self.content = content
        kept = KeptResponses(stage.gateway, content, default)
        self.door = Door(*ResponsesApi(kept, Forwarding(stage.gateway, default)).routes())
        self.bob = mint_key()
        stage.let_in(self.bob, Identity("key_2", "bob", 7))

    async def ask(self, method: str, target: str, *, key: str = "") -> Reply:
        return await self.door.ask(target, method=method, token=key or self.stage.key)


def echo(asked: Received, names: object) -> Script:
    return (Send(response(200, b'{"asked":"%b %b"}' % (asked.method.encode(), asked.target.encode()))),)


def seated(home: Path, scene: Callable[[Desk], Awaitable[None]], *, default: str = "") -> None:
    async def play(stage: Stage) -> None:
        made = msgspec.structs.replace(endpoint("first", stage.scripted.port), dialect="responses")
        stage.lines["first", "responses"] = Line(made)
        stage.plan_by({})
        desk = Desk(stage, stage.keep(home, 7), default)
        payload = KeptResponse(TOLD, b'[{"role":"user","content":"hi"}]')
        await desk.content.keep("key_1", KIND, "resp_1", msgspec.msgpack.encode(payload), 7)
        try:
            await scene(desk)
        finally:
            await desk.content.close()

    on_stage(home, play, responders=[echo])


@pytest.mark.parametrize("root", ["/v1", "", "/v1/v1"])
def test_it_is_shown_as_it_was_kept(tmp_path: Path, root: str) -> None:
    async def scene(desk: Desk) -> None:
        reply = await desk.ask("GET", f"{root}/responses/resp_1")
        assert (reply.status, reply.body) == (200, TOLD)
        assert reply.header("content-type") == "application/json"
        assert reply.header("cache-control") == "no-store"
        reply = await desk.ask("GET", f"{root}/responses/resp_1/input_items?limit=1")
        (item,) = json.loads(reply.body)["data"]
        assert (item["id"], item["content"][0]["text"]) == ("msg_resp_1_0", "hi")

    seated(tmp_path, scene)


def test_it_is_deleted_once(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        reply = await desk.ask("DELETE", "/v1/responses/resp_1")
        assert reply.json() == {"id": "resp_1", "object": "response", "deleted": True}
        for method, below in (("DELETE", ""), ("GET", ""), ("GET", "/input_items"), ("POST", "/cancel")):
            assert (await desk.ask(method, f"/v1/responses/resp_1{below}")).status == 404

    seated(tmp_path, scene)


@pytest.mark.parametrize(
    ("method", "below"), [("GET", ""), ("GET", "/input_items"), ("DELETE", ""), ("POST", "/cancel")]
)
def test_another_keys_is_as_if_it_never_was(tmp_path: Path, method: str, below: str) -> None:
    async def scene(desk: Desk) -> None:
        there = await desk.ask(method, f"/v1/responses/resp_1{below}", key=desk.bob)
        never = await desk.ask(method, f"/v1/responses/resp_2{below}", key=desk.bob)
        assert there.status == never.status == 404 and there.body == never.body
        assert (await desk.ask("GET", "/v1/responses/resp_1")).status == 200
        assert desk.stage.scripted.requests == []

    seated(tmp_path, scene)


def test_nobody_is_shown_anything_without_a_key(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        assert (await desk.ask("GET", "/v1/responses/resp_1", key="lgw_nobody")).status == 401

    seated(tmp_path, scene)


def test_its_time_ends(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        desk.stage.clock.now += 7 * DAY_US
        assert (await desk.ask("GET", "/v1/responses/resp_1")).status == 404

    seated(tmp_path, scene)


@pytest.mark.parametrize(
    ("method", "below", "word"),
    [
        ("GET", "?stream=true", "stream"),
        ("POST", "/cancel", "background"),
        ("GET", "/input_items?limit=0", "limit"),
    ],
)
def test_what_cannot_be_had_is_said(tmp_path: Path, method: str, below: str, word: str) -> None:
    async def scene(desk: Desk) -> None:
        reply = await desk.ask(method, f"/v1/responses/resp_1{below}")
        assert reply.status == 400 and word in str(reply.error()["message"])
        assert (await desk.ask("GET", "/v1/responses/resp_1?stream=false&include[]=x")).status == 200

    seated(tmp_path, scene)


def test_the_default_provider_is_asked_for_what_is_not_kept_here(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        assert (await desk.ask("GET", "/v1/responses/resp_1")).body == TOLD
        for method, path in (
            ("GET", "resp_2"),
            ("GET", "resp_2/input_items"),
            ("DELETE", "resp_2"),
            ("POST", "resp_2/cancel"),
            ("PUT", "resp_1"),
            ("GET", "resp_1/something/else"),
        ):
            reply = await desk.ask(method, f"/v1/responses/{path}")
            assert reply.json() == {"asked": f"{method} /v1/responses/{path}"}

    seated(tmp_path, scene, default="first")


def test_what_cannot_be_opened_is_told_and_can_be_deleted(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        with closing(sqlite3.connect(database_of(tmp_path))) as connection, connection:
            connection.execute("UPDATE kept SET sealed = x'01'")
        reply = await desk.ask("GET", "/v1/responses/resp_1")
        assert (reply.status, reply.error()["code"]) == (500, "content_damaged")
        assert (await desk.ask("DELETE", "/v1/responses/resp_1")).status == 200

    seated(tmp_path, scene)


@pytest.mark.parametrize("name", ["x" * 300, "..", "%2e%2e", "resp%001"])
def test_an_id_that_is_none(tmp_path: Path, name: str) -> None:
    async def scene(desk: Desk) -> None:
        assert (await desk.ask("GET", f"/v1/responses/{name}")).status == 404

    seated(tmp_path, scene)
