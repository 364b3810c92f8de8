"""Import what applications used before: all of their logs, read once more from the beginning.

Watching reads logs, too, as they grow. Here is what a person asks for: as far back as there are logs, also
where nobody watches, with what it came to. To import twice changes nothing, an answer that came through here
is recognised and not counted again, and nothing that was said is kept. What logs say is `clients/logs`.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from llm_gateway.clients.logs import Batch, Whose, read_logs
from llm_gateway.clients.looking import Logs, past_logs
from llm_gateway.clients.past_use import ImportFailed, PastUse, Pricing, Progress, Tally, Wish, pricing
from llm_gateway.clients.watching import Watching
from llm_gateway.clock import Clock
from llm_gateway.config import Loaded
from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.price_table import table_of
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.sightings import Sighting, marks, put, put_position, told_by
from llm_gateway.ledger.stated_prices import stated_of
from llm_gateway.ledger.store import Store
from llm_gateway.ledger.trouble import trouble

__all__ = ["Importing", "importing"]

_DAY_US = 86_400 * 1_000_000
_PAGE = 5000


class Importing:
    """Import past use into a ledger. `progress` says how far it is."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        watching: Watching,
        price: Pricing,
        logs: Callable[[], Logs],
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._watching = watching
        self._price = price
        self._logs = logs
        self.progress = Progress()

    async def run(self, wish: Wish) -> list[PastUse]:
        """Import, and return what was found of each client that has logs; ImportFailed says why not."""
        self.progress = Progress()
        logs = await asyncio.to_thread(self._logs)
        known = [client for client, _ in logs]
        for client in wish.clients:
            if client not in known:
                raise ImportFailed(f"{client} writes no log that is known; there are {', '.join(known)}")
        found = []
        for client, places in logs:
            if wish.clients and client not in wish.clients:
                continue
            use = await self._client(client, places, wish)
            if use.answers or use.problems:
                found.append(use)
        return found

    async def _client(self, client: str, places: Sequence[tuple[str, Path]], wish: Wish) -> PastUse:
        """Import what one client's logs say."""
        whose = Whose(client, self._watching.machine, self._clock.now_us())
        tally, problems = Tally(client, self._price), dict[str, None]()
        seen = await self._ledger.read(marks, client, whose.machine) if wish.dry_run else set()
        met: set[str] = set()
        days: set[int] = set()
        new = 0
        batches = read_logs(whose, places, {})
        while (batch := await asyncio.to_thread(_next, batches)) is not None:
            told = [each for each in batch.sightings if each.at_us >= wish.since_us]
            if wish.dry_run:
                for each in told:
                    if each.mark not in met:
                        met.add(each.mark)
                        tally.add(each, new=each.mark not in seen)
            else:
                new += await self._keep(batch, told)
                days.update(each.at_us // _DAY_US for each in told)
            problems.update(dict.fromkeys(batch.problems))
            self.progress = Progress(client, self.progress.answers + len(told))
        if not wish.dry_run:
            await self._recognise(client, days)
            await self._sum_up(tally, whose, wish.since_us)
        return msgspec.structs.replace(
            tally.use, new=tally.use.new if wish.dry_run else new, problems=tuple(problems)
        )

    async def _keep(self, batch: Batch, told: Sequence[Sighting]) -> int:
        """Keep what a piece of a log said, with how far it was read; return how much of it is new."""
        position, now_us = batch.position, self._clock.now_us()

        def write(store: Store) -> int:
            statements = put(told)
            count = len(statements)
            if position is not None:
                statements.append(put_position(position, now_us))
            return sum(store.write(statements)[:count]) if statements else 0

        try:
            return await self._ledger.write(write)
        except sqlite3.Error as error:
            wrong = trouble(error)
            why = f"what clients used cannot be written down: {wrong.what}. {wrong.way_out}"
            raise LedgerUnavailable(why) from error

    async def _recognise(self, client: str, days: set[int]) -> None:
        """Recognise the turns in days of which something was told."""
        self.progress = Progress(client, self.progress.answers, "recognising what came through here")
        for day in sorted(days):
            await self._watching.recognise_within(day * _DAY_US, (day + 1) * _DAY_US)

    async def _sum_up(self, tally: Tally, whose: Whose, since_us: int) -> None:
        """Add up what is kept of a client's logs."""
        after = 0
        while True:
            page = await self._ledger.read(told_by, (whose.client, whose.machine), since_us, after, _PAGE)
            for each in page:
                tally.add(each.sighting, routed=bool(each.turn_id))
            if len(page) < _PAGE:
                return
            after = page[-1].seq


def importing(
    ledger: Ledger, clock: Clock, watching: Watching, loaded: Loaded, environ: Mapping[str, str]
) -> Importing:
    """Return who imports from the logs of the machine that this program runs on, at configured prices."""
    prices = loaded.settings.prices
    book = PriceBook(stated_of(prices.models), {}, prices.reference, table=lambda: table_of(loaded.home))
    return Importing(ledger, clock, watching, pricing(book), lambda: past_logs(environ))


def _next(batches: Iterator[Batch]) -> Batch | None:
    return next(batches, None)
