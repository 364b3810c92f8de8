"""One `codex app-server` for all turns: started when it is needed, anew when it ended, gone when it is idle.

Not what its messages mean: whoever has a thread listens to it here.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

import msgspec
from msgspec import Raw

from llm_gateway import __version__
from llm_gateway.bridges.codex.catalogue import Known
from llm_gateway.bridges.codex.launch import Launch, environment
from llm_gateway.bridges.codex.protocol import ConfigRead, Initialized, Limits, LimitsRead, LoginEnded, Of
from llm_gateway.bridges.codex.recipe import without
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.process import Child
from llm_gateway.bridges.rpc import METHOD_NOT_FOUND, Asked, Rpc, RpcRefused
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.config.bridges import BridgeSettings

__all__ = ["AppServer", "Hears", "Running"]

_STARTS = 15.0
_IDLE = 600.0  # after a turn
_SHORT = 30.0  # after a look at its health: looks are rarer than that

# What it would ask its vendor for beside answers.
_QUIET = ("analytics.enabled=false", "features.apps=false", "features.plugins=false")

# What nobody here reads.
_UNHEARD = (
    "account/updated",
    "app/list/updated",
    "configWarning",
    "deprecationNotice",
    "mcpServer/startupStatus/updated",
    "remoteControl/status/changed",
    "skills/changed",
    "thread/closed",
    "thread/settings/updated",
    "thread/started",
    "thread/status/changed",
    "turn/diff/updated",
    "turn/plan/updated",
    "warning",
)
# Whatever Codex asks leave for is not given: it is a model here, and has nothing to do on this machine.
_DECLINED: Mapping[str, dict[str, object]] = {
    "applyPatchApproval": {"decision": "denied"},
    "execCommandApproval": {"decision": "denied"},
    "item/commandExecution/requestApproval": {"decision": "decline"},
    "item/fileChange/requestApproval": {"decision": "decline"},
    "item/permissions/requestApproval": {"permissions": {}},
    "mcpServer/elicitation/request": {"action": "decline"},
}


class Hears(Protocol):
    """Whoever has a thread. It must not wait."""

    def notice(self, method: str, params: Raw) -> None:
        """Take a notification about the thread."""
        ...

    def called(self, asked: Asked) -> None:
        """Take the request to run a tool of the client's; it is answered by the next turn, or never."""
        ...

    def broken(self, fault: BridgeFault) -> None:
        """Learn that nothing more will come."""
        ...


class Running:
    """An app server that runs; `threads` are those that somebody listens to.

    `logged_in` is whether somebody was when it was last looked at, or need not be. `account` is the vendor's
    id of the account, as it was told last.
    """

    def __init__(self, child: Child, launch: Launch, around: Surroundings) -> None:
        self.rpc = Rpc(child, self, "codex", marked=False)
        self.launch = launch
        self.threads: dict[str, Hears] = {}
        self._logins: dict[str, asyncio.Future[bool]] = {}
        self.limits = Limits()
        self.account = ""
        self.logged_in = False
        self.config: dict[str, object] = {}
        self._child = child
        self._tasks = around.tasks
        self._reading = around.tasks.start("what codex says", self.rpc.run())
        self._errors = around.tasks.start("what codex has to complain of", child.watch_errors())

    @property
    def folder(self) -> str:
        """Return the empty folder that it stands in."""
        return self._child.folder

    def known(self, model: str) -> Known:
        """Return what is known of a model."""
        return self.launch.models.get(model) or Known()

    async def introduce(self) -> None:
        """Say who asks, and find out what of the person's own settings has to be put out of the way."""
        await self.rpc.ask(
            "initialize",
            {
                "clientInfo": {
                    "name": "llm_gateway",
                    "title": "LLM Gateway",
                    "version": __version__,
                },
                "capabilities": {"experimentalApi": True, "optOutNotificationMethods": _UNHEARD},
            },
            Initialized,
            within=_STARTS,
        )
        await self.rpc.tell("initialized")
        own = (await self.rpc.ask("config/read", {"includeLayers": False}, ConfigRead)).config
        features = [name for name, on in (own.features or {}).items() if on is not False]
        self.config = without(tuple(own.mcp_servers or ()), features)

    def login(self, login_id: str) -> asyncio.Future[bool]:
        """Return whether a login succeeded, when it is over; it may be before anybody asks."""
        if login_id not in self._logins:
            self._logins[login_id] = asyncio.get_running_loop().create_future()
        return self._logins[login_id]

    def forget_login(self, login_id: str) -> None:
        """Forget a login that nobody waits for any more."""
        self._logins.pop(login_id, None)

    async def close(self) -> None:
        """End it."""
        readers = (self._reading, self._errors)
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        await self._child.close()

    # what it says by itself

    def notified(self, method: str, params: Raw) -> None:
        """Hand a notification to whom it is for."""
        try:
            match method:
                case "account/login/completed":
                    self._login_ended(msgspec.json.decode(params, type=LoginEnded))
                case "account/rateLimits/updated":
                    self.told(msgspec.json.decode(params, type=LimitsRead).rate_limits)
                case _:
                    thread = msgspec.json.decode(params, type=Of).thread_id
                    if thread and (hears := self.threads.get(thread)) is not None:
                        hears.notice(method, params)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return  # of no thread, and what is read of an account is asked for, too

    def asked(self, asked: Asked) -> None:
        """Decline what is asked for, but for the tools of clients, which answer later or never."""
        if asked.method == "item/tool/call":
            hears = self._listening(asked.params)
            if hears is not None:
                hears.called(asked)
                return
        self._tasks.start("declining", self._decline(asked))

    def ended(self, fault: BridgeFault) -> None:
        """Tell everybody that nothing more will come."""
        for hears in tuple(self.threads.values()):
            hears.broken(fault)
        for login in self._logins.values():
            if not login.done():
                login.set_result(False)

    def told(self, limits: Limits) -> None:
        """Take note of how much of the plan is used; what is not told again is as it was."""
        before = self.limits
        self.limits = Limits(
            limits.primary or before.primary,
            limits.secondary or before.secondary,
            limits.rate_limit_reached_type,
            limits.credits or before.credits,
            limits.individual_limit or before.individual_limit,
        )

    def _listening(self, params: Raw) -> Hears | None:
        try:
            return self.threads.get(msgspec.json.decode(params, type=Of).thread_id or "")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def _login_ended(self, ended: LoginEnded) -> None:
        if ended.login_id and not (login := self.login(ended.login_id)).done():
            login.set_result(ended.success)

    async def _decline(self, asked: Asked) -> None:
        try:
            if (answer := _DECLINED.get(asked.method)) is not None:
                await self.rpc.answer(asked, answer)
            else:
                await self.rpc.decline(asked, METHOD_NOT_FOUND, "this client does nothing of the kind")
        except BridgeFault:
            return  # it has ended meanwhile


