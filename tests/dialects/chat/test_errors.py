"""Errors in the shape of the vendor: what the official SDK reads of them."""

import json

import pytest

from llm_gateway.dialects.chat.errors import encode_error, encode_stream_error
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
