"""What stands in the configuration is what is counted with."""

from decimal import Decimal

from llm_gateway.config.settings import Limit, ModelPrice
from llm_gateway.ledger.key_limits import KeyLimits
from llm_gateway.ledger.keys import KeyRow
from llm_gateway.ledger.money import NANO
from llm_gateway.pipeline.limits import Bounds
from llm_gateway.pipeline.terms import bounds_of, bounds_of_keys, prices_of


def test_limits_become_bounds_of_their_scopes() -> None:
    found = bounds_of(
        (
            Limit("global", parallel=8),
            Limit("key", "laptop", usd_per_day=0.1, models=("openai/*",), warn_at=0.5),
        )
    )
    assert found == {
        ("global", ""): Bounds(parallel=8),
        ("key", "laptop"): Bounds(per_day=NANO // 10, models=("openai/*",), warn_at=0.5),
    }


def test_limits_of_keys_become_bounds_of_their_names() -> None:
    def key(name: str, limits: KeyLimits) -> KeyRow:
        return KeyRow("", name, b"", "", 0, limits=limits.stored)

    found = bounds_of_keys(
        [
            key("laptop", KeyLimits(parallel=8, usd_per_day=0.1)),
            key("desk", KeyLimits()),
            key("laptop", KeyLimits(parallel=9, models=("fast",))),
        ]
    )
    assert found == {("key", "laptop"): Bounds(parallel=8, per_day=NANO // 10, models=("fast",))}


def test_a_stated_price_is_exact_and_says_where_it_stands() -> None:
    price = prices_of((ModelPrice("openai/m", input=0.1, output=0.4, cache_read=0),))["openai/m"]
    rates = (price.input, price.output, price.cache_read, price.cache_write)
    assert [rate.at(1) for rate in rates] == [Decimal("0.1"), Decimal("0.4"), Decimal(0), Decimal("0.1")]
    assert price.source == "configuration"
