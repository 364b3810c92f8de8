"""Subscriptions as the dashboard API shows them: what their vendors last told of the quota."""

from collections.abc import Iterable

import msgspec

from llm_gateway.pipeline.quotas import Quota, Used
from llm_gateway.server.views import iso

__all__ = ["SubscriptionView", "WindowView", "subscription_views"]


class WindowView(msgspec.Struct, frozen=True):
    """A window of a quota: the share that is used, from 0 to 1, and when it begins anew."""

    window: str
    used: float
    resets_at: str | None
    status: str


class SubscriptionView(msgspec.Struct, frozen=True):
    """A caller's subscription. `route` is how it is used: `login`, the client's own, passed on."""

    provider: str
    label: str
    caller: str
    route: str
    status: str
    told_at: str
    windows: list[WindowView]


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


def _window(used: Used) -> WindowView:
    resets_at = iso(used.resets_us) if used.resets_us else None
    return WindowView(used.window, used.share, resets_at, used.status)
