"""Copilot's stream as it comes: the whole answer so far, again and again. Made into what is new of it.

Each event is a conversation (copilotConversation) with the messages so far, or none; the last one has counted
the turn and holds the prompt, too. What was told stays told: text that is written anew is held back until it
agrees with what was told, and at the end, when it does not, the answer is told whole in a block of its own.
"""

import msgspec

from llm_gateway.bridges.m365.marks import cited, cleaned
from llm_gateway.wire.ready import ready

__all__ = ["Attribution", "Conversation", "Reference", "Said", "Telling", "payload", "read_conversation"]


class Attribution(msgspec.Struct, frozen=True, rename="camel"):
    """A source of an answer, in Graph's form."""

    attribution_type: str | None = None
    provider_display_name: str | None = None
    see_more_web_url: str | None = None


class Reference(msgspec.Struct, frozen=True, rename="camel"):
    """A source of an answer, in Work IQ's form."""

    target_link: str | None = None
    is_cited_in_response: bool | None = None


class Said(msgspec.Struct, frozen=True):
    """A message: the prompt again, or an answer."""

    id: str = ""
    text: str | None = None
    attributions: tuple[Attribution, ...] | None = None
    references: dict[str, Reference | str | None] | None = None


class _Trouble(msgspec.Struct, frozen=True):
    code: str | None = None


@ready
class Conversation(msgspec.Struct, frozen=True, rename="camel"):
    """A conversation as it is at a moment. `error` is there instead when the service broke off."""

    id: str = ""
    state: str | None = None
    turn_count: int | None = None
    messages: tuple[Said, ...] | None = None
    error: _Trouble | None = None


_conversation = msgspec.json.Decoder(Conversation)

_DISENGAGED = "disengagedForRai"


def payload(event: bytes) -> bytes:
    """Return the JSON of one server-sent event.

    Microsoft's pages print an event's JSON over several lines of which only the first says `data:`; no line
    of JSON begins with a field's name, so both forms are read.
    """
    lines: list[bytes] = []
    for line in event.splitlines():
        if line.startswith(b"data:"):
            lines.append(line[5:])
        elif not line.startswith((b"id:", b"event:", b"retry:", b":")):
            lines.append(line)
    return b"\n".join(lines).strip()


def read_conversation(data: bytes) -> Conversation | None:
    """Read a conversation; None when it is something else."""
    try:
        return _conversation.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class Telling:
    """What of an answer was told. `whole` tells nothing before the end: for who does not read a stream."""

    def __init__(self, prompt: str, *, whole: bool) -> None:
        self._prompt = prompt.strip()
        self._whole = whole
        self._parts: dict[str, str] = {}
        self._sources: dict[str, tuple[str, str]] = {}
        self._told = ""
        self.complete = False
        """Whether the service has counted the turn: nothing more is to come."""
        self.disengaged = False
        """Whether the service has ended the conversation, for its rules of responsible AI."""

    @property
    def told(self) -> str:
        """Return the answer as far as it was told."""
        return self._told

    @property
    def size(self) -> int:
        """Return how many bytes of an answer are here."""
        return sum(len(text.encode()) for text in self._parts.values())

    def feed(self, conversation: Conversation) -> str:
        """Take a snapshot; return what can be told now, or nothing."""
        self._take(conversation)
        now = cleaned("\n\n".join(self._parts.values()), more=True)
        if self._whole or not now.startswith(self._told):
            return ""
        new = now[len(self._told) :]
        self._told = now
        return new

    def close(self) -> tuple[str, bool]:
        """Return the rest, the sources included, and whether it is the whole answer, written anew."""
        now = cleaned("\n\n".join(self._parts.values()), more=False)
        rewritten = not now.startswith(self._told)
        rest = (now if rewritten else now[len(self._told) :]) + (cited(self._sources.values()) if now else "")
        self._told = rest if rewritten else self._told + rest
        return rest, rewritten

    def _take(self, conversation: Conversation) -> None:
        messages = conversation.messages or ()
        self.disengaged = self.disengaged or conversation.state == _DISENGAGED
        self.complete = self.complete or bool(messages and (conversation.turn_count or 0) > 0)
        answers = self._answers(messages)
        if self.complete and messages:  # the last word, whatever stood in the updates before
            self._parts = {}
        for message in answers:
            self._parts[message.id] = message.text or ""
            self._note_sources(message)

    def _answers(self, messages: tuple[Said, ...]) -> tuple[Said, ...]:
        """Leave out the prompt, which comes back in front of its answer at the end.

        Until then a message that only repeats the prompt may be either: it is not told yet.
        """
        if not self.complete:
            return tuple(each for each in messages if (each.text or "").strip() != self._prompt)
        if not messages or messages[0].id in self._parts:
            return messages
        repeats = len(messages) > 1 or (messages[0].text or "").strip() == self._prompt
        return messages[1:] if repeats else messages

    def _note_sources(self, message: Said) -> None:
        for each in message.attributions or ():
            if each.attribution_type == "citation" and each.see_more_web_url:
                self._sources.setdefault(
                    each.see_more_web_url, (each.provider_display_name or "", each.see_more_web_url)
                )
        for reference in (message.references or {}).values():
            if isinstance(reference, Reference) and reference.is_cited_in_response and reference.target_link:
                self._sources.setdefault(reference.target_link, ("", reference.target_link))
