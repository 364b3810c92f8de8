"""Logins of bridges that somebody is at: what a person has to do next, whoever shows it to them."""

import asyncio
from collections.abc import Mapping

import msgspec

from llm_gateway.bridges.contract import LoginStep
from llm_gateway.bridges.engine import BridgeEngine
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.tasks import Tasks

__all__ = ["LoginProgress", "Logins"]

_LONGEST = 900.0


class LoginProgress(msgspec.Struct, frozen=True):
    """How far a login is: its steps so far, whether it is over, and why it failed if it did."""

    steps: tuple[LoginStep, ...]
    over: bool
    error: str = ""


class _Login:
    """One login."""

    def __init__(self) -> None:
        self.steps: list[LoginStep] = []
        self.over = False
        self.error = ""
        self.changed = asyncio.Event()

    async def run(self, engine: BridgeEngine) -> None:
        try:
            async with asyncio.timeout(_LONGEST):
                async for step in engine.bridge.login():
                    self.steps.append(step)
                    if step.kind == "done":
                        engine.renewed()
                    self._tell()
        except BridgeFault as fault:
            self.error = fault.message
        except TimeoutError:
            self.error = f"nobody finished it within {_LONGEST / 60:g} minutes; begin again"
        except asyncio.CancelledError:
            self.error = "it was called off"
            raise
        finally:
            if not self.error and (not self.steps or self.steps[-1].kind != "done"):
                self.error = "it broke off before it was done; the log may say why; begin again"
            self.over = True
            self._tell()

    def progress(self) -> LoginProgress:
        return LoginProgress(tuple(self.steps), self.over, self.error)

    def _tell(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class Logins:
    """At most one login for each bridge; KeyError for a name that is no bridge's."""

    def __init__(self, engines: Mapping[str, BridgeEngine], tasks: Tasks) -> None:
        self._engines = engines
        self._tasks = tasks
        self._running: dict[str, tuple[_Login, asyncio.Task[None]]] = {}

    async def begin(self, name: str, wait: float) -> LoginProgress:
        """Begin a login, or go on with the one that runs; return its first step when it is there."""
        engine = self._engines[name]
        known = self._running.get(name)
        if known is None or known[0].over:
            login = _Login()
            self._running[name] = login, self._tasks.start(f"a login of {name}", login.run(engine))
        return await self.after(name, 0, wait)

    async def after(self, name: str, seen: int, wait: float) -> LoginProgress:
        """Return how far a login is, when there are more than `seen` steps, it is over, or `wait` is."""
        login, _ = self._running[name]
        try:
            async with asyncio.timeout(wait):
                while len(login.steps) <= seen and not login.over:
                    await login.changed.wait()
        except TimeoutError:
            pass
        return login.progress()

    async def answer(self, name: str, text: str) -> None:
        """Hand on what the person pasted."""
        await self._engines[name].bridge.answered(text)

    def call_off(self, name: str) -> None:
        """End a login that runs."""
        known = self._running.pop(name, None)
        if known is not None:
            known[1].cancel()
