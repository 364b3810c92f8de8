"""The first page: whether all is captured, what needs somebody, what it cost, what it saved.

The pieces that change are pages of their own, which the page's script asks for while somebody looks.
"""

import asyncio
import math
from collections.abc import Sequence

import msgspec

from llm_gateway.config.addresses import reach
from llm_gateway.errors import ConfigError, MalformedRequest
from llm_gateway.ledger.sums import Sums
from llm_gateway.server.advice import Advice
from llm_gateway.server.client_views import ClientsView, ClientView
from llm_gateway.server.exposure import refusal_of
from llm_gateway.server.limit_views import limit_views
from llm_gateway.server.pages import glance
from llm_gateway.server.pages.answerers import Answerer, answerers
from llm_gateway.server.pages.answering import Answered, Question, Said, answer
from llm_gateway.server.pages.page import Asked, Page, wants_html
from llm_gateway.server.pages.todo import Known, Todo, Tone, is_gap, todos
from llm_gateway.server.parts import Apis, Parts
from llm_gateway.server.remembered import Remembered
from llm_gateway.server.views import RequestView, request_view

__all__ = [
    "Capture",
    "ClientLine",
    "Overview",
    "OverviewView",
    "Start",
    "Tested",
]

_MOST_TODO = 5
_MOST_MODELS = 200
_MOST_CLIENTS = 8
_HELD_S = 2.0
_DRAWN_S = 10.0
_LONG_S = 60.0
_LOOK_S = 0.4
_SOON_S = 0.2
_TEST = (Said("user", "Say hello in one short sentence."),)
_TEST_TOKENS = 64
_TEST_S = 60.0
_DEMO = "demo/echo"


class Capture(msgspec.Struct, frozen=True):
    """Whether everything is captured, in words, and the first of what needs somebody; `more` is the rest.

    `running` and `captured` are None while the applications are looked for the first time.
    """

    running: int | None
    captured: int | None
    told: str
    tone: Tone
    todo: list[Todo]
    more: int


class ClientLine(msgspec.Struct, frozen=True):
    """An application in short. `command` or `step` is what to do next, both "" where nothing is."""

    id: str
    label: str
    machine: str
    verdict: str
    tone: Tone
    requests: int
    step: str
    command: str


class Start(msgspec.Struct, frozen=True):
    """How to begin: the keys there are, what was found to connect, where other clients are pointed."""

    keys: list[str]
    found: list[ClientLine]
    url: str


class Tested(msgspec.Struct, frozen=True):
    """What came of a test request."""

    model: str
    answered: Answered


class _NeedsPart(msgspec.Struct, frozen=True):
    capture: Capture


class _NumbersPart(msgspec.Struct, frozen=True):
    since: str
    spans: list[str]
    numbers: glance.Numbers
    running: int
    days: list[glance.DayView]


class _TablesPart(msgspec.Struct, frozen=True):
    clients: list[ClientLine]
    clients_more: int
    answerers: list[Answerer]


class _TestPart(msgspec.Struct, frozen=True):
    tested: Tested


class OverviewView(msgspec.Struct, frozen=True):
    """What the first page shows. `hours` and `days` are in UTC, the last ones not over yet."""

    capture: Capture
    since: str
    spans: list[str]
    numbers: glance.Numbers
    running: int
    hours: list[glance.HourView]
    days: list[glance.DayView]
    clients: list[ClientLine]
    clients_more: int
    answerers: list[Answerer]
    requests: list[RequestView]
    models: list[str]
    start: Start | None
    tested: Tested | None = None


