"""A local door on a port of its own, in a thread of its own, in front of whatever plays the gateway."""

import asyncio
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Literal, Self

from llm_gateway.companion.door import AWAY_AFTER_S, LocalDoor, Rules, Told
from llm_gateway.companion.stand_in import StandIn
from llm_gateway.config import Server
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.http.client import Patience
from llm_gateway.http.limits import Limits
from llm_gateway.http.listener import Listener
from llm_gateway.http.pool import Pool
from llm_gateway.providers.endpoint import Endpoint
from llm_gateway.server.dialect_routes import dialect_at
from llm_gateway.server.guard import Guard
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.client import Line, Upstream
from rawhttp import RawClient

__all__ = ["DoorStage", "line_to", "stand_in"]


def line_to(
    port: int,
    *,
    provider: str = "gateway",
    dialect: str = "",
    path: str = "",
    scheme: Literal["http", "https"] = "http",
) -> Line:
    """Return a line to something on this machine, without a credential."""
    return Line(Endpoint(provider, dialect, scheme, "127.0.0.1", port, path, auth="none"))


def stand_in(port: int, dialect: str, path: str, *models: str) -> StandIn:
    """Return an engine that may answer while the gateway is away."""
    assert dialect in DIALECTS
    return StandIn(line_to(port, provider="engine", dialect=dialect, path=path), models)


class DoorStage:
    """A door that is open. Use as a context manager; all public methods are for the test's thread."""

    def __init__(self, gateway: Line, stand_ins: Sequence[StandIn] = (), max_body: int = 1 << 20) -> None:
        self.told: list[Told] = []
        self.failures: list[BaseException] = []
        self.port = 0
        self.door: LocalDoor | None = None
        self._gateway = gateway
        self._stand_ins = tuple(stand_ins)
        self._max_body = max_body
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._end = asyncio.Event()
        self._hurry = False
        self._thread = threading.Thread(target=self._run, name="door", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10) and self.port
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if error is None:
            assert self.failures == []

    def close(self) -> None:
        """Close the door, cutting what still runs."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join(10)

    def client(self, timeout: float = 10.0) -> RawClient:
        """Return a new connection to the door."""
        return RawClient(self.port, timeout=timeout)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._play())
        finally:
            self._loop.close()

    async def _play(self) -> None:
        tasks = Tasks(lambda name, error: self.failures.append(error))
        upstream = Upstream(Pool(connect_timeout=AWAY_AFTER_S, max_idle=0), Patience(60.0, 30.0))
        guard = Guard(Server())
        rules = Rules(guard.check, dialect_at, self._max_body, self._stand_ins, self.told.append)
        self.door = LocalDoor(self._gateway, upstream, rules, tasks)
        listeners: list[Listener] = []

        async def listen(door: LocalDoor, host: str, port: int) -> int:
            listeners.append(Listener(door.serve, door.refusal, Limits()))
            return await listeners[0].listen(host, port)

        self.port = await self.door.open(listen, "localhost", 0)
        guard.listen_on(self.port)
        self._ready.set()
        await self._end.wait()
        self.door.draining = True
        await listeners[0].close(0.05)
        await tasks.close()
        upstream.close()
