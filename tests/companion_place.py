"""A gateway's door for companions on loopback, with a ledger behind it, and companions that dial in there.

Everything is real but the vendors: bridges are engines around `bridge_stage.FakeBridge`.
"""

import asyncio
import io
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from bridge_stage import FakeBridge
from companion_stage import PEPPER
from ledger_samples import Failures
from llm_gateway.bridges.engine import Bounds, BridgeEngine
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.abilities import Abilities
from llm_gateway.canonical.request import Request
from llm_gateway.clock import SystemClock
from llm_gateway.companion.caps import Caps, Counter
from llm_gateway.companion.enrolment import Registry
from llm_gateway.companion.hosting import Companion, Course, Progress
from llm_gateway.companion.hub import Hub, Party
from llm_gateway.companion.introduction import Refused
from llm_gateway.companion.journal import Journal
from llm_gateway.companion.remote import RemoteEngine
from llm_gateway.companion.reporting import Reporter, Reports
from llm_gateway.companion.serving import Served, Serving
from llm_gateway.companion.switch import Switch
from llm_gateway.config import Server
from llm_gateway.http.client import Patience
from llm_gateway.http.limits import Limits
from llm_gateway.http.listener import Listener
from llm_gateway.http.pool import Pool
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.sightings import Sighting
from llm_gateway.server.access import Access
from llm_gateway.server.companion_routes import CompanionsApi, companion_sockets
from llm_gateway.server.dialect_routes import dialect_at
from llm_gateway.server.edge import Edge
from llm_gateway.server.guard import Guard
from llm_gateway.server.routes import Routes
from llm_gateway.tasks import Tasks
from llm_gateway.telemetry.log import Log
from llm_gateway.telemetry.metrics import Metrics
from llm_gateway.upstream.client import Upstream

__all__ = ["ABLE", "BODY", "Desk", "Dialled", "Place", "eventually", "place_at", "placed"]

BODY = msgspec.json.encode(Request(()))
ABLE = Abilities(tools=True, images=True)


async def eventually(true: Callable[[], object], seconds: float = 5.0) -> float:
    """Wait until something is so, and return how long that took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not true():
        assert loop.time() - began < seconds, "it did not become so"
        await asyncio.sleep(0.005)
    return loop.time() - began


class Dialled(Protocol):
    """What a machine dials, and who owns its tasks."""

    tasks: Tasks

    @property
    def url(self) -> str: ...


class Desk:
    """A machine with a companion: its bridges, its folder, and how it went."""

    def __init__(self, place: Dialled, folder: Path, bridges: Mapping[str, FakeBridge], caps: Caps) -> None:
        self.bridges = bridges
        self.folder = folder
        self.clock = SystemClock()
        self.progress: list[Progress] = []
        self.switch = Switch(folder)
        self.journal = Journal(folder, self.clock)
        self.reporter: Callable[[str], Reporter] | None = None
        self._place = place
        upstream = Upstream(Pool(connect_timeout=1.0, max_idle=1), Patience(1.0, 1.0, 1.0))
        around = Surroundings({}, self.clock, place.tasks, upstream, folder)
        self.engines = {
            name: BridgeEngine(name, _opened(bridge), ABLE, Bounds(parallel=64), around)
            for name, bridge in bridges.items()
        }
        served = {name: Served(name, engine, ("anna",)) for name, engine in self.engines.items()}
        counter = Counter(caps, self.clock, self.journal.today())
        self.serving = Serving(served, counter, self.journal, self.switch)
        self.task: asyncio.Task[None] | None = None
        self.companion: Companion | None = None

    def start(self, token: str = "", url: str = "", report_every: float = 60.0) -> None:
        """Dial in, or again; `url` is another address than the place's own."""
        course = Course(self.folder, url or self._place.url, token, report_every=report_every, drain=1.0)
        owned = self._place.tasks, self.clock
        self.companion = Companion(
            course, self.serving, self.reporter, owned, self.progress.append, random.random
        )
        self.task = self._place.tasks.start("companion", self._run(self.companion))

    async def _run(self, companion: Companion) -> None:
        try:
            await companion.run()
        except Refused as refused:
            self.progress.append(Progress("ended", refused.message, refused.kind))

    async def stop(self) -> None:
        """End it, as a signal would."""
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait({self.task})


