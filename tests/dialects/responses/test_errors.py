"""Errors in the shape of the vendor: what the SDKs and Codex read of them."""

import json

import pytest

from llm_gateway.canonical.response import Failure
from llm_gateway.dialects.contract import Seen
from llm_gateway.dialects.responses.errors import (
    decode_error,
    encode_error,
    encode_failure,
    encode_stream_error,
    error_type,
    stream_code,
)
from llm_gateway.errors import (
    Forbidden,
    GatewayError,
    Internal,
    MalformedRequest,
    Unauthenticated,
    UpstreamTimeout,
)
from llm_gateway.wire.sse import event_data


@pytest.mark.parametrize(
    ("error", "kind", "code", "param"),
    [
        (MalformedRequest("no", param="input"), "invalid_request_error", "invalid_request", "input"),
        (Unauthenticated("no"), "authentication_error", "invalid_api_key", None),
        (Forbidden("no"), "permission_error", "forbidden", None),
        (Internal("no"), "server_error", "internal_error", None),
    ],
)
def test_type_and_code_follow_the_kind(error: GatewayError, kind: str, code: str, param: str | None) -> None:
    expected = {"error": {"message": "no", "type": kind, "param": param, "code": code}}
    assert json.loads(encode_error(error)) == expected


@pytest.mark.parametrize(
    ("error", "code"),
    [(UpstreamTimeout('it "broke"\noff'), "server_error"), (MalformedRequest("no"), "invalid_prompt")],
)
def test_a_stream_ends_with_response_failed(error: GatewayError, code: str) -> None:
    event = encode_stream_error(error, Seen(response_id="resp_1", model="m"), 7)
    assert event.startswith(b"event: response.failed\n") and event.endswith(b"\n\n")
    told = json.loads(event_data(event))
    assert (told["type"], told["sequence_number"]) == ("response.failed", 7)
    response = told["response"]
    assert (response["id"], response["model"], response["status"]) == ("resp_1", "m", "failed")
    assert response["error"] == {"code": code, "message": error.message}


@pytest.mark.parametrize(
    ("kind", "message", "code"),
    [
        ("", "", "server_error"),
        ("upstream_truncated", "cut", "server_error"),
        ("server_error", "The server had an error", "server_error"),
        ("rate_limit_error", "slow", "rate_limit_exceeded"),
        ("RESOURCE_EXHAUSTED", "slow", "rate_limit_exceeded"),
        ("rate_limit_exceeded", "try again in 2s", "rate_limit_exceeded"),
        ("overloaded_error", "Overloaded", "server_is_overloaded"),
        ("UNAVAILABLE", "", "server_is_overloaded"),
        ("invalid_request_error", "bad", "invalid_prompt"),
        ("INVALID_ARGUMENT", "bad", "invalid_prompt"),
        ("insufficient_quota", "pay", "insufficient_quota"),
        ("billing_error", "pay", "insufficient_quota"),
        ("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum", "context_length_exceeded"),
        ("context_length_exceeded", "", "context_length_exceeded"),
    ],
)
def test_codex_is_told_what_to_do(kind: str, message: str, code: str) -> None:
    assert stream_code(kind, message) == code


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        (
            b'{"error":{"message":"m","type":"t","code":"c","param":"p"}}',
            Failure(400, "m", "t", "c", "p"),
        ),
        (b'{"error":{"message":"m","code":429}}', Failure(400, "m", code="429")),
        (b'{"error":"m"}', Failure(400, "m")),
        (b'{"detail":"m"}', Failure(400, "m")),
        (b'{"detail":{"message":"m","code":"c"}}', Failure(400, "m", code="c")),
        (
            b'{"detail":[{"type":"missing","loc":["body","input"],"msg":"m"}]}',
            Failure(400, "m", "missing", param="input"),
        ),
        (b'{"detail":[{"msg":"m","loc":7}]}', Failure(400, "m")),
        (b'{"message":"m","type":"t"}', Failure(400, "m", "t")),
        (b"Bad gateway\n", Failure(400, "Bad gateway")),
        (b"", Failure(400, "the upstream answered with status 400")),
        (b"[]", Failure(400, "the upstream answered with status 400")),
        (b'{"error":{"message":[7],"code":true}}', Failure(400, "the upstream answered with status 400")),
        (b"[" * 100_000, Failure(400, "[" * 4000)),
    ],
)
def test_an_upstreams_error_is_read_whatever_its_form(body: bytes, failure: Failure) -> None:
    assert decode_error(400, body) == failure


def test_an_error_of_this_dialect_survives_the_way_through() -> None:
    body = b'{"error":{"message":"m","type":"invalid_request_error","param":"input[0]","code":"c"}}'
    assert encode_failure(decode_error(400, body)) == body


@pytest.mark.parametrize(
    ("failure", "kind", "code"),
    [
        (Failure(529, "Overloaded", "overloaded_error"), "server_error", "overloaded_error"),
        (Failure(429, "slow", "RESOURCE_EXHAUSTED"), "rate_limit_error", "RESOURCE_EXHAUSTED"),
        (Failure(400, "prompt is too long: 9", "x"), "invalid_request_error", "context_length_exceeded"),
        (Failure(404, "no"), "invalid_request_error", None),
    ],
)
def test_an_error_of_another_dialect_is_told_in_openais_words(
    failure: Failure, kind: str, code: str | None
) -> None:
    told = json.loads(encode_failure(failure))["error"]
    assert told == {"message": failure.message, "type": kind, "param": None, "code": code}
    assert error_type(failure.status) == kind
