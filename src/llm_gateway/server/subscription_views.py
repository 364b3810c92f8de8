"""Subscriptions in short: what their vendors last told of the quota, and nobody is asked for it.

Everything that is known of them is in `account_views.py`.
"""

from collections.abc import Iterable

import msgspec

from llm_gateway.bridges.health import Health
from llm_gateway.pipeline.quotas import Quota, Used
from llm_gateway.server.views import iso

__all__ = [
    "SubscriptionView",
    "WindowView",
    "subscription_views",
    "windows_of",
]


class WindowView(msgspec.Struct, frozen=True):
    """A window of a quota: the share that is used, from 0 to 1, and when it begins anew."""

    window: str
    used: float
    resets_at: str | None
    status: str


class SubscriptionView(msgspec.Struct, frozen=True):
    """An account, by what drew on it last: `caller` is "" for a bridge.

    `route` is how it is used: `login`, the client's own, passed on, or `bridge`, whose state `status` is
    then; `plan` is the kind of it, where the vendor tells.
    """

    provider: str
    label: str
    caller: str
    route: str
    status: str
    told_at: str
    windows: list[WindowView]
    plan: str = ""


def subscription_views(quotas: Iterable[Quota]) -> list[SubscriptionView]:
    """Show every subscription of which something was told."""
    return [
        SubscriptionView(
            quota.provider,
            quota.label,
            quota.caller,
            quota.route,
            quota.status,
            iso(quota.at_us),
            [_window(used) for used in quota.windows],
            quota.plan,
        )
        for quota in quotas
    ]


def windows_of(health: Health) -> list[WindowView]:
    """Show the windows of a bridge's quota."""
    return [
        WindowView(each.name, each.used, iso(each.resets_us) if each.resets_us else None, each.status)
        for each in health.windows
    ]


def _window(used: Used) -> WindowView:
    resets_at = iso(used.resets_us) if used.resets_us else None
    return WindowView(used.window, used.share, resets_at, used.status)
