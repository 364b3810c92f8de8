"""Look at bridges from time to time, so that what is said of them is true, and tell who wants to know.

Looking costs a program's start, so it is rare: at the start, every few minutes, and soon after a turn that
failed. Whoever shows a bridge to a person looks for himself.
"""

import asyncio
from collections.abc import Callable, Mapping

from llm_gateway.bridges.engine import BridgeEngine
from llm_gateway.bridges.health import Health

__all__ = ["Attending", "Told"]

_EVERY = 300.0
_AFTER_A_FAULT = 15.0

Told = Callable[[str, BridgeEngine, Health], None]
"""Hear how a bridge of this name is."""


class Attending:
    """The bridges of this machine, and how each was when it was looked at last. `told` hears of each look."""

    def __init__(self, engines: Mapping[str, BridgeEngine], told: Told) -> None:
        self._engines = engines
        self._told = told
        self._last: dict[str, Health] = {}

    @property
    def engines(self) -> Mapping[str, BridgeEngine]:
        """Return the bridges by name."""
        return self._engines

    def last(self, name: str) -> Health | None:
        """Return how a bridge was when it was looked at last; None when nobody has."""
        return self._last.get(name)

    async def look(self, name: str, *, fresh: bool = False) -> Health:
        """Look at one bridge; KeyError when there is none of that name."""
        engine = self._engines[name]
        health = await engine.look(fresh=fresh)
        self._last[name] = health
        self._told(name, engine, health)
        return health

    async def look_at_all(self, *, fresh: bool = False) -> dict[str, Health]:
        """Look at all of them, at the same time."""
        names = tuple(self._engines)
        found = await asyncio.gather(*(self.look(name, fresh=fresh) for name in names))
        return dict(zip(names, found, strict=True))

    async def attend(self) -> None:
        """Look again and again."""
        while True:
            await self.look_at_all()
            for _ in range(round(_EVERY / _AFTER_A_FAULT)):
                await asyncio.sleep(_AFTER_A_FAULT)
                for name, engine in self._engines.items():
                    if engine.doubted:
                        await self.look(name)
