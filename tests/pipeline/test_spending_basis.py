"""At what the tokens of a target are reckoned, and which cards go on record for that."""

from fakes import FakeClock
from llm_gateway.canonical.usage import Usage
from llm_gateway.config.settings import ModelPrice
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.records import Attempt, Money, Settlement
from llm_gateway.ledger.stated_prices import flat, stated_of
from llm_gateway.pipeline.plan import Step
from llm_gateway.pipeline.spending import Spending

BOOK = PriceBook({"paid/m": flat("1", "10")}, {}, {"local/*": "paid/m"})


def step(provider: str = "paid") -> Step:
    return Step(provider, "m", "chat", None, None, asks_usage=False, counts=True, headers=b"")


def spending() -> Spending:
    made = Spending(FakeClock())
    made.use(BOOK, {"paid", "unknown"}, {})
    return made


def test_what_is_to_be_paid_has_a_price_and_what_is_not_a_worth() -> None:
    made = spending()
    paid, local, neither = (made.basis(step(name), 0) for name in ("paid", "local", "elsewhere"))
    assert paid.tariff is not None and paid.reference is None
    assert local.tariff is None and local.reference is not None and local.chosen
    assert local.reference.id == paid.tariff.id
    assert (neither.tariff, neither.reference, neither.chosen) == (None, None, False)


def test_a_tier_has_a_price_of_its_own_and_a_new_table_is_gone_by_at_once() -> None:
    made, stated = Spending(FakeClock()), ModelPrice("paid/m", input=1, output=10, batch=0.5)
    made.use(PriceBook(stated_of((stated,)), {}), {"paid"}, {})
    usual, batch = made.basis(step(), 0).tariff, made.basis(step(), 0, "batch").tariff
    assert usual is not None and batch is not None
    assert 2 * batch.cost(Usage(1000)) == usual.cost(Usage(1000))
    made.use(BOOK, {"paid"}, {})
    again = made.basis(step(), 0, "batch").tariff
    assert again is not None and again.cost(Usage(1000)) == usual.cost(Usage(1000))


def test_a_price_that_changes_is_gone_by_from_its_time_on() -> None:
    begin = 1_772_323_200_000_000  # 2026-03-01T00:00:00Z
    stated = ModelPrice("paid/m", input=1, output=10), ModelPrice("paid/m", 3, 10, since="2026-03-01")
    made = Spending(FakeClock())
    made.use(PriceBook(stated_of(stated), {}), {"paid"}, {})
    told = [made.basis(step(), at).tariff for at in (begin - 1, begin, begin - 1)]
    assert [each.cost(Usage(1000)) for each in told if each is not None] == [10**6, 3 * 10**6, 10**6]


def test_a_card_is_put_on_record_once_and_before_it_is_named() -> None:
    made = spending()
    paid, other = made.basis(step(), 0).tariff, made.basis(step("unknown"), 0).tariff
    assert paid is not None and other is not None
    end = Settlement("a", "ok", money=Money(1, paid.id))
    assert [(each.id, each.text) for each in made.unnoted(end)] == [(paid.id, paid.text)]
    assert made.unnoted(end) == []
    tries = (Attempt("unknown", usage=Usage(1), cost_nano=1, tariff=other.id),)
    retried = Settlement("b", "ok", attempts=tries, money=Money(1, paid.id, retried_nano=1))
    assert [each.id for each in made.unnoted(retried)] == [other.id]
    assert made.unnoted(retried) == [] == made.unnoted(Settlement("c", "ok"))
