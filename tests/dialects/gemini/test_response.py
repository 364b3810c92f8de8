"""Answers read for the ledger: what they tell of themselves, and nothing where they cannot be read."""

import json

import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Seen
from llm_gateway.dialects.gemini.response import error_text, read_answer
from scripted import gemini

USAGE = Usage(uncached=32, cache_read=8, output=12, reasoning=2)


def body(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def test_an_answer_is_read() -> None:
    parts = [gemini.thought("äh"), gemini.text("ok"), gemini.call("f", {"a": 1})]
    seen = read_answer(body(gemini.answer("m", parts)), "generateContent")
    assert seen == Seen(USAGE, gemini.ID, "m", "STOP", 3 + 2 + 1 + len('{"a": 1}'), complete=True)


def test_a_blocked_prompt_is_an_end() -> None:
    seen = read_answer(body(gemini.blocked("m")), "generateContent")
    assert (seen.finish_reason, seen.complete, seen.usage) == ("PROHIBITED_CONTENT", True, Usage(40))


def test_a_count_used_nothing() -> None:
    assert read_answer(b'{"totalTokens": 7}', "countTokens") == Seen(usage=Usage(), complete=True)


def test_code_that_is_run_counts_as_generated() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "1"}}
    assert read_answer(body(gemini.answer("m", [code])), "generateContent").content_bytes > 10


def test_an_error_in_an_answer_is_seen() -> None:
    assert read_answer(gemini.error("no"), "generateContent").error == "no"


@pytest.mark.parametrize("data", [b"", b"<html>", b"[]", b'{"candidates": 5}', b"\xff{}"])
def test_what_cannot_be_read_says_nothing(data: bytes) -> None:
    assert read_answer(data, "generateContent") == Seen()


def test_members_of_other_types_cost_nothing() -> None:
    odd = {
        "responseId": 5,
        "modelVersion": [],
        "candidates": [{"finishReason": 1}, {"content": {"parts": [{}]}}],
    }
    assert read_answer(body(odd), "generateContent") == Seen(complete=True)


def test_words_of_errors() -> None:
    assert error_text(None) == ""
    assert error_text({"message": "no"}) == error_text("no") == "no"
    assert error_text({"code": 5}) == "the upstream reported an error"
    assert len(error_text("x" * 1000)) == 500
