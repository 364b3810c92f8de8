"""Importing past usage over the owner's local API: the gateway does it itself, for it has the ledger open.

One import at a time. What knows applications and their logs is loaded when somebody asks for one.
"""

import asyncio
import importlib
from collections.abc import Callable, Mapping

import msgspec

from llm_gateway.clients.past_use import ImportFailed, PastUse, Progress, Wish
from llm_gateway.clients.watching import Watching
from llm_gateway.config import Loaded
from llm_gateway.errors import GatewayError, MalformedRequest, NotFound
from llm_gateway.http.exchange import Exchange
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.server.edge import respond_json
from llm_gateway.server.routes import Route
from llm_gateway.tasks import Tasks
from llm_gateway.wire.ready import ready

__all__ = ["ImportView", "ImportsApi"]

_MAX_BODY = 64 * 1024
_WAIT = 1.0


@ready
class ImportView(msgspec.Struct, frozen=True):
    """How far an import is; when it is `over`, what was found of each client, or why it failed."""

    over: bool
    client: str = ""
    answers: int = 0
    doing: str = ""
    error: str = ""
    found: tuple[PastUse, ...] = ()


class ImportsApi:
    """Import, and say how far that is. `configured` is the configuration now, with the environment."""

    def __init__(
        self,
        gateway: Gateway,
        watching: Watching,
        tasks: Tasks,
        configured: Callable[[], tuple[Loaded, Mapping[str, str]]],
    ) -> None:
        self._gateway = gateway
        self._watching = watching
        self._tasks = tasks
        self._configured = configured
        self._running: asyncio.Task[None] | None = None
        self._progress: Callable[[], Progress] = Progress
        self._ended: ImportView | None = None

    def routes(self) -> tuple[Route, ...]:
        """Return the routes, all of them the owner's."""
        return (
            Route("POST", "/api/imports", self.begin, "Import past usage from clients' own logs", "owner"),
            Route("GET", "/api/imports", self.look, "How far an import is", "owner"),
        )

    async def begin(self, exchange: Exchange, _: str) -> None:
        """Begin an import; one that runs goes on, and is what is answered."""
        try:
            wish = msgspec.json.decode(await exchange.body(_MAX_BODY), type=Wish)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MalformedRequest(f"the body is no import: {error}") from None
        if self._running is not None and not self._running.done():
            raise MalformedRequest("an import runs already; GET /api/imports says how far it is")
        await self._gateway.ledger.audit.record("usage.import", " ".join(wish.clients) or "all")
        self._ended, self._progress = None, Progress
        self._running = self._tasks.start("import past usage", self._run(wish))
        _answer(exchange, self._view())

    async def look(self, exchange: Exchange, _: str) -> None:
        """Answer when the import is over, or after a second."""
        if self._running is None:
            raise NotFound("nothing has been imported since this gateway was started; POST begins an import")
        await asyncio.wait({self._running}, timeout=_WAIT)
        _answer(exchange, self._view())

    async def _run(self, wish: Wish) -> None:
        found: list[PastUse] = []
        error = "a defect ended it; the log has it"
        try:
            loaded, environ = self._configured()
            gateway = self._gateway
            module = await asyncio.to_thread(importlib.import_module, "llm_gateway.clients.importing")
            made = module.importing(gateway.ledger, gateway.clock, self._watching, loaded, environ)
            self._progress = lambda: made.progress
            found, error = await made.run(wish), ""
        except ImportFailed as failed:
            error = str(failed)
        except GatewayError as failed:
            error = failed.message
        finally:
            self._ended = ImportView(over=True, error=error, found=tuple(found))

    def _view(self) -> ImportView:
        if self._ended is not None:
            return self._ended
        at = self._progress()
        return ImportView(over=False, client=at.client, answers=at.answers, doing=at.doing)


def _answer(exchange: Exchange, view: ImportView) -> None:
    respond_json(exchange, msgspec.json.encode(view))
