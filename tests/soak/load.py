"""Orders at fixed times, whatever became of those before them: an open loop, as clients of a server are.

An order whose time has come while the machine was busy is late, and its latency counts from when it was due.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from soak.connections import Connections, Exchange
from soak.judging import Outcome
from soak.orders import Order

__all__ = ["Load"]

_PIECES_BEFORE_LEAVING = 2


@dataclass(frozen=True)
class Load:
    """So many orders a second to a port; `told` gets every outcome, in the load's own thread."""

    port: int
    key: str
    unknown_key: str
    per_second: float
    order: Callable[[int], Order]
    told: Callable[[Outcome], None]
    patience: float = 60.0
    """Seconds for one order; by default longer than all deadlines of a gateway, one target after another."""
    rushes: tuple[tuple[float, float], ...] = ()
    """When, in seconds from the begin, nothing is sent for so long: those due come all at once after it."""

    async def drive(self, seconds: float) -> int:
        """Send orders for so long, wait until the last one has its end, and return how many there were."""
        connections = Connections(self.port)
        began = time.monotonic()
        count = int(seconds * self.per_second)
        async with asyncio.TaskGroup() as running:
            for number in range(count):
                due = began + self._due(number / self.per_second)
                if (wait := due - time.monotonic()) > 0:
                    await asyncio.sleep(wait)
                running.create_task(self._carry_out(connections, self.order(number), due))
        connections.close()
        return count

    def _due(self, at: float) -> float:
        """Return when an order is sent that is due at a time without rushes."""
        return next((begin + pause for begin, pause in self.rushes if begin <= at < begin + pause), at)

    async def _carry_out(self, connections: Connections, order: Order, due: float) -> None:
        request = order.request(self.key, self.unknown_key)
        exchange = Exchange()
        try:
            async with asyncio.timeout(self.patience):
                if order.behaviour == "breaks off":
                    await connections.break_off(request, 0.02)
                    exchange.ended = "left"
                else:
                    leave_after = _PIECES_BEFORE_LEAVING if order.behaviour == "leaves" else 0
                    exchange = await connections.exchange(request, fresh=order.fresh, leave_after=leave_after)
        except TimeoutError:
            exchange.ended = "late"
        except OSError:
            exchange.ended = "nothing"
        now = time.monotonic()
        self.told(Outcome(order, exchange.reply, exchange.ended, now, now - due))
