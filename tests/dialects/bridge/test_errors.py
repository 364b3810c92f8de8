"""Refusals of bridges arrive with their kind and their words; what is none is told by its status."""

import pytest

from llm_gateway.canonical.response import Failure
from llm_gateway.dialects.bridge.errors import Refused, decode_error, encode_refusal


def test_a_refusal_arrives() -> None:
    body = encode_refusal(Refused("auth_required", "log in", "model"))
    assert decode_error(401, body) == Failure(401, "log in", "auth_required", "auth_required", "model")


def test_its_words_are_bounded() -> None:
    assert len(decode_error(502, encode_refusal(Refused("x", "a" * 100_000))).message) == 4096


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"error":"no"}', b"\xff"])
def test_what_is_none_is_told_by_its_status(body: bytes) -> None:
    assert decode_error(503, body).message == "the bridge answered 503 and did not say why"
