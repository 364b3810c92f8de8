"""The account adds up, and says how in figures that can be added up again."""

from llm_gateway.ledger.sums import Sums
from llm_gateway.server.pages.usage_account import account

SUMS = Sums(
    requests=10,
    cached=2,
    saved_input=500,
    saved_output=40,
    removed=2000,
    compressed=3,
    cost_nano=70_000_000,
    retried_nano=5,
    baseline_nano=353_500_000,
    route_nano=100_000_000,
    compression_nano=1_000_000,
    response_cache_nano=3_000_000,
    prompt_cache_nano=185_250_000,
    prompt_cache_ours_nano=85_250_000,
    high_nano=180_000_000,
    low_nano=9_250_000,
)


def test_the_baseline_less_the_lines_is_the_cost() -> None:
    made = account(SUMS, [], None)
    assert made.baseline.nano - sum(each.line.amount.nano for each in made.lines) == made.cost_counted.nano
    assert made.cost_counted.nano + made.cost_beside.nano == made.cost.nano == 70_000_000
    assert (made.avoided.nano, made.equivalent.nano, made.discount.nano) == (
        89_250_000,
        100_000_000,
        100_000_000,
    )
    assert made.priced is False and account(SUMS, [], []).priced is True


def test_each_line_has_its_arithmetic() -> None:
    how = {each.line.line: each.how for each in account(SUMS, [], None).lines}
    assert "$0.065250 - $0.064250 = $0.001000" in how["compression"]
    assert "$0.250500 - $0.065250 = $0.185250" in how["prompt_cache"]
    assert (
        "$0.085250 is where the gateway placed the marks; $0.100000 is the provider's" in how["prompt_cache"]
    )
    assert "500 tokens in and 40 out" in how["response_cache"]
    assert "a value and no saving" in how["route"] and "$0.100000" in how["route"]


def test_what_cost_more_is_negative() -> None:
    how = {each.line.line: each.how for each in account(Sums(prompt_cache_nano=-1_000_000), [], None).lines}
    assert "= -$0.001000" in how["prompt_cache"]
