"""Subscriptions as the dashboard API shows them: what their vendors last told of the quota."""

from collections.abc import Iterable

import msgspec

from llm_gateway.bridges.health import Health
from llm_gateway.pipeline.quotas import Quota, Used
from llm_gateway.providers.catalog import ProviderRow
from llm_gateway.server.views import iso

__all__ = [
    "SubscriptionView",
    "WindowView",
    "bridge_subscription",
    "in_use",
    "subscription_views",
    "windows_of",
]

_UNUSED = ("disabled", "not_installed", "starting", "auth_required", "unreachable")


class WindowView(msgspec.Struct, frozen=True):
    """A window of a quota: the share that is used, from 0 to 1, and when it begins anew."""

    window: str
    used: float
    resets_at: str | None
    status: str


class SubscriptionView(msgspec.Struct, frozen=True):
    """A caller's subscription, or the owner's, whose caller is "".

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
            "login",
            quota.status,
            iso(quota.at_us),
            [_window(used) for used in quota.windows],
        )
        for quota in quotas
    ]


def in_use(health: Health) -> bool:
    """Return whether somebody is logged in to the bridge's subscription, as far as that is known."""
    return health.state not in _UNUSED


def bridge_subscription(row: ProviderRow, health: Health) -> SubscriptionView:
    """Show the subscription behind a bridge."""
    told_at = iso(health.last_success_us) if health.last_success_us else ""
    return SubscriptionView(
        row.name, row.label, "", "bridge", health.state, told_at, windows_of(health), health.account
    )


def windows_of(health: Health) -> list[WindowView]:
    """Show the windows of a bridge's quota."""
    return [
        WindowView(each.name, each.used, iso(each.resets_us) if each.resets_us else None, each.status)
        for each in health.windows
    ]


def _window(used: Used) -> WindowView:
    resets_at = iso(used.resets_us) if used.resets_us else None
    return WindowView(used.window, used.share, resets_at, used.status)
