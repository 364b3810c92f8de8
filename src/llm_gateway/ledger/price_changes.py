"""What another table of prices would change: which models cost something else, are new or are gone.

And the doubts of one table, as far as they are about prices of another one, too. How a table is read is
`price_table.py`, where one is taken from `price_taking.py`.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Literal

import msgspec

from llm_gateway.ledger.price_table import PriceRow, PriceTable, TableModel, TableProvider, holding, steps_of

__all__ = ["Change", "changes", "doubted", "shown"]


class Change(msgspec.Struct, frozen=True):
    """A model whose prices are others now; `before` and `now` are dollars for a million tokens, in and out.

    Where both are the same, something else has changed: a cache's price, a tier, an hour, what comes later.
    """

    provider: str
    model: str
    kind: Literal["new", "gone", "changed"]
    before: str = ""
    now: str = ""


def changes(old: PriceTable, new: PriceTable, at_us: int) -> Iterator[Change]:
    """Yield what a new table says that the old one does not, at a time; by provider and model."""
    for provider in sorted({*old.names, *new.names}):
        was = {model.id: model for model in old.models(provider)}
        now = {model.id: model for model in new.models(provider)}
        for name in sorted({*was, *now}):
            before, after = was.get(name), now.get(name)
            if before is None and after is not None:
                yield Change(provider, name, "new", now=_usual(after, at_us))
            elif after is None and before is not None:
                yield Change(provider, name, "gone", before=_usual(before, at_us))
            elif before is not None and after is not None and _prices(before) != _prices(after):
                yield Change(provider, name, "changed", _usual(before, at_us), _usual(after, at_us))


def doubted(
    providers: Iterable[tuple[TableProvider, Iterable[TableModel]]], by: PriceTable
) -> list[tuple[TableProvider, list[TableModel]]]:
    """Return providers with the doubts that a table has about the same prices of the same models."""
    found = []
    for provider, models in providers:
        doubts = {
            (model.id, _input_and_output(row)): row.other
            for model in by.models(provider.name)
            for row in model.prices
            if row.other
        }
        found.append((provider, [_doubting(model, doubts) for model in models]))
    return found


def shown(row: PriceRow | None) -> str:
    """Return what a million tokens cost, in and out, as `1.25/10`; "" where it is not known."""
    if row is None:
        return ""
    return "/".join(f"{amount:f}" for amount in _input_and_output(row))


_Doubts = dict[tuple[str, tuple[Decimal, Decimal]], str]


def _doubting(model: TableModel, doubts: _Doubts) -> TableModel:
    rows = tuple(
        msgspec.structs.replace(row, other=doubts.get((model.id, _input_and_output(row)), ""))
        for row in model.prices
    )
    return msgspec.structs.replace(model, prices=rows)


def _input_and_output(row: PriceRow) -> tuple[Decimal, Decimal]:
    into, out = (steps_of(row.rates.get(name, Decimal(0)))[0][1] for name in ("input", "output"))
    return into, out


def _usual(model: TableModel, at_us: int) -> str:
    return shown(holding(model.prices, at_us))


def _prices(model: TableModel) -> tuple[tuple[PriceRow, ...], tuple[PriceRow, ...]]:
    plain = tuple(msgspec.structs.replace(row, other="") for row in model.prices)
    return plain, model.tiers
