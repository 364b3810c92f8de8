"""What was said before, written as the Copilot CLI itself writes a session down, for it to go on from.

The CLI has no request for a history, but it resumes a session from the events that its files hold
(schemas/session-events.schema.json in its package), and here the files are ours. The model gets every
message, call, result and picture as it was; only what it thought is not told again. Tried with 1.0.102.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from msgspec import Raw

from llm_gateway.bridges.copilot.plan import picture, text_of
from llm_gateway.canonical.parts import Image, Part, Text, ToolCall, ToolResult
from llm_gateway.canonical.request import Message

__all__ = ["attachments", "pictures", "request_id", "result_text", "written"]

_encode = msgspec.json.encode
_Told = tuple[str, Mapping[str, object]]

_NO_RESULT = "There is no result of this call."


def written(
    session_id: str, model: str, history: Iterable[Message], waiting: Iterable[str], now_us: int
) -> str:
    """Return a session's events, a line each; the calls in `waiting` are those that have no result yet."""
    now = datetime.fromtimestamp(now_us / 1_000_000, UTC).isoformat().replace("+00:00", "Z")
    start = {
        "sessionId": session_id,
        "version": 1,
        "producer": "llm-gateway",
        "copilotVersion": "1",
        "startTime": now,
        "selectedModel": model,
        "context": {"cwd": "/"},
    }
    lines: list[bytes] = []
    before: str | None = None
    told: list[_Told] = [("session.start", start), *_events(session_id, history, frozenset(waiting))]
    for number, (kind, data) in enumerate(told, 1):
        own = str(UUID(int=number))
        lines.append(
            _encode({"type": kind, "data": data, "id": own, "timestamp": now, "parentId": before}) + b"\n"
        )
        before = own
    return b"".join(lines).decode()


def request_id(call_id: str) -> str:
    """Return the name by which a call that waits in a written session is answered."""
    return f"lgw-{call_id}"


def attachments(images: Iterable[Image]) -> list[object]:
    """Return pictures as a user's message has them."""
    return [
        {"type": "blob", "data": inline.data, "mimeType": inline.media_type, "displayName": f"image {number}"}
        for number, inline in enumerate(map(picture, images), 1)
    ]


def pictures(result: ToolResult) -> list[object]:
    """Return pictures as a tool's result has them."""
    found = (picture(part) for part in result.parts if isinstance(part, Image))
    return [{"type": "image", "data": inline.data, "mimeType": inline.media_type} for inline in found]


def result_text(result: ToolResult) -> str:
    """Return the text of a tool's result."""
    return "\n".join(part.text for part in result.parts if isinstance(part, Text))


def _events(session_id: str, history: Iterable[Message], waiting: frozenset[str]) -> Iterator[_Told]:
    """Yield what was said; a call without a result that nobody waits for gets one that says so."""
    open_calls: dict[str, ToolCall] = {}
    for number, message in enumerate(history):
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        for result in results:
            if open_calls.pop(result.call_id, None) is not None:
                yield _completed(result)
        rest = tuple(part for part in message.parts if not isinstance(part, ToolResult))
        if rest:
            yield from map(_abandoned, open_calls)
            open_calls.clear()
        if message.role == "assistant":
            yield _answer(number, rest)
            open_calls |= {part.id: part for part in rest if isinstance(part, ToolCall)}
        elif rest:
            yield _asked(rest)
    for call_id, call in open_calls.items():
        yield _requested(session_id, call) if call_id in waiting else _abandoned(call_id)


def _asked(parts: tuple[Part, ...]) -> _Told:
    data: dict[str, object] = {"content": text_of(parts)}
    images = [part for part in parts if isinstance(part, Image)]
    if images:
        data["attachments"] = attachments(images)
    return "user.message", data


def _answer(number: int, parts: tuple[Part, ...]) -> _Told:
    data: dict[str, object] = {"messageId": str(UUID(int=number + 1)), "content": text_of(parts)}
    calls = [part for part in parts if isinstance(part, ToolCall)]
    if calls:
        data["toolRequests"] = [
            {"toolCallId": call.id, "name": call.name, "arguments": _arguments(call), "type": "function"}
            for call in calls
        ]
    return "assistant.message", data


def _arguments(call: ToolCall) -> object:
    """Return a call's arguments as JSON, or as the text that they are when they are none."""
    try:
        return msgspec.json.decode(call.arguments or "{}", type=Raw)
    except msgspec.DecodeError:
        return call.arguments


def _completed(result: ToolResult) -> _Told:
    content: dict[str, object] = {"content": result_text(result)}
    if found := pictures(result):
        content["binaryResultsForLlm"] = found
    data: dict[str, object] = {"toolCallId": result.call_id, "success": not result.is_error}
    if result.is_error:
        data["error"] = {"message": result_text(result)}
    return "tool.execution_complete", {**data, "result": content}


def _abandoned(call_id: str) -> _Told:
    told = {"content": _NO_RESULT}
    data = {"toolCallId": call_id, "success": False, "error": {"message": _NO_RESULT}, "result": told}
    return "tool.execution_complete", data


def _requested(session_id: str, call: ToolCall) -> _Told:
    data = {
        "requestId": request_id(call.id),
        "sessionId": session_id,
        "toolCallId": call.id,
        "toolName": call.name,
        "arguments": _arguments(call),
    }
    return "external_tool.requested", data
