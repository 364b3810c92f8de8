"""A subscription as it is shown."""

from llm_gateway.pipeline.quotas import Quota, Used
from llm_gateway.server.subscription_views import SubscriptionView, WindowView, subscription_views


def test_a_subscription_is_shown_with_its_windows() -> None:
    windows = (Used("5 hours", 0.4, 1_700_000_000_000_000, "allowed"), Used("7 days", 0.1))
    quota = Quota("claude-login", "Claude", "ada", 1_700_000_000_000_000, "allowed", windows)
    at = "2023-11-14T22:13:20.000Z"
    assert subscription_views([quota]) == [
        SubscriptionView(
            "claude-login",
            "Claude",
            "ada",
            "login",
            "allowed",
            at,
            [WindowView("5 hours", 0.4, at, "allowed"), WindowView("7 days", 0.1, None, "")],
        )
    ]
