"""What is sent for a turn: the prompt, and beside it what the service has no place for. No sockets.

The Chat API takes one text a turn. The client's system text, and what was said before where no conversation
is kept, go along as context, each with a description; MicrosoftDocs/m365copilot-docs, copilotContextMessage.
"""

import zoneinfo
from collections.abc import Mapping
from pathlib import Path
from typing import assert_never

import msgspec

from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.canonical.parts import (
    Audio,
    Document,
    Image,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llm_gateway.canonical.request import Message, Request

__all__ = ["Words", "body_of", "time_zone", "words_of"]

_LOCALTIME = Path("/etc/localtime")
_SYSTEM = "How the application that asks wants to be answered"
_BEFORE = "What the user and you have said so far in this conversation, the latest at the end"


class Words(msgspec.Struct, frozen=True):
    """A turn's own text, the system text, and the messages that the turn goes on from."""

    prompt: str
    system: str
    before: tuple[Message, ...]

    @property
    def history(self) -> str:
        """Return what was said before, as a text; nothing when this is the beginning."""
        return "\n\n".join(
            f"{'User' if message.role == 'user' else 'Copilot'}: {text}"
            for message in self.before
            if message.role != "system" and (text := _text(message))
        )

    @property
    def size(self) -> int:
        """Return how many bytes all of it has."""
        return sum(len(text.encode()) for text in (self.prompt, self.system, self.history))


def words_of(request: Request) -> Words:
    """Take a request apart; BridgeFault when there is nothing in it that could be asked."""
    messages = request.messages
    last = max((at for at, message in enumerate(messages) if message.role == "assistant"), default=-1)
    asked = [message for message in messages[last + 1 :] if message.role == "user"]
    prompt = "\n\n".join(text for message in asked if (text := _text(message)))
    if not prompt:
        raise BridgeFault(
            "refused",
            "the conversation does not end with a text of the user's, and Microsoft 365 Copilot takes "
            "nothing else; end it with a question",
            param="messages",
        )
    # System text of the turn itself belongs to what the conversation is told by, as the next turn has it.
    before = tuple(message for at, message in enumerate(messages) if at <= last or message.role == "system")
    system = "\n\n".join(
        text for message in messages if message.role == "system" and (text := _text(message))
    )
    return Words(prompt, system, before)


def body_of(words: Words, zone: str, *, web: bool, history: bool) -> bytes:
    """Return the body of a turn; with `history` for a conversation that does not know what was said."""
    context = [(words.system, _SYSTEM)] if words.system else []
    if history and words.history:
        context.append((words.history, _BEFORE))
    body: dict[str, object] = {
        "message": {"text": words.prompt},
        "locationHint": {"timeZone": zone},
        # Searching the web is on by default, and what switches it counts for one turn only.
        "contextualResources": {"webContext": {"isWebEnabled": web}},
    }
    if context:
        body["additionalContext"] = [{"text": text, "description": what} for text, what in context]
    return msgspec.json.encode(body)


def time_zone(environ: Mapping[str, str], localtime: Path = _LOCALTIME) -> str:
    """Return this machine's time zone by its IANA name, UTC where it has none."""
    for name in (environ.get("TZ", "").lstrip(":"), _linked(localtime)):
        try:
            if name:
                return zoneinfo.ZoneInfo(name).key
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            pass  # a path, a rule such as `CET-1CEST`, or nothing at all
    return "UTC"


def _linked(localtime: Path) -> str:
    """Return the zone that the system's own link names (its usual place ends in `zoneinfo/Area/City`)."""
    try:
        return str(localtime.readlink()).partition("zoneinfo/")[2]
    except OSError:
        return ""


def _text(message: Message) -> str:
    return "\n\n".join(text for part in message.parts if (text := _text_of(part)))


def _text_of(part: Part) -> str:
    match part:
        case Text(text) | Refusal(text):
            return text
        case Thinking():
            return ""
        case Image() | Document() | Audio() | ToolCall() | ToolResult():
            raise BridgeFault(
                "refused",
                "Microsoft 365 Copilot takes text alone: no tools, pictures, files or sound; leave them out, "
                "or name a model of another provider",
                param="messages",
            )
        case _:
            assert_never(part)
