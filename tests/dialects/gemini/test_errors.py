"""Errors in Google's shape, ours and others', and read back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.response import Failure
from llm_gateway.dialects.gemini.errors import (
    decode_error,
    encode_broken,
    encode_error,
    encode_failure,
    rpc_status,
)
from llm_gateway.errors import LimitReached, LossRefused, MalformedRequest, UpstreamTimeout
from scripted import gemini

INFO = "type.googleapis.com/google.rpc.ErrorInfo"


def told(body: bytes) -> dict[str, object]:
    value = json.loads(body)
    assert isinstance(value, dict) and list(value) == ["error"], "clients look for `error` first"
    return dict(value["error"])


def test_our_own() -> None:
    assert told(encode_error(MalformedRequest("no", param="contents"))) == {
        "code": 400,
        "message": "no",
        "status": "INVALID_ARGUMENT",
        "details": [
            {
                "@type": INFO,
                "reason": "invalid_request",
                "domain": "llm-gateway",
                "metadata": {"param": "contents"},
            }
        ],
    }
    assert told(encode_error(UpstreamTimeout("slow")))["status"] == "DEADLINE_EXCEEDED"
    assert told(encode_error(LossRefused("no")))["status"] == "FAILED_PRECONDITION"


def test_when_to_come_again_stands_where_google_says_it() -> None:
    details = told(encode_error(LimitReached("no", retry_after=33.2)))["details"]
    assert isinstance(details, list)
    assert details[1:] == [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}]
    never = told(encode_error(LimitReached("no")))["details"]
    assert isinstance(never, list) and len(never) == 1


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (404, "NOT_FOUND"),
        (418, "INVALID_ARGUMENT"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (503, "UNAVAILABLE"),
        (599, "INTERNAL"),
    ],
)
def test_names_by_status(status: int, name: str) -> None:
    assert rpc_status(status) == name


def test_an_error_of_a_stream() -> None:
    assert told(encode_broken("no", "RESOURCE_EXHAUSTED")) == {
        "code": 429,
        "message": "no",
        "status": "RESOURCE_EXHAUSTED",
    }
    broken = told(encode_broken("no", "overloaded_error"))
    assert (broken["code"], broken["status"]) == (500, "INTERNAL")
    assert broken["details"] == [{"@type": INFO, "reason": "overloaded_error"}]
    assert told(encode_broken("no", "UNAVAILABLE"))["code"] == 503
    assert "details" not in told(encode_broken("no", ""))


def test_an_error_of_another_dialect_keeps_its_words() -> None:
    body = encode_failure(Failure(429, "slow down", "rate_limit_error", "too_fast", "model"))
    assert told(body)["message"] == "slow down" and told(body)["status"] == "RESOURCE_EXHAUSTED"
    assert told(body)["details"] == [
        {"@type": INFO, "reason": "too_fast", "metadata": {"kind": "rate_limit_error", "param": "model"}}
    ]
    assert told(encode_failure(Failure(500, "x"))) == {"code": 500, "message": "x", "status": "INTERNAL"}


GOOGLES = {
    "error": {
        "code": 400,
        "message": "API key not valid.",
        "status": "INVALID_ARGUMENT",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.Help"},
            {"@type": INFO, "reason": "API_KEY_INVALID", "domain": "googleapis.com"},
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{"field": "contents[0]", "description": "no"}],
            },
        ],
    }
}


def test_googles_own_is_read_also_from_a_list() -> None:
    want = Failure(400, "API key not valid.", "INVALID_ARGUMENT", "API_KEY_INVALID", "contents[0]")
    assert decode_error(400, json.dumps(GOOGLES).encode()) == want
    assert decode_error(400, json.dumps([GOOGLES]).encode()) == want
    assert decode_error(503, gemini.error("busy", 503)) == Failure(503, "busy", "UNAVAILABLE")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": "plain"}', "plain"),
        (b'"plain"', "plain"),
        (b'{"detail": "plain"}', "plain"),
        (b'{"message": "plain"}', "plain"),
        (b"plain", "plain"),
        (b"<html>", ""),
        (b"", ""),
        (b"[]", ""),
        (b"\xff", ""),
        (b'{"error": {"code": 5}}', ""),
    ],
)
def test_other_forms(body: bytes, message: str) -> None:
    failure = decode_error(500, body)
    assert failure.status == 500
    assert failure.message == (message or "the upstream answered with status 500 and nothing that says why")


@given(st.builds(Failure, st.sampled_from([400, 401, 429, 500]), st.text(min_size=1), st.text(), st.text()))
def test_a_failure_that_was_written_can_be_read(failure: Failure) -> None:
    read = decode_error(failure.status, encode_failure(failure))
    assert (read.status, read.kind) == (failure.status, rpc_status(failure.status))
    assert read.message == failure.message[:4096]
    assert read.code == (failure.code or failure.kind)[:256]


@given(st.binary(max_size=60))
def test_anything_can_be_an_error(body: bytes) -> None:
    assert decode_error(502, body).message
