"""Which price holds for a provider's model: what the configuration states, what the table says, or nothing.

Prices come from the configuration or from a table that lies in a file (`price_table.py`). A provider is known
by the address it is reached at, a model by the rules of the table. Nothing is fetched here, and nothing is
reckoned: what is found is a card, and `tariff.py` goes by it.
"""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from llm_gateway.ledger.price_table import (
    Found,
    PriceRow,
    PriceTable,
    Span,
    changes_of,
    holding,
    holds,
    shipped_table,
    steps_of,
)
from llm_gateway.ledger.stated_prices import Stated, trimmed
from llm_gateway.ledger.tariff import Card, Steps, Tariff, TokenClass
from llm_gateway.providers.catalog import load_catalog
from llm_gateway.wire.ready import ready

__all__ = ["PriceBook"]

_CONFIGURATION = "configuration"
_MOST_REMEMBERED = 10_000
_ALWAYS: Span = (-(2**62), 2**62)

_Rates = Mapping[TokenClass, Decimal | Steps]
_Held = tuple[int, int, Tariff | None]


class PriceBook:
    """Prices by provider and model.

    `stated` are those of the configuration, by `provider/model` or `provider/*`; `addresses` say where the
    providers are reached that cost money. `references` are the user's choice of a model whose price says what
    another one's answers are worth. `vendors` name whose prices in the table a provider's models have, where
    its address does not say it; what is left out is as in the catalog. What is found is remembered until it
    changes.
    """

    def __init__(
        self,
        stated: Mapping[str, Stated],
        addresses: Mapping[str, str],
        references: Mapping[str, str] | None = None,
        *,
        vendors: Mapping[str, str] | None = None,
        table: Callable[[], PriceTable] = shipped_table,
    ) -> None:
        self._stated = stated
        self._addresses = addresses
        self._references = references or {}
        self._vendors = {row.name: row.prices for row in load_catalog() if row.prices} | dict(vendors or {})
        self._read = cache(table)  # once, and when the first price is needed
        self._names: dict[str, str] = {}
        self._held: dict[tuple[str, str, str], _Held] = {}
        self._tariffs: dict[str, Tariff] = {}
        self._assumed = Tariff(_ASSUMED)

    def tariff(self, provider: str, model: str, at_us: int, tier: str = "") -> Tariff | None:
        """Return the price of a model at a time, in a tier as `tier_of` names it; None if it is not known."""
        key = (provider, model, tier)
        held = self._held.get(key)
        if held is None or not held[0] <= at_us < held[1]:
            if len(self._held) >= _MOST_REMEMBERED:
                self._held.clear()
                self._tariffs.clear()
            held = self._held[key] = self._look_up(provider, model, at_us, tier)
        return held[2]

    def reference(self, provider: str, model: str, at_us: int) -> tuple[Tariff | None, bool]:
        """Return what an answer is worth that nobody bills, and whether that is the user's choice.

        For a subscription it is the price of the same model with its vendor; for a local model nothing.
        """
        chosen = self._references.get(f"{provider}/{model}") or self._references.get(f"{provider}/*")
        if chosen:
            whose, _, which = chosen.partition("/")
            name = model if which == "*" else which
            return self.tariff(whose, name, at_us) or self._of_its_vendor(whose, name, at_us), True
        if provider in self._vendors:
            return self.tariff(provider, model, at_us), False
        return None, False

    def assumed(self, provider: str, model: str) -> Tariff:
        """Return the price of a model that is to be paid for and that nobody knows the price of.

        It is as dear as the dearest usual ones, and the same for all: what it is assumed for says the turn.
        """
        return self._assumed

    def window(self, provider: str, model: str) -> int | None:
        """Return how many tokens a model takes, as the table says; None where it does not."""
        found = self._found(provider, model)
        return found.model.window if found is not None else None

    def seller(self, provider: str) -> str:
        """Return what the table calls a provider, "" where it does not know it."""
        if provider not in self._names:
            self._names[provider] = self._named(provider)
        return self._names[provider]

    # details

    def _of_its_vendor(self, provider: str, model: str, at_us: int) -> Tariff | None:
        """Return the price of a model with the vendor whose name a provider has, wherever that is reached.

        What a provider behind an address of its own takes is not known from its name; what an answer is
        worth is said by the name alone.
        """
        name = self._sold_as(provider)
        found = self._read().find(name, model) if name else None
        row = holding(found.model.prices, at_us) if found is not None else None
        return (
            self._made(self._card(found, row, at_us, "")) if found is not None and row is not None else None
        )

    def _look_up(self, provider: str, model: str, at_us: int, tier: str) -> _Held:
        begin, end = _ALWAYS
        for name, match in ((f"{provider}/{model}", "stated"), (f"{provider}/*", "wildcard")):
            stated = self._stated.get(name)
            if stated is None:
                continue
            begin, end = _both((begin, end), changes_of(stated.rows, at_us))
            number = _last(stated.rows, at_us)
            if number is not None:
                how: Literal["stated", "wildcard"] = "stated" if match == "stated" else "wildcard"
                card = self._stated_card(name, stated, number, how, tier)
                return begin, end, self._made(card)
        found = self._found(provider, model)
        if found is None:
            return begin, end, None
        rows = found.model.prices
        begin, end = _both((begin, end), changes_of((*rows, *found.model.tiers), at_us))
        row = holding(rows, at_us)
        return begin, end, self._made(self._card(found, row, at_us, tier)) if row is not None else None

    def _stated_card(
        self, name: str, stated: Stated, number: int, match: Literal["stated", "wildcard"], tier: str
    ) -> Card:
        provider, _, model = name.partition("/")
        row = stated.rows[number]
        factors = stated.factors[number] if stated.factors else {}
        told = factors.get(tier)
        factor = _Factor(told) if told is not None else _factor(self.seller(provider), tier)
        card = Card(
            _CONFIGURATION,
            provider,
            model,
            match,
            _flat(row.rates),
            since=row.since,
            search=row.search or Decimal(0),
            request=_each(row.thousand),
        )
        return _in_tier(card, tier, factor)

    def _card(self, found: Found, row: PriceRow, at_us: int, tier: str) -> Card:
        table = self._read()
        card = Card(
            table.source,
            found.provider,
            found.model.id,
            found.match,
            _flat(row.rates),
            version=table.version,
            sha256=table.sha256,
            since=row.since,
            hours=row.hours,
            other=_told(table.checked, row.other),
            search=row.search or Decimal(0),
            request=_each(row.thousand),
        )
        ranged = [each for each in found.model.tiers if each.tier == tier and holds(each, at_us)]
        if not ranged:
            return _in_tier(card, tier, _factor(found.provider, tier))
        rates = dict(card.rates)
        for each in reversed(ranged):  # of two that hold, the first one counts
            rates |= _flat(each.rates)
        search = next((each.search for each in ranged if each.search is not None), card.search)
        since = max(card.since, *(each.since for each in ranged))
        return msgspec.structs.replace(card, tier=tier, rates=rates, search=search, since=since)

    def _made(self, card: Card) -> Tariff:
        made = Tariff(card)
        return self._tariffs.setdefault(made.id, made)

    def _found(self, provider: str, model: str) -> Found | None:
        name = self.seller(provider)
        return self._read().find(name, model) if name else None

    def _named(self, provider: str) -> str:
        table = self._read()
        address = self._addresses.get(provider, "")
        if found := table.at(address):
            return found
        if provider in self._vendors:
            return self._vendors[provider]
        if address:
            return ""  # it is somewhere of its own, whatever it is called
        return self._sold_as(provider)

    def _sold_as(self, provider: str) -> str:
        """Return what the table calls the vendor of this name, "" where there is none."""
        table = self._read()
        known = next((row.base_url for row in load_catalog() if row.name == provider), "")
        return table.at(known) or (provider if provider in table.names else "")