class AppServer:
    """The app server, whether it runs or not. `prepared` finds the program and makes it ready.

    `idle` is for how many seconds it stays after a turn.
    """

    def __init__(
        self,
        settings: BridgeSettings,
        around: Surroundings,
        prepared: Callable[[BridgeSettings, Surroundings], Awaitable[Launch]],
        *,
        idle: float = _IDLE,
    ) -> None:
        self._settings = settings
        self._around = around
        self._prepared = prepared
        self._idle = idle
        self._running: Running | None = None
        self._starting: asyncio.Task[Running | BridgeFault] | None = None
        self._users = 0
        self._turned_at = -idle
        self._resting: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def use(self, *, turn: bool = False) -> AsyncGenerator[Running, None]:
        """Have it run; BridgeFault when it cannot. It stays for a while after its last use."""
        self._users += 1
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        try:
            yield await self._run()
        finally:
            self._users -= 1
            now = self._around.clock.monotonic()
            if turn:
                self._turned_at = now
            if not self._users:
                stays = max(min(_SHORT, self._idle), self._turned_at + self._idle - now)
                self._resting = self._around.tasks.start("codex is idle", self._rest(stays))

    async def close(self) -> None:
        """End it."""
        running, self._running = self._running, None
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)  # it ends what it has begun
        if running is not None:
            await running.close()

    # details

    async def _run(self) -> Running:
        running = self._running
        if running is not None and running.rpc.fault is None:
            return running
        if self._starting is None or self._starting.done():
            self._starting = self._around.tasks.start("codex starts", self._start())
        # Whoever waits may leave, and others wait for the same start.
        started = await asyncio.shield(self._starting)
        if isinstance(started, BridgeFault):
            raise started.with_traceback(None)
        return started

    async def _start(self) -> Running | BridgeFault:
        ended, self._running = self._running, None
        if ended is not None:
            await ended.close()
        try:
            launch = await self._prepared(self._settings, self._around)
            environ = environment(self._settings, self._around)
            catalogue = msgspec.json.encode(str(launch.catalogue)).decode()  # a string of TOML, too
            settings = (f"model_catalog_json={catalogue}", *_QUIET)
            arguments = ("app-server", *(word for each in settings for word in ("-c", each)))
            child = await Child.start(launch.program, arguments, environ)
        except BridgeFault as fault:
            return fault
        running = Running(child, launch, self._around)
        try:
            await running.introduce()
        except (BridgeFault, RpcRefused):
            await running.close()
            return BridgeFault(
                "bridge_failed", "codex does not start: `codex doctor` in a terminal says what it misses"
            )
        except asyncio.CancelledError:
            await running.close()
            raise
        self._running = running
        return running

    async def _rest(self, stays: float) -> None:
        await asyncio.sleep(stays)
        self._resting = None
        running, self._running = self._running, None
        if running is not None:
            await running.close()
