"""Faults: what refusals of the API and failures of the program mean, and which try is worth waiting for."""

import pytest

from llm_gateway.bridges.claude.faults import LOG_IN, fault_of, no_login
from llm_gateway.bridges.claude.frames import Ended, Quota, Retry, Spoken
from llm_gateway.bridges.faults import BridgeFault, FaultKind
from llm_gateway.bridges.health import Action

NOW = 1_700_000_000_000_000
USED_UP = Quota(True, NOW + 3_600_000_000, ())


def found(frame: Retry | Spoken | Ended, quota: Quota | None = None) -> BridgeFault | None:
    return fault_of(frame, quota, NOW, "claude auth login")


def test_a_login_that_is_refused_is_refreshed_once() -> None:
    assert found(Retry(401, 1, 0.5)) is None, "the program may not be stopped while it refreshes it"
    fault = found(Retry(401, 2, 1.1))
    assert fault is not None
    assert fault.kind == "auth_required"
    assert fault.action == Action(LOG_IN, command="claude auth login")


@pytest.mark.parametrize("status", [0, 500, 503, 529])
def test_what_may_pass_is_waited_for(status: int) -> None:
    assert found(Retry(status, 1, 0.5)) is None


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        ("authentication_failed", 401, "auth_required"),
        ("rate_limit", 429, "rate_limited"),
        ("billing_error", 400, "not_entitled"),
        ("oauth_org_not_allowed", 403, "not_entitled"),
        ("model_not_found", 404, "refused"),
        ("invalid_request", 400, "refused"),
        ("unknown", 403, "not_entitled"),
        ("server_error", 529, "bridge_failed"),
        ("new_in_the_next_version", 0, "bridge_failed"),
    ],
)
def test_a_failure_has_a_kind(error: str, status: int, kind: FaultKind) -> None:
    fault = found(Spoken(error, status))
    assert fault is not None
    assert fault.kind == kind


def test_a_quota_says_when_it_begins_anew() -> None:
    for frame in (Retry(429, 1, 7), Spoken("rate_limit", 429)):
        fault = found(frame, USED_UP)
        assert fault is not None
        assert (fault.retry_after, fault.resets_us) == (3600, USED_UP.resets_us)
        assert "in 60 minutes" in fault.message
    late = found(Retry(429, 1, 7), Quota(True, NOW + 86_400_000_000, ()))
    assert late is not None
    assert "in 24 hours" in late.message


@pytest.mark.parametrize("quota", [None, Quota(False, NOW + 1_000_000, ()), Quota(True, NOW - 1, ())])
def test_too_much_at_a_time_is_no_quota(quota: Quota | None) -> None:
    fault = found(Retry(429, 1, 7), quota)
    assert fault is not None
    assert (fault.kind, fault.retry_after, fault.resets_us) == ("rate_limited", 7, 0)
    spoken = found(Spoken("rate_limit", 429), quota)
    assert spoken is not None
    assert spoken.retry_after == 60


def test_a_turn_that_ends_without_an_answer_failed() -> None:
    fault = found(Ended(True, 1, b""))
    assert fault is not None
    assert fault.kind == "bridge_failed"


def test_a_fault_says_what_helps() -> None:
    assert LOG_IN in no_login("x").message