_ASSUMED = Card("assumed", "", "", "assumed", {"input": ((0, Decimal(15)),), "output": ((0, Decimal(75)),)})


def _in_tier(card: Card, tier: str, factor: "_Factor | None") -> Card:
    """Return a card for a tier of which a factor is known, or a doubt about it."""
    if not tier:
        return card
    if factor is None:
        doubt = f"no price is known for the tier {tier}"
        return msgspec.structs.replace(card, other="; ".join(filter(None, (card.other, doubt))))
    rates = {
        name: steps
        if name in factor.usual
        else tuple((start, trimmed(rate * factor.factor)) for start, rate in steps)
        for name, steps in card.rates.items()
    }
    return msgspec.structs.replace(card, tier=tier, rates=rates)


def _flat(rates: _Rates) -> dict[TokenClass, Steps]:
    return {name: steps_of(rate) for name, rate in rates.items()}


def _each(thousand: Decimal | None) -> Decimal:
    return thousand / 1000 if thousand else Decimal(0)


def _told(checked: str, other: str) -> str:
    """Return what the source says that the table was checked against."""
    if not other:
        return ""
    into, _, out = other.partition("/")
    return f"{checked}: {into} in, {out} out"


def _last(rows: Iterable[PriceRow], at_us: int) -> int | None:
    """Return which row is the last one that holds."""
    return max((number for number, row in enumerate(rows) if holds(row, at_us)), default=None)


def _both(one: Span, other: Span) -> Span:
    return max(one[0], other[0]), min(one[1], other[1])


class _Factor(msgspec.Struct, frozen=True):
    factor: Decimal
    usual: frozenset[TokenClass] = frozenset()


@ready
class _Tiers(msgspec.Struct, frozen=True):
    by_provider: dict[str, dict[str, _Factor]]


@cache
def _factors() -> Mapping[str, Mapping[str, _Factor]]:
    """Return what `tiers.toml` says, by the table's name of the provider and by the tier."""
    text = files("llm_gateway.ledger").joinpath("tiers.toml").read_text("utf-8")
    told = {"by_provider": tomllib.loads(text, parse_float=Decimal)}
    return msgspec.convert(told, _Tiers).by_provider


def _factor(provider: str, tier: str) -> _Factor | None:
    return _factors().get(provider, {}).get(tier)
