"""Cards as they are kept, and reckoning with them: exact, rounded once, by the step that is reached."""

import json
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.usage import Special, Usage
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.tariff import Card, Steps, Tariff, TokenClass, card_id, read_card, uncached

INTO: tuple[TokenClass, ...] = ("cache_read", "cache_write", "cache_write_1h", "audio_in", "image_in")
BACK: tuple[TokenClass, ...] = ("audio_read", "image_read")
OUT: tuple[TokenClass, ...] = ("reasoning", "audio_out", "image_out")
# What a class costs that a card says nothing of, as vendors' price lists mean it.
ELSE: dict[TokenClass, tuple[TokenClass, ...]] = {
    "cache_read": ("input",),
    "cache_write": ("input",),
    "cache_write_1h": ("cache_write", "input"),
    "audio_in": ("input",),
    "image_in": ("input",),
    "audio_read": ("cache_read", "audio_in", "input"),
    "image_read": ("cache_read", "image_in", "input"),
    "reasoning": ("output",),
    "audio_out": ("output",),
    "image_out": ("output",),
}

amounts = st.decimals(min_value=0, max_value=1000, places=6)
counts = st.integers(0, 2_000_000)


@st.composite
def all_steps(draw: st.DrawFn) -> Steps:
    starts = sorted(draw(st.sets(st.integers(1, 1_000_000), max_size=2)))
    return tuple((start, draw(amounts)) for start in (0, *starts))


@st.composite
def cards(draw: st.DrawFn) -> Card:
    rates: dict[TokenClass, Steps] = {"input": draw(all_steps()), "output": draw(all_steps())}
    for name in (*INTO, *BACK, *OUT):
        if draw(st.booleans()):
            rates[name] = draw(all_steps())
    return Card("t", "p", "m", "exact", rates, search=draw(amounts), request=draw(amounts))


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    uncached, read, write, output = (draw(counts) for _ in range(4))
    reasoning, hour = draw(st.integers(0, output)), draw(st.integers(0, write))
    special = None
    if draw(st.booleans()):
        reasoning = 0
        audio_in, audio_read, audio_out = (draw(st.integers(0, each)) for each in (uncached, read, output))
        special = Special(
            audio_in,
            audio_read,
            audio_out,
            draw(st.integers(0, uncached - audio_in)),
            draw(st.integers(0, read - audio_read)),
            draw(st.integers(0, output - audio_out)),
            draw(st.integers(0, 50)),
        )
    return Usage(uncached, read, write, output, reasoning, cache_write_1h=hour, special=special)


def rate(card: Card, name: TokenClass, tokens_in: int) -> Decimal:
    told = next(each for each in (name, *ELSE.get(name, ())) if each in card.rates)
    return [amount for start, amount in card.rates[told] if start == 0 or tokens_in > start][-1]


def dollars(card: Card, usage: Usage) -> Decimal:
    """Return the cost by the plainest arithmetic: each token once, in its own class."""
    special = usage.special or Special()
    of: dict[TokenClass, int] = {
        "input": usage.uncached - special.audio_in - special.image_in,
        "cache_read": usage.cache_read - special.audio_read - special.image_read,
        "cache_write": usage.cache_write - usage.cache_write_1h,
        "cache_write_1h": usage.cache_write_1h,
        "output": usage.output - usage.reasoning - special.audio_out - special.image_out,
        "reasoning": usage.reasoning,
        "audio_in": special.audio_in,
        "audio_read": special.audio_read,
        "audio_out": special.audio_out,
        "image_in": special.image_in,
        "image_read": special.image_read,
        "image_out": special.image_out,
    }
    with localcontext(prec=60):
        tokens = sum((count * rate(card, name, usage.input) for name, count in of.items()), Decimal(0))
        return tokens / 1_000_000 + special.searches * card.search / 1000 + card.request


def nano(amount: Decimal) -> int:
    with localcontext(prec=60):
        return int((amount * 10**9).to_integral_value(ROUND_HALF_EVEN))


def flat(**rates: str) -> Card:
    return msgspec.convert(
        {
            "source": "t",
            "provider": "p",
            "model": "m",
            "match": "exact",
            "rates": {name: [[0, amount]] for name, amount in rates.items()},
        },
        Card,
    )


@given(cards(), usages())
def test_a_cost_is_the_plain_sum_rounded_once(card: Card, usage: Usage) -> None:
    assert Tariff(card).cost(usage) == nano(dollars(card, usage))


@given(cards(), usages())
def test_without_a_cache_every_token_of_input_is_a_new_one(card: Card, usage: Usage) -> None:
    told = usage.special
    special = told and Special(
        audio_in=told.audio_in + told.audio_read,
        audio_out=told.audio_out,
        image_in=told.image_in + told.image_read,
        image_out=told.image_out,
        searches=told.searches,
    )
    bare = Usage(usage.input, output=usage.output, reasoning=usage.reasoning, special=special)
    assert Tariff(card).bare(usage) == nano(dollars(card, bare))


