"""What failures of Codex mean. The shapes are those that 0.169 told of a scripted provider's failures."""

import json

import pytest

from llm_gateway.bridges.codex.protocol import Limits, LimitWindow, TurnFailure
from llm_gateway.bridges.codex.refusals import (
    ended_early,
    failed,
    hopeless,
    login_again,
    refused,
    resets_us,
    status_in,
)
from llm_gateway.bridges.faults import BridgeFault

NOTHING = Limits()
NOW = 1_700_000_000_000_000
FULL = Limits(LimitWindow(100, 300, 1_700_007_200), LimitWindow(40, 10_080, 1_700_500_000))


def failure(
    info: str | dict[str, object] | None, message: str = "m", details: str | None = None
) -> TurnFailure:
    return TurnFailure(message, info, details)


def cut(status: int | None, details: str = "", message: str = "Reconnecting... 1/5") -> TurnFailure:
    return failure({"responseStreamDisconnected": {"httpStatusCode": status}}, message, details)


def fault(told: TurnFailure, limits: Limits = NOTHING) -> BridgeFault:
    return failed(told, limits, NOW, "codex")


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (cut(401), "auth_required"),
        (failure("unauthorized"), "auth_required"),
        (cut(403), "not_entitled"),
        (cut(404), "refused"),
        (failure("modelNotFound"), "refused"),
        (failure("contextWindowExceeded"), "refused"),
        (failure("cyberPolicy"), "refused"),
        (failure({"httpConnectionFailed": {"httpStatusCode": 400}}), "refused"),
        (cut(429, "exceeded retry limit, last status: 429 Too Many Requests"), "rate_limited"),
        (failure({"responseTooManyFailedAttempts": {"httpStatusCode": 429}}), "rate_limited"),
        (failure("usageLimitExceeded"), "rate_limited"),
        (failure("rateLimitExceeded"), "rate_limited"),
        (cut(None, "rate limit exceeded: Rate limit reached. Please try again in 11.054s"), "rate_limited"),
        (cut(None, "Connection failed: error sending request"), "bridge_unreachable"),
        (cut(None, "stream disconnected before completion"), "bridge_unreachable"),
        (cut(None, "We are currently experiencing high demand"), "bridge_failed"),
        (cut(503), "bridge_failed"),
        (failure("serverOverloaded"), "bridge_failed"),
        (failure("internalServerError"), "bridge_failed"),
        (failure({"inSomeNewWay": {}}), "bridge_failed"),
        (failure({"inSomeNewWay": None}), "bridge_failed"),
        (failure(None), "bridge_failed"),
    ],
)
def test_every_failure_is_a_fault(told: TurnFailure, kind: str) -> None:
    assert fault(told).kind == kind


def test_no_words_of_codex_or_the_vendor_are_repeated() -> None:
    secret = "for person@example.com: what is the meaning of this"
    body = {"error": {"message": secret, "type": "invalid_request_error", "code": secret, "param": secret}}
    for told in (
        failure("other", json.dumps(body), secret),
        failure("usageLimitExceeded", secret, secret),
        cut(500, secret, secret),
        cut(None, secret, secret),
    ):
        assert "person" not in fault(told).message
        assert "person" not in fault(told).param


def test_names_of_the_protocol_are() -> None:
    error = {
        "message": "m",
        "type": "invalid_request_error",
        "code": "invalid_json_schema",
        "param": "text.format",
    }
    found = fault(failure("other", json.dumps({"error": error})))
    assert "(invalid_json_schema, invalid_request_error)" in found.message
    assert found.param == "text.format"
    assert "without a word" in fault(failure("other", '{"error": {"message": "m"}}')).message
    assert fault(failure("other", "no JSON")).kind == "refused"


def test_a_used_up_plan_is_told_with_its_end() -> None:
    found = fault(failure("usageLimitExceeded"), FULL)
    assert (found.resets_us, found.retry_after) == (1_700_007_200_000_000, 7200)
    assert found.message == "the plan's quota is used up, for 2 hours"
    nobody_knows = fault(failure("usageLimitExceeded"))
    assert (nobody_knows.resets_us, nobody_knows.retry_after) == (0, 60)


@pytest.mark.parametrize(
    ("seconds", "told"), [(20, "1 minutes"), (5400, "90 minutes"), (86_400, "24 hours"), (432_000, "5 days")]
)
def test_a_wait_is_told_as_people_do(seconds: int, told: str) -> None:
    limits = Limits(LimitWindow(100, 1, 1_700_000_000 + seconds))
    assert fault(failure("rateLimitExceeded"), limits).message.endswith(f"for {told}")


def test_only_windows_that_are_used_up_have_an_end_to_wait_for() -> None:
    assert resets_us(Limits(), NOW) == 0
    assert resets_us(Limits(LimitWindow(99, 1, 1_800_000_000)), NOW) == 0
    assert resets_us(Limits(LimitWindow(100, 1, None)), NOW) == 0
    assert resets_us(Limits(LimitWindow(100, 1, 1_600_000_000)), NOW) == 0, "it has begun anew"
    both = Limits(LimitWindow(100, 1, 1_700_000_009), LimitWindow(101, 1, 1_700_000_005))
    assert resets_us(both, NOW) == 1_700_000_009_000_000


@pytest.mark.parametrize(
    ("told", "vain"),
    [
        (cut(401), True),
        (cut(429), True),
        (cut(500), True),
        (failure("usageLimitExceeded"), True),
        (cut(None, "Connection failed: error sending request", "Reconnecting... waiting for network"), True),
        (cut(None, "stream disconnected before completion: Connection refused (os error 111)"), True),
        (cut(None, "We are currently experiencing high demand"), True),
        (cut(None, "rate limit exceeded: Rate limit reached"), True),
        (cut(200, "unexpected status 200 OK: a proxy's page, and no WebSocket"), False),
        (cut(403), False),
        (cut(426), False),
        (cut(501), False),
        (cut(None, "stream disconnected before completion: stream closed"), False),
        (cut(None, "Connection reset by peer (os error 104)"), False),
    ],
)
def test_what_codex_tries_again_in_vain(told: TurnFailure, vain: bool) -> None:
    assert hopeless(told) is vain


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (failure("other", "Incomplete response returned, reason: max_output_tokens"), "length"),
        (
            cut(None, "stream disconnected: Incomplete response returned, reason: content_filter"),
            "content_filter",
        ),
        (failure("other", "Incomplete response returned, reason: something_new"), None),
        (failure("other", "nothing of the kind"), None),
    ],
)
def test_an_answer_that_ended_early_has_not_failed(told: TurnFailure, reason: str | None) -> None:
    assert ended_early(told) == reason


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("GET https://chatgpt.com:443/backend-api/wham/usage failed: 401 Unauthorized; body=", 401),
        ("workspace routing discovery unauthorized (401)", 401),
        ("unexpected status 503 Service Unavailable", 503),
        ("error sending request for url (http://127.0.0.1:443/x)", None),
        ("workspace routing discovery failed", None),
    ],
)
def test_a_status_in_a_text(text: str, status: int | None) -> None:
    assert status_in(text) == status


def test_what_helps_is_named() -> None:
    action = login_again("mine").action
    assert action is not None
    assert action.command == "llm-gateway login mine"
    assert refused("why", "what").param == "what"
