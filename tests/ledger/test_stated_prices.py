"""Prices of the configuration, as they are looked up."""

from decimal import Decimal

import pytest

from llm_gateway.config.settings import ModelPrice, PriceAbove
from llm_gateway.ledger.price_table import PriceRow
from llm_gateway.ledger.stated_prices import Stated, decimal_of, flat, stated_of


def test_a_stated_price_is_what_stands_in_the_file() -> None:
    price = ModelPrice(
        "openai/m",
        input=0.1,
        output=0.4,
        cache_read=0,
        cache_write_1h=0.3,
        reasoning=0.7,
        audio_in=1.5,
        audio_out=2,
        search=10,
        request=0.005,
        batch=0.5,
        priority=2,
    )
    stated = stated_of((price,))["openai/m"]
    told = {
        "input": "0.1",
        "output": "0.4",
        "cache_read": "0",
        "cache_write_1h": "0.3",
        "reasoning": "0.7",
        "audio_in": "1.5",
        "audio_out": "2",
    }
    (row,) = stated.rows
    assert {name: str(rate) for name, rate in row.rates.items()} == told
    assert (row.search, row.thousand, row.since) == (Decimal(10), Decimal(5), "")
    assert stated.factors == ({"batch": Decimal("0.5"), "priority": Decimal(2)},)


def test_what_is_not_stated_is_not_there() -> None:
    stated = stated_of((ModelPrice("openai/m", input=1, output=2),))["openai/m"]
    assert stated == Stated((PriceRow({"input": Decimal(1), "output": Decimal(2)}),), ({},))
    assert stated.rows == flat("1", "2").rows


def test_several_rows_of_a_model_are_in_the_order_of_their_days() -> None:
    stated = stated_of(
        (
            ModelPrice("a/m", input=3, output=3, since="2026-12-01", flex=0.3),
            ModelPrice("a/m", input=1, output=1),
            ModelPrice("a/*", input=9, output=9),
            ModelPrice("a/m", input=2, output=2, since="2026-02-01"),
        )
    )
    assert set(stated) == {"a/m", "a/*"}
    assert [(row.since, row.rates["input"]) for row in stated["a/m"].rows] == [
        ("", Decimal(1)),
        ("2026-02-01", Decimal(2)),
        ("2026-12-01", Decimal(3)),
    ]
    assert [dict(factors) for factors in stated["a/m"].factors] == [{}, {}, {"flex": Decimal("0.3")}]


def test_much_input_has_other_prices() -> None:
    above = (
        PriceAbove(200_000, input=6, output=22.5, cache_read=0.6),
        PriceAbove(500_000, input=8, output=30, cache_write=10),
    )
    (row,) = stated_of((ModelPrice("a/m", input=3, output=15, cache_read=0.3, above=above),))["a/m"].rows
    assert row.rates == {
        "input": ((0, Decimal(3)), (200_000, Decimal(6)), (500_000, Decimal(8))),
        "output": ((0, Decimal(15)), (200_000, Decimal("22.5")), (500_000, Decimal(30))),
        "cache_read": ((0, Decimal("0.3")), (200_000, Decimal("0.6"))),
        # Below its own step as input, which has steps, too.
        "cache_write": ((0, Decimal(3)), (200_000, Decimal(6)), (500_000, Decimal(10))),
    }


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.1, "0.1"), (3.0, "3"), (3, "3"), (1e-7, "1E-7"), (0.30000000000000004, None), (0, "0")],
)
def test_a_number_is_what_it_is_written_as(number: float, text: str | None) -> None:
    assert str(decimal_of(number)) == (text or "0.30000000000000004")
