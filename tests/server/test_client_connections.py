"""Applications connected over HTTP, in a home of a test, as the command line connects them."""

import asyncio
import json
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from clients.homes import make_home
from fakes import FakeWire
from gateway_process import TOKEN, GatewayProcess, configuration
from llm_gateway.clients.catalog import catalog
from llm_gateway.config import load
from llm_gateway.pipeline.key_admin import KeyAdmin
from llm_gateway.server.client_connections import ClientConnections
from llm_gateway.server.shelf import Shelf
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.fleet import Fleet
from pipeline_stage import PEPPER, Stage, on_stage
from rawhttp import Reply, request
from server_stage import DASHBOARD, OWNER, Door

SETTINGS = ".claude/settings.json"
HERE = "http://127.0.0.1:8787"


def path_of(client: str) -> str:
    return f"/api/dashboard/clients/{client}/connection"


class Room:
    """A gateway's connections, on a machine with Claude Code."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        self.machine = make_home(catalog()["claude-code"], "linux", folder)
        self.settings = self.machine.home / SETTINGS
        self.who = ""
        self.failures: list[str] = []
        self.tasks = Tasks(lambda what, error: self.failures.append(what))
        self.loaded = load(flags={"home": folder / "gateway"}, environ={})
        self.admin = KeyAdmin(stage.ledger, stage.keys, PEPPER, stage.clock, None)
        fleet = Fleet(stage.upstream, stage.clock, lambda: None)
        self.connections = ClientConnections(
            self.admin,
            Shelf(fleet, stage.gateway.router, stage.clock, self.tasks),
            self.tasks,
            lambda: (self.loaded, self.machine.environ),
            lambda: HERE,
            lambda exchange: self.who,
        )
        self.door = Door(*self.connections.routes())

    async def ask(
        self,
        method: str,
        client: str = "claude-code",
        body: bytes = b"",
        *,
        query: str = "",
        token: str = DASHBOARD,
    ) -> Reply:
        return await self.door.ask(path_of(client) + query, method=method, token=token, body=body)

    async def shown(self, client: str = "claude-code", query: str = "") -> dict[str, object]:
        reply = await self.ask("GET", client, query=query)
        assert reply.status == 200, reply
        return reply.json()

    async def agreed(self, query: str = "") -> bytes:
        return json.dumps({"plan": (await self.shown(query=query))["plan"]}).encode()

    def audited(self) -> list[str]:
        lines = self.stage.ledger.audit.path.read_text().splitlines()
        return [json.loads(line)["action"] for line in lines]


def seated(folder: Path, scene: Callable[[Room], Awaitable[None]]) -> None:
    async def play(stage: Stage) -> None:
        room = Room(stage, folder)
        await scene(room)
        await room.tasks.close()
        assert room.failures == []

    on_stage(folder / "ledger", play)


def test_it_is_the_dashboards_and_the_owners(tmp_path: Path) -> None:
    async def scene(room: Room) -> None:
        for method in ("GET", "POST", "DELETE"):
            for token in ("", room.stage.key, "wrong"):
                assert (await room.ask(method, token=token)).status == 401
        assert (await room.ask("GET", token=OWNER)).status == 200

    seated(tmp_path, scene)


def test_what_is_shown_is_made_and_put_back(tmp_path: Path) -> None:
    async def scene(room: Room) -> None:
        before = room.settings.read_bytes()
        body = await room.agreed()
        assert room.settings.read_bytes() == before and await room.admin.listed() == []

        made = await room.ask("POST", body=body)
        told = made.json()
        assert made.status == 200 and told["connected"] is True and told["settings"] == "as written"
        key = json.loads(room.settings.read_bytes())["env"]["ANTHROPIC_AUTH_TOKEN"]
        assert key.encode() not in made.body and key not in str(await room.shown())
        (row,) = await room.admin.listed()
        assert (row.client, row.name) == ("claude-code", f"claude-code@{row.machine}")
        assert room.audited()[-2:] == ["client.connect", "key.create"]

        again = await room.ask("POST", body=await room.agreed())
        assert again.status == 200 and len(await room.admin.listed()) == 1

        undone = await room.ask("DELETE")
        assert undone.status == 200 and undone.json()["connected"] is False
        assert room.settings.read_bytes() == before
        (row,) = await room.admin.listed()
        assert not row.accepted(room.stage.clock.now_us())
        assert room.audited()[-2:] == ["client.disconnect", "key.revoke"]
        twice = await room.ask("DELETE")
        assert twice.status == 409 and "is not connected" in str(twice.error()["message"])

    seated(tmp_path, scene)


def test_a_plan_that_is_another_one_by_now_is_not_carried_out(tmp_path: Path) -> None:
    async def scene(room: Room) -> None:
        body = await room.agreed()
        room.settings.write_text('{"env": {}}')
        reply = await room.ask("POST", body=body)
        assert reply.status == 409 and "look at the plan again" in str(reply.error()["message"])
        assert reply.error()["code"] == "conflict"
        assert room.settings.read_text() == '{"env": {}}' and await room.admin.listed() == []
        other = await room.ask("POST", body=await room.agreed(), query="?way=login")
        assert other.status == 409
        assert (
            await room.ask("POST", body=await room.agreed("?way=login"), query="?way=login")
        ).status == 200
        assert (await room.shown())["connected_way"] == "login"

    seated(tmp_path, scene)


def test_what_cannot_be_put_right_is_said(tmp_path: Path) -> None:
    async def scene(room: Room) -> None:
        await room.ask("POST", body=await room.agreed())
        room.settings.write_text("{ not json")
        reply = await room.ask("DELETE")
        assert reply.status == 409 and "cannot be put right" in str(reply.error()["message"])
        assert room.settings.read_text() == "{ not json"
        (row,) = await room.admin.listed()
        assert row.accepted(room.stage.clock.now_us()), "the settings may still have its key"

    seated(tmp_path, scene)


def test_two_at_once_are_one_after_the_other(tmp_path: Path) -> None:
    async def scene(room: Room) -> None:
        body = await room.agreed()
        replies = await asyncio.gather(*(room.ask("POST", body=body) for _ in range(4)))
        assert sorted(reply.status for reply in replies) == [200, 409, 409, 409]
        assert len(await room.admin.listed()) == 1

    seated(tmp_path, scene)


@pytest.mark.parametrize("peer", ["192.0.2.7", "fe80::1%eth0"])
def test_from_another_machine_nothing_is_changed(tmp_path: Path, peer: str) -> None:
    async def scene(room: Room) -> None:
        body = await room.agreed()
        before = room.settings.read_bytes()
        bearer = [(b"authorization", b"Bearer " + DASHBOARD.encode())]
        for method in (b"POST", b"DELETE", b"GET"):
            wire = FakeWire()
            exchange = wire.exchange(method, path_of("claude-code").encode(), bearer, body=body)
            exchange.peer = peer
            await room.door.edge.serve(exchange)
            assert wire.reply.status == (200 if method == b"GET" else 403)
        assert room.settings.read_bytes() == before
        room.who = "session ses_1"
        wire = FakeWire()
        exchange = wire.exchange(b"POST", path_of("claude-code").encode(), bearer, body=body)
        exchange.peer = peer
        await room.door.edge.serve(exchange)
        assert wire.reply.status == 200
        line = json.loads(room.stage.ledger.audit.path.read_text().splitlines()[-2])
        assert (line["action"], line["target"]) == ("client.connect", "claude-code")
        assert line["detail"] == {"way": "usual"} and line["actor"] == "session ses_1"
        made = json.loads(room.stage.ledger.audit.path.read_text().splitlines()[-1])
        assert (made["action"], made["actor"]) == ("key.create", "session ses_1")

    seated(tmp_path, scene)


def test_what_is_asked_wrongly_is_refused(tmp_path: Path) -> None:
    async def scene(room: Room) -> None:
        for target, status in (
            (path_of("nothing"), 404),
            (path_of("a/b"), 404),
            ("/api/dashboard/clients/claude-code", 404),
            (path_of("claude-code") + "/more", 404),
            (path_of("claude-code") + "?way=other", 400),
            (path_of("claude-code") + f"?model={'m' * 201}", 400),
            (path_of("claude-code") + f"?model={quote('a' + chr(10))}", 400),
        ):
            assert (await room.door.ask(target, token=DASHBOARD)).status == status, target
        for body in (b"", b"{}", b"[1]", b'{"plan": 1}', b'{"plan": "", "more": 1}', b"\xff"):
            assert (await room.ask("POST", body=body)).status == 400
        assert (await room.ask("POST", "cursor", b'{"plan":""}')).status == 403
        cursor = await room.shown("cursor")
        assert cursor["possible"] is False and cursor["why"]

    seated(tmp_path, scene)


def test_models_are_those_that_are_served(tmp_path: Path) -> None:
    async def scene(room: Room) -> None:
        told = await room.shown("opencode", "?model=mine")
        assert told["possible"] is True
        files = told["files"]
        assert isinstance(files, list) and "mine" in files[0]["diff"]

    seated(tmp_path, scene)


def test_a_real_gateway_connects_and_puts_back_every_byte(tmp_path: Path) -> None:
    machine = make_home(catalog()["claude-code"], "linux", tmp_path / "machine")
    path = machine.home / SETTINGS
    before, mode = path.read_bytes(), stat.S_IMODE(path.stat().st_mode)
    config = configuration("http://127.0.0.1:9")
    with GatewayProcess(tmp_path, config, environ={"HOME": str(machine.home)}) as gateway:

        def ask(method: str, body: bytes = b"") -> Reply:
            with gateway.client() as client:
                client.send(request(method, path_of("claude-code"), body=body, key=TOKEN))
                return client.read_reply()

        shown = ask("GET").json()
        assert shown["possible"] is True and path.read_bytes() == before
        made = ask("POST", json.dumps({"plan": shown["plan"]}).encode())
        assert made.status == 200, made
        env = json.loads(path.read_bytes())["env"]
        assert env["ANTHROPIC_BASE_URL"] == gateway.url
        assert gateway.get("/v1/models", key=env["ANTHROPIC_AUTH_TOKEN"]).status == 200
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert ask("DELETE").status == 200
        assert path.read_bytes() == before and stat.S_IMODE(path.stat().st_mode) == mode
        assert gateway.get("/v1/models", key=env["ANTHROPIC_AUTH_TOKEN"]).status == 401
