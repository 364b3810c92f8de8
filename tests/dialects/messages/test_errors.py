"""Errors in the shape of the vendor: what its clients read of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.response import Failure
from llm_gateway.dialects.messages.errors import (
    decode_error,
    encode_broken,
    encode_error,
    encode_failure,
    encode_stream_error,
    error_type,
)
from llm_gateway.errors import (
    BodyTooLarge,
    Draining,
    Forbidden,
    GatewayError,
    Internal,
    LossRefused,
    MalformedRequest,
    Unauthenticated,
    UnknownModel,
    UpstreamTimeout,
    UpstreamTruncated,
)
from llm_gateway.wire.sse import event_data

SAID_NOTHING = "the upstream answered with status 500 and nothing that says why"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MalformedRequest("no", param="model"), "invalid_request_error"),
        (LossRefused("no"), "invalid_request_error"),
        (Unauthenticated("no"), "authentication_error"),
        (Forbidden("no"), "permission_error"),
        (UnknownModel("no", param="model"), "not_found_error"),
        (BodyTooLarge("no"), "request_too_large"),
        (Internal("no"), "api_error"),
        (UpstreamTruncated("no"), "api_error"),
        (Draining("no"), "overloaded_error"),
        (UpstreamTimeout("no"), "timeout_error"),
    ],
)
def test_the_type_follows_the_status(error: GatewayError, kind: str) -> None:
    expected = {"type": "error", "error": {"type": kind, "message": "no"}, "request_id": None}
    assert json.loads(encode_error(error)) == expected


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (402, "billing_error"),
        (418, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (529, "overloaded_error"),
    ],
)
def test_types_that_only_upstreams_need(status: int, kind: str) -> None:
    assert error_type(status) == kind


def test_a_stream_ends_with_one_event_of_the_same_shape() -> None:
    error = UpstreamTruncated('it "broke"\noff')
    event = encode_stream_error(error)
    assert event.startswith(b"event: error\ndata: ")
    assert event_data(event) == encode_error(error)


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("overloaded_error", {"type": "overloaded_error", "message": "m"}),
        ("server_error", {"type": "api_error", "message": "m", "code": "server_error"}),
        ("", {"type": "api_error", "message": "m"}),
    ],
)
def test_a_translated_stream_breaks_off_in_the_vendors_words(kind: str, detail: object) -> None:
    assert json.loads(event_data(encode_broken("m", kind)))["error"] == detail


@pytest.mark.parametrize(
    ("failure", "detail"),
    [
        (Failure(429, "m"), {"type": "rate_limit_error", "message": "m"}),
        (Failure(429, "m", kind="overloaded_error"), {"type": "overloaded_error", "message": "m"}),
        (
            Failure(429, "m", kind="insufficient_quota"),
            {"type": "rate_limit_error", "message": "m", "code": "insufficient_quota"},
        ),
        (
            Failure(404, "m", kind="invalid_request_error", code="model_not_found", param="model"),
            {"type": "invalid_request_error", "message": "m", "code": "model_not_found", "param": "model"},
        ),
        (
            Failure(400, "This model's maximum context length is 8192 tokens."),
            {
                "type": "invalid_request_error",
                "message": "prompt is too long: This model's maximum context length is 8192 tokens.",
            },
        ),
        (
            Failure(413, "no", code="context_length_exceeded"),
            {
                "type": "invalid_request_error",
                "message": "prompt is too long: no",
                "code": "context_length_exceeded",
            },
        ),
        (
            Failure(400, "Prompt is too long: 9 tokens"),
            {"type": "invalid_request_error", "message": "Prompt is too long: 9 tokens"},
        ),
        (Failure(500, "context window"), {"type": "api_error", "message": "context window"}),
    ],
)
def test_a_failure_elsewhere_keeps_its_words(failure: Failure, detail: object) -> None:
    assert json.loads(encode_failure(failure))["error"] == detail


@pytest.mark.parametrize(
    ("told", "failure"),
    [
        (
            {"type": "error", "error": {"type": "t", "message": "m"}, "request_id": "r"},
            Failure(400, "m", kind="t"),
        ),
        ({"error": {"message": "m", "type": None, "code": 4, "param": "p"}}, Failure(400, "m", "", "4", "p")),
        ({"error": "no such model"}, Failure(400, "no such model")),
        ({"message": "m", "type": "t"}, Failure(400, "m", kind="t")),
        ({"detail": "Not Found"}, Failure(400, "Not Found")),
        ("just words", Failure(400, "just words")),
        ({"error": {"message": "x" * 9999}}, Failure(400, "x" * 4096)),
    ],
)
def test_an_upstreams_words_are_kept(told: object, failure: Failure) -> None:
    assert decode_error(400, json.dumps(told).encode()) == failure


@pytest.mark.parametrize(
    "body", [b"", b"<html>oh</html>", b"\xff\xfe", b"{}", b"[]", b"7", b'{"error":{}}', b'{"error":""}']
)
def test_a_body_that_says_nothing_is_told_as_such(body: bytes) -> None:
    assert decode_error(500, body) == Failure(500, SAID_NOTHING)


def test_a_sentence_is_an_error_too() -> None:
    assert decode_error(503, b"no healthy upstream\n") == Failure(503, "no healthy upstream")


@given(
    kind=st.text(max_size=9), code=st.text(max_size=9), param=st.text(max_size=9), text=st.text(min_size=1)
)
def test_what_is_written_is_read_back(kind: str, code: str, param: str, text: str) -> None:
    read = decode_error(418, encode_failure(Failure(418, text, kind, code, param)))
    assert (read.message, read.kind, read.param) == (text, "invalid_request_error", param)
    assert read.code == (code or kind)
