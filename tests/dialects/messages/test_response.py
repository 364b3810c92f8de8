"""What a whole answer tells: cached tokens are counted beside the others, and nothing odd costs the rest."""

import json

import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Seen
from llm_gateway.dialects.messages.response import (
    Block,
    block_size,
    error_text,
    named,
    read_answer,
    size,
)


def test_a_whole_answer_is_read() -> None:
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "not counted"},
        {"type": "text", "text": "grüße"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
    ]
    body = {
        "id": "msg_1",
        "model": "m",
        "content": content,
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 5, "output_tokens": 3},
    }
    assert read_answer(json.dumps(body).encode(), "messages") == Seen(
        Usage(5, output=3), "msg_1", "m", "tool_use", 2 + 7 + 7, complete=True
    )


@pytest.mark.parametrize("body", [b"", b"[]", b"{]", b'{"content":7}', b"[" * 100_000])
def test_what_cannot_be_read_tells_nothing(body: bytes) -> None:
    assert read_answer(body, "messages") == Seen()


def test_a_count_used_nothing() -> None:
    assert read_answer(b'{"input_tokens":83}', "messages/count_tokens") == Seen(Usage(), complete=True)


def test_an_error_in_an_answer_is_noticed() -> None:
    assert read_answer(b'{"type":"error","error":{"message":"no"}}', "messages").error == "no"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (None, ""),
        ("gone", "gone"),
        ({"message": "m" * 999}, "m" * 500),
        ({}, "the upstream reported an error"),
        ({"message": ""}, "the upstream reported an error"),
        (7, "the upstream reported an error"),
    ],
)
def test_what_an_error_says(error: object, said: str) -> None:
    assert error_text(error) == said


def test_sizes_are_of_utf_8() -> None:
    assert [size(value) for value in (None, "", "a", "ü", "🌍", {"ü": 1})] == [0, 0, 1, 2, 4, 8]
    assert block_size(Block(text="ab", thinking="c", input={})) == 3


def test_names_are_bounded() -> None:
    assert named("x" * 999) == "x" * 256
    assert named(7) == ""
