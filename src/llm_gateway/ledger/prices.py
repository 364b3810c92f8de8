"""What tokens cost: the price of a provider's model, and the cost of a usage at a price.

Prices come from the configuration or from a table that lies beside this module, made by `scripts/prices.py`
from genai-prices (MIT). Dollars for a million tokens, exact. A provider is known by the address it is
reached at, a model by the rules of the table. Nothing is fetched here, and nothing is rounded.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from importlib.resources import files

import msgspec

from llm_gateway.canonical.usage import Usage
from llm_gateway.wire.ready import ready

__all__ = ["Price", "PriceBook", "Rate", "cost", "most"]

_MILLION = Decimal(1_000_000)
_FREE = Decimal(0)


class Rate(msgspec.Struct, frozen=True):
    """Dollars for a million tokens, by how many tokens went in: a tier holds for all of them, once passed."""

    steps: tuple[tuple[int, Decimal], ...]

    def at(self, tokens_in: int) -> Decimal:
        """Return the rate for a request with so many input tokens."""
        rate = self.steps[0][1]
        for start, above in self.steps[1:]:
            if tokens_in > start:
                rate = above
        return rate


class Price(msgspec.Struct, frozen=True):
    """What a model's tokens cost. `source` names where that stands, with its version."""

    input: Rate
    output: Rate
    cache_read: Rate
    cache_write: Rate
    request: Decimal = _FREE
    """Dollars for each request, whatever it uses."""
    source: str = ""


class _Row(msgspec.Struct, frozen=True):
    """A price of the table; `since` is the day from which it holds, "" for always.

    One that holds `at_times` of the day is taken when it is dearer: what is not sure to be cheaper is not.
    """

    input: tuple[tuple[int, Decimal], ...] = ((0, _FREE),)
    output: tuple[tuple[int, Decimal], ...] = ((0, _FREE),)
    cache_read: tuple[tuple[int, Decimal], ...] = ()
    cache_write: tuple[tuple[int, Decimal], ...] = ()
    thousand_requests: Decimal = _FREE
    since: str = ""
    at_times: bool = False


class _Match(msgspec.Struct, frozen=True):
    """A rule for names: one of its members is set."""

    equals: str | None = None
    starts_with: str | None = None
    ends_with: str | None = None
    contains: str | None = None
    regex: str | None = None
    any_of: "tuple[_Match, ...]" = msgspec.field(name="or", default=())
    all_of: "tuple[_Match, ...]" = msgspec.field(name="and", default=())


class _Model(msgspec.Struct, frozen=True):
    match: _Match
    prices: tuple[_Row, ...]
    window: int | None = None


class _Provider(msgspec.Struct, frozen=True):
    name: str
    urls: str
    models: tuple[_Model, ...]


@ready
class _Table(msgspec.Struct, frozen=True):
    source: str
    version: str
    providers: tuple[_Provider, ...]


class PriceBook:
    """Prices by provider and model.

    `stated` are those of the configuration, by `provider/model`; `addresses` say where a provider is
    reached. A provider that is not to be paid is in neither.
    """

    def __init__(self, stated: Mapping[str, Price], addresses: Mapping[str, str]) -> None:
        self._stated = stated
        self._addresses = addresses
        self._providers: dict[str, _Provider | None] = {}

    def price(self, provider: str, model: str, day: str) -> Price | None:
        """Return the price of a model on a day (`2026-11-26`), None where it is not known."""
        stated = self._stated.get(f"{provider}/{model}") or self._stated.get(f"{provider}/*")
        if stated is not None:
            return stated
        found = self._model(provider, model)
        if found is None:
            return None
        table = _table()
        row = _holding(found.prices, day)
        return _price(row, f"{table.source} {table.version}") if row is not None else None

    def window(self, provider: str, model: str) -> int | None:
        """Return how many tokens a model takes, as the table says; None where it does not."""
        found = self._model(provider, model)
        return found.window if found is not None else None

    def _model(self, provider: str, model: str) -> _Model | None:
        if provider not in self._providers:
            self._providers[provider] = self._provider(self._addresses.get(provider, ""))
        known = self._providers[provider]
        if known is None:
            return None
        name = model.lower()
        return next((each for each in known.models if _matches(each.match, name)), None)

    def _provider(self, address: str) -> _Provider | None:
        if not address:
            return None
        return next((each for each in _table().providers if re.match(each.urls, address)), None)


def cost(price: Price, usage: Usage) -> Decimal:
    """Return what a usage costs, in dollars, exactly."""
    tokens_in = usage.input
    parts = (
        (usage.uncached, price.input),
        (usage.cache_read, price.cache_read),
        (usage.cache_write, price.cache_write),
        (usage.output, price.output),
    )
    tokens = sum((Decimal(count) * rate.at(tokens_in) for count, rate in parts if count), _FREE)
    return tokens / _MILLION + price.request


def most(price: Price, tokens_in: int, tokens_out: int) -> Decimal:
    """Return the most that so many tokens can cost, whatever of them a cache reads or writes."""
    dearest = max(rate.at(tokens_in) for rate in (price.input, price.cache_read, price.cache_write))
    return (tokens_in * dearest + tokens_out * price.output.at(tokens_in)) / _MILLION + price.request


@cache
def _table() -> _Table:
    """Return the table, read when the first price of it is asked for."""
    data = files("llm_gateway.ledger").joinpath("prices.json").read_bytes()
    return msgspec.json.decode(data, type=_Table)


def _holding(rows: Sequence[_Row], day: str) -> _Row | None:
    """Return the price that holds on a day: the last one that began, or a dearer one of some hours."""
    held: _Row | None = None
    for row in rows:
        if row.since <= day and (held is None or not row.at_times or row.output > held.output):
            held = row
    return held


def _price(row: _Row, source: str) -> Price:
    return Price(
        input=Rate(row.input),
        output=Rate(row.output),
        cache_read=Rate(row.cache_read or row.input),
        cache_write=Rate(row.cache_write or row.input),
        request=row.thousand_requests / 1000,
        source=source,
    )


def _matches(rule: _Match, name: str) -> bool:
    match rule:
        case _Match(equals=str() as text):
            return name == text.lower()
        case _Match(starts_with=str() as text):
            return name.startswith(text.lower())
        case _Match(ends_with=str() as text):
            return name.endswith(text.lower())
        case _Match(contains=str() as text):
            return text.lower() in name
        case _Match(regex=str() as text):
            return re.search(text, name) is not None
    return any(_each(rule.any_of, name)) or (bool(rule.all_of) and all(_each(rule.all_of, name)))


def _each(rules: Sequence[_Match], name: str) -> Iterator[bool]:
    return (_matches(rule, name) for rule in rules)
