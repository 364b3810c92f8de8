"""Signing in through a real provider of logins: there, back, and only who is allowed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from llm_gateway.app import App
from llm_gateway.config import load
from oidc_stage import agrees, provider
from rawhttp import Reply, parse_replies, request
from server_stage import home_files
from sign_in_stage import cookie_of

BROWSER = {"Accept": "text/html"}
BACK = {
    **BROWSER,
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}
SECRET = "the-secret-of-this-client"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider() as running:
        yield running


class Visitor:
    """A browser before a gateway that trusts a provider."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def go(self, target: str, fields: Mapping[str, str] = BROWSER) -> Reply:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.app.port)
        sent = [*fields.items(), ("Connection", "close")]
        writer.write(request("GET", target, headers=sent, host=f"127.0.0.1:{self.app.port}"))
        told = await reader.read()
        writer.close()
        return parse_replies(told)[-1]

    async def start(self, onward: str = "") -> tuple[str, dict[str, str]]:
        """Return where the browser is sent to, and the cookie that it takes along."""
        reply = await self.go(f"/sign-in/oidc{onward}")
        assert reply.status == 303, reply
        cookie = reply.header("set-cookie") or ""
        assert (
            cookie.startswith("llm_gateway_oidc=") and "HttpOnly; SameSite=Lax; Path=/sign-in/oidc" in cookie
        )
        return reply.header("location") or "", {"Cookie": cookie.partition(";")[0]}

    async def through(self, sub: str, onward: str = "", action: str = "authorize") -> Reply:
        """Sign in as somebody."""
        address, cookie = await self.start(onward)
        back = await asyncio.to_thread(agrees, address, sub, action)
        return await self.back(back, cookie)

    async def back(self, back: str, cookie: Mapping[str, str]) -> Reply:
        parts = urlsplit(back)
        assert parts.path == "/sign-in/oidc/callback"
        return await self.go(f"{parts.path}?{parts.query}", {**BACK, **cookie})


def visiting(
    home: Path, issuer: str, scene: Callable[[Visitor], Awaitable[None]], allowed: str = '"@example.org"'
) -> None:
    file = home / "gateway.toml"
    file.write_text(
        f'[dashboard.oidc]\nissuer = "{issuer}"\nclient_id = "gateway"\nclient_secret_env = "ITS_SECRET"\n'
        f"allowed = [{allowed}]\n"
    )
    environ = {
        "LLM_GATEWAY_HOME": str(home),
        "LLM_GATEWAY_SERVER__PORT": "0",
        "LLM_GATEWAY_CLIENTS__DETECT": "false",
        "LLM_GATEWAY_LOG__LEVEL": "error",
        "ITS_SECRET": SECRET,
    }

    async def play() -> None:
        app = App(load(flags={}, environ=environ), environ)
        await app.start()
        try:
            await scene(Visitor(app))
        finally:
            await app.close()

    asyncio.run(play())


def session_of(reply: Reply) -> dict[str, str]:
    cookies = [value for name, value in reply.headers if name == "set-cookie"]
    assert len(cookies) == 2 and cookies[1].startswith("llm_gateway_oidc=;")
    return {"Cookie": cookie_of(reply)}


def test_who_is_allowed_gets_a_session_under_their_name(tmp_path: Path, issuer: str) -> None:
    codes: list[str] = []

    async def scene(visitor: Visitor) -> None:
        page = (await visitor.go("/sign-in")).body.decode()
        assert f"Sign in with {urlsplit(issuer).netloc}" in page
        address, cookie = await visitor.start("?next=/usage%3Fby%3Dmodel")
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert address.startswith(f"{issuer}/oauth2/authorize?")
        assert asked["redirect_uri"] == f"{visitor.app.url}/sign-in/oidc/callback"
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert asked["scope"] == "openid email" and len(asked["code_challenge"]) == 43
        back = await asyncio.to_thread(agrees, address, "ada")
        codes.extend(parse_qs(urlsplit(back).query)["code"])
        reply = await visitor.back(back, cookie)
        assert (reply.status, reply.header("location")) == (303, "/sign-in?next=%2Fusage%3Fby%3Dmodel")
        fields = session_of(reply)
        (row,) = rows(await visitor.go("/api/dashboard/sessions", fields))
        assert (row["how"], row["who"]) == ("oidc", "ada@example.org")
        again = await visitor.back(back, cookie)
        assert again.header("location") == "/sign-in?problem=failed", "a code is good once"

    visiting(tmp_path, issuer, scene)
    assert '"ada@example.org"' in (tmp_path / "audit.jsonl").read_text()
    stored = home_files(tmp_path)
    assert codes and not [each for each in (*codes, SECRET) if each.encode() in stored]


