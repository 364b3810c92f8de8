"""Usage over the dashboard API: what was used and cost, what was avoided, what is to come, and all of it.

Answers are made in `usage_views.py` and its neighbours; the command line makes the same ones of a ledger that
no gateway has open.
"""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import msgspec

from llm_gateway.errors import MalformedRequest
from llm_gateway.http.exchange import Exchange
from llm_gateway.ledger.extracts import BULKS, Bulk, bulk_columns, bulk_page
from llm_gateway.ledger.reader import QueryTooSlow
from llm_gateway.ledger.store import Rows
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.server.edge import respond_json
from llm_gateway.server.extract_formats import CONTENT_TYPES, FORMATS, Writing
from llm_gateway.server.forecast_views import forecast_views
from llm_gateway.server.query import query_values
from llm_gateway.server.routes import Route
from llm_gateway.server.savings_views import savings_answer
from llm_gateway.server.statusline import glimpse, statusline_view
from llm_gateway.server.usage_query import instant, question, refuse_unknown
from llm_gateway.server.usage_views import usage_answer

__all__ = ["UsageApi"]

P = ParamSpec("P")
T = TypeVar("T")

_LONGEST_SESSION = 256


class UsageApi:
    """Answer what was used."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def routes(self) -> tuple[Route, ...]:
        """Return the routes, for whoever has the dashboard token."""
        table = (
            ("usage", self.usage, "What was used and what it cost, by period and by whom"),
            ("savings", self.savings, "What was avoided, line by line, with its arithmetic"),
            ("forecast", self.forecast, "Limits of money, and where they will be when they begin anew"),
            ("export", self.export, "Turns, sums by day or sightings, as CSV, JSON or NDJSON"),
            ("statusline", self.statusline, "One line for the status bar of a terminal agent"),
        )
        return tuple(
            Route("GET", f"/api/dashboard/{name}", answer, summary, "dashboard")
            for name, answer, summary in table
        )

    async def usage(self, exchange: Exchange, _: str) -> None:
        """Answer with the sums of a time."""
        asked = question(query_values(exchange.target), self._now())
        _answer(exchange, await self._read(usage_answer, asked))

    async def savings(self, exchange: Exchange, _: str) -> None:
        """Answer with what was avoided."""
        asked = question(query_values(exchange.target), self._now(), period="all")
        _answer(exchange, await self._read(savings_answer, asked))

    async def forecast(self, exchange: Exchange, _: str) -> None:
        """Answer with what is expected of the limits of money."""
        refuse_unknown(query_values(exchange.target), ())
        standing = self._gateway.spending.standing()
        _answer(exchange, {"forecast": await self._read(forecast_views, standing, self._now())})

    async def statusline(self, exchange: Exchange, _: str) -> None:
        """Answer with the line."""
        query = query_values(exchange.target)
        refuse_unknown(query, ("session",))
        now_us, session = self._now(), query.get("session", "")[:_LONGEST_SESSION]
        trouble = self._gateway.ledger.trouble
        state = "ok" if trouble is None else f"degraded: database {trouble.what}"
        seen = await self._read(glimpse, now_us, session)
        _answer(exchange, statusline_view(seen, self._gateway.quotas.all(), state, now_us))

    async def export(self, exchange: Exchange, _: str) -> None:
        """Answer with everything of a time, page by page: as fast as the client reads, and no faster."""
        query = query_values(exchange.target)
        refuse_unknown(query, ("what", "format", "since", "until"))
        what = next((each for each in BULKS if each == (query.get("what") or "turns")), None)
        how = next((each for each in FORMATS if each == (query.get("format") or "ndjson")), None)
        if what is None:
            raise MalformedRequest(f"what is none of {', '.join(BULKS)}", param="what")
        if how is None:
            raise MalformedRequest(f"format is none of {', '.join(FORMATS)}", param="format")
        now_us = self._now()
        since_us = instant(query["since"], now_us) if query.get("since") else 0
        until_us = instant(query["until"], now_us, "until") if query.get("until") else 0
        # The first page before the head: what is refused or too slow is still an answer of its own.
        page = await self._read(bulk_page, what, since_us, until_us, 0)
        writing = Writing(f"export-{what}", bulk_columns(what), how)
        exchange.begin(200, _head(what, how, CONTENT_TYPES[how]), writing.begin() + writing.rows(page.rows))
        while page.after is not None and not exchange.done:
            await exchange.drain()
            page = await self._read(bulk_page, what, since_us, until_us, page.after)
            exchange.write(writing.rows(page.rows))
        exchange.end(writing.end())

    def _now(self) -> int:
        return self._gateway.clock.now_us()

    async def _read(self, query: Callable[Concatenate[Rows, P], T], *args: P.args, **named: P.kwargs) -> T:
        try:
            return await self._gateway.ledger.read(query, *args, **named)
        except QueryTooSlow as error:
            raise MalformedRequest(f"{error}", param="since") from None


def _head(what: Bulk, how: str, kind: str) -> bytes:
    name = f"llm-gateway-{what}.{how}"
    lines = f'content-type: {kind}\r\ncontent-disposition: attachment; filename="{name}"\r\n'
    return f"{lines}cache-control: no-store\r\n".encode()


def _answer(exchange: Exchange, view: object) -> None:
    respond_json(exchange, msgspec.json.encode(view))
