"""A gateway that runs: sessions live through a restart, what is open ends with them, and no log tells any."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from llm_gateway.app import App
from llm_gateway.config import load
from rawhttp import Reply, parse_replies, request
from server_stage import home_files
from sign_in_stage import cookie_of

DASHBOARD = "a-dashboard-token-0123456789"


class Running:
    """A gateway of this process."""

    def __init__(self, app: App, home: Path) -> None:
        self.app = app
        self.owner = {"Authorization": f"Bearer {(home / 'owner-token').read_text().strip()}"}

    async def ask(
        self, method: str, target: str, fields: dict[str, str] | None = None, body: bytes = b""
    ) -> Reply:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.app.port)
        writer.write(request(method, target, body=body, headers=[*(fields or {}).items(), CLOSE]))
        told = await reader.read()
        writer.close()
        return parse_replies(told)[-1]

    async def signed_in(self) -> tuple[dict[str, str], str]:
        url = str((await self.ask("POST", "/api/open", self.owner)).json()["url"])
        assert url.startswith(f"{self.app.url}/sign-in#link=")
        link = url.partition("#link=")[2]
        reply = await self.ask("POST", "/sign-in/link", {}, b'{"link":"%b"}' % link.encode())
        return {"Cookie": cookie_of(reply)}, link


CLOSE = ("Connection", "close")


def in_a_gateway(home: Path, *scenes: Callable[[Running], Awaitable[None]], token: str = DASHBOARD) -> None:
    """Play each scene with a gateway of its own, in one home."""
    environ = {
        "LLM_GATEWAY_HOME": str(home),
        "LLM_GATEWAY_SERVER__PORT": "0",
        "LLM_GATEWAY_DASHBOARD_TOKEN": token,
        "LLM_GATEWAY_CLIENTS__DETECT": "false",
        "LLM_GATEWAY_LOG__LEVEL": "debug",
    }

    async def play() -> None:
        for scene in scenes:
            app = App(load(flags={}, environ=environ), environ)
            await app.start()
            try:
                await scene(Running(app, home))
            finally:
                await app.close()

    asyncio.run(play())


def test_sessions_outlive_a_restart_and_no_log_and_file_holds_them(tmp_path: Path) -> None:
    kept: dict[str, str] = {}
    links: list[str] = []

    async def before(running: Running) -> None:
        fields, link = await running.signed_in()
        kept.update(fields)
        links.append(link)
        assert (await running.ask("GET", "/api/dashboard/health", kept)).status == 200
        url = str((await running.ask("POST", "/api/open", running.owner)).json()["url"])
        links.append(url.partition("#link=")[2])

    async def after(running: Running) -> None:
        assert (await running.ask("GET", "/api/dashboard/health", kept)).status == 200
        assert (await running.ask("GET", "/", {**kept, "Accept": "text/html"})).status == 200
        for link in links:
            reply = await running.ask("POST", "/sign-in/link", {}, b'{"link":"%b"}' % link.encode())
            assert reply.status == 401
        assert (await running.ask("POST", "/sign-out", kept)).status == 403

    in_a_gateway(tmp_path, before, after)
    stored = home_files(tmp_path)
    for secret in (*links, kept["Cookie"].partition("=")[2], DASHBOARD):
        assert secret.encode() not in stored


def test_what_is_open_ends_within_a_second_of_its_session(tmp_path: Path) -> None:
    async def scene(running: Running) -> None:
        fields, _ = await running.signed_in()
        reader, writer = await asyncio.open_connection("127.0.0.1", running.app.port)
        writer.write(request("GET", "/live", headers=[*fields.items()]))
        await reader.readuntil(b"retry: 1000\n\n")
        owner = running.owner
        assert (await running.ask("DELETE", "/api/dashboard/sessions", owner)).json() == {"ended": 1}
        async with asyncio.timeout(1.5):
            assert b"event: over" in await reader.readuntil(b"over\n\n")
        writer.close()
        assert (await running.ask("GET", "/live", fields)).status == 401

    in_a_gateway(tmp_path, scene)


def test_a_cookie_is_no_key(tmp_path: Path) -> None:
    async def scene(running: Running) -> None:
        fields, _ = await running.signed_in()
        body = b'{"model":"demo/echo","messages":[{"role":"user","content":"x"}]}'
        for target in ("/v1/chat/completions", "/v1/messages", "/api/chat"):
            assert (await running.ask("POST", target, fields, body)).status == 401
        assert (await running.ask("POST", "/api/open", fields)).status == 401
        upgrade = {**fields, "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        upgrade["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
        for target in ("/bridge/v1/connect", "/v1/responses"):
            reader, writer = await asyncio.open_connection("127.0.0.1", running.app.port)
            headers = [*upgrade.items(), ("Connection", "Upgrade")]
            writer.write(request("GET", target, headers=headers))
            async with asyncio.timeout(5):
                told = await reader.readuntil(b"\r\n\r\n")
            assert b" 101 " not in told.partition(b"\r\n")[0] or b"bridge" in target.encode()
            writer.close()

    in_a_gateway(tmp_path, scene)


def test_what_a_token_began_is_over_when_it_is_another_one(tmp_path: Path) -> None:
    kept: dict[str, str] = {}

    async def before(running: Running) -> None:
        reply = await running.ask("POST", "/sign-in", {}, b'{"token":"%b"}' % DASHBOARD.encode())
        kept["Cookie"] = cookie_of(reply)

    async def still(running: Running) -> None:
        reply = await running.ask("GET", "/api/dashboard/sessions", kept)
        assert reply.status == 200 and b'"how":"token","who":"",' in reply.body

    async def over(running: Running) -> None:
        assert (await running.ask("GET", "/api/dashboard/health", kept)).status == 401

    in_a_gateway(tmp_path, before, still)
    in_a_gateway(tmp_path, over, token="another-dashboard-token-012345")
