"""How much a client wants the model to think."""

import json

import pytest
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import Effort, Reasoning
from llm_gateway.dialects.messages.read_thinking import read_effort, read_reasoning
from llm_gateway.errors import MalformedRequest


def read(thinking: object, effort: Effort | None = None) -> tuple[Reasoning | None, list[str]]:
    losses = Losses()
    fields = {} if thinking is None else {"thinking": Raw(json.dumps(thinking).encode())}
    return read_reasoning(fields, effort, losses), [loss.what for loss in losses.found()]


@pytest.mark.parametrize(
    ("thinking", "effort", "reasoning", "lost"),
    [
        (None, None, None, []),
        (None, "high", Reasoning("high"), []),
        ({"type": "adaptive"}, None, Reasoning(), []),
        ({"type": "adaptive", "display": "summarized"}, "max", Reasoning("max", None, True), []),
        ({"type": "adaptive", "display": "omitted"}, None, Reasoning(None, None, False), []),
        ({"type": "adaptive", "display": "updates"}, None, Reasoning(None, None, True), ["thinking.display"]),
        ({"type": "enabled", "budget_tokens": 31999}, "high", Reasoning("high", 31999), []),
        ({"type": "enabled"}, None, Reasoning(), []),
        ({"type": "disabled"}, None, Reasoning("none"), []),
        ({"type": "disabled"}, "low", Reasoning("none"), ["output_config.effort"]),
        ({"type": "between_tools"}, None, Reasoning("none"), ["thinking.between_tools"]),
        ({"type": "newer"}, "low", Reasoning("low"), ["thinking.type"]),
        (
            {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "error"}},
            None,
            Reasoning(),
            ["thinking.block_binding"],
        ),
    ],
)
def test_thinking_is_read(
    thinking: object, effort: Effort | None, reasoning: Reasoning | None, lost: list[str]
) -> None:
    assert read(thinking, effort) == (reasoning, lost)


@pytest.mark.parametrize(
    ("thinking", "place"),
    [
        ("on", "thinking"),
        ({}, "thinking.type"),
        ({"type": 7}, "thinking.type"),
        ({"type": "enabled", "budget_tokens": "many"}, "thinking.budget_tokens"),
        ({"type": "enabled", "budget_tokens": True}, "thinking.budget_tokens"),
    ],
)
def test_what_is_wrong_is_said(thinking: object, place: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read(thinking)
    assert caught.value.param == place


def test_efforts() -> None:
    losses = Losses()
    assert [read_effort(told, "x", losses) for told in (None, "low", "xhigh", "max")] == [
        None,
        "low",
        "xhigh",
        "max",
    ]
    assert losses.found() == ()
    assert read_effort("ultra", "x", losses) is None
    assert [loss.what for loss in losses.found()] == ["output_config.effort"]
    with pytest.raises(MalformedRequest, match="`x` must be"):
        read_effort(3, "x", losses)
