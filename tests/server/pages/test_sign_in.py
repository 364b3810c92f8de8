"""The page of who is not signed in: what it offers, and that it keeps nothing and tells nothing."""

import asyncio
from pathlib import Path

import pytest

from fakes import FakeClock
from llm_gateway.server.pages.page import Frame
from llm_gateway.server.pages.sign_in import SignInPage
from rawhttp import Reply, parse_replies
from sign_in_stage import Lobby, in_a_lobby

BROWSER = {"Accept": "text/html"}


async def shown(lobby: Lobby, target: str = "/sign-in", **fields: str) -> Reply:
    page = SignInPage(lobby.sign_in, Frame(FakeClock(), lobby.sign_in.csrf_of, lambda: "ok"))
    (route,) = page.routes()
    assert (route.path, route.access, route.arrival) == ("/sign-in", "open", True)
    wire, exchange = lobby.request("GET", target, fields)
    await route.answer(exchange, "")
    (reply,) = parse_replies(wire.sent)
    return reply


def test_it_says_how(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        page = (await shown(lobby, "/sign-in?next=/usage%3Fby%3Dmodel", **BROWSER)).body.decode()
        assert "llm-gateway open" in page and 'id="by-token"' in page and "/sign-in/oidc" not in page
        assert 'data-next="/usage?by=model"' in page and "<h1>Sign in</h1>" in page
        told = (await shown(lobby)).json()
        assert told == {
            "signed_in": False,
            "next": "/",
            "command": "llm-gateway open",
            "token": True,
            "issuer": "",
            "problem": "",
        }

    in_a_lobby(tmp_path, scene)


@pytest.mark.parametrize("onward", ["//evil.test", "javascript:alert(1)", '/"><script>', "/\\evil.test"])
def test_it_leads_nowhere_else(tmp_path: Path, onward: str) -> None:
    async def scene(lobby: Lobby) -> None:
        reply = await shown(lobby, f"/sign-in?next={onward.replace('/', '%2F')}", **BROWSER)
        assert (
            b"evil.test" not in reply.body and b"<script>" not in reply.body and b"alert(1)" not in reply.body
        )
        policy = reply.header("content-security-policy") or ""
        assert "script-src 'self'" in policy and "unsafe" not in policy
        assert reply.header("cache-control") == "no-store"

    in_a_lobby(tmp_path, scene)


def test_who_is_signed_in_goes_on(tmp_path: Path) -> None:
    async def scene(lobby: Lobby) -> None:
        fields, _ = await lobby.signed_in()
        reply = await shown(lobby, "/sign-in?next=/usage", **BROWSER, Cookie=fields["Cookie"])
        assert (reply.status, reply.header("location")) == (303, "/usage")
        told = (await shown(lobby, Cookie=fields["Cookie"])).json()
        assert told["signed_in"] is True
        await asyncio.sleep(0)

    in_a_lobby(tmp_path, scene)
