"""Keep what vendors tell of quotas: write down what is new from time to time, and go on from it at a start.

Off the request path: a request leaves its word in memory, and once a minute what changed is written. What
companions and bridges say is heard here, too; they are asked nothing for it.
"""

import asyncio

import msgspec

from llm_gateway.bridges.health import Health
from llm_gateway.bridges.opening import Bridges
from llm_gateway.companion.opening import Companions, Home
from llm_gateway.ledger.quota_samples import KEPT_US, keep, kept, put_draws, put_samples, without_older
from llm_gateway.pipeline.quotas import Quotas
from llm_gateway.providers.catalog import ProviderRow

__all__ = ["Bridged", "QuotaKeeping"]

_EVERY = 60.0
_A_DAY_US = 86_400 * 1_000_000


class Bridged(msgspec.Struct, frozen=True):
    """A bridge as it was when it was looked at last, and where it is; "" is this machine, and the owner."""

    row: ProviderRow
    health: Health
    machine: str = ""
    person: str = ""


class QuotaKeeping:
    """What is known of quotas, kept in the ledger."""

    def __init__(self, quotas: Quotas, home: Home, bridges: Bridges, companions: Companions) -> None:
        self.quotas = quotas
        self._ledger = home.ledger
        self._clock = home.clock
        self._bridges = bridges
        self._companions = companions
        self._tidied_us = 0
        self._resumed = False

    async def run(self, every: float = _EVERY) -> None:
        """Go on from what was kept, and keep what is new, again and again."""
        await self.resume()
        while True:
            await asyncio.sleep(every)
            await self.keep()

    async def resume(self) -> None:
        """Go on from what was kept, unless that was done."""
        if self._resumed:
            return
        known = await kept(self._ledger)
        if known is not None:
            self.quotas.resume(*known)
            self._resumed = True

    async def keep(self) -> None:
        """Hear of the bridges, and write down what is new; what cannot be written is told again later."""
        self.hear()
        now_us = self._clock.now_us()
        samples, drawn = self.quotas.changes()
        statements = put_samples(samples) + put_draws(drawn)
        if now_us - self._tidied_us >= _A_DAY_US:
            self.quotas.forget(now_us - KEPT_US)
            statements += without_older(now_us - KEPT_US)
            self._tidied_us = now_us
        if statements:
            await keep(self._ledger, statements)

    def hear(self) -> list[Bridged]:
        """Take note of how all bridges are, as far as they were looked at, and return it."""
        found = [
            Bridged(self._bridges.rows[name], health)
            for name in self._bridges.engines
            if (health := self._bridges.attending.last(name)) is not None
        ]
        found += [
            Bridged(row, engine.health, engine.companion.machine, engine.companion.person)
            for row, engine in self._companions.bridges()
        ]
        for each in found:
            self.quotas.heard(each.row.name, each.health, each.machine, each.person)
        return found

    async def look(self) -> list[Bridged]:
        """Look at this machine's bridges first, where that was not done just now, and at what was kept."""
        await self.resume()
        await self._bridges.attending.look_at_all()
        return self.hear()
