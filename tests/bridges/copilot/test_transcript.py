"""A conversation as the CLI writes one down: who said what, with which calls, results and pictures."""

import json
from itertools import pairwise

from llm_gateway.bridges.copilot.transcript import (
    attachments,
    pictures,
    request_id,
    result_text,
    written,
)
from llm_gateway.canonical.parts import Image, Inline, Part, Role, Text, Thinking, ToolCall, ToolResult
from llm_gateway.canonical.request import Message

PIXEL = Image(Inline("QUJD", "image/png"))
PICTURE = {"data": "QUJD", "mimeType": "image/png"}


def _said(role: Role, *parts: Part | str) -> Message:
    return Message(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))


def _call(call_id: str, arguments: str = '{"a": 1}') -> ToolCall:
    return ToolCall(call_id, "look", arguments)


def _events(*history: Message, waiting: tuple[str, ...] = ()) -> list[tuple[str, dict[str, object]]]:
    lines = [
        json.loads(line) for line in written("s", "m", history, waiting, 1_700_000_000_000_000).splitlines()
    ]
    assert lines[0]["type"] == "session.start"
    assert lines[0]["parentId"] is None
    assert lines[0]["timestamp"] == "2023-11-14T22:13:20Z"
    assert all(after["parentId"] == before["id"] for before, after in pairwise(lines))
    return [(line["type"], line["data"]) for line in lines[1:]]


def test_what_was_said_is_told_in_its_order() -> None:
    events = _events(_said("user", "a", PIXEL), _said("assistant", Thinking("t"), "b"), _said("user", "c"))
    assert [kind for kind, _ in events] == ["user.message", "assistant.message", "user.message"]
    asked, answered, again = (data for _, data in events)
    assert asked == {"content": "a", "attachments": [{"type": "blob", **PICTURE, "displayName": "image 1"}]}
    assert answered["content"] == "b"
    assert "toolRequests" not in answered
    assert again == {"content": "c"}


def test_calls_have_their_results() -> None:
    good = ToolResult("c1", (Text("sunny"), PIXEL))
    bad = ToolResult("c2", (Text("no such city"),), is_error=True)
    events = _events(
        _said("user", "a"),
        _said("assistant", _call("c1"), _call("c2", "not json")),
        _said("user", good, bad, "so?"),
    )
    kinds = ["user.message", "assistant.message", *["tool.execution_complete"] * 2, "user.message"]
    assert [kind for kind, _ in events] == kinds
    requests = events[1][1]["toolRequests"]
    assert isinstance(requests, list)
    assert [each["arguments"] for each in requests] == [{"a": 1}, "not json"]
    assert events[2][1] == {
        "toolCallId": "c1",
        "success": True,
        "result": {"content": "sunny", "binaryResultsForLlm": [{"type": "image", **PICTURE}]},
    }
    assert events[3][1] == {
        "toolCallId": "c2",
        "success": False,
        "error": {"message": "no such city"},
        "result": {"content": "no such city"},
    }


def test_calls_that_are_waited_for_wait_and_others_are_given_up() -> None:
    events = _events(_said("user", "a"), _said("assistant", _call("c1"), _call("c2")), waiting=("c1",))
    assert events[2] == (
        "external_tool.requested",
        {
            "requestId": request_id("c1"),
            "sessionId": "s",
            "toolCallId": "c1",
            "toolName": "look",
            "arguments": {"a": 1},
        },
    )
    kind, data = events[3]
    assert (kind, data["toolCallId"], data["success"]) == ("tool.execution_complete", "c2", False)
    left = _events(_said("user", "a"), _said("assistant", _call("c1")), _said("user", "never mind"))
    assert [kind for kind, _ in left[2:]] == ["tool.execution_complete", "user.message"]


def test_a_result_of_no_call_is_left_out() -> None:
    events = _events(
        _said("user", "a"), _said("user", ToolResult("c9", (Text("x"),))), _said("assistant", "b")
    )
    assert [kind for kind, _ in events] == ["user.message", "assistant.message"]


def test_results_and_pictures_for_a_call_that_waits() -> None:
    result = ToolResult("c1", (Text("a"), PIXEL, Text("b")))
    assert result_text(result) == "a\nb"
    assert pictures(result) == [{"type": "image", **PICTURE}]
    assert attachments(()) == []
