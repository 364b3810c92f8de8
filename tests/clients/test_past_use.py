"""What clients' logs said in all, and what that is worth at public prices."""

import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.past_use import PastUse, Tally, pricing
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.sightings import Sighting
from llm_gateway.ledger.stated_prices import flat

AT = 1_790_000_000_000_000
USED = Usage(uncached=1_000_000, output=100_000)


def told(model: str, asked: str = "", at_us: int = AT) -> Sighting:
    return Sighting("codex-cli", "mac", "log", "m", at_us, USED, model=model, asked=asked)


def test_what_is_added_is_summed_up() -> None:
    tally = Tally("codex-cli", lambda sighting: 5 if sighting.model == "priced" else None)
    tally.add(told("priced", at_us=AT + 5), new=True)
    tally.add(told("nobody's", at_us=AT))
    tally.add(told("priced", at_us=AT + 9), routed=True)
    assert tally.use == PastUse("codex-cli", 3, 1, 1, 2_000_000, 200_000, AT, AT + 9, 5, 1)
    assert tally.use.tokens == 2_200_000


STATED = {
    "openai/gpt-x": flat("2", "10"),
    "anthropic/claude-x": flat("3", "15"),
    "azure-of-ours/gpt-x": flat("4", "20"),
}


@pytest.mark.parametrize(
    ("model", "asked", "worth"),
    [
        ("gpt-x", "", 3_000_000_000),
        ("gpt-x", "openai", 3_000_000_000),
        ("gpt-x", "somebody", 3_000_000_000),
        ("gpt-x", "azure-of-ours", 6_000_000_000),
        ("claude-x", "custom", 4_500_000_000),
        ("qwen2.5:14b", "ollama", None),
        ("mine", "ollama", 3_000_000_000),
        ("", "openai", None),
    ],
)
def test_an_answer_is_worth_what_its_model_costs(model: str, asked: str, worth: int | None) -> None:
    book = PriceBook(STATED, {}, {"ollama/mine": "openai/gpt-x"})
    assert pricing(book)(told(model, asked)) == worth


def test_the_table_knows_the_models_of_their_makers() -> None:
    price = pricing(PriceBook({}, {}))
    assert price(told("claude-opus-4-5")) == 7_500_000_000, "5 and 25 dollars a million"
