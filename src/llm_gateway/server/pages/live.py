"""Requests as they begin and end, pushed to a page: a stream of rows that are ready to be shown.

The stream ends with the gateway, with who looks, and with the session; `over` says that it is for good.
"""

import asyncio
import re
from collections.abc import Callable

import msgspec

from llm_gateway.http.exchange import Exchange
from llm_gateway.ledger.filters import Filter, Meaning, fits, meaning
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.records import Turn
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.tallies import key_names
from llm_gateway.server.pages.page import Frame
from llm_gateway.server.pages.request_query import CHOICES, filter_of
from llm_gateway.server.query import query_values
from llm_gateway.server.routes import Route
from llm_gateway.server.views import RequestView, request_view
from llm_gateway.telemetry.giving_way import beside_the_loop

__all__ = ["Live"]

_EVENTS = b"content-type: text/event-stream\r\ncache-control: no-store\r\nx-accel-buffering: no\r\n"
_OVER = b"event: over\ndata: over\n\n"
_PATIENCE_S = 1.0
_TOGETHER_S = 0.25
# As many rows as a page shows, and made once for all who look on.
_MOST = 50
_REMEMBERED = 4 * _MOST
# A name may have ends of lines in it, and each would end a line of the stream as well.
_LINE_ENDS = re.compile(rb"[\r\n]+")
_TOLD = (*CHOICES, "q")


class Live:
    """The stream of rows. `stays` says whether who looks may still look, `ending` whether we are to end."""

    def __init__(
        self,
        ledger: Ledger,
        frame: Frame,
        stays: Callable[[Exchange], bool],
        ending: Callable[[], bool],
    ) -> None:
        self._ledger = ledger
        self._frame = frame
        self._stays = stays
        self._ending = ending
        self._made: dict[tuple[str, str], bytes] = {}
        self._making = asyncio.Lock()

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        summary = "Requests as they begin and end, as server-sent events with a row of the page each"
        return (Route("GET", "/live", self.answer, summary, "dashboard"),)

    async def answer(self, exchange: Exchange, _: str) -> None:
        """Send rows for as long as somebody looks."""
        which = _asked(exchange)
        await self._frame.ready("live")
        exchange.begin(200, _EVENTS, b"retry: 1000\n\n")
        async with self._ledger.subscribe() as turns:
            chosen = _Chosen(which, "", frozenset())
            if which.key or which.text:
                chosen = await self._ledger.read(_chosen, which)
            while self._stays(exchange) and not exchange.done and not self._ending():
                try:
                    async with asyncio.timeout(_PATIENCE_S):
                        turn = await anext(turns)
                except TimeoutError:
                    continue
                except StopAsyncIteration:
                    break
                # What comes in the next moment is told with it: looking on costs little however much runs.
                await asyncio.sleep(_TOGETHER_S)
                rows = await self._rows([turn, *turns.rest()], chosen)
                exchange.write(rows)
                if exchange.blocked:
                    await exchange.drain()
        if not exchange.done:
            # Of an end without a last word a browser makes another beginning, with the gateway that is next.
            exchange.end(b"" if self._ending() else _OVER)

    async def _rows(self, turns: list[Turn], chosen: "_Chosen") -> bytes:
        """Return the events of some turns, the last state of each, and of too many those of the newest."""
        latest = list({turn.intent.id: turn for turn in turns if chosen.has(turn)}.values())[-_MOST:]
        async with self._making:
            known = {name: self._made.get(name) for name in map(_name, latest)}
            missing = [turn for turn in latest if known[_name(turn)] is None]
            if missing:
                made = await beside_the_loop(self._events, missing)
                known |= made
                if len(self._made) + len(made) > _REMEMBERED:
                    self._made.clear()
                self._made |= made
        return b"".join(event for event in known.values() if event is not None)

    def _events(self, turns: list[Turn]) -> dict[tuple[str, str], bytes]:
        return {_name(turn): self._event(request_view(turn)) for turn in turns}

    def _event(self, view: RequestView) -> bytes:
        html = self._frame.part("live", "row", {"request": view})
        lines = b"".join(b"data: %b\n" % line for line in _LINE_ENDS.split(html) if line)
        return b"event: row\nid: %b\n%b\n" % (view.id.encode(), lines)


def _name(turn: Turn) -> tuple[str, str]:
    """Return what tells a row from every other one, and from itself while the turn still ran."""
    return turn.intent.id, turn.settlement.outcome if turn.settlement is not None else ""


class _Chosen(msgspec.Struct, frozen=True):
    """Which turns are told of: what the filter's text is taken for, and the ids of the key that it names."""

    which: Filter
    text_is: Meaning
    key_ids: frozenset[str]

    def has(self, turn: Turn) -> bool:
        return fits(turn, self.which, self.text_is, self.key_ids)


def _asked(exchange: Exchange) -> Filter:
    """Return which requests are asked for, of any time: those to come are all of now."""
    query = {name: value for name, value in query_values(exchange.target).items() if name in _TOLD}
    return filter_of({**query, "since": "all"}, 0)


def _chosen(rows: Rows, which: Filter) -> _Chosen:
    key_ids = frozenset(key_id for key_id, name in key_names(rows).items() if which.key and name == which.key)
    return _Chosen(which, meaning(rows, which.text), key_ids)
