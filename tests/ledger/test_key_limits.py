"""Limits of a key are stored and told as they were said."""

import msgspec
import pytest

from llm_gateway.ledger.key_limits import KeyLimits

ALL = KeyLimits(60, 100_000, 4, 5, 20.5, 0.1, ("openai/*", "fast"))


@pytest.mark.parametrize("limits", [KeyLimits(), KeyLimits(parallel=1), KeyLimits(usd_per_day=0.0), ALL])
def test_limits_come_back_as_they_were_said(limits: KeyLimits) -> None:
    assert KeyLimits.read(limits.stored) == limits


def test_none_take_no_room_and_no_words() -> None:
    assert (KeyLimits().stored, KeyLimits().told) == ("", "")
    assert KeyLimits(parallel=1).stored == '{"parallel":1}'


def test_they_are_told_in_words() -> None:
    assert ALL.told == (
        "60 requests per minute, 100000 tokens per minute, 4 at a time, $5 per day, $20.5 per week, "
        "$0.1 per month, models openai/* fast"
    )
    assert KeyLimits(usd_per_day=0.0).told == "$0 per day"


@pytest.mark.parametrize(
    "said",
    [
        b'{"requests_per_minute":0}',
        b'{"parallel":1.5}',
        b'{"tokens_per_minute":-1}',
        b'{"usd_per_day":-0.01}',
        b'{"usd_per_week":1e9}',
        b'{"models":[""]}',
        b'{"models":["a\\nb"]}',
        b'{"warn_at":0.5}',
    ],
)
def test_what_is_no_limit_is_refused(said: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(said, type=KeyLimits)
