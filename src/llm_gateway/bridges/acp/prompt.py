"""What an agent is asked: the client's text and pictures, and where need be the conversation before it.

An agent has its own system text; that of the client stands before the prompt, and so does what was said in a
session that is gone. Values.
"""

from collections.abc import Iterable, Sequence

import msgspec

from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.canonical.parts import Image, Inline, Part, Refusal, Text
from llm_gateway.canonical.request import Message, Request
from llm_gateway.dialects.bridge.stream import Lost

__all__ = ["Words", "answer_before", "prompt_of", "words_of"]

_Block = dict[str, object]

_HISTORY = "This is the conversation so far. Go on from its end."


class Words(msgspec.Struct, frozen=True):
    """A request, apart: system text, what was said before, and what is said now."""

    system: str
    history: tuple[Message, ...]
    now: tuple[Part, ...]

    @property
    def size(self) -> int:
        """Return the bytes of all text in it."""
        parts = [part for message in self.history for part in message.parts]
        return sum(len(text.encode()) for text in (self.system, _text(parts), _text(self.now)))


def words_of(request: Request, *, sees: bool) -> Words:
    """Return a request, apart; BridgeFault when it ends with nothing to answer, or shows what is not seen."""
    said = tuple(message for message in request.messages if message.role != "system")
    system = "\n\n".join(_text(message.parts) for message in request.messages if message.role == "system")
    if not said or said[-1].role != "user" or not said[-1].parts:
        raise BridgeFault(
            "refused",
            "the conversation ends without anything that an agent could answer; its last message has to be "
            "the user's",
            param="messages",
        )
    for part in said[-1].parts:
        if isinstance(part, Image) and not (sees and isinstance(part.source, Inline)):
            raise BridgeFault(
                "refused",
                "this agent takes no pictures"
                if not sees
                else "agents take pictures in the request itself, and this one is only named; send its data",
                param="images",
            )
    return Words(system, said[:-1], said[-1].parts)


def answer_before(messages: Sequence[Message]) -> tuple[Sequence[Message], str] | None:
    """Return what was said before the agent's last answer, and that; None unless one message follows it."""
    end = len(messages) - 1
    start = end
    while start > 0 and messages[start - 1].role == "assistant":
        start -= 1
    if start == end or end < 0:
        return None
    return messages[:start], "".join(_text(message.parts) for message in messages[start:end])


def prompt_of(words: Words, *, whole: bool) -> tuple[list[_Block], tuple[Lost, ...]]:
    """Return the blocks of a prompt, and what of the conversation is lost.

    With `whole` the session is a new one, which is told all that was said before.
    """
    blocks: list[_Block] = []
    losses: list[Lost] = []
    if whole and words.system:
        blocks.append(_block(words.system))
    if whole and words.history:
        blocks.append(_block(_told(words.history)))
        losses.append(Lost("messages", "the session is a new one: what was said before is told as a text"))
        if any(isinstance(part, Image) for message in words.history for part in message.parts):
            losses.append(Lost("messages.images", "pictures of before are not shown again"))
    for part in words.now:
        match part:
            case Image(Inline(data, media_type)):
                blocks.append({"type": "image", "data": data, "mimeType": media_type})
            case Text(text) | Refusal(text):
                blocks.append(_block(text))
            case _:
                pass
    return blocks, tuple(losses)


def _told(history: Iterable[Message]) -> str:
    said = (f"<{message.role}>\n{_text(message.parts)}\n</{message.role}>" for message in history)
    return "\n".join((_HISTORY, "<conversation>", *said, "</conversation>"))


def _block(text: str) -> _Block:
    return {"type": "text", "text": text}


def _text(parts: Iterable[Part]) -> str:
    return "\n".join(part.text for part in parts if isinstance(part, (Text, Refusal)))
