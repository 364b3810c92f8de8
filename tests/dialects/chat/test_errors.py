"""Errors in the shape of the vendor: what the official SDK reads of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.response import Failure
from llm_gateway.dialects.chat.errors import (
    decode_error,
    encode_broken,
    encode_error,
    encode_failure,
    encode_stream_error,
)
from llm_gateway.errors import (
    Forbidden,
    GatewayError,
    Internal,
    LedgerUnavailable,
    MalformedRequest,
    Unauthenticated,
    UnknownModel,
    UpstreamTruncated,
)
from llm_gateway.wire.sse import event_data


@pytest.mark.parametrize(
    ("error", "kind", "code", "param"),
    [
        (MalformedRequest("no", param="model"), "invalid_request_error", "invalid_request", "model"),
        (Unauthenticated("no"), "authentication_error", "invalid_api_key", None),
        (Forbidden("no"), "permission_error", "forbidden", None),
        (UnknownModel("no", param="model"), "invalid_request_error", "model_not_found", "model"),
        (Internal("no"), "server_error", "internal_error", None),
        (LedgerUnavailable("no"), "server_error", "ledger_unavailable", None),
        (UpstreamTruncated("no"), "server_error", "upstream_truncated", None),
    ],
)
def test_type_and_code_follow_the_kind(error: GatewayError, kind: str, code: str, param: str | None) -> None:
    expected = {"error": {"message": "no", "type": kind, "param": param, "code": code}}
    assert json.loads(encode_error(error)) == expected


def test_a_stream_ends_with_one_event_of_the_same_shape() -> None:
    error = UpstreamTruncated('it "broke"\noff')
    event = encode_stream_error(error)
    assert event_data(event) == encode_error(error)
    assert event.endswith(b"\n\n") and event.count(b"\n") == 2


def test_a_translated_stream_ends_with_such_an_event_too() -> None:
    told = json.loads(event_data(encode_broken("gone", "overloaded")))
    assert told == {"error": {"message": "gone", "type": "server_error", "param": None, "code": "overloaded"}}
    assert json.loads(event_data(encode_broken("gone", "")))["error"]["code"] is None


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("rate_limit_error", "rate_limit_error"),
        ("RESOURCE_EXHAUSTED", "rate_limit_error"),
        ("billing_error", "insufficient_quota"),
        ("INTERNAL", "server_error"),
    ],
)
def test_in_a_stream_the_type_is_openais_and_the_code_whose_ever(word: str, known: str) -> None:
    error = json.loads(event_data(encode_broken("gone", word)))["error"]
    assert (error["type"], error["code"]) == (known, word)


SAID_NOTHING = "the upstream answered with status 500 and nothing that says why"


@pytest.mark.parametrize(
    ("told", "failure"),
    [
        (
            {"error": {"message": "m", "type": "t", "param": "p", "code": "c"}},
            Failure(400, "m", kind="t", code="c", param="p"),
        ),
        ({"error": {"message": "m", "type": None, "param": None, "code": None}}, Failure(400, "m")),
        # Google's server of this dialect: in a list, with a status for a type
        (
            [{"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}}],
            Failure(400, "m", kind="INVALID_ARGUMENT", code="400"),
        ),
        # vLLM, before it took OpenAI's envelope
        (
            {"object": "error", "message": "m", "type": "BadRequestError", "param": None, "code": 400},
            Failure(400, "m", kind="BadRequestError", code="400"),
        ),
        ({"error": "no such model"}, Failure(400, "no such model")),
        ({"detail": "Not Found"}, Failure(400, "Not Found")),
        (
            {"detail": [{"type": "missing", "loc": ["body", "messages", 0], "msg": "Field required"}]},
            Failure(400, "Field required", kind="missing", param="messages.0"),
        ),
        ({"detail": [{"msg": "m", "loc": 7}]}, Failure(400, "m")),
        ("just words", Failure(400, "just words")),
        ({"error": {"message": "x" * 9999}}, Failure(400, "x" * 4096)),
    ],
)
def test_an_upstreams_words_are_kept(told: object, failure: Failure) -> None:
    assert decode_error(400, json.dumps(told).encode()) == failure


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>oh</body></html>",
        b"\xff\xfe",
        b"{}",
        b"[]",
        b"7",
        b'{"error":{}}',
        b'{"error":""}',
        b'{"error":null}',
    ],
)
def test_a_body_that_says_nothing_is_told_as_such(body: bytes) -> None:
    assert decode_error(500, body) == Failure(500, SAID_NOTHING)


def test_a_sentence_is_an_error_too() -> None:
    assert decode_error(503, b"no healthy upstream\n") == Failure(503, "no healthy upstream")


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Failure(429, "m"), ("m", "rate_limit_error", None, None)),
        (Failure(529, "m", kind="overloaded_error"), ("m", "server_error", None, "overloaded_error")),
        (Failure(429, "m", kind="RESOURCE_EXHAUSTED"), ("m", "rate_limit_error", None, "RESOURCE_EXHAUSTED")),
        (
            Failure(400, "m", kind="INVALID_ARGUMENT", code="API_KEY_INVALID"),
            ("m", "invalid_request_error", None, "API_KEY_INVALID"),
        ),
        (Failure(429, "m", kind="insufficient_quota"), ("m", "insufficient_quota", None, None)),
        (Failure(400, "m", kind="t", code="c", param="p"), ("m", "invalid_request_error", "p", "c")),
        (
            Failure(400, "prompt is too long: 9 > 8", kind="t"),
            ("prompt is too long: 9 > 8", "invalid_request_error", None, "context_length_exceeded"),
        ),
        (Failure(500, "context window", kind="t"), ("context window", "server_error", None, "t")),
    ],
)
def test_a_failure_elsewhere_keeps_its_words_where_openai_has_none(
    failure: Failure, expected: tuple[str, str, str | None, str | None]
) -> None:
    error = json.loads(encode_failure(failure))["error"]
    assert (error["message"], error["type"], error["param"], error["code"]) == expected


@given(
    kind=st.sampled_from(("invalid_request_error", "tokens", "insufficient_quota")),
    code=st.text(max_size=9),
    param=st.text(max_size=9),
    text=st.text(min_size=1),
)
def test_what_is_written_is_read_back(kind: str, code: str, param: str, text: str) -> None:
    failure = Failure(418, text, kind, code, param)
    assert decode_error(418, encode_failure(failure)) == failure
