"""A gateway's ledger at work, to be killed: begins and settles turns and says so on stdout, after each.

Run as `python crash_child.py HOME DURABILITY`; not a test itself. Lines are `b ID` and `s ID`.
"""

import asyncio
import os
import sys
from pathlib import Path

from llm_gateway.canonical.usage import Usage
from llm_gateway.clock import SystemClock
from llm_gateway.ledger.ledger import Durability, Ledger
from llm_gateway.ledger.records import Intent, Settlement

_CLIENTS = 50


async def one_client(ledger: Ledger, clock: SystemClock, number: int) -> None:
    """Send requests one after the other, for ever; some are slow."""
    while True:
        turn_id = ledger.new_id()
        await ledger.begin(
            Intent(turn_id, clock.now_us(), "k", "ada", f"client-{number}", "chat", "chat", "m", "p", "m")
        )
        os.write(1, f"b {turn_id}\n".encode())
        await asyncio.sleep(0.002 * (number % 3))
        await ledger.settle(Settlement(turn_id, "ok", 200, usage=Usage(10, output=5)))
        os.write(1, f"s {turn_id}\n".encode())


async def main(home: Path, durability: Durability) -> None:
    """Open the ledger and never come back."""
    clock = SystemClock()
    ledger = await Ledger.open(home, clock, durability=durability, on_failure=lambda what, error: os._exit(3))
    async with asyncio.TaskGroup() as group:
        for number in range(_CLIENTS):
            group.create_task(one_client(ledger, clock, number))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), "power" if sys.argv[2] == "power" else "process"))
