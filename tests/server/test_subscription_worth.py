"""What is drawn on an account in its own month, who draws how much, and its value; every amount by hand."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.config.subscriptions import SubscriptionSettings
from llm_gateway.ledger.quota_samples import Draw
from llm_gateway.ledger.sums import Sums
from llm_gateway.pipeline.pools import Pool
from llm_gateway.server.subscription_worth import Drawn, Worth, renewed_us, worths


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


NOW = us("2026-11-27")
MONTH = us("2026-11-01")


def sums(tokens: int, value: int, **sure: int) -> Sums:
    told = sure or {"high_nano": value}
    return Sums(requests=1, ok=1, uncached=tokens, route_nano=value, **told)


def login(pool: str, caller: str, *, last: int = 1) -> Draw:
    return Draw(pool, "claude-login", "login", caller, last_us=last)


@pytest.mark.parametrize(
    ("now", "renews", "began"),
    [
        ("2026-11-27", None, "2026-11-01"),
        ("2026-11-27", 14, "2026-11-14"),
        ("2026-11-13", 14, "2026-10-14"),
        ("2026-11-14", 14, "2026-11-14"),
        ("2026-01-05", 20, "2025-12-20"),
        ("2026-02-28", 31, "2026-02-28"),
        ("2026-02-27", 31, "2026-01-31"),
        ("2026-03-01", 31, "2026-02-28"),
        ("2024-02-29", 30, "2024-02-29"),
    ],
)
def test_a_month_begins_on_the_day_of_renewal(now: str, renews: int | None, began: str) -> None:
    assert renewed_us(us(now), renews) == us(began)


@given(st.integers(us("2020-01-01"), us("2035-12-31")), st.integers(1, 31))
def test_a_month_has_begun_and_is_not_over(now_us: int, renews: int) -> None:
    began = renewed_us(now_us, renews)
    assert began <= now_us < began + 32 * 86_400_000_000


def test_what_an_account_is_worth_is_the_sum_of_all_who_draw_on_it() -> None:
    pool = Pool(("account:a",), (login("account:a", "ada"), Draw("account:a", "claude", "bridge", last_us=2)))
    drawn = [
        Drawn("claude-login", "ada", "claude-code", sums(1000, 3_000_000_000)),
        Drawn("claude-login", "bob", "claude-code", sums(5000, 9_000_000_000)),
        Drawn("claude", "bob", "cline", sums(500, 1_000_000_000)),
        Drawn("codex", "ada", "codex-cli", sums(500, 1_000_000_000)),
    ]
    worth = worths([pool], {MONTH: drawn}, NOW)["account:a"]
    assert (worth.tokens_month, worth.value_nano_month, worth.value_usd_month) == (1500, 4_000_000_000, 4.0)
    assert [(each.client, each.caller, each.share) for each in worth.clients] == [
        ("claude-code", "ada", 0.75),
        ("cline", "bob", 0.25),
    ]
    assert (worth.confidence, worth.notes, worth.since) == ("high", (), "2026-11-01T00:00:00.000Z")


@pytest.mark.parametrize(
    ("sure", "told"),
    [
        ({"high_nano": 100}, "high"),
        ({"high_nano": 91, "medium_nano": 9}, "high"),
        ({"high_nano": 90, "medium_nano": 10}, "medium"),
        ({"high_nano": 85, "medium_nano": 6, "low_nano": 9}, "medium"),
        ({"high_nano": 90, "low_nano": 10}, "low"),
    ],
)
def test_a_value_is_as_sure_as_its_least_sure_tenth(sure: dict[str, int], told: str) -> None:
    pool = Pool(("a",), (login("a", "ada"),))
    drawn = [Drawn("claude-login", "ada", "c", sums(1, 100, **sure))]
    assert worths([pool], {MONTH: drawn}, NOW)["a"].confidence == told


def test_without_a_price_shares_are_of_tokens_and_that_is_said() -> None:
    pool = Pool(("a",), (login("a", "ada"),))
    drawn = [Drawn("claude-login", "ada", "c", sums(3, 0)), Drawn("claude-login", "ada", "d", sums(1, 0))]
    worth = worths([pool], {MONTH: drawn}, NOW)["a"]
    assert [each.share for each in worth.clients] == [0.75, 0.25]
    assert (worth.value_nano_month, worth.confidence) == (0, "")
    assert "prices.reference" in worth.notes[0]


def test_a_caller_of_several_accounts_is_counted_once_and_that_is_said() -> None:
    old, new = Pool(("a",), (login("a", "ada", last=1),)), Pool(("b",), (login("b", "ada", last=2),))
    drawn = [Drawn("claude-login", "ada", "c", sums(3, 10))]
    found = worths([old, new], {MONTH: drawn}, NOW)
    assert (found["a"].tokens_month, found["b"].tokens_month) == (0, 3)
    assert "ada has had several accounts" in found["b"].notes[0]


def test_each_has_its_own_month() -> None:
    settings = SubscriptionSettings("max", ("claude-login",), renews=14)
    pool = Pool(("a",), (login("a", "ada"),), settings)
    drawn = [Drawn("claude-login", "ada", "c", sums(3, 10))]
    assert worths([pool], {MONTH: drawn}, NOW)["a"].tokens_month == 0
    assert worths([pool], {us("2026-11-14"): drawn}, NOW)["a"].tokens_month == 3
    nobody = Pool((), (), settings)
    assert worths([nobody], {}, NOW)[nobody.id] == Worth(since="2026-11-14T00:00:00.000Z")