class Place:
    """A gateway, as far as companions are concerned."""

    def __init__(self, home: Path, ledger: Ledger, tasks: Tasks) -> None:
        self.home = home
        self.ledger = ledger
        self.tasks = tasks
        self.clock = SystemClock()
        self.logged = io.StringIO()
        self.log = Log(self.clock, "debug", self.logged)
        self.registry = Registry(ledger, PEPPER, self.clock)
        self.own: set[str] = set()
        self.changes = 0
        self.received: list[Sighting] = []
        self.known = ABLE
        reports = Reports(self._receive, ledger, self.clock)
        self.hub = Hub(
            Party(
                self.registry, lambda _: self.known, lambda: self.own, self._changed, reports.take, tasks,
                self.clock, self.log,
            )
        )  # fmt: skip
        self.api = CompanionsApi(self.registry, self.hub)
        self.port = 0
        self.listener: Listener

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def listen(self, limits: Limits | None = None) -> None:
        """Open the door; at the same port again, where there was one."""
        guard = Guard(Server(), self.port)
        edge = Edge(
            Routes(self.api.routes()),
            guard,
            Access(b"owner", b""),
            dialect_at,
            (self.log, Metrics()),
            companion_sockets(self.hub),
        )
        self.listener = Listener(edge.serve, edge.refusal, limits or Limits(), on_refused=edge.refused)
        self.port = await self.listener.listen("127.0.0.1", self.port)
        guard.listen_on(self.port)

    def desk(self, machine: str, caps: Caps | None = None, *bridges: str) -> Desk:
        """Return a machine that has not dialled yet."""
        made = {name: FakeBridge() for name in bridges or ("claude",)}
        return Desk(self, self.home / f"desk-{machine}", made, caps or Caps())

    async def enrolled(
        self,
        machine: str = "mac",
        caps: Caps | None = None,
        allowed: Sequence[str] = (),
        *bridges: str,
        person: str = "",
    ) -> Desk:
        """Return a machine that has joined, and whose bridges are known."""
        desk = self.desk(machine, caps, *bridges)
        invited = await self.registry.invite(machine, person, allowed)
        desk.start(invited.token.reveal())
        await eventually(lambda: any(each.offered for each in self.of(machine)))
        return desk

    def of(self, machine: str) -> list[RemoteEngine]:
        """Return the bridges of a machine."""
        return [each for each in self.hub.engines.values() if each.companion.machine == machine]

    def _changed(self) -> None:
        self.changes += 1

    async def _receive(self, sightings: Sequence[Sighting]) -> None:
        self.received += sightings


def placed(home: Path, scene: Callable[[Place], Coroutine[object, object, None]]) -> None:
    """Play a scene at a gateway's door for companions."""

    async def play() -> None:
        async with place_at(home) as place, asyncio.timeout(30):
            await scene(place)

    asyncio.run(play())


@asynccontextmanager
async def place_at(home: Path, port: int = 0) -> AsyncIterator[Place]:
    """Open a gateway's door for companions, and close it in the end."""
    failures = Failures()
    ledger = await Ledger.open(home, SystemClock(), on_failure=failures)
    tasks = Tasks(failures)
    place = Place(home, ledger, tasks)
    place.port = port
    try:
        await place.hub.open()
        await place.listen()
        try:
            yield place
        finally:
            await place.listener.close(0.2)
    finally:
        await tasks.close()
        await ledger.close()
    assert not failures, failures
    assert '"error"' not in place.logged.getvalue().partition("Traceback")[2], place.logged.getvalue()


def _opened(bridge: FakeBridge) -> Callable[[], FakeBridge]:
    return lambda: bridge
