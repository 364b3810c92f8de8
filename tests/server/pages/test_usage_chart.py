"""The chart is a table: every period, the five of whom there is most, and the others together."""

import pytest

from llm_gateway.ledger.sums import Sums
from llm_gateway.server.pages.usage_chart import chart, columns, measured, told

DAY_US = 86_400_000_000
BEGINS = [0, DAY_US, 2 * DAY_US]


def test_a_period_in_which_nothing_was_is_nothing() -> None:
    rows = [(0, "a", Sums(cost_nano=1_500_000_000)), (2 * DAY_US, "b", Sums(cost_nano=1))]
    made = chart("cost", "daily", BEGINS, rows)
    assert (made.title, made.unit, made.columns) == ("Paid", "USD", ["Day", "a", "b"])
    assert [row[2] for row in made.rows] == [[1.5, 0], [0, 0], [0, 0]]
    assert [row[:2] for row in made.rows] == [
        (0, "1970-01-01"),
        (86_400, "1970-01-02"),
        (172_800, "1970-01-03"),
    ]
    assert made.tones == ["tone-1", "tone-2"]


@pytest.mark.parametrize("count", [5, 6, 7, 40])
def test_what_is_behind_the_first_five_is_one(count: int) -> None:
    rows = [(0, f"n{each:02}", Sums(requests=100 - each)) for each in range(count)]
    made = chart("requests", "daily", BEGINS[:1], rows)
    assert sum(made.rows[0][2]) == sum(100 - each for each in range(count))
    assert len(made.tones) == len(made.columns) - 1 == min(count, 6)
    if count > 6:
        assert made.columns[-1] == f"others ({count - 5})" and made.tones[-1] == "edge"


def test_it_is_of_what_there_is() -> None:
    assert measured("", Sums(cost_nano=1)) == "cost"
    assert measured("", Sums(route_nano=1)) == "worth"
    assert measured("", Sums(output=1)) == "tokens"
    assert measured("", Sums()) == "requests"
    assert measured("tokens", Sums(cost_nano=1)) == "tokens"
    assert columns("worth") == ("cost_nano", "route_nano")
    empty = chart("cost", "weekly", BEGINS, [])
    assert empty.columns == ["Week from"] and [row[2] for row in empty.rows] == [[], [], []]


def test_names_are_told_in_one() -> None:
    assert told(("codex",), ("client",)) == "codex"
    assert told(("",), ("client",)) == "(none)"
    assert told(("seen", "codex"), ("source", "client")) == "codex (seen)"
    assert told(("routed", ""), ("source", "client")) == "(none)"
