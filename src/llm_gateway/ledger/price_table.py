"""The table of prices as it lies in a file, and which of its rows holds for a name and a time.

Not what the configuration says, and no reckoning: `prices.py` makes cards of what is found here.
`scripts/prices.py` makes the file that comes with the gateway, `price_taking.py` one that a user asked for.
A table is read when its first price is needed, and of it only the providers that are asked for.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec

from llm_gateway.ledger.tariff import Steps, TokenClass
from llm_gateway.wire.ready import ready

__all__ = [
    "TABLE",
    "Clause",
    "Found",
    "PriceRow",
    "PriceTable",
    "Span",
    "TableModel",
    "TableProvider",
    "changes_of",
    "day_us",
    "holding",
    "holds",
    "read_table",
    "shipped_table",
    "steps_of",
    "table_of",
]

Span = tuple[int, int]
"""From when to when something holds, in microseconds since 1970; the end is not part of it."""

TABLE = "prices.json"
"""The name of the file, in the package and in a home that has one of its own."""

_DAY_US = 86_400_000_000
_MINUTE_US = 60_000_000
_ALWAYS: Span = (-(2**62), 2**62)
_EPOCH = date(1970, 1, 1).toordinal()
# What providers that relay for others write where the vendor has hyphens: gpt-5.2-20251211.
_COMPACT_DAY = re.compile(r"-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")


@ready
class PriceRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """Prices that hold together. Dollars for a million tokens; where a class is left out, see `tariff.py`.

    `since` is the day from which they hold, `hours` the time of day in UTC, as `00:30-16:30`; "" is always.
    `search` is dollars for a thousand searches, `thousand` for a thousand requests. `tier` is set in a
    model's `tiers`, where what is left out is as usual. `other` is what the source says that the table was
    checked against, where that differs: dollars for a million tokens in and out, as `0.27/1.1`.
    """

    rates: dict[TokenClass, Decimal | Steps] = {}
    search: Decimal | None = None
    thousand: Decimal | None = None
    since: str = ""
    hours: str = ""
    tier: str = ""
    other: str = ""


class Clause(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule for names: one of its members is set."""

    equals: str | None = None
    starts_with: str | None = None
    ends_with: str | None = None
    contains: str | None = None
    regex: str | None = None
    any_of: "tuple[Clause, ...]" = msgspec.field(name="or", default=())
    all_of: "tuple[Clause, ...]" = msgspec.field(name="and", default=())

    def fits(self, name: str) -> bool:
        """Return whether a name in small letters is meant."""
        match self:
            case Clause(equals=str() as text):
                return name == text.lower()
            case Clause(starts_with=str() as text):
                return name.startswith(text.lower())
            case Clause(ends_with=str() as text):
                return name.endswith(text.lower())
            case Clause(contains=str() as text):
                return text.lower() in name
            case Clause(regex=str() as text):
                return re.search(text, name) is not None
        if self.all_of:
            return all(each.fits(name) for each in self.all_of)
        return any(each.fits(name) for each in self.any_of)

    def names(self, name: str) -> bool:
        """Return whether just this name stands in the rule, alone or as one of several."""
        if self.equals is not None:
            return name == self.equals.lower()
        return any(each.names(name) for each in self.any_of)


@ready
class TableModel(msgspec.Struct, frozen=True, omit_defaults=True):
    """A row of the table: the names that it is for, and its prices, of which the last one that holds counts.

    Of those in `tiers` the first one that holds and has a class is the price of it in that tier.
    """

    id: str
    match: Clause
    prices: tuple[PriceRow, ...]
    tiers: tuple[PriceRow, ...] = ()
    window: int | None = None


