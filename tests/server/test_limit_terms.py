"""Limits as they are stated: where, in which words, and how they are written."""

from pathlib import Path

import msgspec

from llm_gateway.config import load
from llm_gateway.config.settings import Limit
from llm_gateway.ledger.key_limits import KeyLimits
from llm_gateway.ledger.money import NANO
from llm_gateway.pipeline.limits import Standing
from llm_gateway.server.keys_api import KeyView
from llm_gateway.server.limit_terms import StatedLimit, as_toml, standing_views, stated_limits
from llm_gateway.server.limit_views import limit_views

NOON = 1_764_244_800_000_000
KEY = KeyView("k", "laptop", "abcd", "active", "", None, None, 0, "k", limits=KeyLimits(parallel=2))


def stated(home: Path) -> list[StatedLimit]:
    (home / "gateway.toml").write_text('[[limits]]\nscope = "key"\nname = "laptop"\nparallel = 4\n')
    return stated_limits(load(flags={}, environ={"LLM_GATEWAY_HOME": str(home)}))


def test_a_stated_limit_knows_its_line(tmp_path: Path) -> None:
    (limit,) = stated(tmp_path)
    assert (limit.scope, limit.name, limit.told) == ("key", "laptop", ["parallel = 4"])
    assert (limit.origin, limit.warn_at) == ("line 2 of gateway.toml", 0.8)


def test_what_is_written_is_what_was_meant(tmp_path: Path) -> None:
    environ = {"LLM_GATEWAY_HOME": str(tmp_path)}
    odd = Limit("client", 'a"b\\c', requests_per_minute=3, usd_per_day=0.1, models=("x/*", "ü"), warn_at=0.5)
    for limit in (odd, Limit("global", usd_per_month=50.0)):
        (tmp_path / "gateway.toml").write_text(as_toml(limit))
        assert load(flags={}, environ=environ).settings.limits == (limit,)
    assert "usd_per_day = 5" in as_toml()


def test_each_limit_has_its_mark_its_time_and_who_says_it(tmp_path: Path) -> None:
    standing = [
        Standing(("key", "laptop"), "parallel", 2, 2, warn_at=0.8),
        Standing(("global", ""), "usd_per_day", 10 * NANO, 9 * NANO, NOON, 0.8),
        Standing(("client", "x"), "usd_per_week", 10 * NANO, NANO, NOON, 0.8),
        Standing(("key", "other"), "tokens_per_minute", 10, 1, warn_at=0.8),
    ]
    gone = msgspec.structs.replace(KEY, name="other", status="revoked", limits=KeyLimits(tokens_per_minute=1))
    found = standing_views(limit_views(standing), stated(tmp_path), [KEY, gone], NOON)
    told = {(each.limit.scope, each.limit.limit): each for each in found}
    parallel = told["key", "parallel"]
    assert (parallel.mark, parallel.counted, parallel.since) == ("reached", "requests that run now", None)
    assert parallel.said == ["line 2 of gateway.toml", "the key itself"]
    day = told["global", "usd_per_day"]
    assert (day.mark, day.since, day.said) == ("warned", "2025-11-27T00:00:00.000Z", [])
    assert told["client", "usd_per_week"].since == "2025-11-24T00:00:00.000Z"
    assert (told["key", "tokens_per_minute"].mark, told["key", "tokens_per_minute"].said) == ("ok", [])
