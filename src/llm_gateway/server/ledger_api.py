"""Pruning the ledger over the owner's local API: the command line uses it beside a gateway.

What the gateway prunes by itself is decided in `ledger/pruning.py`; reading is the dashboard API's.
"""

from typing import Annotated

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.errors import MalformedRequest
from llm_gateway.http.exchange import Exchange
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.pruning import begin_of, due, pruning
from llm_gateway.server.edge import respond_json
from llm_gateway.server.routes import Route
from llm_gateway.server.views import iso
from llm_gateway.tasks import Tasks
from llm_gateway.wire.ready import ready

__all__ = ["LedgerApi", "PruneView"]

_MAX_BODY = 64 * 1024


@ready
class _Prune(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    older_than_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)]
    dry_run: bool = False


@ready
class PruneView(msgspec.Struct, frozen=True):
    """What is older than the begin of a day, and so goes: at once and bit by bit, or not in a dry run."""

    before: str
    turns: int
    sightings: int
    dry_run: bool = False


class LedgerApi:
    """Let go of old turns."""

    def __init__(self, ledger: Ledger, clock: Clock, tasks: Tasks) -> None:
        self._ledger = ledger
        self._clock = clock
        self._tasks = tasks

    def routes(self) -> tuple[Route, ...]:
        """Return the routes, all of them the owner's."""
        return (Route("POST", "/api/ledger/prune", self.prune, "Delete turns that are old", "owner"),)

    async def prune(self, exchange: Exchange, _: str) -> None:
        """Answer with how much is old enough, and begin to delete it."""
        try:
            wanted = msgspec.json.decode(await exchange.body(_MAX_BODY), type=_Prune)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MalformedRequest(f"the body is not what this path takes: {error}") from None
        before_us = begin_of(wanted.older_than_days, self._clock.now_us())
        found = await self._ledger.read(due, before_us)
        if not wanted.dry_run and (found.turns or found.sightings):
            await self._ledger.audit.record("ledger.prune", f"older than {wanted.older_than_days} days")
            self._tasks.start("prune the ledger", pruning(self._ledger, before_us))
        view = PruneView(iso(before_us), found.turns, found.sightings, wanted.dry_run)
        respond_json(exchange, msgspec.json.encode(view))
