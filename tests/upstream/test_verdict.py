"""What an error answer means, vendor by vendor."""

import json

import pytest

from llm_gateway.upstream.verdict import LONGEST_WAIT, Verdict, VerdictKind, judge
from llm_gateway.wire.headers import Headers

NOW = 1_795_640_000.0  # Wed, 25 Nov 2026 20:53:20 GMT


def of(status: int, body: object = None, **headers: str) -> Verdict:
    lines: Headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return judge(status, lines, json.dumps(body).encode() if body is not None else b"", NOW)


@pytest.mark.parametrize(
    ("status", "kind", "elsewhere", "again"),
    [
        (200, "ok", False, False),
        (400, "client", False, False),
        (401, "auth", True, False),
        (402, "quota", True, False),
        (403, "auth", True, False),
        (404, "missing", True, False),
        (405, "client", False, False),
        (408, "failed", True, True),
        (413, "too_long", True, False),
        (418, "client", False, False),
        (422, "client", False, False),
        (429, "busy", True, True),
        (500, "failed", True, True),
        (501, "failed", True, True),
        (502, "failed", True, True),
        (503, "overloaded", True, True),
        (504, "failed", True, True),
        (529, "overloaded", True, True),
    ],
)
def test_a_status_by_itself(status: int, kind: VerdictKind, elsewhere: bool, again: bool) -> None:
    verdict = of(status)
    assert verdict == Verdict(kind)
    assert (verdict.elsewhere, verdict.again) == (elsewhere, again)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "insufficient_quota", "message": "You exceeded your current quota"}},
        {"type": "error", "error": {"type": "billing_error", "message": "Your credit balance is too low"}},
        {"error": {"type": "usage_limit_reached", "resets_in_seconds": 900}},
        {"error": {"message": "Insufficient credits. Add more using the settings page"}},
    ],
)
@pytest.mark.parametrize("status", [403, 429])
def test_money_that_is_used_up_is_not_there_a_moment_later(status: int, body: object) -> None:
    verdict = of(status, body)
    assert verdict.kind == "quota" and verdict.elsewhere and not verdict.again


def test_anthropic_tells_of_money_with_400() -> None:
    error = {"type": "invalid_request_error", "message": "Your credit balance is too low to access the API"}
    assert of(400, {"type": "error", "error": error}).kind == "quota"


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 8192 tokens",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "The input token count exceeds the maximum number of tokens allowed",
    ],
)
def test_what_is_too_long_here_may_fit_elsewhere(message: str) -> None:
    assert of(400, {"error": {"message": message}}).kind == "too_long"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry_after": "7"}, 7),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after": "Wed, 25 Nov 2026 20:53:50 GMT"}, 30),
        ({"retry_after": "Wed, 25 Nov 2026 20:00:00 GMT"}, None),
        ({"retry_after": "-5"}, None),
        ({"retry_after": "0"}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "inf"}, None),
        ({"retry_after": "99999999999"}, LONGEST_WAIT),
        ({"retry_after": "1" + "0" * 40}, LONGEST_WAIT),
        ({"retry_after_ms": "250", "retry_after": "1"}, 0.25),
        ({"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "6m0s"}, 360),
        ({"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": "120ms"}, 0.12),
        ({"x_ratelimit_remaining_tokens": "5", "x_ratelimit_reset_tokens": "120ms"}, None),
        ({"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": "later"}, None),
        (
            {
                "anthropic_ratelimit_requests_remaining": "0",
                "anthropic_ratelimit_requests_reset": "2026-11-25T20:53:35Z",
            },
            15,
        ),
        ({"anthropic_ratelimit_tokens_remaining": "0", "anthropic_ratelimit_tokens_reset": "x"}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503, 529])
def test_how_long_a_provider_asks_to_wait(status: int, headers: dict[str, str], wait: float | None) -> None:
    assert of(status, **headers).retry_after == pytest.approx(wait)


def test_google_tells_in_the_body() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37s"}
    body = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [{"reason": "X"}, info]}}
    assert of(429, body).retry_after == 37
    assert of(429, [body]).retry_after == 37


@pytest.mark.parametrize("body", [b'{"error": {"retryDelay', b'"retryDelay"', b"\xff retryDelay", b"<html>"])
def test_a_body_that_cannot_be_read_says_nothing(body: bytes) -> None:
    assert judge(429, [], body, NOW) == Verdict("busy")
