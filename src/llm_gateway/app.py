"""The wiring: the only place where the parts of a running gateway meet. What they do is in their rooms."""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack

from llm_gateway.bridges.opening import Bridges, open_bridges
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.clients.watching import watching
from llm_gateway.clock import SystemClock
from llm_gateway.companion.opening import Companions, Home
from llm_gateway.config import Loaded, Server, load, reload
from llm_gateway.config.watch import FileWatch
from llm_gateway.content.opening import content_of
from llm_gateway.engines.contract import Engine
from llm_gateway.engines.demo.engine import DemoEngine
from llm_gateway.engines.local.engine import LocalEngine
from llm_gateway.engines.local.model import chosen
from llm_gateway.errors import AuditUnavailable, ConfigError
from llm_gateway.http.handover import NOTHING, Inherited
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.price_table import TABLE
from llm_gateway.ledger.pruning import keep_pruned
from llm_gateway.pipeline.authenticate import KeyRing
from llm_gateway.pipeline.compress import Compression
from llm_gateway.pipeline.dispatch import Dispatcher
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.pipeline.key_admin import KeyAdmin, Minted
from llm_gateway.pipeline.plan import Router
from llm_gateway.pipeline.pools import check_draws, drawable
from llm_gateway.pipeline.quota_keeping import QuotaKeeping
from llm_gateway.pipeline.quotas import Quotas
from llm_gateway.pipeline.recount import Recounting
from llm_gateway.pipeline.replan import replan
from llm_gateway.pipeline.replay import Replays
from llm_gateway.pipeline.routing import Routing
from llm_gateway.pipeline.spending import Spending
from llm_gateway.pipeline.terms import reckon_interrupted, remember
from llm_gateway.pipeline.turn_spans import Export
from llm_gateway.server.bridges_api import BridgesApi
from llm_gateway.server.companion_routes import CompanionsApi
from llm_gateway.server.door import as_given, context_for, listener_for, open_door, url_of
from llm_gateway.server.edge import Edge
from llm_gateway.server.exposure import refusal_of
from llm_gateway.server.exposure_watch import ExposureWatch, Retreat, is_exposed
from llm_gateway.server.guard import Guard
from llm_gateway.server.kept_responses import KeptResponses
from llm_gateway.server.limit_views import tell_close
from llm_gateway.server.opening import open_edge, open_sign_in
from llm_gateway.server.parts import Parts
from llm_gateway.server.routes import Route
from llm_gateway.tasks import Tasks
from llm_gateway.telemetry.log import Log
from llm_gateway.telemetry.memory import keep_small, spare_the_collector
from llm_gateway.telemetry.metrics import Metrics
from llm_gateway.telemetry.watchdog import Watchdog
from llm_gateway.upstream.client import Upstream
from llm_gateway.upstream.fleet import Fleet
from llm_gateway.upstream.muster import muster
from llm_gateway.upstream.opening import open_upstream
from llm_gateway.upstream.standing import Standings
from llm_gateway.vault import load_or_create_owner_token, load_or_create_pepper

__all__ = ["App"]

_LOOK_AGAIN = 60.0
_FIRST_LOOK = 0.2


