"""Prices as the configuration states them, ready to be looked up: what was agreed, and from which day on.

Which of them holds, and what the table says beside them, is `prices.py`.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from llm_gateway.config.settings import ModelPrice
from llm_gateway.ledger.price_table import PriceRow, steps_of
from llm_gateway.ledger.tariff import Steps, TokenClass

__all__ = ["Stated", "decimal_of", "flat", "stated_of", "trimmed"]

_CLASSES: tuple[TokenClass, ...] = (
    "input",
    "output",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "reasoning",
    "audio_in",
    "audio_out",
)
_STEPPED: tuple[TokenClass, ...] = ("input", "output", "cache_read", "cache_write")


class Stated(msgspec.Struct, frozen=True):
    """What a model costs by the configuration: rows in the order of the days from which they hold.

    `factors` are for each row what tokens cost in the service tiers, by their names, as a factor of it.
    """

    rows: tuple[PriceRow, ...]
    factors: tuple[Mapping[str, Decimal], ...] = ()


def stated_of(models: Iterable[ModelPrice]) -> dict[str, Stated]:
    """Return the prices that were stated, by `provider/model`."""
    by_model: dict[str, list[ModelPrice]] = {}
    for each in models:
        by_model.setdefault(each.model, []).append(each)
    return {
        model: Stated(tuple(map(_row, rows)), tuple(map(_factors, rows)))
        for model, each in by_model.items()
        if (rows := sorted(each, key=lambda price: price.since))
    }


def flat(input: str, output: str, cache_read: str = "", cache_write: str = "") -> Stated:
    """Return a price that holds always, in dollars for a million tokens, as it would be stated."""
    told: tuple[tuple[TokenClass, str], ...] = (
        ("input", input),
        ("output", output),
        ("cache_read", cache_read),
        ("cache_write", cache_write),
    )
    return Stated((PriceRow({name: Decimal(rate) for name, rate in told if rate}),))


def decimal_of(number: float) -> Decimal:
    """Return a number as it stands in the file: 0.1 is a tenth, and 3.0 is 3."""
    return trimmed(Decimal(repr(number)))


def trimmed(amount: Decimal) -> Decimal:
    """Return an amount without zeros at its end: 5.0 is 5, and 0.50 a half."""
    return amount.quantize(Decimal(1)) if amount == amount.to_integral_value() else amount.normalize()


def _row(price: ModelPrice) -> PriceRow:
    rates: dict[TokenClass, Decimal | Steps] = {}
    for name in _CLASSES:
        rate: float | None = getattr(price, name)
        if rate is not None:
            rates[name] = decimal_of(rate)
    for name in _STEPPED:
        steps = [
            (each.tokens, decimal_of(above))
            for each in price.above
            if (above := getattr(each, name)) is not None
        ]
        if steps:
            below = steps_of(rates.get(name, rates["input"]))
            rates[name] = (*(each for each in below if each[0] < steps[0][0]), *steps)
    return PriceRow(
        rates,
        search=decimal_of(price.search) if price.search else None,
        thousand=decimal_of(price.request) * 1000 if price.request else None,
        since=price.since,
    )


def _factors(price: ModelPrice) -> dict[str, Decimal]:
    told = {"batch": price.batch, "flex": price.flex, "priority": price.priority}
    return {tier: decimal_of(factor) for tier, factor in told.items() if factor is not None}
