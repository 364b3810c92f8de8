"""What is shown of the usage is what adding up the turns gives, in every breakdown."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.sightings import Sighting, put
from llm_gateway.server.usage_query import question
from llm_gateway.server.usage_views import FiguresView, UsageView, period_name, usage_answer
from usage_stage import DAY_US, HOUR_US, Filled, filled


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with filled(tmp_path_factory.mktemp("ledger"), 1500) as opened:
        yield opened


def answer(ledger: Filled, **query: str) -> UsageView:
    return usage_answer(ledger.store, question({"since": "2023-01-01", **query}, ledger.now_us))


def check(figures: FiguresView, ledger: Filled, **names: str) -> None:
    """Hold figures against the turns themselves."""
    assert figures.requests == ledger.total(lambda each: 1, **names)
    assert figures.ok == ledger.total(lambda each: each.end.outcome == "ok", **names)
    assert figures.cancelled == ledger.total(lambda each: each.end.outcome == "cancelled", **names)
    assert figures.failed == figures.requests - figures.ok - figures.cancelled
    assert figures.estimated == ledger.total(lambda each: each.usage.estimated, **names)
    assert figures.cached_answers == ledger.total(lambda each: bool(each.end.cached_from), **names)
    assert figures.tokens_in == ledger.total(lambda each: each.usage.input, **names)
    assert figures.tokens_uncached == ledger.total(lambda each: each.usage.uncached, **names)
    assert figures.tokens_cache_read == ledger.total(lambda each: each.usage.cache_read, **names)
    assert figures.tokens_cache_write == ledger.total(lambda each: each.usage.cache_write, **names)
    assert figures.tokens_out == ledger.total(lambda each: each.usage.output, **names)
    assert figures.tokens_reasoning == ledger.total(lambda each: each.usage.reasoning, **names)
    assert figures.tokens == figures.tokens_in + figures.tokens_out
    assert figures.cost_nano == ledger.total(lambda each: each.end.cost_nano or 0, **names)
    assert figures.cost_usd == figures.cost_nano / 1e9
    assert figures.retried_nano == ledger.total(
        lambda each: (each.end.money.retried_nano or 0) if each.end.money else 0, **names
    )


def test_the_total_is_that_of_the_turns(ledger: Filled) -> None:
    for period in ("hourly", "daily", "weekly", "monthly", "all"):
        view = answer(ledger, period=period)
        check(view.total, ledger)
        assert sum(row.figures.cost_nano for row in view.rows) == view.total.cost_nano
        assert sum(row.figures.tokens for row in view.rows) == view.total.tokens > 0
        assert view.seen is None and view.by == []


@pytest.mark.parametrize("by", ["client", "provider,model", "caller,purpose", "key"])
def test_each_row_is_that_of_its_turns(ledger: Filled, by: str) -> None:
    view = answer(ledger, period="all", by=by)
    assert view.by == by.split(",") and len(view.rows) > 2
    for row in view.rows:
        assert list(row.names) == view.by
        check(row.figures, ledger, **row.names)
    costs = [row.figures.cost_nano for row in view.rows]
    assert costs == sorted(costs, reverse=True), "the dearest is first"


def test_what_is_asked_for_alone_is_shown_alone(ledger: Filled) -> None:
    check(
        answer(ledger, client="codex-cli", model="gpt-6-mini").total,
        ledger,
        client="codex-cli",
        model="gpt-6-mini",
    )
    check(answer(ledger, client="").total, ledger, client="")
    nobody = answer(ledger, client="nobody")
    assert nobody.rows == [] and nobody.total.requests == 0


def test_days_are_those_of_their_turns(ledger: Filled) -> None:
    view = answer(ledger, period="daily")
    days = {row.period: row.figures.requests for row in view.rows}
    for name, requests in days.items():
        assert requests == sum(period_name("daily", each.intent.at_us) == name for each in ledger.turns)
    assert len(days) > 10 and list(days) == sorted(days)
    last = view.rows[-1]
    assert last.start.endswith("T00:00:00.000Z") and last.latency_p50_ms is not None
    assert last.latency_p95_ms is not None and last.latency_p95_ms >= last.latency_p50_ms


def test_a_part_of_the_time_is_that_part(ledger: Filled) -> None:
    start = min(each.intent.at_us for each in ledger.turns) // DAY_US * DAY_US + 5 * DAY_US + 7 * HOUR_US
    until = start + 3 * DAY_US + 2 * HOUR_US
    iso = [period_name("hourly", at).replace(" ", "T") for at in (start, until)]
    view = answer(ledger, period="daily", since=iso[0], until=iso[1])
    assert view.total.requests == sum(start <= each.intent.at_us < until for each in ledger.turns) > 0
    assert (view.since, view.until) == (f"{iso[0]}:00.000Z", f"{iso[1]}:00.000Z")


def test_what_has_to_be_known_is_said(ledger: Filled) -> None:
    view = answer(ledger)
    estimated = ledger.total(lambda each: each.usage.estimated)
    assert view.notes[0].startswith(f"~ estimated: {estimated:,} of {view.total.requests:,} answers")
    assert len(view.notes) == 1 + (view.total.unpriced > 0)
    assert answer(ledger, client="nobody").notes == []


def test_what_was_seen_is_beside_what_was_routed(tmp_path: Path) -> None:
    with filled(tmp_path, 50) as ledger:
        at_us = ledger.turns[20].intent.at_us
        ledger.store.write(
            put([Sighting("codex", "desk", "log", str(n), at_us, Usage(100, 20, 3, 50)) for n in range(3)])
        )
        routed = answer(ledger)
        check(routed.total, ledger)
        assert routed.notes[-1].startswith("seen elsewhere: 3 answers (519 tokens) did not come through")
        both = answer(ledger, source="all", period="all", by="client")
        assert both.by == ["source", "client"]
        check(both.total, ledger)
        assert both.seen is not None and (both.seen.requests, both.seen.tokens, both.seen.cost_nano) == (
            3,
            519,
            0,
        )
        seen = answer(ledger, source="seen", by="machine")
        assert [row.names for row in seen.rows] == [{"machine": "desk"}]
        assert seen.total.requests == 0 and seen.seen == both.seen
        assert seen.notes == [both.notes[-1]] and seen.notes[0].startswith("seen is what clients report")


@pytest.mark.parametrize(
    ("period", "name"),
    [
        ("hourly", "2023-11-14 22:00"),
        ("daily", "2023-11-14"),
        ("weekly", "2023-11-14"),
        ("monthly", "2023-11"),
        ("all", "all"),
    ],
)
def test_periods_have_names(period: str, name: str) -> None:
    assert period_name(period, 1_700_000_000_000_000) == name
