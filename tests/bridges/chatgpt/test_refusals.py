"""What OpenAI's refusals mean: every code of its page on errors, and that its sentences go nowhere."""

import json

import pytest

from bridges.chatgpt.fake_vendor import sharing
from llm_gateway.bridges.asking import Reply, unanswered
from llm_gateway.bridges.chatgpt.refusals import (
    LOGIN,
    MANAGE_USAGE,
    MOVED,
    api_refused,
    consent_missing,
    declined,
    ended,
    failed,
    is_spent,
    is_stale,
    limit_reached,
    login_refused,
    login_word,
    nobody,
)
from llm_gateway.bridges.faults import FaultKind, answer_of
from llm_gateway.errors import (
    UpstreamBroken,
    UpstreamFault,
    UpstreamTimeout,
    UpstreamTruncated,
    UpstreamUnreachable,
)
from llm_gateway.wire.headers import Headers

NOW = 1_700_000_000.0


def reply(status: int, body: object = None, headers: Headers | None = None) -> Reply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, headers or [], data)


def error(code: str | None, message: str = "CANARY", param: str | None = None) -> dict[str, object]:
    return {"error": {"code": code, "message": message, "param": param, "type": "invalid_request_error"}}


@pytest.mark.parametrize(
    ("word", "kind", "status"),
    [
        ("usage_limit_exceeded", "rate_limited", 429),
        ("usage_unavailable", "bridge_failed", 502),
        ("user_unavailable", "bridge_failed", 502),
        ("user_not_eligible", "not_entitled", 403),
        ("unsupported_capability", "refused", 400),
        ("route_not_supported", "not_entitled", 403),
        ("invalid_user", "auth_required", 401),
    ],
)
def test_the_codes_of_plan_usage(word: str, kind: FaultKind, status: int) -> None:
    refusal = sharing(word, "tools")
    fault = api_refused(reply(refusal.status, refusal.body), NOW)
    assert (fault.kind, fault.status) == (kind, status)
    assert word in fault.message
    assert "CANARY" not in fault.message
    later = failed(f"subscription_sharing_{word}")  # the same in the middle of an answer
    assert later.kind == kind


def test_a_limit_is_told_with_where_it_is_set_and_that_asking_again_is_of_no_use() -> None:
    refusal = sharing("usage_limit_exceeded")
    fault = api_refused(reply(429, refusal.body), NOW)
    assert MANAGE_USAGE in fault.message
    assert fault.action is not None and fault.action.url == MANAGE_USAGE
    assert (fault.resets_us, fault.retry_after) == (0, 30.0)
    _, headers, _ = answer_of(fault)
    assert (b"x-should-retry", b"false") in headers
    told = api_refused(reply(429, refusal.body, [(b"retry-after", b"120")]), NOW)
    assert (told.retry_after, told.resets_us) == (120.0, round((NOW + 120) * 1_000_000))
    assert limit_reached(None, NOW).resets_us == 0


def test_a_capability_is_named_by_its_field() -> None:
    fault = api_refused(reply(400, sharing("unsupported_capability", "tools[0].type").body), NOW)
    assert fault.param == "tools[0].type"
    assert "`tools[0].type`" in fault.message


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"detail": "Unsupported parameter: temperature"}, "temperature"),
        ({"detail": "max_output_tokens is not supported with a plan"}, "max_output_tokens"),
        ({"detail": "The field 'store' must be false"}, "store"),
        ({"detail": [{"type": "x", "loc": ["body", "input"], "msg": "CANARY"}]}, "input"),
        ({"detail": [{"type": "x", "loc": ["body"], "msg": "CANARY"}]}, ""),
        (error(None, "Unsupported parameter: 'top_p'."), "top_p"),
        (error("unsupported_parameter", param="text.format"), "text.format"),
        (error("unsupported_value", param="CANARY"), ""),
        (error("unsupported_value", "the user said: parameter CANARY"), ""),
        ({"detail": "the user of this model says stop"}, ""),
        ({"detail": 7}, ""),
        ({"error": {"code": "a sentence is no code", "message": None}}, ""),
        (b"<html>CANARY</html>", ""),
        (b"\xff", ""),
        ([], ""),
    ],
)
def test_a_request_that_is_not_taken_names_its_field_and_nothing_that_was_said(
    body: object, param: str
) -> None:
    fault = api_refused(reply(400, body), NOW)
    assert (fault.kind, fault.param) == ("refused", param)
    assert (f"`{param}`" in fault.message) is bool(param)
    assert "CANARY" not in fault.message and "sentence" not in fault.message


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"detail": {"error_code": "invalid_token"}}, "auth_required"),
        (401, error("invalid_api_key"), "auth_required"),
        (403, {"detail": "This region is not allowed. CANARY"}, "not_entitled"),
        (403, error("chatpass_v2_scope_not_authorized"), "auth_required"),
        (403, error("chatpass_v2_invalid_authorization_context"), "auth_required"),
        (404, error("model_not_found"), "refused"),
        (400, error("context_length_exceeded"), "refused"),
        (429, error("rate_limit_exceeded"), "bridge_busy"),
        (429, {"detail": "slow down"}, "bridge_busy"),
        (500, b"", "bridge_failed"),
        (503, {"detail": "CANARY"}, "bridge_failed"),
        (504, b"", "upstream_timeout"),
        (408, b"", "upstream_timeout"),
        (418, b"", "refused"),
    ],
)
def test_other_refusals(status: int, body: object, kind: FaultKind) -> None:
    fault = api_refused(reply(status, body), NOW)
    assert fault.kind == kind
    assert "CANARY" not in fault.message


