"""Every path of a gateway that runs: who is let in by what, and what a GET changes."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path

import pytest

from llm_gateway.app import App
from llm_gateway.config import load
from llm_gateway.server.routes import Route
from rawhttp import Reply, parse_replies, request
from server_stage import home_files

DASHBOARD = "a-dashboard-token-0123456789"
OPEN = {"/livez", "/readyz", "/sign-in", "/sign-in/link", "/static/{}"}
# What the paths' holes are filled with.
FILLING = "thing-1:generateContent"
# Where a credential must not count, and how it would stand there.
PLACES: tuple[tuple[str, Callable[[str], Mapping[str, str]]], ...] = (
    ("nowhere", lambda token: {}),
    ("cookie", lambda token: {"Cookie": f"key={token}; token={token}; Authorization=Bearer {token}"}),
    ("basic", lambda token: {"Authorization": f"Basic {token}"}),
    ("no scheme", lambda token: {"Authorization": token}),
    ("token scheme", lambda token: {"Authorization": f"Token {token}"}),
    ("proxy", lambda token: {"Proxy-Authorization": f"Bearer {token}"}),
    ("referer", lambda token: {"Referer": f"http://127.0.0.1/?key={token}"}),
    ("forwarded", lambda token: {"X-Forwarded-Authorization": f"Bearer {token}"}),
    ("invented", lambda token: {"X-Auth-Token": token, "X-Token": token, "Token": token, "Key": token}),
    ("protocol", lambda token: {"Sec-WebSocket-Protocol": token}),
)
IN_TARGETS = ("key", "token", "access_token", "api_key", "api-key", "x-api-key", "auth", "Authorization")


class Running:
    """A gateway of this process, asked over its socket."""

    def __init__(self, app: App, home: Path) -> None:
        self.app = app
        self.home = home
        self.key = app.first_key.key.reveal() if app.first_key is not None else ""
        self.owner = (home / "owner-token").read_text().strip()

    async def ask(self, method: str, target: str, fields: Mapping[str, str], body: bytes = b"") -> Reply:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.app.port)
        headers = [*fields.items(), ("Connection", "close")]
        writer.write(request(method, target, body=body, headers=headers))
        told = await reader.readuntil(b"\r\n\r\n")
        if b"text/event-stream" not in told:  # which ends when its reader goes
            told += await reader.read()
        reply = parse_replies(told)[-1]
        writer.close()
        return reply

    def token(self, route: Route) -> str:
        return {
            "key": self.key,
            "dashboard": DASHBOARD,
            "owner": self.owner,
            "session": self.owner,
            "open": "",
            "page": DASHBOARD,
        }[route.access]


def in_a_gateway(home: Path, scene: Callable[[Running], Awaitable[None]]) -> None:
    environ = {
        "LLM_GATEWAY_HOME": str(home),
        "LLM_GATEWAY_SERVER__PORT": "0",
        "LLM_GATEWAY_DASHBOARD_TOKEN": DASHBOARD,
        "LLM_GATEWAY_CLIENTS__DETECT": "false",
        "LLM_GATEWAY_LOG__LEVEL": "error",
    }

    async def play() -> None:
        app = App(load(flags={}, environ=environ), environ)
        await app.start()
        try:
            await scene(Running(app, home))
        finally:
            await app.close()

    asyncio.run(play())


def filled(route: Route) -> str:
    return route.path.replace("{}", FILLING)


def guarded(app: App) -> Iterator[Route]:
    return (route for route in app.routes if route.access != "open")


def shut(reply: Reply) -> bool:
    """Return whether nobody is let in. At the root a program is told that the gateway runs, and no more."""
    return reply.status == 401 or (reply.status, reply.body) == (200, b"LLM Gateway is running")


@pytest.mark.control("T16")
def test_few_paths_are_open_and_they_say_little(tmp_path: Path) -> None:
    async def scene(running: Running) -> None:
        assert {route.path for route in running.app.routes if route.access == "open"} == OPEN
        for path in ("/livez", "/readyz"):
            reply = await running.ask("GET", path, {})
            assert reply.status == 200 and reply.body in (b"ok\n", b"ready\n")
            assert {name for name, _ in reply.headers} == {"content-type", "content-length", "connection"}
        page = (await running.ask("GET", "/", {})).body.decode()
        for secret in (running.key, running.owner, DASHBOARD, str(tmp_path)):
            assert secret not in page

    in_a_gateway(tmp_path, scene)


@pytest.mark.control("T5")
def test_a_credential_counts_in_its_headers_and_nowhere_else(tmp_path: Path) -> None:
    async def scene(running: Running) -> None:
        wrong: list[str] = []
        for route in guarded(running.app):
            token = running.token(route)
            in_place = {"Authorization": f"Bearer {token}"}
            asked = await running.ask(route.method, filled(route), in_place, body_of(route, ""))
            if asked.status == 401:
                wrong.append(f"{route.method} {route.path} does not open")
            for name, fields in PLACES:
                reply = await running.ask(route.method, filled(route), fields(token), body_of(route, token))
                if not shut(reply):
                    wrong.append(f"{route.method} {route.path} lets in by {name}: {reply.status}")
        assert wrong == []

    in_a_gateway(tmp_path, scene)


@pytest.mark.control("T5")
def test_no_target_holds_a_credential_but_geminis_key(tmp_path: Path) -> None:
    async def scene(running: Running) -> None:
        let_in = set()
        for route, name in itertools.product(guarded(running.app), IN_TARGETS):
            target = f"{filled(route)}?{name}={running.token(route)}"
            if not shut(await running.ask(route.method, target, {}, body_of(route, ""))):
                let_in.add((name, route.path))
        assert {name for name, _ in let_in} <= {"key"}
        for _, path in let_in:
            assert path.startswith(("/v1beta", "/v1/models", "/v1/v1beta")) or "models" in path, path

    in_a_gateway(tmp_path, scene)


@pytest.mark.control("T5")
def test_one_credential_does_not_open_what_is_anothers(tmp_path: Path) -> None:
    async def scene(running: Running) -> None:
        opens = {
            "key": {"key"},
            "dashboard": {"dashboard", "page"},
            "owner": {"dashboard", "page", "owner", "session"},
        }
        wrong: list[str] = []
        for route in guarded(running.app):
            for kind, token in (("key", running.key), ("dashboard", DASHBOARD), ("owner", running.owner)):
                if route.access in opens[kind] or (kind == "owner" and route.access == "key"):
                    continue
                fields = {"Authorization": f"Bearer {token}"}
                reply = await running.ask(route.method, filled(route), fields, body_of(route, ""))
                if not shut(reply):
                    wrong.append(f"{route.method} {route.path} opens for {kind}: {reply.status}")
        assert wrong == []

    in_a_gateway(tmp_path, scene)


@pytest.mark.control("T6")
def test_a_get_changes_nothing_and_is_no_script(tmp_path: Path) -> None:
    """What a GET does at a provider is the provider's; here no model is asked, and no file changes."""

    async def scene(running: Running) -> None:
        routes = [route for route in running.app.routes if route.method == "GET"]
        before = administered(tmp_path)
        for route in routes:
            target = f"{filled(route)}?callback=evil&jsonp=evil&alert=1"
            fields = {"Authorization": f"Bearer {running.token(route)}"} if route.access != "open" else {}
            reply = await running.ask("GET", target, fields)
            kind = reply.header("content-type") or ""
            assert "javascript" not in kind and not reply.body.startswith(b"evil"), route.path
            assert not [name for name, _ in reply.headers if name.startswith("access-control-")], route.path
        assert administered(tmp_path) == before
        asked = await running.ask("GET", "/api/dashboard/requests", {"Authorization": f"Bearer {DASHBOARD}"})
        assert [row for row in rows(asked) if row["tokens_out"]] == []

    in_a_gateway(tmp_path, scene)


