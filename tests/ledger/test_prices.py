"""Which price holds for a model: by the configuration, by the table, at a time and in a tier."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.config.settings import ModelPrice
from llm_gateway.ledger.price_table import PriceTable, read_table
from llm_gateway.ledger.price_taking import taken, written
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.stated_prices import flat, stated_of
from llm_gateway.ledger.tariff import Tariff

ADDRESSES = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com/v1",
    "gemini": "https://generativelanguage.googleapis.com/v1beta",
    "night": "https://api.deepseek.com",
    "search": "https://api.perplexity.ai",
    "together": "https://api.together.ai/v1",
    "groq": "https://groq.example/v1",
    "lpu": "https://api.groq.com/openai/v1",
    "mine": "http://127.0.0.1:11434",
}
NOON = "2026-11-26T12:00"
STATED = (
    ModelPrice("mine/dear", input=1, output=2),
    ModelPrice("work/*", input=3, output=4, batch=0.4),
    ModelPrice("openai/gpt-5", input=1, output=8, since="2026-12-01", flex=0.25),
    ModelPrice("openai/gpt-5", input=0.5, output=4, since="2027-01-01"),
)


def at(time: str) -> int:
    return int(datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp()) * 1_000_000


def found(tariff: Tariff | None) -> Tariff:
    assert tariff is not None
    return tariff


def dollars(tariff: Tariff | None, usage: Usage) -> Decimal:
    return Decimal(found(tariff).cost(usage)) / 10**9


@pytest.fixture
def book() -> PriceBook:
    references = {"ollama/*": "openai/gpt-5-mini", "ollama/big": "gemini/gemini-2.5-pro", "lab/*": "openai/*"}
    return PriceBook(stated_of(STATED), ADDRESSES, references, vendors={"second-codex": "openai"})


@pytest.mark.parametrize(
    ("provider", "model", "usage", "cost"),
    [
        # From the vendors' price pages: 1.25 in, 0.125 cached, 10 out.
        ("openai", "gpt-5", Usage(uncached=800_000, cache_read=200_000, output=100_000), "2.025"),
        # 3 in, 3.75 written, 6 for an hour, 0.30 read, 15 out; all dearer above 200,000 tokens of input.
        (
            "anthropic",
            "claude-sonnet-4-5-20250929",
            Usage(uncached=1000, cache_read=10_000, cache_write=2000, output=500, cache_write_1h=1000),
            "0.02325",
        ),
        ("anthropic", "claude-sonnet-4-5", Usage(uncached=200_001, output=1), "1.2000285"),
        ("gemini", "gemini-2.5-pro", Usage(uncached=1_000, output=1_000), "0.01125"),
        # 0.012 dollars for the request itself.
        ("search", "sonar", Usage(), "0.012"),
    ],
)
def test_a_usage_costs_what_the_vendor_says(
    book: PriceBook, provider: str, model: str, usage: Usage, cost: str
) -> None:
    assert dollars(book.tariff(provider, model, at(NOON)), usage) == Decimal(cost)


def test_a_card_says_where_it_stands(book: PriceBook) -> None:
    card = found(book.tariff("openai", "gpt-5", at(NOON))).card
    assert (card.source, card.provider, card.model, card.match) == (
        "genai-prices",
        "openai",
        "gpt-5",
        "exact",
    )
    assert card.version and len(card.sha256) == 64
    dated = found(book.tariff("openai", "gpt-5.2-20251211", at(NOON))).card
    assert (dated.match, dated.model) == ("exact", "gpt-5.2")  # the table names that snapshot, hyphened
    assert found(book.tariff("anthropic", "claude-sonnet-4-5-20250929", at(NOON))).card.match == "pattern"


@pytest.mark.parametrize(
    ("time", "output"),
    [("00:29", "0.55"), ("00:30", "1.1"), ("16:29", "1.1"), ("16:30", "0.55"), ("23:59", "0.55")],
)
def test_what_holds_by_day_and_by_night_is_told_apart(book: PriceBook, time: str, output: str) -> None:
    card = found(book.tariff("night", "deepseek-chat", at(f"2026-11-26T{time}"))).card
    assert card.rates["output"] == ((0, Decimal(output)),)
    assert card.hours == ("00:30-16:30" if output == "1.1" else "")


def test_a_price_holds_from_its_day_on(book: PriceBook) -> None:
    before, after = (found(book.tariff("openai", "o3", at(day))) for day in ("2025-05-01", NOON))
    assert before.card.since == "" and after.card.since == "2025-06-10"
    assert before.cost(Usage(1000)) > after.cost(Usage(1000))


def test_what_is_remembered_is_forgotten_when_it_changes(book: PriceBook) -> None:
    """The same tariff until the day before, and another one from midnight in UTC on."""
    last, first = at("2025-06-09T23:59"), at("2025-06-10T00:00")
    assert book.tariff("openai", "o3", at("2025-05-01")) is book.tariff("openai", "o3", last)
    assert book.tariff("openai", "o3", last) is not book.tariff("openai", "o3", first)
    assert book.tariff("openai", "o3", last) is book.tariff("openai", "o3", last)


def test_more_names_than_are_remembered_are_answered_all_the_same(book: PriceBook) -> None:
    for number in range(10_001):
        assert book.tariff("night", f"nothing-{number}", at(NOON)) is None
    assert book.tariff("openai", "gpt-5", at(NOON)) is not None


def test_the_configuration_comes_first(book: PriceBook) -> None:
    card = found(book.tariff("mine", "dear", at(NOON))).card
    assert (card.source, card.match, card.rates["input"]) == ("configuration", "stated", ((0, Decimal(1)),))
    wild, other = (found(book.tariff("work", model, at(NOON))) for model in ("anything", "else"))
    assert wild is other and (wild.card.match, wild.card.model) == ("wildcard", "*")


@pytest.mark.parametrize(
    ("day", "source", "into"),
    [
        ("2026-11-30T23:59", "genai-prices", "1.25"),
        ("2026-12-01", "configuration", "1"),
        ("2027-01-01", "configuration", "0.5"),
    ],
)
def test_a_stated_price_holds_from_its_day_on(book: PriceBook, day: str, source: str, into: str) -> None:
    assert found(book.tariff("openai", "gpt-5", at(NOON))).card.source == "genai-prices"
    card = found(book.tariff("openai", "gpt-5", at(day))).card
    assert (card.source, card.rates["input"]) == (source, ((0, Decimal(into)),))


@pytest.mark.parametrize(
    ("provider", "model", "tier", "day", "into"),
    [
        ("openai", "gpt-5", "flex", NOON, "0.625"),  # by the table
        ("openai", "gpt-5", "flex", "2026-12-24", "0.25"),  # by the configuration
        ("openai", "gpt-5", "batch", "2026-12-24", "0.5"),  # half of the stated price, as OpenAI says
        ("anthropic", "claude-3-opus", "batch", NOON, "7.5"),  # half, as Anthropic says
        ("anthropic", "claude-fable-5-2", "fast", NOON, "16"),  # by the table
        ("work", "m", "batch", NOON, "1.2"),
        ("lpu", "openai/gpt-oss-120b", "flex", NOON, "0.15"),  # as the usual one, as Groq says
    ],
)
def test_a_tier_has_its_own_price(
    book: PriceBook, provider: str, model: str, tier: str, day: str, into: str
) -> None:
    card = found(book.tariff(provider, model, at(day), tier)).card
    assert (card.tier, card.rates["input"], card.other) == (tier, ((0, Decimal(into)),), "")


def test_a_tier_changes_what_it_names_alone(book: PriceBook) -> None:
    """Google's batches read from caches as everybody does; searches have no tier."""
    usual, batch = (
        found(book.tariff("gemini", "gemini-2.0-flash", at(NOON), tier)) for tier in ("", "batch")
    )
    assert batch.card.rates["cache_read"] == usual.card.rates["cache_read"]
    assert batch.card.rates["output"][0][1] * 2 == usual.card.rates["output"][0][1]
    opus, halved = (
        found(book.tariff("anthropic", "claude-opus-4-1", at(NOON), tier)) for tier in ("", "batch")
    )
    assert halved.card.search == opus.card.search == 10
    assert halved.card.rates["cache_read"][0][1] * 2 == opus.card.rates["cache_read"][0][1]


