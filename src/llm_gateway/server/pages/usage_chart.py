"""The chart of the usage: a value for each period and each of those that had most of it, as a table. Pure.

Every period of the time is in it, also one in which nothing was; what is behind the first five is `others`.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from llm_gateway.ledger.sums import Sums
from llm_gateway.server.usage_views import period_name

__all__ = ["NOBODY", "Chart", "chart", "columns", "measured", "told"]

NOBODY = "(none)"
"""What is shown for a name that is empty."""

_MOST = 5
_OTHERS = "others"
_NANO = 1_000_000_000
_DIGITS = 6
_TOKENS = ("uncached", "cache_read", "cache_write", "output")


class _Measure(msgspec.Struct, frozen=True):
    title: str
    unit: str
    value: Callable[[Sums], int]
    columns: tuple[str, ...]


_MEASURES = {
    "cost": _Measure("Paid", "USD", lambda sums: sums.cost_nano, ("cost_nano",)),
    "worth": _Measure(
        "Worth at API prices",
        "USD",
        lambda sums: sums.cost_nano + sums.route_nano,
        ("cost_nano", "route_nano"),
    ),
    "tokens": _Measure("Tokens", "tokens", lambda sums: sums.total, _TOKENS),
    "requests": _Measure("Requests", "requests", lambda sums: sums.requests, ("requests",)),
}


class Chart(msgspec.Struct, frozen=True):
    """A chart: `columns` names its values, the first of them what they are over; `tones` are their colours.

    A row is when its period begins, in seconds since 1970, how it is called, and its values.
    """

    measure: str
    title: str
    unit: str
    columns: list[str]
    rows: list[tuple[int, str, list[float]]]
    tones: list[str]


def measured(wanted: str, whole: Sums) -> str:
    """Return what the chart is of: what was wanted, else the first of which there is something."""
    if wanted:
        return wanted
    return next((name for name in ("cost", "worth", "tokens") if _MEASURES[name].value(whole)), "requests")


def columns(measure: str) -> tuple[str, ...]:
    """Return which sums the chart is made of."""
    return _MEASURES[measure].columns


def told(names: Sequence[str], by: Sequence[str]) -> str:
    """Return how the names of a row are shown in one: that something was seen elsewhere stands behind."""
    shown = ", ".join(name or NOBODY for name, of in zip(names, by, strict=True) if of != "source")
    seen = any(of == "source" and name == "seen" for name, of in zip(names, by, strict=True))
    return f"{shown or NOBODY} (seen)" if seen else shown or NOBODY


def chart(measure: str, period: str, begins: Sequence[int], rows: Iterable[tuple[int, str, Sums]]) -> Chart:
    """Return the chart of rows: when the period of each begins, whose it is, and its sums."""
    shape = _MEASURES[measure]
    values: dict[str, dict[int, int]] = {}
    for begin, name, sums in rows:
        of = values.setdefault(name, {})
        of[begin] = of.get(begin, 0) + shape.value(sums)
    totals = {name: sum(of.values()) for name, of in values.items()}
    most = sorted((name for name in totals if totals[name]), key=lambda name: (-totals[name], name))
    shown, rest = most[:_MOST], most[_MOST:]
    if len(rest) == 1:
        shown, rest = most, []
    values_of = [[values[name].get(begin, 0) for begin in begins] for name in shown]
    if rest:
        values_of.append([sum(values[name].get(begin, 0) for name in rest) for begin in begins])
        shown = [*shown, f"{_OTHERS} ({len(rest)})"]
    return Chart(
        measure,
        shape.title,
        shape.unit,
        [_CALLED.get(period, "Period"), *shown],
        [
            (
                begin // 1_000_000,
                period_name(period, begin),
                [_shown(each[at], shape.unit) for each in values_of],
            )
            for at, begin in enumerate(begins)
        ],
        [f"tone-{place + 1}" for place in range(min(len(shown), _MOST))] + ["edge"] * (len(shown) > _MOST),
    )


_CALLED = {"hourly": "Hour", "daily": "Day", "weekly": "Week from", "monthly": "Month"}


def _shown(value: int, unit: str) -> float:
    return round(value / _NANO, _DIGITS) if unit == "USD" else value