@pytest.mark.control("T6")
def test_no_page_is_ever_told_that_it_may(tmp_path: Path) -> None:
    async def scene(running: Running) -> None:
        asking = {
            "Origin": "http://evil.test",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
            "Access-Control-Request-Private-Network": "true",
        }
        for route in running.app.routes:
            for fields in (asking, {name: text for name, text in asking.items() if name != "Origin"}):
                reply = await running.ask("OPTIONS", filled(route), fields)
                assert reply.status in (401, 403, 404, 405), (route.path, reply.status)
                assert not [name for name, _ in reply.headers if name.startswith("access-control-")]

    in_a_gateway(tmp_path, scene)


def body_of(route: Route, token: str) -> bytes:
    """Return a body for what takes one; a credential in it must not count either."""
    if route.method not in ("POST", "PUT", "PATCH"):
        return b""
    fields = {"model": "demo/echo", "messages": [{"role": "user", "content": "x"}], "key": token}
    return json.dumps({**fields, "api_key": token} if token else fields).encode()


def administered(home: Path) -> tuple[bytes, set[str]]:
    names = {str(path) for path in home.rglob("*") if "journal" not in str(path)}
    audit = home / "audit.jsonl"
    return audit.read_bytes() if audit.exists() else b"", names


def rows(reply: Reply) -> list[dict[str, object]]:
    found = reply.json()["requests"]
    assert isinstance(found, list)
    return found


def test_what_is_stored_holds_no_token(tmp_path: Path) -> None:
    shown: list[str] = []

    async def scene(running: Running) -> None:
        shown.extend((running.key, DASHBOARD))
        for route in guarded(running.app):
            if route.method == "GET":
                await running.ask("GET", f"{filled(route)}?key={running.key}", {"Cookie": f"a={DASHBOARD}"})

    in_a_gateway(tmp_path, scene)
    stored = home_files(tmp_path)
    assert shown and not [token for token in shown if token.encode() in stored]
