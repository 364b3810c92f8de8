"""Limits are shown with money in dollars, the one that is used most first."""

import io
import json

import msgspec

from fakes import FakeClock
from llm_gateway.ledger.money import NANO
from llm_gateway.pipeline.limits import Standing
from llm_gateway.server.limit_views import limit_views, tell_close
from llm_gateway.telemetry.log import Log


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


def test_a_limit_that_is_close_is_told_with_its_figures() -> None:
    written = io.StringIO()
    limit = Standing(("key", "laptop"), "usd_per_day", 5 * NANO, 4 * NANO, warn_at=0.8)
    tell_close(Log(FakeClock(), "info", written), limit)
    line = json.loads(written.getvalue())
    assert (line["level"], line["event"], line["limit"], line["used"], line["most"]) == (
        "warning",
        "a limit is close",
        "usd_per_day",
        4.0,
        5.0,
    )
