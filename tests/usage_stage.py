"""A ledger full of generated turns, and the same turns as values, to add them up without any SQL."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from fakes import FakeClock
from ledger_samples import NOON, Failures
from llm_gateway.canonical.usage import Usage
from llm_gateway.clock import SystemClock
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.records import Intent, Recount, Settlement
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.store import Store
from turn_factory import generated

__all__ = ["DAY_US", "HOUR_US", "Ended", "Filled", "filled", "filled_home"]

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


class Ended(msgspec.Struct, frozen=True):
    """A turn that has ended, as it is after a recount."""

    intent: Intent
    end: Settlement

    @property
    def usage(self) -> Usage:
        """Return what it used."""
        return self.end.usage or Usage()

    @property
    def lines(self) -> dict[str, int]:
        """Return its lines, by their names."""
        money = self.end.money
        kept = self.end.cached_from and self.intent.purpose == "request" and self.intent.counts
        told = {
            "route": money.route_nano if money else None,
            "compression": money.compression_nano if money else None,
            "response_cache": self.end.saved_nano if kept else None,
            "prompt_cache": money.prompt_cache_nano if money else None,
        }
        return {name: nano for name, nano in told.items() if nano is not None}

    def named(self, dimension: str) -> str:
        """Return what a breakdown calls it."""
        if dimension == "key":
            return self.intent.key_id
        return str(getattr(self.end if dimension in ("provider", "model") else self.intent, dimension))


class Filled(msgspec.Struct, frozen=True):
    """A store, the turns in it that have ended, and a time after all of them."""

    store: Store
    turns: list[Ended]
    now_us: int

    def total(self, of: Callable[[Ended], int], **names: str) -> int:
        """Return a sum over the turns of these names."""
        return sum(
            of(each) for each in self.turns if all(each.named(name) == told for name, told in names.items())
        )


@contextmanager
def filled(home: Path, count: int, *, days: int = 20) -> Iterator[Filled]:
    """Open a ledger with about so many turns of so many days."""
    with offline(home, FakeClock(), Failures()) as store:
        yield _fill(store, count, days, NOON)


def filled_home(home: Path, count: int, *, days: int = 20) -> list[Ended]:
    """Fill the ledger of a home with turns of the days before today."""
    today_us = SystemClock().now_us() // DAY_US * DAY_US
    with offline(home, SystemClock(), Failures()) as store:
        found = _fill(store, count, days, today_us - (days + 2) * DAY_US).turns
    assert max(each.intent.at_us for each in found) < today_us
    return found


def _fill(store: Store, count: int, days: int, start_us: int) -> Filled:
    made = generated(count, start_us=start_us, apart_us=days * DAY_US // count)
    # One that runs is ended by the next who opens the ledger.
    turns = [records for records in made if any(isinstance(each, Settlement) for each in records)]
    store.apply(merge(record for records in turns for record in records), 1)
    ended = [each for records in turns for each in _ended(records)]
    return Filled(store, ended, max(each.intent.at_us for each in ended) + HOUR_US)


def _ended(records: Sequence[object]) -> Iterator[Ended]:
    intents: Mapping[str, Intent] = {each.id: each for each in records if isinstance(each, Intent)}
    better = {each.id: each for each in records if isinstance(each, Recount)}
    for end in (each for each in records if isinstance(each, Settlement)):
        recount = better.get(end.id)
        if recount is not None:
            end = msgspec.structs.replace(
                end, usage=recount.usage, cost_nano=recount.cost_nano, money=recount.money
            )
        yield Ended(intents[end.id], end)
