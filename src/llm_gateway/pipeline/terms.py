"""Limits and prices, as they are stated, as the values that are counted with; and what was spent."""

from collections.abc import Callable, Iterable
from decimal import Decimal

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.config.settings import Limit, Settings
from llm_gateway.ledger.accounting import Used, reckon
from llm_gateway.ledger.interrupted import without_cost
from llm_gateway.ledger.keys import KeyRow
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.money import nano
from llm_gateway.ledger.price_table import PriceTable, shipped_table
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.records import Recount, Settlement
from llm_gateway.ledger.spending import spent_since
from llm_gateway.ledger.stated_prices import stated_of
from llm_gateway.pipeline.limits import Bounds, Scope
from llm_gateway.pipeline.spending import Spending
from llm_gateway.pipeline.windows import span
from llm_gateway.upstream.fleet import Fleet

__all__ = ["bounds_of", "bounds_of_keys", "go_by", "reckon_interrupted", "remember"]

# How far off a count may be that is guessed from bytes as they usually are.
_GUESSED_PERMILLE = 1000


def go_by(
    spending: Spending,
    settings: Settings,
    fleet: Fleet,
    table: Callable[[], PriceTable] = shipped_table,
) -> PriceBook:
    """Go by the limits and prices of these settings, for the providers that there are; return the prices."""
    paid = {name: member for name, member in fleet.members.items() if member.row.metered}
    addresses = {name: member.endpoints[0].url for name, member in paid.items() if member.endpoints}
    vendors = {name: member.row.prices for name, member in fleet.members.items() if member.row.prices}
    stated, references = stated_of(settings.prices.models), settings.prices.reference
    book = PriceBook(stated, addresses, references, vendors=vendors, table=table)
    spending.use(book, paid, bounds_of(settings.limits))
    return book


async def remember(spending: Spending, ledger: Ledger, clock: Clock) -> None:
    """Let limits of money that are new begin with what the ledger says was spent."""
    now_us = clock.now_us()
    for period in spending.periods():
        spent = await ledger.read(spent_since, span(period, now_us).start)
        spending.remember(period, spent)


async def reckon_interrupted(spending: Spending, ledger: Ledger) -> None:
    """Put on record what turns probably cost that a kill interrupted, where nothing was held for them."""
    for each in await ledger.read(without_cost):
        basis = spending.basis_of(each.provider, each.model, each.at_us)
        cost, money = reckon(Used(each.usage, counts=False, counted="bytes"), basis)
        if money is None:
            continue
        for card in spending.unnoted(Settlement(each.id, "interrupted", money=money)):
            ledger.add(card)  # before what was reckoned with it
        ledger.add(Recount(each.id, each.usage, "bytes", _GUESSED_PERMILLE, cost, money))


def bounds_of(limits: Iterable[Limit]) -> dict[Scope, Bounds]:
    """Return the bounds of each scope; of two limits for one scope the later one counts."""
    return {(each.scope, each.name): _bounds(each) for each in limits}


def bounds_of_keys(keys: Iterable[KeyRow]) -> dict[Scope, Bounds]:
    """Return the bounds of each name that keys have, the strictest where theirs are not the same."""
    bounds: dict[Scope, Bounds] = {}
    for key in keys:
        if key.limits:
            scope: Scope = ("key", key.name)
            limits = _bounds(Limit(*scope, **msgspec.structs.asdict(key.limited)))
            bounds[scope] = bounds[scope].within(limits) if scope in bounds else limits
    return bounds


def _bounds(limit: Limit) -> Bounds:
    return Bounds(
        requests_per_minute=limit.requests_per_minute,
        tokens_per_minute=limit.tokens_per_minute,
        parallel=limit.parallel,
        per_day=_money(limit.usd_per_day),
        per_week=_money(limit.usd_per_week),
        per_month=_money(limit.usd_per_month),
        models=limit.models,
        warn_at=limit.warn_at,
    )


def _money(dollars: float | None) -> int | None:
    return None if dollars is None else nano(_decimal(dollars))


def _decimal(number: float) -> Decimal:
    """Return a number as it stands in the file: 0.1 is a tenth."""
    return Decimal(repr(number))
