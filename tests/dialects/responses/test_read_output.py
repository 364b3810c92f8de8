"""Items of an upstream's answer read: parts, and losses for what other dialects do not tell."""

import pytest

from llm_gateway.canonical.events import Finish
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Refusal, Seal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import AnswerPart
from llm_gateway.dialects.responses.read_output import finish_of, parts_of, said
from scripted import responses


@pytest.mark.parametrize(
    ("item", "parts"),
    [
        (responses.message("a"), [Text("a")]),
        (responses.refusal("no"), [Refusal("no")]),
        (responses.function_call("f", {"a": 1}, "c"), [ToolCall("c", "f", '{"a": 1}')]),
        (responses.custom_call("p", "x", "c"), [ToolCall("c", "p", "x", custom=True)]),
        (
            responses.reasoning(["a", "b"], "gA="),
            [Thinking("a\n\nb", Seal("responses", "rs_scripted_1.gA="))],
        ),
        (responses.reasoning([], "gA="), [Thinking("", Seal("responses", "rs_scripted_1.gA="))]),
        (responses.reasoning([], None), []),
        ({"type": "reasoning", "content": [{"type": "reasoning_text", "text": "raw"}]}, [Thinking("raw")]),
        ({"type": "message", "content": None}, []),
        ({"type": "message", "content": [7, {"type": "text", "text": "a"}]}, [Text("a")]),
        ({"type": "function_call", "id": "fc_1", "name": "f"}, [ToolCall("fc_1", "f", "")]),
        ({"type": 7}, []),
        ({}, []),
    ],
)
def test_items_are_parts(item: dict[str, object], parts: list[AnswerPart]) -> None:
    losses = Losses()
    assert parts_of(item, losses) == parts
    assert losses.found() == ()


@pytest.mark.parametrize(
    ("item", "lost"),
    [
        ({"type": "web_search_call", "id": "ws"}, "response.web_search_call"),
        ({"type": "not a word"}, "response.unknown"),
        (
            {"type": "message", "content": [{"type": "output_text", "text": "a", "annotations": [{"a": 1}]}]},
            "response.annotations",
        ),
        (
            {"type": "message", "content": [{"type": "output_text", "text": "a", "logprobs": [{"a": 1}]}]},
            "response.logprobs",
        ),
        ({"type": "message", "content": [{"type": "output_audio"}]}, "response.output_audio"),
    ],
)
def test_what_others_do_not_tell_is_reported(item: dict[str, object], lost: str) -> None:
    losses = Losses()
    parts_of(item, losses)
    assert [loss.what for loss in losses.found()] == [lost]


@pytest.mark.parametrize(
    ("reason", "calls", "refused", "finish"),
    [
        ("", False, False, "stop"),
        ("", True, False, "tool_calls"),
        ("", False, True, "refusal"),
        ("max_output_tokens", True, False, "length"),
        ("content_filter", False, False, "content_filter"),
        ("steered", False, False, "other"),
    ],
)
def test_why_it_ended(reason: str, calls: bool, refused: bool, finish: Finish) -> None:
    assert finish_of(reason, calls=calls, refused=refused) == finish


def test_members_of_other_types_are_empty() -> None:
    assert (said({"a": 7}, "a"), said({}, "a"), said({"a": "x"}, "a")) == ("", "", "x")