def test_a_tier_of_which_nothing_is_known_is_taken_for_the_usual_one_in_doubt(book: PriceBook) -> None:
    usual, scale = (found(book.tariff("openai", "gpt-5", at(NOON), tier)) for tier in ("", "scale"))
    assert scale.card == msgspec.structs.replace(usual.card, other="no price is known for the tier scale")
    assert scale.cost(Usage(1000, output=10)) == usual.cost(Usage(1000, output=10))


@pytest.mark.parametrize(
    ("provider", "model"),
    [("mine", "llama"), ("openai", "nothing"), ("nobody", "gpt-5"), ("groq", "llama-3.3-70b-versatile")],
    ids=["a local one", "no such model", "no such provider", "called like one that is elsewhere"],
)
def test_what_nobody_prices_has_no_price(book: PriceBook, provider: str, model: str) -> None:
    assert book.tariff(provider, model, at(NOON)) is None


def test_a_provider_at_an_address_that_the_table_has_not_is_known_by_its_row(book: PriceBook) -> None:
    model = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
    assert found(book.tariff("together", model, at(NOON))).card.provider == "together"


def test_what_nobody_knows_the_price_of_is_dear(book: PriceBook) -> None:
    assumed = book.assumed("mine", "llama")
    assert (assumed.card.match, assumed.card.source) == ("assumed", "assumed")
    assert assumed.cost(Usage(500_000, 500_000, output=100_000)) == 22_500_000_000
    assert assumed is book.assumed("other", "model")


