"""Parts of answers: thinking and calls."""

import json

import msgspec

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Seal, Text, Thinking, ToolCall
from llm_gateway.dialects.gemini.parts import call_part, thought_part
from llm_gateway.dialects.gemini.seals import call_signature, signature_of, thoughts_of

SEAL = Seal("messages", "sig")


def test_thinking() -> None:
    assert thought_part("a", None) == {"text": "a", "thought": True}
    told = thought_part("", SEAL, redacted=True)
    assert told == {"text": "", "thought": True, "thoughtSignature": signature_of(SEAL, redacted=True)}


def test_calls() -> None:
    losses = Losses()
    sealed = json.loads(msgspec.json.encode(call_part(ToolCall("x", "f", '{"a":1}', seal=SEAL), losses)))
    assert sealed == {
        "functionCall": {"id": "x", "name": "f", "args": {"a": 1}},
        "thoughtSignature": signature_of(SEAL),
    }
    thought = (Thinking("t", SEAL), Text("a"))
    holding = json.loads(msgspec.json.encode(call_part(ToolCall("x", "f", "{}"), losses, thought)))
    assert holding["thoughtSignature"] == call_signature(None, thoughts_of(thought))
    custom = call_part(ToolCall("x", "f", "text", custom=True), losses)
    assert json.loads(msgspec.json.encode(custom))["functionCall"]["args"] == {"input": "text"}
    assert not losses.found()
    call_part(ToolCall("x", "f", "[]"), losses)
    assert [loss.what for loss in losses.found()] == ["response.tool_calls.arguments"]
