"""A whole gateway in the test's process, and a browser that is signed in to its dashboard, over a socket."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

from llm_gateway.app import App
from llm_gateway.config import load
from rawhttp import Reply, parse_replies, request

__all__ = ["BROWSER", "TOKEN", "Browser", "signed_in"]

TOKEN = "a-dashboard-token-0123456789"
BROWSER = {"Accept": "text/html,*/*;q=0.8"}


class Browser:
    """Somebody who looks at pages. `fields` are what proves who it is, `csrf` what its pages hold."""

    def __init__(self, app: App, home: Path) -> None:
        self.app = app
        self.home = home
        self.owner = {"Authorization": f"Bearer {(home / 'owner-token').read_text().strip()}"}
        self.fields: dict[str, str] = {}
        self.csrf: dict[str, str] = {}

    async def sign_in(self, *, by_token: bool = False) -> None:
        """Sign in with a link, or with the dashboard's token."""
        if by_token:
            reply = await self.send("POST", "/sign-in", {"token": TOKEN})
        else:
            opened = await self.send("POST", "/api/open", {}, self.owner)
            link = str(opened.json()["url"]).partition("#link=")[2]
            reply = await self.send("POST", "/sign-in/link", {"link": link})
        assert reply.status == 200, reply
        self.fields = {"Cookie": (reply.header("set-cookie") or "").partition(";")[0]}
        found = re.search(r'name="csrf" content="([0-9a-f]+)"', await self.page("/limits"))
        assert found is not None
        self.csrf = {"X-LLM-Gateway-CSRF": found[1]}

    async def page(self, path: str) -> str:
        """Return a page as HTML."""
        reply = await self.send("GET", path, fields={**self.fields, **BROWSER})
        assert reply.status == 200, reply
        assert (reply.header("content-type") or "").startswith("text/html")
        return reply.body.decode()

    async def json(self, path: str) -> dict[str, object]:
        """Return a page as JSON."""
        reply = await self.send("GET", path, fields=self.fields)
        assert reply.status == 200, reply
        return reply.json()

    async def change(self, method: str, path: str, body: object = None) -> Reply:
        """Ask for a change, as the pages' scripts do."""
        return await self.send(method, path, body, {**self.fields, **self.csrf})

    async def send(
        self, method: str, path: str, body: object = None, fields: Mapping[str, str] | None = None
    ) -> Reply:
        """Return the answer to a request."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.app.port)
        told = [*(self.fields if fields is None else fields).items(), ("Connection", "close")]
        data = b"" if body is None else msgspec.json.encode(body)
        told += [("Content-Type", "application/json")] if body is not None else []
        writer.write(request(method, path, body=data, headers=told))
        reply = parse_replies(await reader.read())[-1]
        writer.close()
        return reply


def signed_in(
    home: Path,
    scene: Callable[[Browser], Awaitable[None]],
    config: str = "",
    environ: Mapping[str, str] | None = None,
) -> None:
    """Play a scene of a browser that signed in with a link."""
    home.mkdir(exist_ok=True)
    if config:
        (home / "gateway.toml").write_text(config)
    variables = {
        "LLM_GATEWAY_HOME": str(home),
        "LLM_GATEWAY_SERVER__PORT": "0",
        "LLM_GATEWAY_DASHBOARD_TOKEN": TOKEN,
        "LLM_GATEWAY_CLIENTS__DETECT": "false",
        **(environ or {}),
    }

    async def play() -> None:
        app = App(load(flags={}, environ=variables), variables)
        await app.start()
        try:
            browser = Browser(app, home)
            await browser.sign_in()
            await scene(browser)
        finally:
            await app.close()

    asyncio.run(play())
