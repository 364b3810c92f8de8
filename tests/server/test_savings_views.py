"""The account of what was avoided adds up to the nanodollar, and each line says at which prices."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_gateway.ledger.card_uses import LINES
from llm_gateway.ledger.sums import Sums
from llm_gateway.server.savings_views import (
    SavingsView,
    amount,
    basis,
    confidence_view,
    line_views,
    savings_answer,
)
from llm_gateway.server.usage_query import question
from usage_stage import Filled, filled


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with filled(tmp_path_factory.mktemp("ledger"), 2000) as opened:
        yield opened


def answer(ledger: Filled, **query: str) -> SavingsView:
    return savings_answer(
        ledger.store, question({"since": "2023-01-01", **query}, ledger.now_us, period="all")
    )


def test_the_account_adds_up_and_is_that_of_the_turns(ledger: Filled) -> None:
    view = answer(ledger)
    lines = {line.line: line.amount.nano for line in view.lines}
    assert tuple(lines) == LINES
    assert view.baseline.nano - sum(lines.values()) == view.cost_counted.nano
    assert view.cost_counted.nano + view.cost_beside.nano == view.cost.nano
    assert view.cost.nano == ledger.total(lambda each: each.end.cost_nano or 0)
    for name, nano in lines.items():
        assert nano == ledger.total(lambda each, name=name: each.lines.get(name, 0)), name  # type: ignore[misc]
    counted = [each for each in ledger.turns if each.end.money and each.end.money.baseline_nano is not None]
    assert view.counted == len(counted)
    assert view.cost_counted.nano == sum(each.end.cost_nano or 0 for each in counted)
    assert view.requests == len(ledger.turns)


def test_what_is_avoided_is_no_more_than_the_gateway_did(ledger: Filled) -> None:
    view = answer(ledger)
    by_line = {line.line: line for line in view.lines}
    ours = by_line["prompt_cache"].counted.nano
    assert ours == ledger.total(
        lambda each: (
            each.lines.get("prompt_cache", 0) if each.end.money and each.end.money.prompt_cache_ours else 0
        )
    )
    assert (
        view.avoided.nano == by_line["compression"].amount.nano + by_line["response_cache"].amount.nano + ours
    )
    assert view.equivalent.nano == by_line["route"].amount.nano > 0
    assert view.discount.nano == by_line["prompt_cache"].amount.nano - ours
    sure = view.confidence
    assert sure.high.nano + sure.medium.nano + sure.low.nano == view.avoided.nano + view.equivalent.nano
    assert sure.least.nano <= sure.high.nano + sure.medium.nano + sure.low.nano <= sure.most.nano


def test_shares_are_parts_of_the_whole(ledger: Filled) -> None:
    whole, view = answer(ledger), answer(ledger, by="provider,model")
    assert whole.shares == [] and len(view.shares) > 5
    for name in (
        "baseline",
        "route",
        "compression",
        "response_cache",
        "prompt_cache",
        "cost",
        "cost_counted",
    ):
        parts = [getattr(share, name).nano for share in view.shares]
        assert sum(parts) == ledger.total(lambda each: each.end.cost_nano or 0) if name == "cost" else True
        if name in LINES:
            assert sum(parts) == next(line.amount.nano for line in whole.lines if line.line == name)
    for share in view.shares:
        lines = (share.route, share.compression, share.response_cache, share.prompt_cache)
        assert share.baseline.nano == share.cost_counted.nano + sum(each.nano for each in lines)


def test_each_line_says_at_which_prices(ledger: Filled) -> None:
    for line in answer(ledger).lines:
        having = [each for each in ledger.turns if line.line in each.lines]
        assert line.turns == len(having) > 0, line.line
        assert sum(price.turns for price in line.prices) == len(having)
        ids = {each.end.money.reference or each.end.money.tariff for each in having if each.end.money}
        assert sum(price.cards for price in line.prices) == len(ids)
        assert {price.source for price in line.prices} <= {"genai-prices", "configuration"}
        assert line.prices[0].version == "0.2.3" and line.meaning


def test_one_client_has_an_account_of_its_own(ledger: Filled) -> None:
    view = answer(ledger, client="codex-cli")
    assert view.cost.nano == ledger.total(lambda each: each.end.cost_nano or 0, client="codex-cli")
    assert view.baseline.nano - sum(line.amount.nano for line in view.lines) == view.cost_counted.nano
    assert sum(price.turns for line in view.lines for price in line.prices) == sum(
        len(each.lines) for each in ledger.turns if each.named("client") == "codex-cli"
    )


def test_nothing_avoided_is_said_in_words(tmp_path: Path) -> None:
    with filled(tmp_path, 1) as ledger:
        view = answer(ledger, client="nobody")
    assert (view.requests, view.counted, view.cost.nano, view.advice) == (0, 0, 0, [])
    assert [line.prices for line in view.lines] == [[], [], [], []]
    assert basis(Sums()).startswith("no answer of this time has a price or a reference")
    told = basis(Sums(baseline_nano=9, route_nano=1_000, compression_nano=-2_000_000))
    assert "API-equivalent value $0.000001, compression -$0.002000, response cache $0.000000" in told


def test_a_line_below_zero_stays_there() -> None:
    sums = Sums(
        compression_nano=-5,
        prompt_cache_nano=-7,
        prompt_cache_ours_nano=-3,
        high_nano=2,
        medium_nano=-8,
        low_nano=4,
    )
    lines = {line.line: line for line in line_views(sums)}
    assert lines["compression"].amount == amount(-5) and lines["compression"].counted == amount(-5)
    assert lines["prompt_cache"].amount == amount(-7) and lines["prompt_cache"].counted == amount(-3)
    sure = confidence_view(sums)
    assert (sure.least.nano, sure.most.nano) == (-6, 6)
