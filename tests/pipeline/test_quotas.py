"""What vendors tell of a subscription's quota, read from the header of an answer."""

import pytest

from fakes import FakeClock
from llm_gateway.pipeline.quotas import Quotas, Used, quota_in
from llm_gateway.providers.catalog import Login, ProviderRow, load_catalog
from llm_gateway.wire.headers import Headers

ROWS = {row.name: row for row in load_catalog()}


def login(name: str) -> tuple[ProviderRow, Login]:
    row = ROWS[name]
    assert row.login is not None
    return row, row.login


def test_anthropics_windows_are_shares() -> None:
    headers: Headers = [
        (b"anthropic-ratelimit-unified-status", b"allowed_warning"),
        (b"anthropic-ratelimit-unified-5h-utilization", b"0.42"),
        (b"anthropic-ratelimit-unified-5h-reset", b"1790814600"),
        (b"anthropic-ratelimit-unified-5h-status", b"allowed"),
        (b"anthropic-ratelimit-unified-7d-utilization", b"1"),
    ]
    windows, status = quota_in(headers, login("claude-login")[1])
    assert status == "allowed_warning"
    assert windows == (Used("5 hours", 0.42, 1790814600_000_000, "allowed"), Used("7 days", 1.0))


def test_codex_windows_are_percent() -> None:
    used, resets = b"x-codex-primary-used-percent", b"x-codex-primary-reset-at"
    windows, _ = quota_in([(used, b"12.5"), (resets, b"1790814600")], login("chatgpt-login")[1])
    assert windows == (Used("primary", 0.125, 1790814600_000_000),)


@pytest.mark.parametrize("value", [b"", b"nan", b"inf", b"-1", b"lots", b"1e300", b"\xff"])
def test_what_is_absurd_is_not_told(value: bytes) -> None:
    assert quota_in([(b"x-codex-primary-used-percent", value)], login("chatgpt-login")[1]) == ((), "")


def test_the_latest_word_on_each_caller_is_kept() -> None:
    clock, row = FakeClock(), login("claude-login")[0]
    quotas = Quotas(clock)
    for caller, share in (("ada", b"0.1"), ("bob", b"0.2"), ("ada", b"0.3")):
        quotas.told(row, caller, [(b"anthropic-ratelimit-unified-5h-utilization", share)])
    quotas.told(row, "ada", [(b"content-type", b"application/json")])
    assert [(each.caller, each.windows[0].share) for each in quotas.all()] == [("ada", 0.3), ("bob", 0.2)]
