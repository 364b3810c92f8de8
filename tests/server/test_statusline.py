"""The line is short, and says what is so."""

from pathlib import Path

import pytest

from llm_gateway.ledger.sums import Sums
from llm_gateway.pipeline.quotas import Quota, Used
from llm_gateway.server.statusline import Glimpse, glimpse, short_count, short_time, statusline_view
from usage_stage import DAY_US, filled

NOW = 1_700_000_000_000_000  # 2023-11-14 22:13:20
MINUTE_US = 60_000_000


def quota(provider: str, *windows: Used) -> Quota:
    return Quota(provider, provider, "", NOW, "", windows)


def line(seen: Glimpse, *quotas: Quota, state: str = "ok") -> str:
    return statusline_view(seen, quotas, state, NOW).line


def test_an_idle_gateway() -> None:
    assert line(Glimpse(Sums())) == "gateway | today 0 tok $0.00"


def test_a_busy_one() -> None:
    today = Sums(requests=9, uncached=1_200_000, output=40_000, cost_nano=3_414_000_000)
    talk = Sums(requests=2, uncached=12_345, estimated=1, cost_nano=20_000_000)
    claude = quota(
        "claude", Used("5h", 0.37, NOW + 130 * MINUTE_US), Used("7d", 0.8, NOW + 3 * DAY_US + 60 * MINUTE_US)
    )
    old = quota("codex", Used("5h", 0.99, NOW - MINUTE_US), Used("weekly", 0.1))
    view = statusline_view(Glimpse(today, talk), [claude, old], "ok", NOW)
    assert view.line == (
        "gateway | today 1.24M tok $3.41 | this one ~12.3k tok ~$0.02 | claude 7d 80%, resets in 3d1h | "
        "claude 5h 37%, resets in 2h10m"
    )
    assert [(each.provider, each.window) for each in view.windows] == [
        ("claude", "7d"),
        ("claude", "5h"),
        ("codex", "weekly"),
    ], "a window that has begun anew since says nothing"
    assert (view.tokens_today, view.cost_today_usd, view.conversation_tokens) == (1_240_000, 3.414, 12_345)
    assert view.conversation_cost_usd == 0.02 and not view.estimated


def test_what_nobody_bills_has_its_worth_beside() -> None:
    today = Sums(requests=1, uncached=5_000, estimated=1, route_nano=1_204_000_000)
    assert line(Glimpse(today)) == "gateway | today ~5.00k tok ~$0.00 (worth $1.20)"
    assert line(Glimpse(Sums(requests=1, unpriced=1, uncached=10, cost_nano=NOW))).endswith(
        "10 tok ~$1,700,000.00"
    )
    assert line(Glimpse(Sums(), Sums())) == "gateway | today 0 tok $0.00", "a conversation without a turn yet"
    assert line(Glimpse(Sums()), state="degraded: database x").startswith("gateway degraded: database x | ")


def test_it_is_read_from_the_ledger(tmp_path: Path) -> None:
    with filled(tmp_path, 200, days=3) as ledger:
        seen = glimpse(ledger.store, ledger.now_us, "nobody's")
        start = ledger.now_us // DAY_US * DAY_US
        today = [each for each in ledger.turns if each.intent.at_us >= start]
        assert seen.today.requests == len(today) > 0
        assert seen.today.cost_nano == sum(each.end.cost_nano or 0 for each in today)
        assert seen.conversation == Sums()
        later = glimpse(ledger.store, ledger.now_us + 9 * DAY_US)
        assert later == Glimpse(Sums(), None)


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00k"),
        (12_345, "12.3k"),
        (999_499, "999k"),
        (1_240_000, "1.24M"),
        (5 * 10**9, "5.00G"),
    ],
)
def test_counts_are_short(count: int, shown: str) -> None:
    assert short_count(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "0m"), (59, "0m"), (720, "12m"), (7800, "2h10m"), (86_400, "24h00m"), (277_200, "3d5h")],
)
def test_times_are_short(seconds: int, shown: str) -> None:
    assert short_time(seconds) == shown
