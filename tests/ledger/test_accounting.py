"""The lines of a turn: each by hand, and together always what the same work would have cost."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.accounting import FORMULA, Basis, Used, cached, has_lines, reckon
from llm_gateway.ledger.records import (
    Confidence,
    Counted,
    Intent,
    Money,
    Noted,
    Record,
    Recount,
    Removed,
    Settlement,
)
from llm_gateway.ledger.tariff import Card, Match, Steps, Tariff, TokenClass, read_card
from turn_factory import CARDS, generated

_PRICES: dict[TokenClass, str] = {
    "input": "3",
    "output": "15",
    "cache_read": "0.3",
    "cache_write": "3.75",
    "cache_write_1h": "6",
}


def tariff(match: Match = "exact", other: str = "") -> Tariff:
    rates: dict[TokenClass, Steps] = {name: ((0, Decimal(price)),) for name, price in _PRICES.items()}
    return Tariff(Card("here", "anthropic", "sonnet", match, rates, other=other))


PAID = Basis(tariff())


def money(used: Used, basis: Basis = PAID) -> Money:
    _, found = reckon(used, basis)
    assert found is not None
    return found


def test_tokens_at_their_prices_are_the_cost_and_without_a_cache_there_is_no_line() -> None:
    cost, told = reckon(Used(Usage(1000, output=100), counts=True), PAID)
    assert cost == 1000 * 3000 + 100 * 15_000 == 4_500_000
    assert told == Money(FORMULA, tariff().id, "", "high", baseline_nano=4_500_000)


def test_what_a_cache_read_saved_is_a_line_of_its_own() -> None:
    cost, told = reckon(Used(Usage(100, cache_read=10_000, output=10), counts=True), PAID)
    assert cost == 100 * 3000 + 10_000 * 300 + 10 * 15_000
    assert told is not None and told.prompt_cache_nano == 10_000 * 2700 and not told.prompt_cache_ours
    assert told.baseline_nano == 10_100 * 3000 + 10 * 15_000


def test_a_cache_that_is_written_every_time_and_never_read_costs_more_and_its_line_says_so() -> None:
    told = money(Used(Usage(100, cache_write=10_000, output=10), counts=True, ours=True))
    assert told.prompt_cache_nano == -10_000 * 750, "a quarter more than new tokens cost"
    assert told.prompt_cache_ours
    hour = money(Used(Usage(100, cache_write=10_000, cache_write_1h=10_000), counts=True))
    assert hour.prompt_cache_nano == -10_000 * 3000, "and twice as much, to keep it for an hour"


def test_marks_of_ours_are_no_merit_where_no_cache_was_used() -> None:
    assert not money(Used(Usage(100), counts=True, ours=True)).prompt_cache_ours


def test_what_compression_took_out_counts_at_the_price_of_its_class() -> None:
    usage, removed = Usage(100, 1000, 50, 10), Removed(30, 2000, 40, 5)
    cost, told = reckon(Used(usage, counts=True, removed=removed), PAID)
    assert cost is not None and told is not None and told.baseline_nano is not None
    assert told.compression_nano == 30 * 3000 + 2000 * 300 + 40 * 3750 - 5 * 15_000
    assert told.prompt_cache_nano == 3000 * 2700 - 90 * 750
    assert told.baseline_nano == cost + told.compression_nano + told.prompt_cache_nano
    assert told.baseline_nano == (130 + 3000 + 90) * 3000 + 5 * 15_000


def test_compression_that_makes_a_model_write_more_is_a_loss() -> None:
    told = money(Used(Usage(100, output=500, reasoning=450), counts=True, removed=Removed(10, output=400)))
    assert told.compression_nano == 10 * 3000 - 400 * 15_000


def test_nobody_bills_a_bridge_and_its_answer_is_worth_what_its_model_costs() -> None:
    used = Used(Usage(1000, 500, output=100), counts=True, removed=Removed(100), retried_nano=7)
    cost, told = reckon(used, Basis(reference=tariff("pattern")))
    worth = 1000 * 3000 + 500 * 300 + 100 * 15_000
    assert cost is None
    assert told == Money(
        FORMULA,
        "",
        tariff("pattern").id,
        "medium",
        baseline_nano=worth,
        route_nano=worth,
        retried_nano=7,
    )


def test_a_reference_that_was_chosen_proves_little() -> None:
    assert money(Used(Usage(1), counts=True), Basis(reference=tariff(), chosen=True)).confidence == "low"


def test_without_price_or_reference_there_is_no_money() -> None:
    assert reckon(Used(Usage(1000), counts=True), Basis()) == (None, None)
    assert reckon(Used(Usage(1000), counts=False), Basis(reference=tariff())) == (None, None)


def test_what_other_tries_cost_is_told_even_where_the_answer_costs_nothing() -> None:
    expected = (None, Money(FORMULA, retried_nano=5))
    assert reckon(Used(Usage(9), counts=True, retried_nano=5), Basis()) == expected
    assert reckon(Used(Usage(9), counts=False, retried_nano=5), Basis(reference=tariff())) == expected
    assert money(Used(Usage(9), counts=True, retried_nano=5)).retried_nano == 5


def test_what_does_not_count_has_a_cost_and_no_lines() -> None:
    used = Used(Usage(1000, 500, 50, 100), counts=False, removed=Removed(9))
    cost, told = reckon(used, PAID)
    assert cost == 1000 * 3000 + 500 * 300 + 50 * 3750 + 100 * 15_000
    assert told == Money(FORMULA, tariff().id, "", "high")


@pytest.mark.parametrize(
    ("outcome", "purpose", "counts", "has"),
    [
        ("ok", "request", True, True),
        ("ok", "request", False, False),
        ("ok", "smoke", True, False),
        ("ok", "demo", True, False),
        ("error", "request", True, False),
        ("cancelled", "request", True, False),
        ("truncated", "request", True, False),
        ("interrupted", "request", True, False),
    ],
)
def test_only_answers_to_requests_have_lines(outcome: str, purpose: str, counts: bool, has: bool) -> None:
    assert has_lines(outcome, purpose, counts=counts) == has  # type: ignore[arg-type]  # of the literals


@pytest.mark.parametrize(
    ("match", "other", "counted", "confidence"),
    [
        ("exact", "", "provider", "high"),
        ("stated", "", "provider", "high"),
        ("exact", "litellm: 0.2", "provider", "medium"),
        ("pattern", "", "provider", "medium"),
        ("wildcard", "", "provider", "medium"),
        ("exact", "", "tokenizer", "medium"),
        ("exact", "", "calibrated", "medium"),
        ("exact", "", "bytes", "low"),
        ("assumed", "", "provider", "low"),
    ],
)
def test_how_sure_an_amount_is(match: Match, other: str, counted: Counted, confidence: Confidence) -> None:
    assert money(Used(Usage(1), True, counted), Basis(tariff(match, other))).confidence == confidence


def test_an_answer_from_the_response_cache_is_worth_what_asking_would_have_cost() -> None:
    assert cached(500, Usage(10), PAID) == Money(FORMULA, tariff().id, "", "high", baseline_nano=500)
    guessed = cached(500, Usage(10, estimated=True), PAID)
    assert guessed is not None and guessed.confidence == "low"
    assert cached(None, Usage(10), PAID) is None
    assert cached(500, Usage(10), Basis()) is None


# ten thousand turns of every kind


def exact(card: Card, usage: Usage) -> int:
    """Return what a usage costs by a card, in nanodollars: by fractions, in another way than the tariff."""

    def rate(name: TokenClass, *otherwise: TokenClass) -> Fraction:
        for each in (name, *otherwise):
            if steps := card.rates.get(each):
                held = [price for start, price in steps if start == 0 or usage.input > start]
                return Fraction(held[-1])
        return Fraction(0)

    special = usage.special
    told: dict[str, int] = msgspec.structs.asdict(special) if special is not None else {}
    parts: list[tuple[TokenClass, tuple[TokenClass, ...], int]] = [
        ("input", (), usage.uncached - told.get("audio_in", 0) - told.get("image_in", 0)),
        ("cache_read", ("input",), usage.cache_read - told.get("audio_read", 0) - told.get("image_read", 0)),
        ("cache_write", ("input",), usage.cache_write - usage.cache_write_1h),
        ("cache_write_1h", ("cache_write", "input"), usage.cache_write_1h),
        ("output", (), usage.output - usage.reasoning - told.get("audio_out", 0) - told.get("image_out", 0)),
        ("reasoning", ("output",), usage.reasoning),
        ("audio_in", ("input",), told.get("audio_in", 0)),
        ("image_in", ("input",), told.get("image_in", 0)),
        ("audio_read", ("cache_read", "audio_in", "input"), told.get("audio_read", 0)),
        ("image_read", ("cache_read", "image_in", "input"), told.get("image_read", 0)),
        ("audio_out", ("output",), told.get("audio_out", 0)),
        ("image_out", ("output",), told.get("image_out", 0)),
    ]
    dollars = sum((rate(name, *others) * count for name, others, count in parts), Fraction(0)) / 10**6
    dollars += Fraction(card.search) / 1000 * told.get("searches", 0) + Fraction(card.request)
    return round(dollars * 10**9)  # half to even, as `round` of a fraction is


def lines(told: Money, saved_nano: int | None) -> int:
    each = (told.route_nano, told.compression_nano, told.prompt_cache_nano, saved_nano)
    return sum(line for line in each if line is not None)


def ended(records: list[Record]) -> tuple[Intent, Settlement]:
    """Return a turn as it stands in the end."""
    (intent,) = (each for each in records if isinstance(each, Intent))
    (end,) = (each for each in records if isinstance(each, Settlement))
    for each in records:
        if isinstance(each, Recount):
            end = msgspec.structs.replace(
                end,
                usage=each.usage,
                counted=each.counted,
                cost_nano=each.cost_nano,
                money=each.money,
                removed=each.removed or end.removed,
            )
    return intent, end


def test_the_lines_and_the_cost_are_the_whole_of_every_turn_and_of_all_together() -> None:
    whole = cost = line = negative = counted = 0
    for records in generated(10_000):
        if not any(isinstance(each, Settlement) for each in records):
            continue
        intent, end = ended(records)
        if end.money is None or end.money.baseline_nano is None:
            continue
        assert has_lines(end.outcome, intent.purpose, counts=intent.counts)
        of_turn = lines(end.money, end.saved_nano)
        assert end.money.baseline_nano == (end.cost_nano or 0) + of_turn, records
        whole, cost, line = whole + end.money.baseline_nano, cost + (end.cost_nano or 0), line + of_turn
        negative += (end.money.prompt_cache_nano or 0) < 0
        counted += 1
    assert whole == cost + line
    assert counted > 5000 and negative > 100, "there are enough of every kind"


def test_every_amount_is_what_fractions_say() -> None:
    cards = {noted.id: read_card(noted.text) for noted in notes(generated(2000, seed=11))}
    assert cards.keys() == CARDS.keys(), "every card is used, and kept as it is"
    for records in generated(2000, seed=11):
        for end in records:
            if isinstance(end, Settlement) and end.money is not None and end.money.tariff:
                used, nano = (end.saved, end.saved_nano) if end.cached_from else (end.usage, end.cost_nano)
                assert used is not None and nano == exact(cards[end.money.tariff], used), end


def notes(turns: Iterable[list[Record]]) -> list[Noted]:
    return [each for records in turns for each in records if isinstance(each, Noted)]


def test_what_nobody_counted_is_not_sure() -> None:
    sent = Used(Usage(10), counts=True, removed=Removed(5))
    _, money = reckon(sent, PAID)
    assert money is not None and money.confidence == "medium"
