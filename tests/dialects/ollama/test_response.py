"""What is read of answers: counts, sizes, errors, whatever the rest is made of."""

import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Seen
from llm_gateway.dialects.ollama.response import (
    Message,
    Reading,
    content_size,
    error_text,
    fill,
    read_answer,
    read_usage,
)


def test_an_answer_is_read_in_both_forms() -> None:
    chat = read_answer(
        b'{"model":"m","message":{"content":"\xc3\xa9","thinking":"ab","tool_calls":'
        b'[{"function":{"name":"f","arguments":{"a":1}}}]},"done_reason":"length","eval_count":3}'
    )
    assert (chat.model, chat.finish_reason, chat.content_bytes) == ("m", "length", 2 + 2 + 1 + 7)
    assert chat.usage == Usage(output=3)
    assert chat.complete
    prompt = read_answer(b'{"response":"abc","thinking":"d","prompt_eval_count":2,"eval_count":0}')
    assert (prompt.content_bytes, prompt.usage) == (4, Usage(2))


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"message":5}', b'{"model":"\xff"}'])
def test_what_cannot_be_read_tells_nothing(body: bytes) -> None:
    assert read_answer(body) == Seen()


def test_members_of_other_types_cost_nothing_else() -> None:
    seen = read_answer(
        b'{"model":5,"message":{"content":["x"]},"done_reason":7,"prompt_eval_count":"many","eval_count":2.0}'
    )
    assert seen == Seen(usage=Usage(output=2), complete=True)


@pytest.mark.parametrize(
    ("prompt", "cached", "output", "usage"),
    [
        (10, None, 5, Usage(10, output=5)),
        (10, 0, 5, Usage(10, output=5)),
        (10, 8, 5, Usage(2, 8, output=5)),
        (10, 99, 5, Usage(0, 10, output=5)),
        (10, "8", 5, Usage(10, output=5)),
        (None, 8, 5, Usage(output=5)),
        (None, None, 5, Usage(output=5)),
        (10, None, None, Usage(10)),
        (0, 0, 0, None),
        (None, None, None, None),
        (-1, None, True, None),
        (2_000_000_000, None, "5", None),
    ],
)
def test_counts(prompt: object, cached: object, output: object, usage: Usage | None) -> None:
    assert read_usage(prompt, cached, output) == usage


def test_the_first_model_and_the_last_counts_are_kept() -> None:
    seen = Seen()
    fill(seen, Reading(model="a", prompt_eval_count=1, message=Message(content="x")))
    fill(seen, Reading(model="b", prompt_eval_count=0, eval_count="?"))
    assert (seen.model, seen.usage, seen.content_bytes) == ("a", Usage(1), 1)


def test_sizes() -> None:
    assert content_size([{"function": {"name": "fn", "arguments": '{"a":1}'}}]) == 9
    assert content_size([{"function": {"name": "fn"}}, {"function": 5}, "x"]) == 2
    assert content_size({"text": "x"}) == 0


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (None, ""),
        ("no", "no"),
        ({"message": "no"}, "no"),
        ("", "the upstream reported an error"),
        (5, "the upstream reported an error"),
        ("x" * 900, "x" * 500),
    ],
)
def test_errors(error: object, text: str) -> None:
    assert error_text(error) == text