@pytest.mark.parametrize("provider", ["codex", "chatgpt", "chatgpt-login", "second-codex"])
def test_a_subscription_is_worth_what_its_vendor_takes_for_the_same_model(
    book: PriceBook, provider: str
) -> None:
    reference, chosen = book.reference(provider, "gpt-5-mini", at(NOON))
    assert (found(reference).card.provider, found(reference).card.model) == ("openai", "gpt-5-mini")
    assert not chosen


@pytest.mark.parametrize(
    ("provider", "vendor", "model"),
    [
        ("claude", "anthropic", "claude-sonnet-4-5"),
        ("claude-login", "anthropic", "claude-opus-4-1"),
        ("github-copilot", "github-copilot", "gpt-5.5"),
    ],
)
def test_each_vendor_has_its_own(book: PriceBook, provider: str, vendor: str, model: str) -> None:
    reference, _ = book.reference(provider, model, at(NOON))
    assert found(reference).card.provider == vendor


@pytest.mark.parametrize(
    ("provider", "model", "whose", "which"),
    [
        ("ollama", "qwen", "openai", "gpt-5-mini"),
        ("ollama", "big", "google", "gemini-2.5-pro"),
        ("lab", "gpt-5", "openai", "gpt-5"),
    ],
)
def test_the_user_chooses_a_reference_for_a_local_model(
    book: PriceBook, provider: str, model: str, whose: str, which: str
) -> None:
    reference, chosen = book.reference(provider, model, at(NOON))
    assert (found(reference).card.provider, found(reference).card.model, chosen) == (whose, which, True)


def test_without_a_choice_a_local_model_is_worth_nothing(book: PriceBook) -> None:
    assert book.reference("llamacpp", "gpt-5", at(NOON)) == (None, False)
    assert book.reference("m365-copilot", "m365-copilot", at(NOON)) == (None, False)
    assert book.reference("claude", "sonnet", at(NOON)) == (None, False)  # nobody knows which one that is


def test_a_reference_needs_no_configured_provider() -> None:
    book = PriceBook({"mine/m": flat("1", "2")}, {}, {"ollama/*": "xai/grok-4.5", "lab/*": "mine/m"})
    assert found(book.reference("ollama", "m", at(NOON))[0]).card.provider == "x-ai"
    assert found(book.reference("lab", "m", at(NOON))[0]).card.match == "stated"
    unknown = PriceBook({}, {}, {"ollama/*": "xai/nothing"})
    assert unknown.reference("ollama", "m", at(NOON)) == (None, True)


def test_the_table_knows_how_much_a_model_takes(book: PriceBook) -> None:
    assert book.window("openai", "gpt-5") == 400_000
    assert book.window("mine", "llama") is None


def test_another_source_that_says_something_else_is_a_doubt() -> None:
    def table() -> PriceTable:
        published = (
            b'[{"id":"p","api_pattern":"https://p\\\\.example","models":'
            b'[{"id":"m","match":{"equals":"m"},"prices":{"input_mtok":1,"output_mtok":2}}]}]'
        )
        ((provider, (model,)),) = taken(published)
        row = msgspec.structs.replace(model.prices[0], other="1.1/2.2")
        doubted = msgspec.structs.replace(model, prices=(row,))
        return read_table(written("mine", "1", [(provider, [doubted])], checked="theirs 2"))

    book = PriceBook({}, {"p": "https://p.example/v1"}, table=table)
    assert found(book.tariff("p", "m", at(NOON))).card.other == "theirs 2: 1.1 in, 2.2 out"
    scale = found(book.tariff("p", "m", at(NOON), "scale")).card.other
    assert scale == "theirs 2: 1.1 in, 2.2 out; no price is known for the tier scale"


def test_a_reference_is_a_vendor_s_price_wherever_the_provider_of_its_name_is_reached() -> None:
    addresses = {"openai": "http://127.0.0.1:4000/v1"}
    book = PriceBook({}, addresses, {"ollama/*": "openai/gpt-5-mini", "lab/*": "nobody/gpt-5-mini"})
    assert book.tariff("openai", "gpt-5-mini", at(NOON)) is None
    reference, chosen = book.reference("ollama", "qwen3", at(NOON))
    assert (found(reference).card.provider, found(reference).card.model, chosen) == (
        "openai",
        "gpt-5-mini",
        True,
    )
    assert book.reference("lab", "qwen3", at(NOON)) == (None, True)
