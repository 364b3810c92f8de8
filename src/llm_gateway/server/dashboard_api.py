"""The dashboard API: what the ledger and the fleet know, as JSON, behind the dashboard token."""

import os
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import msgspec

from llm_gateway import __version__
from llm_gateway.clients.coverage import TREND_DAYS, Uses, cover_all, gaps, of_few_names
from llm_gateway.clients.watching import Watching
from llm_gateway.errors import LedgerUnavailable, MalformedRequest, NotFound
from llm_gateway.http.exchange import Exchange
from llm_gateway.ledger import queries
from llm_gateway.ledger.arithmetic import turn_and_cards
from llm_gateway.ledger.filters import Filter
from llm_gateway.ledger.reader import QueryTooSlow
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.totals import totals
from llm_gateway.ledger.used_hours import UsedHours
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.server import views
from llm_gateway.server.client_views import ALWAYS, ClientsView, client_views
from llm_gateway.server.edge import respond_json
from llm_gateway.server.limit_views import limit_views
from llm_gateway.server.metrics_views import metrics_view
from llm_gateway.server.query import query_values
from llm_gateway.server.routes import Route
from llm_gateway.server.usage_query import instant
from llm_gateway.telemetry.giving_way import beside_the_loop
from llm_gateway.upstream.fleet import Fleet

__all__ = ["DashboardApi"]

P = ParamSpec("P")
T = TypeVar("T")

