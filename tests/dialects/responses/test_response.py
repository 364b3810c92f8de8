"""Reading whole answers: usage however it is told, and whatever else a server of this dialect sends."""

import json

import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Seen
from llm_gateway.dialects.responses.response import content_size, error_text, read_answer


def test_an_answer_tells_about_itself() -> None:
    body = {
        "id": "resp_1",
        "model": "m",
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "message", "content": [{"type": "output_text", "text": "äb"}]},
            {"type": "function_call", "name": "f", "arguments": "{}"},
        ],
        "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
    }
    assert read_answer(json.dumps(body).encode()) == Seen(
        usage=Usage(1, output=2),
        response_id="resp_1",
        model="m",
        finish_reason="max_output_tokens",
        content_bytes=2 + 3 + 3,
        complete=True,
    )


def test_an_answer_that_failed_says_why() -> None:
    body = {"id": "resp_1", "status": "failed", "error": {"code": "server_error", "message": "no"}}
    seen = read_answer(json.dumps(body).encode())
    assert (seen.error, seen.finish_reason) == ("no", "failed")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 100_000])
def test_what_cannot_be_read_tells_nothing(body: bytes) -> None:
    assert read_answer(body) == Seen()


def test_members_of_other_types_cost_nothing_else() -> None:
    seen = read_answer(b'{"id":7,"model":["x"],"status":3,"output":"text","usage":7,"error":{}}')
    assert seen == Seen(complete=True, content_bytes=4, error="the upstream reported an error")


def test_depth_is_bounded() -> None:
    deep: object = "x"
    for _ in range(50):
        deep = [deep]
    assert content_size(deep) == 0


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (None, ""),
        ("gone", "gone"),
        ({"message": "gone"}, "gone"),
        ({"type": "error", "error": {"message": "gone"}}, "gone"),
        ({}, "the upstream reported an error"),
        ({"message": 5}, "the upstream reported an error"),
        ({"message": "x" * 900}, "x" * 500),
    ],
)
def test_the_text_of_an_error(error: object, text: str) -> None:
    assert error_text(error) == text