@ready
class TableProvider(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whose prices they are. `urls` is a pattern of the addresses that it is reached at.

    `also` are providers whose models it sells, too: at their prices, where it has none of its own.
    """

    name: str
    urls: str
    models: msgspec.Raw
    also: tuple[str, ...] = ()


class Found(msgspec.Struct, frozen=True):
    """A row that was found for a name, and how."""

    provider: str
    model: TableModel
    match: Literal["exact", "pattern"]


@ready
class _File(msgspec.Struct, frozen=True):
    source: str
    version: str
    sha256: str
    providers: tuple[TableProvider, ...]
    checked: str = ""


_file = msgspec.json.Decoder(_File)
_models = msgspec.json.Decoder(tuple[TableModel, ...])


class PriceTable:
    """Prices by provider and model. `checked` names what the table was compared with, "" for nothing."""

    def __init__(self, file: _File) -> None:
        self.source, self.version, self.sha256 = file.source, file.version, file.sha256
        self.checked = file.checked
        self._providers = {each.name: each for each in file.providers}
        self._models: dict[str, tuple[TableModel, ...]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Return the providers' names."""
        return tuple(self._providers)

    def at(self, address: str) -> str:
        """Return the name of the provider that is reached at an address, "" for none."""
        found = (each.name for each in self._providers.values() if re.match(each.urls, address))
        return next(found, "") if address else ""

    def models(self, provider: str) -> tuple[TableModel, ...]:
        """Return the rows of a provider, none where it is not known."""
        if provider not in self._models:
            if provider not in self._providers:
                return ()
            self._models[provider] = _models.decode(self._providers[provider].models)
        return self._models[provider]

    def find(self, provider: str, model: str) -> Found | None:
        """Return the row for a model of a provider; None where there is none."""
        name = model.lower()
        found = self._find(provider, name)
        if found is None and (hyphened := _COMPACT_DAY.sub(r"-\1-\2-\3", name)) != name:
            found = self._find(provider, hyphened)
        return found

    def _find(self, provider: str, name: str) -> Found | None:
        known = self._providers.get(provider)
        if known is None:
            return None
        for seller in (provider, *known.also):
            for model in self.models(seller):
                if model.match.fits(name):
                    named = name == model.id.lower() or model.match.names(name)
                    return Found(seller, model, "exact" if named else "pattern")
        return None


def read_table(data: bytes) -> PriceTable:
    """Return a table as it lies in a file; raise msgspec.DecodeError for what is none."""
    return PriceTable(_file.decode(data))


@cache
def shipped_table() -> PriceTable:
    """Return the table that comes with the gateway, read when it is first asked for."""
    return read_table(files("llm_gateway.ledger").joinpath(TABLE).read_bytes())


def table_of(home: Path) -> PriceTable:
    """Return the table that a user asked for, which is in the home; else the one of the gateway.

    One that cannot be read is not gone by: `llm-gateway prices` says so.
    """
    file = home / TABLE
    try:
        state = file.stat()
        return _read_once(file, state.st_mtime_ns, state.st_size)
    except (OSError, msgspec.DecodeError):
        return shipped_table()


@lru_cache(maxsize=2)
def _read_once(file: Path, _mtime_ns: int, _size: int) -> PriceTable:
    """Return the table of a file, read again when that has changed."""
    return read_table(file.read_bytes())


# which prices hold


def holding(rows: Sequence[PriceRow], at_us: int) -> PriceRow | None:
    """Return the prices that hold at a time: the last of them that do, and else the first of all."""
    for row in reversed(rows):
        if holds(row, at_us):
            return row
    return rows[0] if rows else None


def steps_of(rate: Decimal | Steps) -> Steps:
    """Return a price by how many tokens went in, where it may be one for any number."""
    return ((0, rate),) if isinstance(rate, Decimal) else rate


def changes_of(rows: Iterable[PriceRow], at_us: int) -> Span:
    """Return for how long around a time nothing changes in which of these prices hold."""
    begin, end = _ALWAYS
    for moment in _moments(rows, at_us):
        if moment <= at_us:
            begin = max(begin, moment)
        else:
            end = min(end, moment)
    return begin, end


def _moments(rows: Iterable[PriceRow], at_us: int) -> Iterator[int]:
    midnight = at_us - at_us % _DAY_US
    for row in rows:
        if row.since:
            yield day_us(row.since)
        if row.hours:
            for minute in _minutes(row.hours):
                # The same time yesterday and tomorrow, too: what is next may be on another day.
                yield from (midnight + days * _DAY_US + minute * _MINUTE_US for days in (-1, 0, 1))


def holds(row: PriceRow, at_us: int) -> bool:
    """Return whether prices hold at a time."""
    if row.since and at_us < day_us(row.since):
        return False
    if not row.hours:
        return True
    begin, end = _minutes(row.hours)
    now_us = at_us % _DAY_US
    from_us, until_us = begin * _MINUTE_US, end * _MINUTE_US
    if until_us < from_us:
        return now_us >= from_us or now_us < until_us
    return from_us <= now_us < until_us


@lru_cache(maxsize=1024)
def day_us(day: str) -> int:
    """Return when a day begins, in UTC."""
    return (date.fromisoformat(day).toordinal() - _EPOCH) * _DAY_US


@lru_cache(maxsize=64)
def _minutes(hours: str) -> tuple[int, int]:
    """Return the times of a day as minutes: `00:30-16:30` is 30 and 990."""
    begin, _, end = hours.partition("-")
    return _minute(begin), _minute(end)


def _minute(time: str) -> int:
    hour, _, minute = time.partition(":")
    return int(hour) * 60 + int(minute)
