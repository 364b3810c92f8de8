"""The bridge to a ChatGPT plan through Codex: the app server that its vendor documents for other programs.

Source: openai/codex, codex-rs/app-server/README.md. Codex is asked as a plain model: its own tools are off,
what it asks leave for is declined, and its login stays where it keeps it.
"""

import asyncio
from collections.abc import AsyncIterator

import msgspec

from llm_gateway.bridges.codex.account import health_of, health_of_fault, health_of_refusal
from llm_gateway.bridges.codex.agreement import REQUIRED
from llm_gateway.bridges.codex.conversation import Conversation
from llm_gateway.bridges.codex.launch import find, prepare
from llm_gateway.bridges.codex.login import login
from llm_gateway.bridges.codex.protocol import AccountRead, Empty, LimitsRead, ModelPage, Offered
from llm_gateway.bridges.codex.recipe import recipe
from llm_gateway.bridges.codex.refusals import login_again
from llm_gateway.bridges.codex.server import AppServer, Running
from llm_gateway.bridges.codex.thread import Thread
from llm_gateway.bridges.contract import Ask, LoginStep, Turn
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import BridgeModel, Health, account_mark
from llm_gateway.bridges.rpc import RpcRefused
from llm_gateway.bridges.sessions import Kept
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.config.bridges import BridgeSettings

__all__ = ["CodexBridge", "open_bridge"]

# A look takes two seconds at most. A start that takes longer than its part of them goes on by itself.
_LOOKS = 1.8
_FOR_A_START = 2 / 3
_MOST_PAGES = 20
_MOST_KEPT = 16


def open_bridge(settings: BridgeSettings, around: Surroundings) -> "CodexBridge":
    """Return the bridge; nothing is started yet."""
    return CodexBridge(settings, around, AppServer(settings, around, prepare))


class CodexBridge:
    """The bridge around one app server; a look at it takes `looks` seconds at most."""

    def __init__(
        self, settings: BridgeSettings, around: Surroundings, server: AppServer, *, looks: float = _LOOKS
    ) -> None:
        self._looks = looks
        self._settings = settings
        self._around = around
        self._server = server
        self._kept: Kept[Thread] = Kept(around.clock, self._drop, most=_MOST_KEPT)

    async def health(self) -> Health:
        """Say how it is."""
        until = self._around.clock.monotonic() + self._looks
        try:
            find(self._settings, self._around)
            async with asyncio.timeout(self._looks * _FOR_A_START) as start, self._server.use() as running:
                start.reschedule(None)
                return await self._health(running, until)
        except BridgeFault as fault:
            return health_of_fault(fault, required=REQUIRED if fault.kind == "version_mismatch" else "")
        except TimeoutError:
            return Health("starting", "Codex is starting")

    async def models(self) -> tuple[BridgeModel, ...]:
        """Return the models that its list shows, or those of the settings alone."""
        try:
            async with self._server.use() as running:
                listed = {each.id: each for each in await self._listed(running)}
                chosen = self._settings.models or [each.id for each in listed.values() if not each.hidden]
                return tuple(
                    BridgeModel(
                        model,
                        listed[model].display_name if model in listed else "",
                        running.known(model).context,
                    )
                    for model in chosen
                )
        except (BridgeFault, RpcRefused):
            return ()

    async def turn(self, ask: Ask) -> Turn:
        """Answer one turn."""
        async with self._server.use(turn=True) as running:
            await self._check_login(running)
            plan = recipe(ask, running.known(ask.model), running.config, running.folder)
            events = Conversation(running, plan, self._around, self._settings.name, self._kept).events()
            try:
                async for said in events:
                    yield said
            finally:
                await events.aclose()

    async def login(self) -> AsyncIterator[LoginStep]:
        """Log in."""
        async with self._server.use() as running:
            steps = login(running, self._around.tasks, self._settings.name)
            try:
                async for step in steps:
                    yield step
            finally:
                await steps.aclose()

    async def answered(self, step: str) -> None:
        """Refuse what was pasted: no step asks for that."""
        raise BridgeFault("refused", "a login to Codex asks for nothing to be pasted")

    async def logout(self) -> None:
        """Have Codex forget its login."""
        async with self._server.use() as running:
            try:
                running.logged_in = False
                await running.rpc.ask("account/logout", None, Empty)
            except RpcRefused:
                raise BridgeFault(
                    "bridge_failed", "Codex did not log out; `codex logout` in a terminal says why"
                ) from None

    async def close(self) -> None:
        """End the app server."""
        await self._server.close()

    # details

    def _drop(self, thread: Thread) -> None:
        self._around.tasks.start("a thread of codex ends", thread.end())

    async def _check_login(self, running: Running) -> None:
        """Refuse a turn that nobody is logged in for: Codex itself would try for ten seconds.

        What Codex cannot say of the login is not in the turn's way.
        """
        if running.logged_in:
            return
        try:
            read = await running.rpc.ask("account/read", {"refreshToken": False}, AccountRead)
        except (RpcRefused, BridgeFault):
            return
        if read.account is None and read.requires_openai_auth:
            raise login_again(self._settings.name)
        running.logged_in = True

    async def _health(self, running: Running, until: float) -> Health:
        version, name = running.launch.version, self._settings.name
        clock, rpc = self._around.clock, running.rpc
        try:
            asked = {"refreshToken": False}
            within = max(0.1, until - clock.monotonic())
            read = await rpc.ask("account/read", asked, AccountRead, within=within)
            running.logged_in = read.account is not None or not read.requires_openai_auth
            if read.account is not None and read.account.type == "chatgpt":
                within = max(0.1, until - clock.monotonic())
                await self._look_at_limits(running, within)
            health = health_of(read, running.limits, version, clock.now_us(), name)
            return msgspec.structs.replace(health, mark=account_mark("openai", running.account))
        except RpcRefused as refusal:
            return health_of_refusal(refusal, version, name)
        except BridgeFault as fault:
            return health_of_fault(fault, version)

    async def _look_at_limits(self, running: Running, within: float) -> None:
        """Ask how much of the plan is used; the vendor's service is asked for that, and may be slow."""
        try:
            read = await running.rpc.ask("account/rateLimits/read", None, LimitsRead, within=within)
        except BridgeFault as fault:
            if fault.kind != "upstream_timeout":
                raise
            return
        running.told(read.rate_limits)
        running.account = read.account_id or ""

    async def _listed(self, running: Running) -> list[Offered]:
        listed: list[Offered] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = await running.rpc.ask("model/list", {"cursor": cursor, "limit": 100}, ModelPage)
            listed += page.data
            cursor = page.next_cursor
            if not cursor:
                break
        return listed
