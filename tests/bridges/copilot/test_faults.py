"""Errors of the CLI: which fault each is, and that none of its words goes on."""

import pytest

from llm_gateway.bridges.copilot.events import Failing, Wrong
from llm_gateway.bridges.copilot.faults import broken_off, fault_of, refused_session, throttled
from llm_gateway.bridges.rpc import RpcRefused


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (Wrong("authentication", "s3cret"), "auth_required"),
        (Wrong("authorization", "s3cret", status_code=401), "auth_required"),
        (Wrong("authorization", "s3cret", status_code=403), "not_entitled"),
        (Wrong("policy", "s3cret"), "not_entitled"),
        (Wrong("quota", "s3cret", status_code=402), "rate_limited"),
        (Wrong("rate_limit", "s3cret", "user_weekly_rate_limited"), "rate_limited"),
        (Wrong("context_limit", "s3cret"), "refused"),
        (Wrong("query", "s3cret"), "bridge_unreachable"),
        (Wrong("query", "s3cret", status_code=400), "refused"),
        (Wrong("query", "s3cret", status_code=401), "auth_required"),
        (Wrong("query", "s3cret", status_code=403), "not_entitled"),
        (Wrong("query", "s3cret", status_code=429), "rate_limited"),
        (Wrong("query", "s3cret", status_code=503), "bridge_failed"),
    ],
)
def test_an_error_is_the_fault_that_it_means(wrong: Wrong, kind: str) -> None:
    fault = fault_of(wrong)
    assert fault.kind == kind
    assert "s3cret" not in fault.message


@pytest.mark.parametrize(
    ("words", "kind", "param"),
    [
        ('Model "s3cret" is not available.', "refused", "model"),
        ("s3cret: Not authenticated. Please authenticate first.", "auth_required", ""),
        ("No GitHub OAuth token or Copilot HMAC key provided s3cret", "auth_required", ""),
        ("s3cret", "bridge_failed", ""),
    ],
)
def test_a_session_that_is_refused_is_the_fault_that_it_means(words: str, kind: str, param: str) -> None:
    fault = refused_session(RpcRefused("session.create", -32603, words), "m")
    assert (fault.kind, fault.param) == (kind, param)
    assert "s3cret" not in fault.message


def test_limits_say_which_one_it_is() -> None:
    assert "week" in throttled("user_weekly_rate_limited").message
    assert "credits" in throttled("quota_exceeded").message
    assert throttled("quota_exceeded").action is not None
    assert throttled(None).retry_after == 60


def test_an_answer_that_breaks_off_says_how() -> None:
    assert "with 502" in broken_off(Failing(502)).message
    assert "in transit" in broken_off(Failing()).message
