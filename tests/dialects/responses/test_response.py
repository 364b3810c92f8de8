"""Reading whole answers: usage however it is told, and whatever else a server of this dialect sends."""

import json

import pytest
from msgspec import Raw

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Seen
from llm_gateway.dialects.responses.read_usage import read_usage
from llm_gateway.dialects.responses.response import content_size, error_text, read_answer


def usage(**told: object) -> Usage | None:
    return read_usage(Raw(json.dumps(told).encode()))


def test_usage_as_documented() -> None:
    got = usage(
        input_tokens=83,
        input_tokens_details={"cached_tokens": 16, "cache_write_tokens": 7},
        output_tokens=9,
        output_tokens_details={"reasoning_tokens": 4},
        total_tokens=92,
    )
    assert got == Usage(uncached=60, cache_read=16, cache_write=7, output=9, reasoning=4)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"input_tokens": 5, "output_tokens": 3}, Usage(5, output=3)),
        ({"input_tokens": 5.0, "output_tokens": 3, "total_tokens": 8}, Usage(5, output=3)),
        ({"output_tokens": 3, "total_tokens": 8}, Usage(5, output=3)),
        ({"input_tokens": 5, "output_tokens": 3, "total_tokens": 99}, Usage(5, output=3)),
        (
            {"input_tokens": 5, "input_tokens_details": {"cached_tokens": 9}, "output_tokens": 3},
            Usage(0, 5, output=3),
        ),
        (
            {"input_tokens": 5, "input_tokens_details": None, "output_tokens": 3, "total_tokens": 8},
            Usage(5, output=3),
        ),
        # Reasoning beside the output, as xAI counts it.
        (
            {
                "input_tokens": 5,
                "output_tokens": 3,
                "output_tokens_details": {"reasoning_tokens": 10},
                "total_tokens": 18,
            },
            Usage(5, output=13, reasoning=10),
        ),
        ({"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}, None),
        ({"input_tokens": -1, "output_tokens": 3, "total_tokens": 2}, None),
        ({"input_tokens": "5", "output_tokens": 3}, None),
        ({"input_tokens": True, "output_tokens": 3}, None),
        ({"input_tokens": 5, "output_tokens": None}, None),
        ({"output_tokens": 3, "total_tokens": 1}, None),
        ({"input_tokens": 10**12, "output_tokens": 3, "total_tokens": 10**12 + 3}, None),
    ],
)
def test_usage_that_is_told_in_another_way(told: dict[str, object], expected: Usage | None) -> None:
    assert usage(**told) == expected


@pytest.mark.parametrize("raw", [b"", b"null", b"7", b"[1,2,3]", b'{"input_tokens":', b'"\xff\xff\xff"'])
def test_usage_that_is_none(raw: bytes) -> None:
    assert read_usage(Raw(raw)) is None


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
