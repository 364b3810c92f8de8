"""What somebody chose is read from the address and written back, and refused where it is not understood."""

from urllib.parse import parse_qs

import pytest

from ledger_samples import NOON
from llm_gateway.errors import MalformedRequest
from llm_gateway.server.pages.usage_choice import BY, MOST_PERIODS, choice_of, starts
from llm_gateway.server.views import iso

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
MIDNIGHT = NOON // DAY_US * DAY_US


def test_without_a_word_it_is_thirty_whole_days_of_what_was_routed() -> None:
    choice = choice_of({})
    asked = choice.question(NOON, choice.suited(NOON), BY[choice.by])
    assert (choice.period, choice.by, choice.source) == ("daily", "client", "routed")
    assert asked.asked.since_us == MIDNIGHT - 29 * DAY_US
    assert len(starts(asked)) == 30 and starts(asked)[-1] == MIDNIGHT


def test_days_are_whole_and_the_last_one_is_in_it() -> None:
    choice = choice_of({"from": "2023-11-10", "to": "2023-11-11", "period": "hourly"})
    asked = choice.question(NOON, "hourly")
    assert (iso(asked.asked.since_us), iso(asked.until_us)) == (
        "2023-11-10T00:00:00.000Z",
        "2023-11-12T00:00:00.000Z",
    )
    assert len(starts(asked)) == 48
    until = choice_of({"from": "2023-11-10T06:00", "to": "2023-11-10T09:00"}).question(NOON, "hourly")
    assert len(starts(until)) == 3
    week = choice_of({"since": "7d"}).question(NOON, "daily")
    assert week.asked.since_us == MIDNIGHT - 6 * DAY_US
    hours = choice_of({"since": "7d", "period": "hourly"}).question(NOON, "hourly")
    assert hours.asked.since_us == (NOON - 7 * DAY_US) // HOUR_US * HOUR_US
    assert starts(choice_of({"period": "all"}).question(NOON, "all")) == [MIDNIGHT - 29 * DAY_US]


@pytest.mark.parametrize(
    ("period", "since", "shown"),
    [
        ("hourly", "7d", "hourly"),
        ("hourly", "30d", "daily"),
        ("daily", "90d", "daily"),
        ("daily", "365d", "weekly"),
        ("hourly", "9999d", "monthly"),
        ("all", "9999d", "all"),
    ],
)
def test_more_bars_than_can_be_told_apart_become_fewer(period: str, since: str, shown: str) -> None:
    choice = choice_of({"period": period, "since": since})
    assert choice.suited(NOON) == shown
    if shown != "monthly":
        assert len(starts(choice.question(NOON, shown))) <= MOST_PERIODS + 1


def test_an_address_says_all_of_it_and_comes_back_the_same() -> None:
    query = {
        "period": "weekly",
        "by": "model",
        "source": "all",
        "since": "90d",
        "measure": "tokens",
        "client": "a&b=<c> \u00e4",
        "key": "",
    }
    choice = choice_of(query)
    path, _, told = choice.address().partition("?")
    again = {name: values[0] for name, values in parse_qs(told, keep_blank_values=True).items()}
    assert path == "/usage" and again == query and choice_of(again) == choice
    assert "client" not in choice.address({"client": None}) and "<" not in choice.address()
    assert choice.words(NOON)["client"] == "a&b=<c> \u00e4"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"by": "colour"}, "by='colour' is none of client"),
        ({"measure": "joy"}, "measure='joy' is none of cost"),
        ({"period": "yearly"}, "period='yearly' is none of hourly"),
        ({"clinet": "x"}, "there is no parameter 'clinet' here"),
    ],
)
def test_what_is_not_understood_is_refused(query: dict[str, str], told: str) -> None:
    with pytest.raises(MalformedRequest, match=told):
        choice_of(query)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"since": "x"}, "since='x'"),
        ({"from": "yesterday"}, "from='yesterday'"),
        ({"to": "x"}, "to='x'"),
        ({"source": "both"}, "source='both' is none of routed"),
        ({"from": "2023-11-10", "to": "2023-11-01"}, "since is not before until"),
        ({"client": "x" * 201}, "client is over 200"),
    ],
)
def test_a_time_that_is_none_is_refused(query: dict[str, str], told: str) -> None:
    with pytest.raises(MalformedRequest, match=told):
        choice_of(query).suited(NOON)


def test_days_without_end_are_ones_that_there_are() -> None:
    choice = choice_of({"period": "monthly", "from": "1970-01-01", "to": "9999-12-31"})
    assert len(starts(choice.question(NOON, "monthly"))) < 1000
