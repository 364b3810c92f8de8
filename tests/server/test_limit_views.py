"""Limits are shown with money in dollars, the one that is used most first."""

import msgspec

from llm_gateway.ledger.money import NANO
from llm_gateway.pipeline.limits import Standing
from llm_gateway.server.limit_views import limit_views


def test_limits_are_shown() -> None:
    shown = limit_views(
        [
            Standing(("key", "laptop"), "parallel", 4, 1, warn_at=0.8),
            Standing(("global", ""), "usd_per_day", 10 * NANO, 9 * NANO, 1_764_201_600_000_000, 0.8),
            Standing(("client", "codex-cli"), "usd_per_week", 0, 0),
        ]
    )
    assert [(each.scope, each.limit, each.share, each.warned) for each in shown] == [
        ("client", "usd_per_week", 1.0, True),
        ("global", "usd_per_day", 0.9, True),
        ("key", "parallel", 0.25, False),
    ]
    assert msgspec.to_builtins(shown[1]) == {
        "scope": "global",
        "name": "",
        "limit": "usd_per_day",
        "most": 10.0,
        "used": 9.0,
        "share": 0.9,
        "warned": True,
        "resets_at": "2025-11-27T00:00:00.000Z",
    }