@given(cards(), usages(), counts, counts)
def test_nothing_costs_more_than_the_most(card: Card, usage: Usage, more_in: int, more_out: int) -> None:
    searches = usage.special.searches if usage.special is not None else 0
    tariff = Tariff(msgspec.structs.replace(card, search=Decimal(0)) if searches else card)
    most = tariff.most(usage.input, usage.output)
    assert tariff.cost(usage) <= most
    assert most <= tariff.most(usage.input + more_in, usage.output + more_out)


@given(cards())
def test_a_card_is_kept_as_it_is(card: Card) -> None:
    tariff = Tariff(card)
    again = Tariff(read_card(tariff.text))
    assert again.card == card and (again.id, again.text) == (tariff.id, tariff.text)


@pytest.mark.parametrize(
    ("tokens_in", "nanodollars"),
    [(200_000, 600_000_000), (200_001, 1_200_006_000), (0, 0)],
    ids=["at the step", "above it", "nothing"],
)
def test_a_step_holds_for_all_tokens_once_it_is_passed(tokens_in: int, nanodollars: int) -> None:
    card = Card("t", "p", "m", "exact", {"input": ((0, Decimal(3)), (200_000, Decimal(6)))})
    assert Tariff(card).cost(Usage(tokens_in)) == nanodollars
    assert Tariff(card).most(tokens_in, 0) == nanodollars


def test_what_is_read_counts_towards_a_step() -> None:
    rates: dict[TokenClass, Steps] = {
        "input": ((0, Decimal(1)), (100, Decimal(2))),
        "cache_read": ((0, Decimal(0)),),
    }
    assert Tariff(Card("t", "p", "m", "exact", rates)).cost(Usage(1, 100)) == 2000


@pytest.mark.parametrize(
    ("dollars_a_million", "tokens", "nanodollars"),
    [("0.0005", 1, 0), ("0.0015", 1, 2), ("0.0025", 1, 2), ("0.0005", 3, 2)],
)
def test_half_a_nanodollar_goes_to_the_even_one(
    dollars_a_million: str, tokens: int, nanodollars: int
) -> None:
    assert Tariff(flat(input=dollars_a_million)).cost(Usage(tokens)) == nanodollars


def test_prices_of_eighteen_places_are_exact() -> None:
    """As OpenRouter has them: half a nanodollar less 10^-18 dollars rounds down, and more rounds up."""
    for rate_, nanodollars in (("0.000499999999999999", 0), ("0.000500000000000001", 1)):
        assert Tariff(flat(input=rate_)).cost(Usage(1)) == nanodollars


def test_sound_that_is_read_costs_what_reading_does_else_what_sound_does() -> None:
    usage = Usage(0, 1000, special=Special(audio_read=1000))
    assert Tariff(flat(input="1", audio_in="8", cache_read="2")).cost(usage) == 2_000_000
    assert Tariff(flat(input="1", audio_in="8")).cost(usage) == 8_000_000


def test_the_id_is_of_what_the_card_says() -> None:
    one, other = flat(input="1", output="2"), flat(output="2", input="1")
    assert Tariff(one).id == Tariff(other).id
    assert Tariff(one).id != Tariff(msgspec.structs.replace(one, tier="flex")).id


def test_what_is_no_card_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        read_card('{"source": 1}')


def test_every_figure_is_what_genai_prices_reckons() -> None:
    """`scripts/prices.py --golden` wrote them; `--check` compares as many more as one has patience for."""
    book = PriceBook({}, {})
    wrong: list[object] = []
    figures = json.loads(Path(__file__).with_name("prices_golden.json").read_text())
    for provider, model, at, tier, counted, nanodollars in figures:
        uncached, read, write, output, reasoning, _, hour, *special = counted
        usage = Usage(
            uncached, read, write, output, reasoning, cache_write_1h=hour, special=Special(*special)
        )
        tariff = book.tariff(provider, model, at * 1_000_000, tier)
        if tariff is None or tariff.cost(usage) != nanodollars:
            wrong.append((provider, model, at, tier, counted, nanodollars, tariff and tariff.cost(usage)))
    assert not wrong
    assert len(figures) == 1000


def test_the_id_of_a_text_is_that_of_its_card() -> None:
    tariff = Tariff(flat(input="1"))
    assert card_id(tariff.text) == tariff.id
    assert card_id(tariff.text.replace('"1"', '"2"')) != tariff.id


@given(cards(), usages())
def test_rates_are_what_the_cost_is_made_of(card: Card, usage: Usage) -> None:
    rates = Tariff(card).rates(usage.input)
    assert rates == {name: rate(card, name, usage.input) for name in rates}
    assert len(rates) == 12


@given(cards(), usages())
def test_uncached_tokens_are_the_same_ones(card: Card, usage: Usage) -> None:
    same = uncached(usage)
    assert (same.input, same.output, same.reasoning) == (usage.input, usage.output, usage.reasoning)
    assert (same.cache_read, same.cache_write, same.cache_write_1h) == (0, 0, 0)
    assert Tariff(card).bare(usage) == Tariff(card).cost(same) == Tariff(card).bare(same)
