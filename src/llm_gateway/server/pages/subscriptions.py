"""The page of the subscriptions: a card for each account, with its windows, who draws on it and its worth.

What is shown is what `/api/dashboard/subscriptions` tells, with what it means now: how long until a window
begins anew, whether it lasts until then. Nobody is asked for it: bridges are shown as they were seen last.
"""

from datetime import datetime
from typing import Protocol

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.server.account_views import (
    AccountsView,
    AccountView,
    AccountWindowView,
    DrawView,
    SwitchView,
)
from llm_gateway.server.pages.page import Asked, Page
from llm_gateway.server.usage_query import refuse_unknown
from llm_gateway.server.views import iso

__all__ = ["Card", "Knowing", "Subscriptions", "SubscriptionsPage", "WindowCard", "ahead"]

_SECOND_US = 1_000_000
_FULL = 1.0
_CLOSE = 0.8


class WindowCard(msgspec.Struct, frozen=True):
    """A window, and what is to come of it.

    `outlook` is used_up, runs_out, lasts, no_rate or unknown; `resets_in_s` and `runs_out_in_s` are seconds
    from now, None where nobody can tell. `tone` is how it looks: good, warn or bad.
    """

    window: AccountWindowView
    outlook: str
    tone: str
    resets_in_s: float | None
    runs_out_in_s: float | None


class Card(msgspec.Struct, frozen=True):
    """A subscription. `alerts` are those that no window shows, `told_by` is who was told of it last.

    `per_day_usd` is its API-equivalent value a day.
    """

    account: AccountView
    windows: list[WindowCard]
    alerts: list[str]
    told_by: str
    told_ago_s: float | None
    per_day_usd: float | None


class SubscriptionsPage(msgspec.Struct, frozen=True):
    """What the page shows, as of `at`. `paid_usd_month` and `value_usd_month` are sums over all of them."""

    at: str
    subscriptions: list[Card]
    switches: list[SwitchView]
    paid_usd_month: float
    value_usd_month: float


class Knowing(Protocol):
    """What knows of subscriptions."""

    async def subscriptions_view(self, *, look: bool = True) -> AccountsView:
        """Return every subscription; with `look` this machine's bridges are looked at first."""


class Subscriptions:
    """Make the page."""

    def __init__(self, api: Knowing, clock: Clock) -> None:
        self._api = api
        self._clock = clock

    def pages(self) -> tuple[Page, ...]:
        """Return the page."""
        return (Page("/subscriptions", "subscriptions", self.make, "Subscriptions: what is used, and worth"),)

    async def make(self, asked: Asked) -> SubscriptionsPage:
        """Return what the page shows."""
        refuse_unknown(asked.query, ("part",))
        view = await self._api.subscriptions_view(look=False)
        now_us = self._clock.now_us()
        return SubscriptionsPage(
            iso(now_us),
            [_card(each, now_us) for each in view.subscriptions],
            view.switches,
            sum(each.paid_usd_month or 0 for each in view.subscriptions),
            sum(each.worth.value_usd_month for each in view.subscriptions),
        )


def ahead(window: AccountWindowView, now_us: int) -> WindowCard:
    """Return a window with what is to come of it."""
    resets, runs_out = _from_now(window.resets_at, now_us), _from_now(window.hits_limit_at, now_us)
    if window.used is None:
        outlook, tone = "unknown", "none"
    elif window.used >= _FULL:
        outlook, tone = "used_up", "bad"
    elif runs_out is not None:
        outlook, tone = "runs_out", "warn"
    else:
        outlook = "no_rate" if window.per_hour is None else "lasts"
        tone = "warn" if window.used >= _CLOSE else "good"
    return WindowCard(window, outlook, tone, resets, runs_out)


def _card(account: AccountView, now_us: int) -> Card:
    last = max(account.draws, key=lambda draw: draw.last_at, default=None)
    told_by = _called(last) if last is not None and last.last_at else ""
    ago = _from_now(account.told_at or None, now_us)
    month_s = -(_from_now(account.worth.since or None, now_us) or 0.0)
    days = month_s / 86_400
    shown = tuple(f"{each.name}: used up" for each in account.windows)
    return Card(
        account,
        [ahead(each, now_us) for each in account.windows],
        [each for each in account.alerts if not each.startswith(shown)],
        told_by,
        None if ago is None else max(0.0, -ago),
        account.worth.value_usd_month / days if days >= 1 else None,
    )


def _called(draw: DrawView) -> str:
    return f"{draw.provider} of {draw.caller}" if draw.caller else draw.provider


def _from_now(at: str | None, now_us: int) -> float | None:
    return None if not at else datetime.fromisoformat(at).timestamp() - now_us / _SECOND_US
