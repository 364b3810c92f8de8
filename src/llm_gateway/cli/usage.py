"""`usage`: what was used and what it cost, by period and by whom; and what is to come of the budgets."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
import msgspec

from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.figures import count, figures_table, money
from llm_gateway.cli.output import USAGE, Stop, complain, json_line, say
from llm_gateway.cli.reading import answered
from llm_gateway.clock import SystemClock
from llm_gateway.errors import MalformedRequest
from llm_gateway.ledger.opening import reading
from llm_gateway.server.forecast_views import ForecastView, forecast_views, standing_of
from llm_gateway.server.usage_query import FILTERS, Question, question
from llm_gateway.server.usage_views import FiguresView, UsageView, usage_answer

__all__ = ["asked", "filter_options", "usage"]

F = TypeVar("F", bound=Callable[..., Any])  # click's own decorators are typed so

_FORECAST = "forecast"
_TITLES = {"hourly": "HOUR (UTC)", "daily": "DAY (UTC)", "weekly": "WEEK FROM", "monthly": "MONTH"}
_EXPECTED = ("LIMIT", "SPENT", "OF", "A DAY", "AT THE END", "REACHED", "ANEW (UTC)")
_FIGURES = ("REQUESTS", "FAILED", "INPUT", "CACHED", "OUTPUT", "COST")


def filter_options(command: F) -> F:
    """Add the options that say which time and whose usage is meant."""
    for option in reversed(
        (
            click.option(
                "--by", default="", metavar="WORDS", help=f"Break down by these: {', '.join(FILTERS)}."
            ),
            click.option("--since", default="", help="From then on: 24h, 7d, 4w, 2026-11-27."),
            click.option("--until", default="", help="Before then."),
            *(
                click.option(f"--{name}", default=None, help=f"Of this {name} alone.")
                for name in ("client", "caller", "provider", "model", "key", "machine", "purpose")
            ),
        )
    ):
        command = option(command)
    return command


@click.command()
@click.argument("what", type=click.Choice([*_TITLES, _FORECAST]), default="daily")
@filter_options
@click.option(
    "--source",
    type=click.Choice(["routed", "seen", "all"]),
    default="routed",
    show_default=True,
    help="What came through here, what clients reported of what did not, or both.",
)
@json_option
@pass_context
def usage(context: Context, /, what: str, as_json: bool, **words: str | None) -> None:
    """Show what was used and what it cost: hourly, daily, weekly or monthly; `forecast` says what is to come.

    Without a time it is the last 48 hours, 30 days, 12 weeks or 12 months. Days are those of UTC, weeks begin
    on Monday. A `~` stands before what is estimated.
    """
    if what == _FORECAST:
        _forecast(context, as_json)
        return
    query = {"period": what, "latency": "yes" if as_json else "no"}
    query |= {name: value for name, value in words.items() if value is not None}
    wanted = asked(query, "daily")
    view = answered(context, "usage", query, UsageView, lambda rows: usage_answer(rows, wanted))
    if as_json:
        json_line("usage", view)
    else:
        _print(view)


def asked(query: Mapping[str, str], period: str) -> Question:
    """Return what the words of a command ask; what is wrong with them ends the command."""
    try:
        return question(query, SystemClock().now_us(), period=period)
    except MalformedRequest as error:
        raise Stop(USAGE, f"error: {error}") from None


def _print(view: UsageView) -> None:
    sums = {"total": view.total} if view.source != "seen" else {}
    if view.seen is not None:
        sums = {("total routed" if name == "total" else name): each for name, each in sums.items()}
        sums["total seen"] = view.seen
    rows = [[row.period, *(row.names[name] for name in view.by), *_cells(row.figures)] for row in view.rows]
    rows += [[name, *("" for _ in view.by), *_cells(each)] for name, each in sums.items()]
    if not view.rows:
        say(f"nothing was used from {view.since[:16]}Z to {view.until[:16]}Z, as far as this asks")
    else:
        titles = (_TITLES[view.period], *(name.upper() for name in view.by), *_FIGURES)
        figures_table(titles, rows, 1 + len(view.by), len(sums))
    for note in view.notes:
        say(note)


def _cells(figures: FiguresView) -> list[str]:
    estimated = figures.estimated > 0
    return [
        count(figures.requests),
        count(figures.failed),
        count(figures.tokens_in, estimated=estimated),
        count(figures.tokens_cache_read),
        count(figures.tokens_out, estimated=estimated),
        money(figures.cost_nano, estimated=estimated or figures.unpriced > 0),
    ]


def _forecast(context: Context, as_json: bool) -> None:
    api = context.api_or_none()
    if api is not None:
        views = msgspec.convert(api.get("/api/dashboard/forecast")["forecast"], list[ForecastView])
    else:
        loaded, clock = context.load(), SystemClock()
        with reading(loaded.home, clock, complain) as rows:
            views = forecast_views(rows, standing_of(rows, loaded.settings.limits, clock), clock.now_us())
    if as_json:
        json_line("forecast", {"forecast": views})
        return
    if not views:
        say("no limit is one of money; `usd_per_month` in [[limits]] is one, see docs/limits.md")
        return
    figures_table(_EXPECTED, [_expected(view) for view in views], 1)
    for method in dict.fromkeys(view.method for view in views):
        say(f"expected {method}" if not method.startswith("not") else method)


def _expected(view: ForecastView) -> list[str]:
    reached = "it is" if view.share >= 1 else _minute(view.reached_at) if view.reached_at else "no"
    known = view.projected_usd is not None
    return [
        " ".join(filter(None, (view.scope, view.name, view.limit.removeprefix("usd_").replace("_", " ")))),
        f"${view.used_usd:,.4f}",
        f"${view.most_usd:,.2f}",
        f"${view.per_day_usd:,.4f}" if view.per_day_usd is not None else "",
        f"${view.projected_usd:,.4f} ({view.projected_share or 0:.0%})" if known else "",
        reached if known or view.reached_at else "",
        _minute(view.ends_at),
    ]


def _minute(at: str) -> str:
    return at[5:16].replace("T", " ")