class _Test(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: str = ""


class Overview:
    """Make the first page and its pieces."""

    def __init__(self, parts: Parts, apis: Apis) -> None:
        self._parts = parts
        self._apis = apis
        self._gateway = parts.gateway
        clock = parts.gateway.clock
        self._glance = Remembered(clock, _DRAWN_S, self._read_glance)
        self._lately = Remembered(clock, _HELD_S, self._read_lately)
        self._before = Remembered(clock, _LONG_S, self._read_before)
        self._counsel = Remembered(clock, _LONG_S, self._read_counsel)
        self._known = Remembered(clock, _HELD_S, self._look)
        self._looked = Remembered(clock, _LOOK_S, self._look)

    def pages(self) -> tuple[Page, ...]:
        """Return the page, its pieces, and the test request."""
        what = "Overview: what is captured, what needs somebody, what it cost, what it saved"
        return (
            Page("/", "overview", self.make, what),
            Page("/overview/capture", "overview", self.capture, "What needs somebody now", part="capture"),
            Page("/overview/numbers", "overview", self.numbers, "The four figures of a time", part="numbers"),
            Page("/overview/tables", "overview", self.tables, "Clients, bridges, providers", part="tables"),
            Page("/test-request", "overview", self.test, "Ask a model something small", "POST", "tested"),
        )

    async def make(self, asked: Asked) -> OverviewView:
        """Return the whole page. Applications are as they were when they were looked for last."""
        now_us = self._gateway.clock.now_us()
        since = _since(asked)
        found = await self._known_soon(waits=not wants_html(asked.exchange))
        seen = await self._glance.get("")
        # Not remembered: the live stream goes on from here.
        latest = await self._gateway.ledger.read(glance.latest)
        lines = self._lines(found, seen)
        return OverviewView(
            capture=await self._capture(found, asked),
            since=since,
            spans=list(glance.SPANS),
            numbers=await self._numbers(since),
            running=self._gateway.metrics.inflight,
            hours=glance.hour_views(seen.hours, now_us),
            days=glance.day_views(seen.days, now_us),
            clients=lines[:_MOST_CLIENTS],
            clients_more=max(len(lines) - _MOST_CLIENTS, 0),
            answerers=self._answerers(seen, now_us),
            requests=[request_view(turn) for turn in latest],
            models=self._models(),
            start=None if latest else await self._start(lines),
        )

    async def capture(self, asked: Asked) -> _NeedsPart:
        """Return what needs somebody, having looked for applications."""
        return _NeedsPart(await self._capture(await self._looked.get(_LOOK_S), asked))

    async def numbers(self, asked: Asked) -> _NumbersPart:
        """Return the figures of a time."""
        since, seen = _since(asked), await self._glance.get("")
        days = glance.day_views(seen.days, self._gateway.clock.now_us())
        return _NumbersPart(
            since, list(glance.SPANS), await self._numbers(since), self._gateway.metrics.inflight, days
        )

    async def tables(self, asked: Asked) -> _TablesPart:
        """Return the applications and who can answer."""
        found, seen = await self._looked.get(_LOOK_S), await self._glance.get("")
        now_us = self._gateway.clock.now_us()
        lines = self._lines(found, seen)
        more = max(len(lines) - _MOST_CLIENTS, 0)
        return _TablesPart(lines[:_MOST_CLIENTS], more, self._answerers(seen, now_us))

    async def test(self, asked: Asked) -> _TestPart:
        """Ask a model something small, and return what it said."""
        model = (await asked.told(_Test)).model or next(iter(self._models()), _DEMO)
        question = Question(model, _TEST, "smoke", stream=False, options={"max_tokens": _TEST_TOKENS})
        try:
            async with asyncio.timeout(_TEST_S):
                return _TestPart(Tested(model, await answer(self._gateway, question)))
        except TimeoutError:
            why = f"there was no answer within {_TEST_S:g} seconds"
            return _TestPart(Tested(model, Answered("", "", 0, why, "", None)))

    # details

    async def _known_soon(self, *, waits: bool) -> ClientsView | None:
        """Return the applications; None for a page that would wait for long: its script asks again at once.

        The first time after a start the use of two weeks is counted.
        """
        looking = self._parts.tasks.start("look for applications", self._known.get(math.inf))
        if not waits:
            await asyncio.wait({looking}, timeout=_SOON_S)
            if not looking.done():
                return None
        return await looking

    async def _look(self, older_than: float) -> ClientsView:
        return await self._apis.dashboard.clients_view(older_than=older_than)

    async def _read_glance(self, _: str) -> glance.Glance:
        return await self._gateway.ledger.read(glance.glance, self._gateway.clock.now_us())

    async def _read_lately(self, since: str) -> Sums:
        now_us = self._gateway.clock.now_us()
        return await self._gateway.ledger.read(glance.lately, now_us, glance.SPANS[since])

    async def _read_before(self, since: str) -> Sums | None:
        now_us = self._gateway.clock.now_us()
        return await self._gateway.ledger.read(glance.before, now_us, glance.SPANS[since])

    async def _numbers(self, since: str) -> glance.Numbers:
        return glance.numbers_view(await self._lately.get(since), await self._before.get(since), since)

    async def _read_counsel(self, _: str) -> Sequence[Advice]:
        return await self._gateway.ledger.read(glance.counsel, self._gateway.clock.now_us())

    async def _capture(self, found: ClientsView | None, asked: Asked) -> Capture:
        gateway = self._gateway
        known = Known(
            self._apis.dashboard.health_view(),
            await self._exposure(),
            found.clients if found is not None else (),
            self._apis.bridges.bridges_known().bridges,
            tuple(self._parts.fleet.members.values()),
            limit_views(gateway.spending.standing()),
            gateway.quotas.all(),
            await self._counsel.get(""),
        )
        every = todos(known)
        shown = every if asked.query.get("todo") == "all" else every[:_MOST_TODO]
        told, tone = _verdict(found)
        running, captured = (found.running, found.captured) if found is not None else (None, None)
        return Capture(running, captured, told, tone, shown, len(every) - len(shown))

    async def _exposure(self) -> str:
        """Return why the gateway may not listen where its settings say, "" while it may."""
        server = self._parts.server
        if reach(server.host) == "loopback":
            return ""
        loaded, _ = self._parts.configured()
        try:
            now_us = self._gateway.clock.now_us()
            refusal = await asyncio.to_thread(refusal_of, loaded.home, server, now_us)
        except (ConfigError, OSError) as error:
            return str(error)
        return "" if refusal is None else str(refusal)

    def _lines(self, found: ClientsView | None, seen: glance.Glance) -> list[ClientLine]:
        """Return the applications of which anything is known: what needs somebody first, then by use."""
        here = self._parts.watching.machine
        requests = {(name, machine or here): count for (name, machine), count in seen.by_client.items()}
        clients = found.clients if found is not None else []
        known = [each for each in clients if each.status != "not-connected"]
        lines = [
            (is_gap(each), _line(each, requests.get((each.id, each.machine or here), 0))) for each in known
        ]
        return [line for _, line in sorted(lines, key=lambda each: (not each[0], -each[1].requests))]

    def _answerers(self, seen: glance.Glance, now_us: int) -> list[Answerer]:
        members, bridges = self._parts.fleet.members.values(), self._apis.bridges.bridges_known().bridges
        return answerers(members, bridges, glance.strip(seen.hours, now_us))

    def _models(self) -> list[str]:
        """Return what can be asked now, what costs nothing first, a real model before the demo."""
        ready = [each for each in self._parts.fleet.members.values() if each.state in ("ok", "busy")]
        ready.sort(
            key=lambda each: (each.row.metered, each.row.kind == "subscription", each.row.kind != "local")
        )
        return [f"{each.row.name}/{model}" for each in ready for model in each.models][:_MOST_MODELS]

    async def _start(self, lines: Sequence[ClientLine]) -> Start:
        keys = [row.name for row in await self._parts.keys.listed()]
        return Start(keys, [each for each in lines if each.command], self._parts.url())


def _since(asked: Asked) -> str:
    since = asked.query.get("since") or "24h"
    if since not in glance.SPANS:
        raise MalformedRequest(f"since={since[:20]!r} is none of {', '.join(glance.SPANS)}", param="since")
    return since


def _verdict(found: ClientsView | None) -> tuple[str, Tone]:
    """Return in words whether everything that runs is captured."""
    if found is None:
        return "Looking for AI clients…", "none"
    running, captured = found.running, found.captured
    if not running:
        return "No AI client is running now", "none"
    if captured == running:
        every = "The one running AI client goes" if running == 1 else f"All {running} running AI clients go"
        return f"{every} through the gateway", "good"
    go = "goes" if captured == 1 else "go"
    return f"{captured} of {running} running AI clients {go} through the gateway", "bad"


_TONES: dict[str, Tone] = {"captured": "good", "partly": "warn", "bypassing": "bad", "cannot": "none"}


def _line(each: ClientView, requests: int) -> ClientLine:
    is_command = each.fix.startswith("llm-gateway ")
    return ClientLine(
        each.id,
        each.label or each.id or "(no name)",
        each.machine or "",
        each.coverage.verdict,
        _TONES.get(each.coverage.verdict, "none"),
        requests,
        "" if is_command else each.fix,
        each.fix if is_command else "",
    )
