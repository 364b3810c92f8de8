"""The arithmetic of one request: by hand, and of thousands of turns with nothing that does not come out."""

import msgspec

from ledger_samples import CARD, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.accounting import FORMULA, Basis, Used, cached, reckon
from llm_gateway.ledger.records import Money, Removed, Settlement
from llm_gateway.ledger.tariff import Tariff
from llm_gateway.server.money_views import (
    CardView,
    LinesView,
    MoneyView,
    PartView,
    SumView,
    exact_usd,
    money_view,
)
from turn_factory import CARDS, generated

TARIFF = Tariff(CARD)
CARDS_THERE = {TARIFF.id: CARD}


def ended(usage: Usage, *, removed: Removed | None = None, counts: bool = True) -> Settlement:
    cost, money = reckon(Used(usage, counts, removed=removed), Basis(TARIFF))
    return settlement("a", usage=usage, cost_nano=cost, money=money, removed=removed, attempts=())


def view(end: Settlement) -> MoneyView:
    found = money_view(end, CARDS_THERE)
    assert found is not None
    return found


def test_counts_times_prices_are_shown_with_where_the_prices_stand() -> None:
    found = view(ended(Usage(1000, output=10)))
    assert found.card == CardView(
        TARIFF.id,
        "genai-prices",
        "0.2.3",
        "ab" * 32,
        "anthropic",
        "sonnet",
        "pattern",
        "batch",
        "2026-01-01",
        "00:00-06:00",
        "litellm: 4",
    )
    assert (found.formula, found.confidence, found.reference, found.reproduces) == (1, "medium", None, True)
    assert found.sums == [
        SumView(
            "used",
            [
                PartView("input", 1000, "3", 1_000_000, "0.003"),
                PartView("output", 10, "15", 1_000_000, "0.00015"),
            ],
            "0.00315",
            3_150_000,
        )
    ]
    assert found.lines == LinesView(3_150_000, 3_150_000, None, None, None, None, False, None)


def test_a_line_is_the_difference_of_two_sums() -> None:
    found = view(ended(Usage(100, 1000, 50, 10), removed=Removed(30, 200)))
    used, sent, bare = found.sums
    assert [each.what for each in found.sums] == ["used", "sent", "bare"]
    assert found.lines.compression == sent.nano - used.nano == 30 * 3000 + 200 * 300
    assert found.lines.prompt_cache == bare.nano - sent.nano
    assert (found.lines.baseline, found.lines.cost) == (bare.nano, used.nano)
    assert [part.of for part in bare.parts] == ["input", "output"], "nothing read, nothing written"


def test_a_cache_that_is_written_and_never_read_is_shown_to_have_cost_more() -> None:
    found = view(ended(Usage(100, cache_write=1000)))
    assert found.lines.prompt_cache == -750_000
    used, bare = found.sums
    assert bare.nano - used.nano == -750_000 and found.reproduces


def test_what_does_not_count_has_a_cost_alone() -> None:
    found = view(ended(Usage(100, 1000), counts=False))
    assert [each.what for each in found.sums] == ["used"] and found.reproduces
    assert found.lines == LinesView(None, 600_000, None, None, None, None, False, None)


def test_an_answer_that_was_kept_shows_what_asking_would_have_cost() -> None:
    saved = Usage(1000)
    money = cached(3_000_000, saved, Basis(TARIFF))
    end = settlement("a", usage=Usage(), cost_nano=0, cached_from="b", saved=saved, saved_nano=3_000_000)
    found = view(msgspec.structs.replace(end, money=money))
    assert [(each.what, each.nano) for each in found.sums] == [("saved", 3_000_000)] and found.reproduces
    assert (found.lines.response_cache, found.lines.cost) == (3_000_000, 0)


def test_a_card_that_is_not_there_any_more_leaves_the_amounts_on_record() -> None:
    found = money_view(ended(Usage(1000)), {})
    assert found is not None
    assert (found.card, found.sums, found.reproduces) == (None, [], None)
    assert found.lines.cost == 3_000_000


def test_what_was_never_reckoned_has_no_arithmetic() -> None:
    assert money_view(settlement("a"), CARDS_THERE) is None
    retried = money_view(
        settlement("a", usage=None, cost_nano=None, money=Money(FORMULA, retried_nano=7)), {}
    )
    assert retried is not None and (retried.reproduces, retried.lines.retried) == (True, 7)


def test_an_amount_on_record_that_is_none_of_the_sums_is_told() -> None:
    end = ended(Usage(100, 1000))
    assert end.money is not None
    for change in (
        {"cost_nano": 1},
        {"money": msgspec.structs.replace(end.money, baseline_nano=1)},
        {"money": msgspec.structs.replace(end.money, prompt_cache_nano=1)},
        {"money": msgspec.structs.replace(end.money, compression_nano=0)},
        {"usage": Usage(101, 1000)},
    ):
        assert view(msgspec.structs.replace(end, **change)).reproduces is False, change


def test_of_thousands_of_turns_every_one_comes_out() -> None:
    cards = {name: tariff.card for name, tariff in CARDS.items()}
    shown = 0
    for records in generated(3000, seed=4):
        for end in records:
            if isinstance(end, Settlement) and (found := money_view(end, cards)) is not None:
                assert found.reproduces is True, end
                shown += 1
    assert shown > 1500


def test_dollars_have_the_digits_that_they_have() -> None:
    assert [exact_usd(nano) for nano in (0, 1, 1_500_000_000, 10**12, -5)] == [
        "0",
        "0.000000001",
        "1.5",
        "1000",
        "-0.000000005",
    ]
