"""Whoever asks is understood, or told what would be."""

from datetime import UTC, datetime

import pytest

from llm_gateway.errors import MalformedRequest
from llm_gateway.ledger.usage import Asked
from llm_gateway.server.usage_query import instant, question, refuse_unknown

HOUR_US = 3_600_000_000


def us(*told: int) -> int:
    return int(datetime(*told, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[misc, arg-type]  # a date's parts


NOW = us(2026, 11, 25, 9, 30)  # a Wednesday
NEXT_HOUR = us(2026, 11, 25, 10)


def asked(**query: str) -> Asked:
    return question(query, NOW).asked


@pytest.mark.parametrize(
    ("period", "since"),
    [
        ("hourly", us(2026, 11, 23, 10)),
        ("daily", us(2026, 10, 27)),
        ("all", us(2026, 10, 27)),
        ("weekly", us(2026, 9, 7)),
        ("monthly", us(2025, 12, 1)),
    ],
)
def test_without_a_time_it_is_whole_periods_up_to_now(period: str, since: int) -> None:
    found = question({"period": period}, NOW)
    assert (found.asked.since_us, found.until_us, found.period) == (since, NEXT_HOUR, period)
    assert datetime.fromtimestamp(us(2026, 9, 7) / 1e6, UTC).weekday() == 0


def test_what_is_asked_is_routed_by_day_where_nobody_says_else() -> None:
    assert asked() == Asked(us(2026, 10, 27), NEXT_HOUR, "day", (), {"source": "routed"})
    assert question({}, NOW, period="all").period == "all"


def test_everything_can_be_said() -> None:
    found = asked(
        period="hourly",
        by="client, model,client",
        since="24h",
        until="2h",
        source="seen",
        client="codex",
        key="",
    )
    assert found == Asked(
        us(2026, 11, 24, 9),
        us(2026, 11, 25, 8),
        "hour",
        ("client", "model"),
        {"client": "codex", "key": "", "source": "seen"},
    ), "hours that the time touches are in it"


def test_how_long_things_took_need_not_be_told() -> None:
    assert asked().spreads and asked(latency="yes").spreads and not asked(latency="no").spreads


def test_both_sources_are_never_one_sum() -> None:
    assert asked(source="all").by == ("source",) and not asked(source="all").where
    assert asked(source="all", by="client,source").by == ("client", "source")
    whole = question({"source": "all", "client": "codex"}, NOW).whole("model", source="seen")
    assert (whole.period, whole.by, whole.where) == ("all", ("model",), {"client": "codex", "source": "seen"})


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("90m", us(2026, 11, 25, 8)),
        ("24h", us(2026, 11, 24, 9, 30)),
        ("7d", us(2026, 11, 18, 9, 30)),
        ("2w", us(2026, 11, 11, 9, 30)),
        ("999999w", 0),
        ("2026-11-01", us(2026, 11, 1)),
        ("2026-11-01T12:00", us(2026, 11, 1, 12)),
        ("2026-11-01T12:00+02:00", us(2026, 11, 1, 10)),
        ("2026-11-01T12:00:00Z", us(2026, 11, 1, 12)),
        ("1066-10-14", 0),
        ("9999-12-31T23:59:59.999999", NOW + 400 * 86_400_000_000),
    ],
)
def test_times(text: str, at: int) -> None:
    assert instant(text, NOW) == at


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"since": "tomorrow"}, "since='tomorrow' is no time such as 24h"),
        ({"until": "24x"}, "until='24x' is no time"),
        ({"since": "\uff11h"}, "is no time"),
        ({"since": "9999999h"}, "is no time"),
        ({"since": "2026-11-26"}, "since is not before until"),
        ({"since": "1h", "until": "2h"}, "since is not before until"),
        ({"latency": "maybe"}, "latency='maybe' is neither yes nor no"),
        ({"period": "yearly"}, "period='yearly' is none of hourly, daily, weekly, monthly, all"),
        ({"by": "client,colour"}, "by='colour' is none of source, client, caller"),
        ({"source": "everything"}, "source='everything' is none of routed, seen, all"),
        ({"client": "c" * 201}, "client is over 200 characters long"),
        ({"clinet": "codex"}, "there is no parameter 'clinet' here; there are period, by, since"),
    ],
)
def test_what_is_not_understood_is_refused_with_what_would_be(query: dict[str, str], told: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        question(query, NOW)
    assert told in str(caught.value)
    assert caught.value.status == 400


def test_nothing_is_left_out_in_silence() -> None:
    refuse_unknown({"a": "1"}, ("a", "b"))
    with pytest.raises(MalformedRequest, match="there is no parameter 'c' here; there are a, b"):
        refuse_unknown({"c": "1"}, ("a", "b"))