_DAY_US = 86_400 * 1_000_000
# Whoever has just connected an application wants to see that it is.
_FRESH_S = 0.25
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class DashboardApi:
    """Answer the dashboard's questions. `refused` says why the configuration's file is not in use, if so."""

    def __init__(
        self, gateway: Gateway, fleet: Fleet, watching: Watching, refused: Callable[[], str]
    ) -> None:
        self._gateway = gateway
        self._fleet = fleet
        self._watching = watching
        self._refused = refused
        self._used = UsedHours()
        self._started = gateway.clock.monotonic()

    def routes(self) -> tuple[Route, ...]:
        """Return the routes, all of them for whoever has the dashboard token."""
        table = (
            ("health", self.health, "How the gateway is"),
            ("providers", self.providers, "Who can answer, and how each fared"),
            ("requests", self.requests, "Requests, the newest first, running ones included"),
            ("requests/{}", self.request, "One request with its attempts"),
            ("request-metrics", self.metrics, "Sums over a time, by default the last 24 hours"),
            ("clients", self.clients, "AI applications and what has come through of each"),
            ("limits", self.limits, "Limits and how much of each is used"),
        )
        return tuple(
            Route("GET", f"/api/dashboard/{name}", answer, summary, "dashboard")
            for name, answer, summary in table
        )

    async def health(self, exchange: Exchange, _: str) -> None:
        """Answer with the gateway's state."""
        _answer(exchange, self.health_view())

    def health_view(self) -> views.HealthView:
        """Return the gateway's state."""
        trouble, refused = self._gateway.ledger.trouble, self._refused()
        return views.HealthView(
            status="ok" if trouble is None and not refused else "degraded",
            database="connected" if trouble is None else f"failing: {trouble.what}",
            version=__version__,
            uptime_seconds=round(self._gateway.clock.monotonic() - self._started),
            inflight=self._gateway.metrics.inflight,
            pid=os.getpid(),
            advice="" if trouble is None else trouble.way_out,
            unrecorded=self._gateway.ledger.kept,
            configuration=refused,
            saved=str(self._gateway.ledger.saved or ""),
        )

    async def limits(self, exchange: Exchange, _: str) -> None:
        """Answer with every limit."""
        _answer(exchange, {"limits": limit_views(self._gateway.spending.standing())})

    async def providers(self, exchange: Exchange, _: str) -> None:
        """Answer with every provider."""
        _answer(exchange, await self.providers_view())

    async def providers_view(self) -> views.ProvidersView:
        """Return every provider; those that were not looked at for a minute are looked at first."""
        await self._fleet.refresh(older_than=60)
        since = self._gateway.clock.now_us() - _DAY_US
        seen = {row.provider: row for row in await self._gateway.ledger.read(queries.providers, since)}
        shown = [
            views.provider_view(member, seen.get(name))
            for name, member in sorted(self._fleet.members.items())
        ]
        return views.ProvidersView(shown)

    async def requests(self, exchange: Exchange, _: str) -> None:
        """Answer with a page of requests."""
        query = query_values(exchange.target)
        until = query.get("until", "")
        which = Filter(
            client=query.get("client", ""),
            provider=query.get("provider", ""),
            model=query.get("model", ""),
            outcome=query.get("status", ""),
            since_us=self._since(query, 0),
            key=query.get("key", ""),
            caller=query.get("caller", ""),
            until_us=instant(until, self._gateway.clock.now_us(), "until") if until else 0,
            text=query.get("q", ""),
        )
        limit = _number(query, "limit", 50)
        found = await self._read(queries.page, which, before=query.get("before", ""), limit=limit)
        shown = [views.request_view(turn) for turn in found]
        _answer(exchange, {"requests": shown, "next": shown[-1].id if len(shown) == limit else None})

    async def request(self, exchange: Exchange, turn_id: str) -> None:
        """Answer with one request."""
        turn, cards = await self._read(turn_and_cards, turn_id)
        if turn is None:
            raise NotFound(f"there is no request {turn_id[:40]!r} in the ledger")
        _answer(exchange, views.request_detail(turn, cards))

    async def metrics(self, exchange: Exchange, _: str) -> None:
        """Answer with the sums of a time."""
        since = self._since(query_values(exchange.target), self._gateway.clock.now_us() - _DAY_US)
        _answer(exchange, metrics_view(await self._read(totals, since), since))

    async def clients(self, exchange: Exchange, _: str) -> None:
        """Answer with every application: how much of it goes through here, why not all of it, what helps."""
        _answer(exchange, await self.clients_view())

    async def clients_view(self, *, older_than: float = _FRESH_S) -> ClientsView:
        """Return every application, having looked for them where that was done so many seconds ago."""
        try:
            await self._watching.look_around(older_than=older_than)
        except LedgerUnavailable:
            pass  # what was found before is still there, and the ledger says itself what is wrong
        now = self._gateway.clock.now_us()
        every = Uses(*await self._read(self._used.since, now - TREND_DAYS * _DAY_US))
        tracked = {each.client: each.tracked for each in await self._read(queries.clients)}
        known = await self._watching.known()

        def judge() -> ClientsView:
            uses, unlisted = of_few_names(every)
            verdicts = cover_all(self._watching.machine, known, uses, now, ALWAYS)
            through, running, _open = gaps(verdicts)
            return ClientsView(client_views(verdicts, tracked), running, through, unlisted)

        return await beside_the_loop(judge)

    async def _read(self, query: Callable[Concatenate[Rows, P], T], *args: P.args, **named: P.kwargs) -> T:
        try:
            return await self._gateway.ledger.read(query, *args, **named)
        except QueryTooSlow as error:
            raise MalformedRequest(f"{error}", param="since") from None

    def _since(self, query: dict[str, str], default: int) -> int:
        text = query.get("since", "")
        if not text:
            return default
        amount, unit = text[:-1], text[-1:]
        if not amount.isdecimal() or unit not in _UNITS or len(amount) > 6:
            raise MalformedRequest(f"since={text[:20]!r} is not a time like 30m, 24h or 7d", param="since")
        return max(0, self._gateway.clock.now_us() - int(amount) * _UNITS[unit] * 1_000_000)


def _number(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or len(text) > 6 or not 1 <= int(text) <= queries.MOST:
        raise MalformedRequest(f"{name}={text[:20]!r} is not a number from 1 to {queries.MOST}", param=name)
    return int(text)


def _answer(exchange: Exchange, view: object) -> None:
    respond_json(exchange, msgspec.json.encode(view))