def test_refusals_name_the_way_out() -> None:
    assert "shorten" in api_refused(reply(400, error("context_length_exceeded")), NOW).message
    assert "llm-gateway models" in api_refused(reply(404, error("model_not_found")), NOW).message
    busy = api_refused(reply(429, b"", [(b"retry-after", b"7")]), NOW)
    assert (busy.retry_after, "7 seconds" in busy.message) == (7.0, True)
    assert "consent" in api_refused(reply(403, error("chatpass_v2_scope_not_authorized")), NOW).message


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("server_error", "bridge_failed"),
        ("", "bridge_failed"),
        ("a sentence: CANARY", "bridge_failed"),
        ("rate_limit_exceeded", "bridge_busy"),
        ("context_length_exceeded", "refused"),
        ("invalid_prompt", "refused"),
    ],
)
def test_an_answer_that_fails_says_why_by_its_code(code: str, kind: FaultKind) -> None:
    fault = failed(code)
    assert fault.kind == kind
    assert "CANARY" not in fault.message


@pytest.mark.parametrize(
    ("code", "stale"),
    [("invalid_token", True), ("subscription_sharing_invalid_user", False), ("invalid_api_key", False)],
)
def test_only_a_token_that_is_too_old_is_worth_a_new_one(code: str, stale: bool) -> None:
    assert is_stale(reply(401, {"detail": {"error_code": code}})) is stale
    assert is_stale(reply(401, b""))


# the sign-in service


@pytest.mark.parametrize(
    "word",
    [
        "invalid_grant",
        "invalid_refresh_token",
        "token_expired",
        "refresh_token_expired",
        "refresh_token_invalidated",
        "refresh_token_reused",
    ],
)
def test_after_these_a_refresh_token_is_of_no_use(word: str) -> None:
    assert is_spent(login_word(json.dumps({"error": word}).encode()))
    assert is_spent(login_word(json.dumps({"error": {"code": word}}).encode()))
    assert is_spent(login_word(json.dumps({"code": word}).encode()))
    assert word in ended(word).message and ended(word).action == LOGIN


@pytest.mark.parametrize(
    "word", ["server_error", "temporarily_unavailable", "invalid_client", "invalid_request", ""]
)
def test_after_all_others_it_is_kept(word: str) -> None:
    assert not is_spent(login_word(json.dumps({"error": word}).encode()))


@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [
        (500, "server_error", "bridge_failed"),
        (503, "", "bridge_failed"),
        (429, "", "bridge_failed"),
        (400, "access_denied", "auth_required"),
        (401, "invalid_client", "auth_required"),
        (400, "invalid_grant", "auth_required"),
    ],
)
def test_refusals_of_the_sign_in_service(status: int, word: str, kind: FaultKind) -> None:
    fault = login_refused(reply(status, {"error": word, "error_description": "CANARY"}))
    assert fault.kind == kind
    assert "CANARY" not in fault.message


def test_whoever_is_not_signed_in_is_told_how_to() -> None:
    for fault in (nobody(), consent_missing(), declined(), ended(MOVED), ended("invalid_grant")):
        assert fault.kind == "auth_required"
        assert fault.action is not None and fault.action.command == "llm-gateway login chatgpt"
    assert "another machine" in ended(MOVED).message
    assert "consent" in consent_missing().message


# no answer


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (UpstreamTimeout("late"), "upstream_timeout"),
        (UpstreamUnreachable("away"), "bridge_unreachable"),
        (UpstreamTruncated("cut"), "bridge_disconnected"),
        (UpstreamBroken("odd"), "bridge_failed"),
        (UpstreamFault("else"), "bridge_failed"),
    ],
)
def test_no_answer_is_told_with_who_gave_none(fault: UpstreamFault, kind: FaultKind) -> None:
    told = unanswered("OpenAI's API", fault)
    assert told.kind == kind
    assert "OpenAI's API" in told.message and fault.message in told.message


def test_a_reply_shows_its_status_alone() -> None:
    assert repr(reply(200, {"access_token": "CANARY"})) == "Reply(200)"
