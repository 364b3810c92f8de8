"""What is expected of the limits of money, as values: how each stands, and where it will be in the end.

The method is `pipeline/forecast.py`; here is what it goes by, read from the ledger, and how it is shown.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.config.settings import Limit
from llm_gateway.ledger.keys import listed
from llm_gateway.ledger.money import dollars
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.spending import spent_since
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.usage import Asked, Dimension, usage
from llm_gateway.pipeline.forecast import HISTORY_DAYS, HOURS_DAYS, LEAST_DAYS, Forecast, Spends, forecast
from llm_gateway.pipeline.limits import Kept, Scope, Standing
from llm_gateway.pipeline.spending import Spending
from llm_gateway.pipeline.terms import bounds_of, bounds_of_keys
from llm_gateway.pipeline.windows import span
from llm_gateway.server.views import iso
from llm_gateway.wire.ready import ready

__all__ = ["ForecastView", "forecast_views", "spends_of", "standing_of"]

_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US
_BY: Mapping[Kept, tuple[Dimension, ...]] = {
    "global": (),
    "key": ("key",),
    "client": ("client",),
    "provider": ("provider",),
}
_METHODS = {
    "days": "as on average over the last {} days",
    "weekdays": "as on the same weekdays of the last {} weeks, on average",
}


@ready
class ForecastView(msgspec.Struct, frozen=True):
    """A limit of money and what is expected of it. What is null is not known: there is too little history.

    `method` says what it is expected by; `per_day_usd` is the mean of the last seven whole days.
    `reached_at` is when the limit is, where that is before it begins anew.
    """

    scope: str
    name: str
    limit: str
    most_usd: float
    used_usd: float
    share: float
    ends_at: str
    history_days: int
    method: str
    per_day_usd: float | None
    projected_usd: float | None
    projected_share: float | None
    reached_at: str | None


def forecast_views(rows: Rows, standing: Iterable[Standing], now_us: int) -> list[ForecastView]:
    """Show every limit of money, the one that will be used most first."""
    limits = [each for each in standing if each.limit.startswith("usd_per_")]
    spends = spends_of(rows, [each.scope for each in limits], now_us)
    found = [forecast(each, spends[each.scope], now_us) for each in limits]
    return sorted((_view(each) for each in found if each is not None), key=_order)


def standing_of(rows: Rows, limits: Iterable[Limit], clock: Clock) -> list[Standing]:
    """Return how limits stand by the ledger alone, where no gateway counts against them."""
    now_us, spending = clock.now_us(), Spending(clock)
    spending.use(PriceBook({}, {}), (), bounds_of(limits))
    spending.limit_keys(bounds_of_keys(key for key in listed(rows) if key.accepted(now_us)))
    for period in spending.periods():
        spending.remember(period, spent_since(rows, span(period, now_us).start))
    return spending.standing()


def spends_of(rows: Rows, scopes: Sequence[Scope], now_us: int) -> dict[Scope, Spends]:
    """Return what was spent in each scope, as far back as a forecast looks, and as closely."""
    today = now_us // _DAY_US
    since_us, hours_us = (max(0, today - days) * _DAY_US for days in (HISTORY_DAYS + 1, HOURS_DAYS + 1))
    spends: dict[Scope, dict[int, int]] = {scope: {} for scope in scopes}
    for kept in {scope[0] for scope in scopes}:
        where: dict[Dimension, str] = {"source": "routed"}
        days = usage(rows, Asked(since_us, hours_us, "day", _BY[kept], where, spreads=False))
        hours = usage(rows, Asked(hours_us, None, "hour", _BY[kept], where, spreads=False))
        for row, ahead in (*((day, 23) for day in days), *((hour, 0) for hour in hours)):
            found = spends.get((kept, row.names[0] if row.names else ""))
            spent = row.sums.cost_nano + row.sums.retried_nano  # as limits are counted
            if found is not None and spent:
                found[row.start_us // _HOUR_US + ahead] = spent
    return {**spends}


def _view(each: Forecast) -> ForecastView:
    standing = each.standing
    weeks = min(each.days // 7, HISTORY_DAYS // 7)
    method = f"not enough history: {each.days} whole days, {LEAST_DAYS} are needed"
    if each.method:
        method = _METHODS[each.method].format(weeks if each.method == "weekdays" else min(each.days, 7))
    projected, most = each.projected, standing.most
    return ForecastView(
        scope=standing.scope[0],
        name=standing.scope[1],
        limit=standing.limit,
        most_usd=float(dollars(standing.most)),
        used_usd=float(dollars(standing.used)),
        share=round(standing.share, 4),
        ends_at=iso(standing.resets_us),
        history_days=each.days,
        method=method,
        per_day_usd=None if each.per_day is None else float(dollars(each.per_day)),
        projected_usd=None if projected is None else float(dollars(projected)),
        projected_share=round(projected / most, 4) if projected is not None and most else None,
        reached_at=iso(each.reached_us) if each.reached_us else None,
    )


def _order(view: ForecastView) -> tuple[float, str, str, str]:
    return -(view.projected_share or view.share), view.scope, view.name, view.limit