class App:
    """A running gateway. `start` makes one; `close` ends it in order.

    `flags` are those that `loaded` was loaded with; `inherited` are sockets that are open already;
    `look_again` is how often the configuration's file is looked at, in seconds.
    """

    def __init__(
        self,
        loaded: Loaded,
        environ: Mapping[str, str],
        flags: Mapping[str, object] | None = None,
        inherited: Inherited = NOTHING,
        *,
        look_again: float = 2.0,
    ) -> None:
        self._loaded = loaded
        self._environ = environ
        self._flags = flags or {}
        self._inherited = inherited
        self._servers = as_given(loaded.settings.server, inherited.given)
        self._look_again = look_again
        # What was read a moment ago: a later change is a change.
        self._watch = FileWatch(loaded.file, loaded.home / TABLE)
        self._refused = ""
        self._reloading = asyncio.Lock()
        self._clock = SystemClock()
        self._metrics = Metrics()
        self._router = Router()
        self._standings = Standings(self._clock, random.random)
        self.log = Log(self._clock, loaded.settings.log.level)
        self._spending = Spending(self._clock, lambda limit: tell_close(self.log, limit))
        self._routing = Routing(self._standings, self._clock, loaded.settings.routing, self._spending)
        self.tasks = Tasks(self.log.failure)
        self.port = 0
        self.first_key: Minted | None = None
        self.moved: Callable[[str], None] = lambda url: None
        self.routes: tuple[Route, ...] = ()
        self._joining: tuple[Bridges | Companions, ...] = ()

    @property
    def url(self) -> str:
        """Return the address under which this machine's clients reach the gateway."""
        return url_of(self._servers[0], self.port)

    async def start(self) -> None:
        """Open the ledger, muster the providers, listen. ConfigError says why not; then nothing is open."""
        settings = self._loaded.settings
        for warning in self._loaded.warnings:
            self.log.write("warning", "configuration", error=warning)
        self._may_listen()
        async with AsyncExitStack() as opened:
            opened.callback(self.log.close)
            await self._open(opened)
            opened.callback(Watchdog(self.log).close)
            self._opened = opened.pop_all()
        if self._ledger.saved is not None:
            self.log.write("info", "the database is migrated; there is a copy", path=str(self._ledger.saved))
        spare_the_collector()
        self.tasks.start("give memory back", keep_small())
        self.tasks.start("look for models", self.fleet.keep_fresh(_LOOK_AGAIN))
        self.tasks.start("look at the configuration", self._look_at_file())
        self.tasks.start("delete what has expired", self._content.look_after())
        self.tasks.start("reckon what was cut", reckon_interrupted(self._spending, self._ledger))
        self.tasks.start("count what nobody counted", self._counting.run())
        self.tasks.start("export turns", self._export.run())
        self.tasks.start("prune", keep_pruned(self._ledger, self._clock, lambda: self._loaded, self.log))
        self.tasks.start("look at bridges", self._bridges.attending.attend())
        self.tasks.start("keep what is told of quotas", self._quotas.run())
        self.tasks.start("look after companions", self._companions.hub.watch())
        self.tasks.start("look after applications", self._watching.run(settings.clients.interval))
        if is_exposed(self._servers):
            self.tasks.start("watch the exposure", self._watch_exposure())

    async def check(self) -> None:
        """Raise the ConfigError that `start` would, as far as that shows while another gateway runs here."""
        self._may_listen()
        context_for(self._servers[0])
        self._upstream = self._make_upstream()
        self._engines = self._make_engines()
        self._muster(self._loaded, lambda: None)
        self._upstream.close()

    async def hand_over(self, stopped: Callable[[], bool]) -> Inherited | None:
        """Let answers finish, write everything down, and return what the next gateway goes on with.

        None when `stopped` before that: then `close` is to follow.
        """
        kept = await self._listener.hand_over(self._loaded.settings.server.drain_timeout, stopped)
        if kept is None:
            return None
        await self.close()
        given = bool(self._inherited.given)
        return Inherited(kept.bound if given else (), () if given else kept.bound, kept.connections)

    async def close(self) -> None:
        """Take nothing new, let answers finish, write everything down."""
        self._edge.draining = True
        await self._opened.aclose()

    def hurry(self) -> None:
        """Cut what still runs while the gateway closes."""
        self._listener.hurry()

    # the parts of the start

    def _may_listen(self) -> None:
        for server in self._servers:
            refusal = refusal_of(self._loaded.home, server, self._clock.now_us())
            if refusal is not None:
                raise refusal

    async def _open(self, opened: AsyncExitStack) -> None:
        """Make everything that a request meets; what has to be closed is left to `opened`."""
        settings, home = self._loaded.settings, self._loaded.home
        self._ledger = await Ledger.open(
            home, self._clock, durability=settings.ledger.durability, on_failure=self.log.failure
        )
        opened.push_async_callback(self._ledger.close)
        self._counting = await Recounting.open(self._ledger, self._environ, self._clock, self.log.failure)
        opened.push_async_callback(self._counting.close)
        self._spending.counting = self._counting
        self._export = Export.open(self._loaded, self._environ, self._ledger, lambda: self.fleet, self.log)
        opened.push_async_callback(self._export.close)
        self._content = content_of(self._loaded, self._clock, self.log)
        opened.push_async_callback(self._content.close)
        pepper = load_or_create_pepper(home)
        ring = KeyRing(pepper, self._clock)
        self._owner = load_or_create_owner_token(home)
        bootstrap = self._loaded.bootstrap_key
        self._sign_in = await open_sign_in(
            self._loaded,
            self._environ,
            self._owner,
            (self._ledger, self._clock, self.log),
            lambda: self.url,
        )
        self._keys = KeyAdmin(self._ledger, ring, pepper, self._clock, bootstrap, self._owner)
        ever_made = await self._keys.load(self._spending)
        await self._open_providers(opened, pepper)
        asked = (ring, self._router, self._routing, self._ledger, self._upstream, self._dispatcher)
        reckoned = (self._metrics, self._clock, self._spending, settings.server.max_body_bytes)
        gateway = Gateway(*asked, *reckoned, self._replays, self._quotas.quotas, self._compression)
        self._show_gauges()
        opened.push_async_callback(self.tasks.close)
        await self._first_look()
        await self._listen(gateway)
        opened.push_async_callback(self._listener.close, settings.server.drain_timeout)
        if not ever_made and bootstrap is None:
            # Last of all: a start that fails must not leave a key behind that nobody was shown.
            self.first_key = await self._keys.create("first")

    async def _open_providers(self, opened: AsyncExitStack, pepper: bytes) -> None:
        """Make everybody who may answer, and those who decide who does."""
        settings = self._loaded.settings
        self._upstream = self._make_upstream()
        opened.callback(self._upstream.close)
        self._dispatcher = Dispatcher(
            self._upstream, self._standings, self._clock, settings.routing, random.random, self.tasks
        )
        self._replays = Replays(self._dispatcher, self._clock, settings.cache)
        self._compression = Compression.open(
            settings.compression, self._clock, self._ledger, self.log.failure, pepper
        )
        self._watching = watching(self._loaded, self._environ, lambda: self.url, self._ledger, self._clock)
        self._engines = self._make_engines()
        for engine in (*self._engines.values(), *self._bridges.engines.values()):
            opened.push_async_callback(engine.close)
        home_of = Home(self._ledger, pepper, self._clock, self.tasks, self.log)
        received = self._watching.receive
        self._companions = Companions(home_of, self._bridges, received, lambda: self.fleet, self._plan_anew)
        self._quotas = QuotaKeeping(Quotas(self._clock, pepper), home_of, self._bridges, self._companions)
        opened.push_async_callback(self._quotas.keep)
        self._joining = (self._bridges, self._companions)
        self.fleet = self._muster(self._loaded, self._plan_anew)
        await self._companions.hub.open()
        self._plan_anew()
        await remember(self._spending, self._ledger, self._clock)

    async def _first_look(self) -> None:
        """Give providers a moment to list their models: bare names are then known to the first request."""
        looking = self.tasks.start("first look for models", self.fleet.refresh())
        await asyncio.wait({looking}, timeout=_FIRST_LOOK)

    def _show_gauges(self) -> None:
        started = self._clock.monotonic()
        gauges = self._metrics.gauges
        gauges["llm_gateway_uptime_seconds"] = lambda: self._clock.monotonic() - started
        gauges |= self._ledger.gauges() | self._content.gauges() | self._replays.gauges()
        gauges |= self._counting.gauges() | self._export.gauges()
        gauges |= self._standings.gauges() | self.fleet.gauges()
        gauges |= self._compression.gauges()

    def _muster(self, loaded: Loaded, changed: Callable[[], None]) -> Fleet:
        fleet = Fleet(self._upstream, self._clock, changed)
        built_in = {name: tuple(engine.models) for name, engine in self._engines.items()}
        muster(fleet, loaded.settings, self._environ, built_in, self._skipped)
        check_draws(loaded.settings.subscriptions, drawable(loaded.settings))
        for each in self._joining:
            each.join(fleet)
        return fleet

    def _make_upstream(self) -> Upstream:
        upstream = open_upstream(self._loaded.settings.upstream)
        self._metrics.gauges["llm_gateway_upstream_connections"] = lambda: upstream.open_connections
        return upstream

    def _make_engines(self) -> dict[str, Engine]:
        models = chosen(self._loaded.settings.local)
        engines: list[Engine] = [DemoEngine(self._clock)]
        if models:
            engines.append(LocalEngine(models, self._upstream, self._environ))
        self._bridges = open_bridges(
            self._loaded.settings.bridges,
            Surroundings(
                self._environ, self._clock, self.tasks, self._upstream, self._loaded.home / "bridges"
            ),
            lambda: self.fleet,
        )
        return {engine.name: engine for engine in engines}

    async def _listen(self, gateway: Gateway) -> None:
        self._edge = self._make_edge(gateway)
        self._listener = listener_for(self._servers[0], self._edge)
        self._metrics.gauges["llm_gateway_client_connections"] = lambda: self._listener.connections
        await open_door(self._listener, self._servers[0], self._inherited, self._listens_on)

    def _listens_on(self, port: int) -> None:
        self.port = port
        self._guard.listen_on(port)

    def _make_edge(self, gateway: Gateway) -> Edge:
        server = self._loaded.settings.server
        self._kept = KeptResponses(gateway, self._content, server.default_provider)
        parts = Parts(
            gateway,
            self.fleet,
            self._watching,
            self._keys,
            self._content,
            self._kept,
            BridgesApi(self._bridges, self._ledger, self._companions, self._sign_in.person),
            CompanionsApi(self._companions.registry, self._companions.hub, self._sign_in.person),
            server,
            self.tasks,
            self._quotas,
            lambda: self._loaded.settings.subscriptions,
            lambda: (self._loaded, self._environ),
            lambda: self.url,
            lambda: self._refused,
            self._sign_in,
            lambda: self._listener.ending,
        )
        self._guard = Guard(self._servers[0])
        edge, table = open_edge(parts, self._companions, self._guard, (self.log, self._metrics))
        self.routes = table.all
        return edge

    # while it runs

    def reload_soon(self) -> None:
        """Reload the configuration, without waiting for it."""
        self.tasks.start("reload the configuration", self.reload())

    async def reload(self) -> bool:
        """Take over what the configuration says now; a bad one is logged, and the last good one stays."""
        async with self._reloading:
            return await self._reload()

    async def _reload(self) -> bool:
        fresh = reload(self._loaded, flags=self._flags, environ=self._environ)
        try:
            if isinstance(fresh, ConfigError):
                raise fresh
            fleet = self._muster(fresh, lambda: None)
            await self._ledger.audit.record("configuration.reload", str(fresh.file), "gateway")
        except (AuditUnavailable, ConfigError) as error:
            self._refused = str(error)
            self.log.write(
                "error", "the configuration cannot be used; the last good one stays", error=self._refused
            )
            return False
        self._refused = ""
        for warning in fresh.warnings:
            self.log.write("warning", "configuration", error=warning)
        await fleet.refresh()  # before they are needed: a bare model name is found by who lists it
        self._loaded = fresh
        self.log.set_level(fresh.settings.log.level)
        await self.fleet.become(fleet)
        self._companions.reloaded(fresh.settings.bridges)
        await remember(self._spending, self._ledger, self._clock)
        self.log.write("info", "configuration reloaded")
        return True

    async def _look_at_file(self) -> None:
        """Reload a file that has changed."""
        while True:
            await asyncio.sleep(self._look_again)
            if self._watch.changed():
                await self.reload()

    async def _watch_exposure(self) -> None:
        """Go on for this machine alone, once more than that is no longer wanted."""
        home = self._loaded.home

        def in_file() -> Server:
            return load(flags={**self._flags, "home": home}, environ=self._environ).settings.server

        why = await ExposureWatch(self._loaded, self._clock, self._servers, in_file).over()
        self.log.write("error", "listening on loopback alone from now on", error=why)
        retreat = Retreat(self._listener, self._ledger.audit.record)
        self._servers = (await retreat.to_loopback(self._servers[0], self.port, why),)
        self.moved(self.url)

    def _plan_anew(self) -> None:
        settings = self._loaded.settings
        fleet = self.fleet
        bridges: dict[str, Engine] = {**self._bridges.engines_of(fleet), **self._companions.engines_of(fleet)}
        replan(self._router, self._loaded, fleet, (self._engines, bridges), self._spending, self._clock)
        self._routing.use(settings.routing)
        self._replays.use(settings.cache)
        self._compression.use(settings.compression)

    def _skipped(self, why: str) -> None:
        self.log.write("warning", "provider skipped", error=why)
