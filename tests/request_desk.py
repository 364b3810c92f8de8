"""Somebody before the pages of requests, of a gateway with real parts behind it."""

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from kept_stage import RESPONSES, speaking
from ledger_samples import intent, settlement
from llm_gateway.content.content import Content
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.ledger.keys import KeyRow, insert
from llm_gateway.ledger.queries import page
from llm_gateway.ledger.records import Record
from llm_gateway.ledger.store import Store
from llm_gateway.ledger.writer import apply_records
from llm_gateway.pipeline.handle import handle
from llm_gateway.pipeline.key_admin import KeyAdmin
from llm_gateway.server.access import Access
from llm_gateway.server.kept_responses import KeptResponses
from llm_gateway.server.pages.page import Frame
from llm_gateway.server.pages.request import RequestPage
from llm_gateway.server.pages.requests import Requests
from llm_gateway.server.sessions import Sessions
from llm_gateway.server.shelf import Shelf
from llm_gateway.server.sign_in import SignIn
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.fleet import Fleet
from pipeline_stage import PEPPER, Stage, on_stage
from rawhttp import Reply
from scripted import responses
from server_stage import DASHBOARD, OWNER, Door
from surface_stage import fail

__all__ = ["HOSTILE", "HTML", "JSON", "Desk", "at_desk"]

HTML, JSON = (b"accept", b"text/html"), (b"accept", b"application/json")
HOSTILE = (
    "<script>alert(1)</script>\"'&",
    "\"><img src=x onerror='alert(1)'>",
    "javascript:alert(1)",
    "{{ 7*7 }}{% raw %}",
    "\u202egnirts\x00\x1b[31m",
    "a&status=error#b",
)


class Desk:
    """The pages of requests, and what fills the ledger behind them."""

    def __init__(self, stage: Stage, content: Content) -> None:
        self.stage = stage
        self.keys = KeyAdmin(stage.ledger, stage.keys, PEPPER, stage.clock, None)
        self.content = content
        fleet = Fleet(stage.upstream, stage.clock, lambda: None)
        shelf = Shelf(fleet, stage.router, stage.clock, Tasks(fail))
        access = Access(OWNER.encode(), DASHBOARD.encode())
        self.sign_in = SignIn(Sessions(stage.ledger, stage.clock, secure=False), access, lambda: "")
        pages = (
            *Requests(stage.gateway).pages(),
            *RequestPage(stage.gateway, self.keys, content, shelf, self.sign_in).pages(),
        )
        frame = Frame(stage.clock, lambda exchange: "", lambda: "ok")
        self.door = Door(*(frame.route(each) for each in pages), metrics=stage.metrics)

    async def put(self, records: Sequence[Record]) -> None:
        """Put turns on record."""

        def apply(store: Store) -> None:
            apply_records(store, list(records), store.position(), lambda what, error: None)

        await self.stage.ledger.write(apply)

    async def put_turn(self, end: dict[str, object] | None = None, **begin: object) -> str:
        """Put a turn on record, one that runs where nothing is said of its end."""
        name = self.stage.ledger.new_id()
        begun = intent(name, **{"at_us": self.stage.clock.now_us(), **begin})
        ended = [settlement(name, **{"provider": "", "model": "", **end})] if end is not None else []
        await self.put([begun, *ended])
        return name

    async def put_key(self, **changes: object) -> None:
        """Put the key of the stage on record."""
        told = {"id": "key_1", "name": "ada", "digest": b"1", "hint": "abcd", "created_us": 1, **changes}
        row = KeyRow(**told)  # type: ignore[arg-type]  # the fields are a key's
        await self.stage.ledger.write(lambda store: insert(store, row))

    async def said(self, text: str) -> str:
        """Say something over `responses` with the key, which keeps it; return the id of the turn."""
        kept = KeptResponses(self.stage.gateway, self.content)
        body = json.dumps({"model": "first/m", "input": text}).encode()
        await handle(
            self.stage.incoming(body), self.stage.gateway, RESPONSES, CallPath("responses"), kept.admit
        )
        return (await self.stage.ledger.read(page, limit=1))[0].intent.id

    async def ask(self, target: str, *headers: tuple[bytes, bytes], **more: object) -> Reply:
        """Ask as somebody who may: with the dashboard's token, for what is no GET with the owner's."""
        method, body = str(more.get("method", "GET")), more.get("body", b"")
        assert isinstance(body, bytes)
        token = str(more.get("token", DASHBOARD if method == "GET" else OWNER))
        return await self.door.ask(target, *headers, method=method, body=body, token=token)

    async def html(self, target: str, **more: object) -> str:
        """Return a page as a browser gets it."""
        reply = await self.ask(target, HTML, **more)
        assert reply.status == 200, reply
        return reply.body.decode()

    async def json(self, target: str, **more: object) -> dict[str, object]:
        """Return a page as a program gets it."""
        reply = await self.ask(target, JSON, **more)
        assert reply.status == 200, reply
        return reply.json()

    async def rows(self, target: str) -> list[str]:
        """Return the ids of the rows of a page, in their order."""
        return re.findall(r'<tr id="r-([^"]*)"', await self.html(target))


def at_desk(home: Path, scene: Callable[[Desk], Awaitable[None]], *, days: int = 7) -> None:
    """Play a scene with a key that keeps its content for so many days."""

    async def play(stage: Stage) -> None:
        content = stage.keep(home, days)
        try:
            await scene(Desk(speaking(stage), content))
        finally:
            await content.close()

    on_stage(home, play, responders=[responses.respond])
