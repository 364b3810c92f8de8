"""`savings`: what was avoided, as an account that anybody can check: the lines, and at which prices."""

import textwrap

import click

from llm_gateway.cli.arithmetic import print_money
from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.figures import WIDTH, count, exact, figures_table, money, places
from llm_gateway.cli.output import json_line, say
from llm_gateway.cli.reading import answered, the_request
from llm_gateway.cli.recompute import recompute_command
from llm_gateway.cli.usage import asked, filter_options
from llm_gateway.clock import SystemClock
from llm_gateway.server.savings_views import Amount, LineView, PriceUseView, SavingsView, savings_answer
from llm_gateway.server.views import iso

__all__ = ["savings"]

_LABELS = {
    "route": "API-equivalent value",
    "compression": "compression",
    "response_cache": "response cache",
    "prompt_cache": "provider's prompt cache",
}


@click.group(invoke_without_command=True)
@filter_options
@json_option
@click.pass_context
def savings(click_context: click.Context, /, as_json: bool, **words: str | None) -> None:
    """Show what would have been paid, what was, and what made the difference, line by line.

    Without a time it is the last 30 days. A line below zero cost more than it avoided. What answers of local
    models and subscriptions are worth is called that: nobody knows whether they would have been bought.
    """
    if click_context.invoked_subcommand is not None:
        return
    context = click_context.ensure_object(Context)
    query = {name: value for name, value in words.items() if value is not None}
    wanted = asked(query, "all")
    view = answered(context, "savings", query, SavingsView, lambda rows: savings_answer(rows, wanted))
    if as_json:
        json_line("savings", view)
    else:
        _print(view)


savings.add_command(recompute_command)


@savings.command("show")
@click.argument("request_id", metavar="ID")
@json_option
@pass_context
def show(context: Context, request_id: str, as_json: bool) -> None:
    """Show the arithmetic of one request: its counts, the prices, the sums, and the lines between them."""
    detail = the_request(context, request_id)
    if as_json:
        json_line("savings-of-request", {"id": request_id, "money": detail.money})
    elif detail.money is None:
        say("nothing of it was reckoned: it runs, used nothing, or nobody is to be paid for it")
    else:
        print_money(detail.money)


def _print(view: SavingsView) -> None:
    if not view.requests:
        say(f"nothing was asked for from {view.since[:16]}Z to {view.until[:16]}Z, as far as this asks")
        return
    until = min(view.until, iso(SystemClock().now_us()))[:16].replace("T", " ")
    print(f"{view.since[:10]} to {until} UTC: {view.requests:,} requests; {view.counted:,} of them count,")
    print("being answers with a price that were asked for by somebody (no smoke test, no demo).")
    print()
    _print_account(view)
    print()
    _print_summary(view)
    if view.shares:
        print()
        _print_shares(view)
    print()
    _print_prices(view)
    for each in view.advice:
        told = f"advice: {each.of}: {each.told}; {each.helps}"
        say("\n  ".join(textwrap.wrap(told, WIDTH, break_long_words=False, break_on_hyphens=False)))


def _print_account(view: SavingsView) -> None:
    amounts = [view.baseline, *(line.amount for line in view.lines), view.cost_counted, view.cost_beside]
    decimals = places([each.nano for each in amounts])
    lines = [("", "baseline", view.baseline, "what the same work would have cost without any of it")]
    lines += [("-", _LABELS[line.line], line.amount, _told(line)) for line in view.lines]
    lines += [
        ("=", "cost of what counts", view.cost_counted, ""),
        (
            "+",
            "cost of what does not",
            view.cost_beside,
            "cut off, failed, smoke tests, from before the lines",
        ),
        ("=", "cost", view.cost, ""),
    ]
    shown = [(sign, name, exact(amount.nano, decimals), told) for sign, name, amount, told in lines]
    width = max(len(amount) for _, _, amount, _ in shown)
    for sign, name, amount, told in shown:
        print(f"{sign:1} {name:24}{amount:>{width}}  {told}".rstrip())


def _told(line: LineView) -> str:
    turns = f"{line.turns:,} turns" if line.turns != 1 else "1 turn"
    if line.line == "prompt_cache" and line.turns:
        return f"{turns}; {_short(line.counted)} of it by marks of the gateway's"
    if line.line == "route" and line.turns:
        return f"{turns} of local models and subscriptions"
    return turns if line.turns else ""


def _print_summary(view: SavingsView) -> None:
    sure = view.confidence
    rows = (
        ("cost avoided", view.avoided, "compression, response cache, prompt cache by our marks"),
        (
            "API-equivalent value",
            view.equivalent,
            "no saving: nobody knows if it would have been bought",
        ),
        ("provider's own discount", view.discount, "beside the above, no merit of the gateway"),
    )
    for name, amount, told in rows:
        print(f"{name:26}{_short(amount):>14}  {told}")
    parts = f"high {_short(sure.high)}, medium {_short(sure.medium)}, low {_short(sure.low)}"
    print(f"{'confidence in both':26}{parts}")
    print(f"{'':26}so between {_short(sure.least)} and {_short(sure.most)}")
    if view.retried.nano:
        print(f"{'other attempts':26}{_short(view.retried):>14}  what they probably cost; in no sum above")


def _print_shares(view: SavingsView) -> None:
    titles = (
        *(name.upper() for name in view.by),
        "BASELINE",
        "API VALUE",
        "COMPR.",
        "RESPONSES",
        "PROMPTS",
        "COST",
    )
    rows = [
        [
            *(share.names[name] for name in view.by),
            *map(
                _short,
                (
                    share.baseline,
                    share.route,
                    share.compression,
                    share.response_cache,
                    share.prompt_cache,
                    share.cost,
                ),
            ),
        ]
        for share in view.shares
        if share.baseline.nano or share.cost.nano
    ]
    figures_table(titles, rows, len(view.by))


def _print_prices(view: SavingsView) -> None:
    told: dict[str, list[str]] = {}
    for line in view.lines:
        for price in line.prices:
            told.setdefault(_LABELS[line.line], []).append(_price(price))
    for name, prices in told.items():
        for number, each in enumerate(prices):
            print(f"{'' if number else 'prices: ' + name:32}{each}")


def _price(price: PriceUseView) -> str:
    table = " ".join(filter(None, (price.source, price.version, price.sha256[:12])))
    return f"{table}: {count(price.turns)} turns, {price.cards} {'cards' if price.cards != 1 else 'card'}"


def _short(amount: Amount) -> str:
    return money(amount.nano)
