"""What the Copilot CLI tells of a session, as far as it is read here. Values, and reading them.

schemas/session-events.schema.json in the CLI's package; github/copilot-sdk has the same as types.
"""

from typing import TypeAlias

import msgspec
from msgspec import Raw

from llm_gateway.wire.ready import decoder, ready

__all__ = [
    "CallPiece",
    "Compressed",
    "Event",
    "Failing",
    "Idle",
    "Permission",
    "Piece",
    "Requested",
    "Settled",
    "Spoken",
    "Thought",
    "ThoughtPiece",
    "ToolRequest",
    "Used",
    "Wrong",
    "read_event",
]


@ready
class Piece(msgspec.Struct, frozen=True, rename="camel"):
    """More text."""

    message_id: str
    delta_content: str


@ready
class ThoughtPiece(msgspec.Struct, frozen=True, rename="camel"):
    """More thinking."""

    reasoning_id: str
    delta_content: str


@ready
class Thought(msgspec.Struct, frozen=True, rename="camel"):
    """A piece of thinking that is complete."""

    reasoning_id: str
    content: str = ""


@ready
class CallPiece(msgspec.Struct, frozen=True, rename="camel"):
    """More of a call's arguments."""

    tool_call_id: str
    input_delta: str
    tool_name: str | None = None


@ready
class ToolRequest(msgspec.Struct, frozen=True, rename="camel"):
    """A call in a message that is complete."""

    tool_call_id: str
    name: str
    arguments: Raw = Raw(b"{}")


@ready
class Spoken(msgspec.Struct, frozen=True, rename="camel"):
    """A message of the model that is complete."""

    message_id: str
    content: str = ""
    tool_requests: tuple[ToolRequest, ...] | None = None


@ready
class Used(msgspec.Struct, frozen=True, rename="camel"):
    """What one call of the model used; `input_tokens` are all that went in, cached or not."""

    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    finish_reason: str | None = None
    content_filter_triggered: bool | None = None


@ready
class Requested(msgspec.Struct, frozen=True, rename="camel"):
    """A call of a client's tool that waits for its result."""

    request_id: str
    tool_call_id: str


@ready
class Settled(msgspec.Struct, frozen=True, rename="camel"):
    """A call that has its result."""

    tool_call_id: str


@ready
class Permission(msgspec.Struct, frozen=True, rename="camel"):
    """Something that the CLI wants to be allowed."""

    request_id: str


@ready
class Failing(msgspec.Struct, frozen=True, rename="camel"):
    """A call of the model has failed; the CLI may try it again by itself."""

    status_code: int | None = None
    error_code: str | None = None
    failure_kind: str | None = None
    retry_attempt: int = 0


@ready
class Wrong(msgspec.Struct, frozen=True, rename="camel"):
    """The turn has failed. `message` is for us to be judged: never for a log or a client."""

    error_type: str
    message: str = ""
    error_code: str | None = None
    status_code: int | None = None


@ready
class Compressed(msgspec.Struct, frozen=True):
    """The CLI has shortened the conversation by itself."""


@ready
class Idle(msgspec.Struct, frozen=True):
    """The session has nothing more to do."""


Event: TypeAlias = (
    Piece
    | ThoughtPiece
    | Thought
    | CallPiece
    | Spoken
    | Used
    | Requested
    | Settled
    | Permission
    | Failing
    | Wrong
    | Compressed
    | Idle
)

_KINDS: dict[str, type[Event]] = {
    "assistant.message_delta": Piece,
    "assistant.reasoning_delta": ThoughtPiece,
    "assistant.reasoning": Thought,
    "assistant.tool_call_delta": CallPiece,
    "assistant.message": Spoken,
    "assistant.usage": Used,
    "external_tool.requested": Requested,
    "tool.execution_complete": Settled,
    "permission.requested": Permission,
    "model.call_failure": Failing,
    "session.error": Wrong,
    "session.truncation": Compressed,
    "session.compaction_complete": Compressed,
    "session.idle": Idle,
}


def read_event(kind: str, data: Raw) -> Event | None:
    """Read an event; None for one that says nothing here. msgspec.DecodeError for one of another form."""
    known = _KINDS.get(kind)
    if known is None:
        return None
    return decoder(known).decode(data)