def rows(reply: Reply) -> list[dict[str, object]]:
    found = reply.json()["sessions"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize(
    ("sub", "action", "allowed", "problem"),
    [
        ("eve", "authorize", '"@example.org", "eve@example.org"', "not-allowed"),
        ("bob", "authorize", '"@example.org", "ada"', "not-allowed"),
        ("stranger@example.org", "authorize", '"@example.org"', "not-allowed"),
        ("ada", "deny", '"@example.org"', "denied"),
    ],
)
def test_nobody_else_is_let_in(
    tmp_path: Path, issuer: str, sub: str, action: str, allowed: str, problem: str
) -> None:
    async def scene(visitor: Visitor) -> None:
        reply = await visitor.through(sub, action=action)
        assert reply.header("location") == f"/sign-in?problem={problem}"
        assert "llm_gateway_session" not in str(reply.headers)
        shown = (await visitor.go(f"/sign-in?problem={problem}")).body.decode()
        assert 'role="alert"><' not in shown

    visiting(tmp_path, issuer, scene, allowed)


@pytest.mark.parametrize("allowed", ['"ada"', '"ADA@example.ORG"'])
def test_a_subject_or_an_address_is_enough(tmp_path: Path, issuer: str, allowed: str) -> None:
    async def scene(visitor: Visitor) -> None:
        reply = await visitor.through("ada", "?next=//evil.test")
        session_of(reply)
        assert reply.header("location") == "/sign-in?next=%2F"

    visiting(tmp_path, issuer, scene, allowed)


def test_only_the_browser_that_was_sent_comes_back(tmp_path: Path, issuer: str) -> None:
    async def scene(visitor: Visitor) -> None:
        address, cookie = await visitor.start()
        _, other = await visitor.start()
        back = await asyncio.to_thread(agrees, address, "ada")
        for fields in ({}, other, {"Cookie": "llm_gateway_oidc="}, {"Cookie": "llm_gateway_oidc=\u00fc.x"}):
            reply = await visitor.back(back, fields)
            assert reply.header("location") == "/sign-in?problem=expired"
            assert "llm_gateway_session" not in str(reply.headers)
        assert "llm_gateway_session" in str((await visitor.back(back, cookie)).headers)

    visiting(tmp_path, issuer, scene)


def test_sessions_of_who_is_no_longer_allowed_are_over_at_the_next_start(tmp_path: Path, issuer: str) -> None:
    kept: dict[str, str] = {}

    async def before(visitor: Visitor) -> None:
        kept.update(session_of(await visitor.through("ada")))

    async def still(visitor: Visitor) -> None:
        assert (await visitor.go("/api/dashboard/health", kept)).status == 200

    async def over(visitor: Visitor) -> None:
        assert (await visitor.go("/api/dashboard/health", kept)).status == 401

    visiting(tmp_path, issuer, before)
    visiting(tmp_path, issuer, still)
    visiting(tmp_path, issuer, over, '"bob@other.test"')


def test_no_other_sites_page_starts_a_sign_in(tmp_path: Path, issuer: str) -> None:
    async def scene(visitor: Visitor) -> None:
        assert (await visitor.go("/sign-in/oidc", BACK)).status == 403
        assert (
            await visitor.go("/sign-in/oidc/callback", {**BACK, "Sec-Fetch-Dest": "iframe"})
        ).status == 403

    visiting(tmp_path, issuer, scene)


def test_a_provider_that_is_away_is_told(tmp_path: Path) -> None:
    async def scene(visitor: Visitor) -> None:
        reply = await visitor.go("/sign-in/oidc")
        assert reply.header("location") == "/sign-in?problem=unreachable"

    visiting(tmp_path, "http://127.0.0.1:9", scene)
