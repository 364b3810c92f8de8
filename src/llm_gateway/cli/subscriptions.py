"""`subscriptions`: what is used of each, when it runs out, who draws on it, and what it is worth."""

from collections.abc import Iterator
from datetime import UTC, datetime

import click
import msgspec

from llm_gateway.cli.context import Context, json_option, pass_context
from llm_gateway.cli.output import json_line
from llm_gateway.server.account_views import AccountView, AccountWindowView, DrawView, SwitchView

__all__ = ["Subscriptions", "lines_of", "subscriptions"]

_MOST_CLIENTS = 6


class Subscriptions(msgspec.Struct, frozen=True):
    """What the gateway says of subscriptions, and of traffic that has moved off one."""

    subscriptions: list[AccountView]
    switches: list[SwitchView]


@click.command()
@json_option
@pass_context
def subscriptions(context: Context, as_json: bool) -> None:
    """Show each subscription: its windows, when they are used up, who draws on it, what it is worth."""
    told = context.api().get("/api/dashboard/subscriptions")
    if as_json:
        json_line("subscriptions", {**told})
        return
    found = msgspec.convert(told, Subscriptions)
    if not found.subscriptions:
        print("no subscription is configured or in use; `llm-gateway bridges` shows the ways to one")
    for number, each in enumerate(found.subscriptions):
        if number:
            print()
        for line in lines_of(each, datetime.now(UTC)):
            print(_plain(line))
    for switch in found.switches:
        print(_plain(f"\n! {switch.message}"))


def lines_of(account: AccountView, now: datetime) -> Iterator[str]:
    """Yield what there is to say of a subscription, for a terminal."""
    price = f"{account.paid_usd_month:.2f} USD a month" if account.paid_usd_month is not None else ""
    where = f"on {account.machine}" if account.machine else ""
    told = ", ".join(part for part in (account.plan, price, account.owner, where) if part)
    yield f"{account.name}: {account.state}" + (f" ({told})" if told else "")
    for window in account.windows:
        yield f"  {window.name:<24} {_window(window, now)}"
    if not account.windows:
        yield "  nothing has been told of its windows yet"
    for draw in account.draws:
        yield f"  drawn on by {_draw(draw)}"
    yield from _worth(account)
    for note in account.notes:
        yield f"  note: {note}"
    for alert in account.alerts:
        yield f"  ! {alert}"


def _window(window: AccountWindowView, now: datetime) -> str:
    parts = ["-" if window.used is None else f"{window.used:.0%} used"]
    if window.status:
        parts.append(window.status)
    if window.per_hour:
        parts.append(f"{window.per_hour:.1%} an hour")
    if window.resets_at is not None:
        begins = _seconds(window.resets_at, now)
        parts.append(f"begins anew in {_span(begins)}" if begins > 0 else f"began anew {_span(-begins)} ago")
    parts.append(f"told {_span(window.age_seconds)} ago")
    return ", ".join(parts)


def _draw(draw: DrawView) -> str:
    who = f"{draw.provider} of {draw.caller}" if draw.caller else draw.provider
    on = f" on {draw.machine}" if draw.machine else ""
    was = "" if draw.current else ", before: it draws on another account now"
    return f"{who}{on} ({draw.route}, {draw.state}{': ' if draw.reason else ''}{draw.reason}){was}"


def _worth(account: AccountView) -> Iterator[str]:
    worth = account.worth
    if not worth.requests:
        return
    paid = f", {account.worth_per_paid:.2f} times what is paid" if account.worth_per_paid is not None else ""
    sure = f", {worth.confidence} confidence" if worth.confidence else ""
    yield (
        f"  since {worth.since[:10]}: {worth.requests} requests, {worth.tokens_month} tokens, API-equivalent "
        f"value {worth.value_usd_month:.2f} USD{paid}{sure}"
    )
    for share in worth.clients[:_MOST_CLIENTS]:
        of = f" of {share.caller}" if share.caller else ""
        who = f"{share.client or 'unknown'}{of}"
        yield f"    {share.share:>4.0%}  {who} ({share.provider}, {share.requests} requests)"


def _seconds(text: str, now: datetime) -> int:
    return int((datetime.fromisoformat(text) - now).total_seconds())


def _span(seconds: int) -> str:
    """Return a time in its two largest units."""
    minutes = max(0, seconds) // 60
    if minutes < 60:
        return f"{minutes} min" if minutes else f"{max(0, seconds)} s"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def _plain(text: str) -> str:
    """Return a text that does not steer the terminal: other machines' words are in it."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
