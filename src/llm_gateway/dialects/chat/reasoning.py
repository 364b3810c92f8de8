"""Reasoning in messages of this dialect, which its own documentation does not know, and its seals.

Servers tell it as `reasoning_content` (DeepSeek, vLLM, llama.cpp, xAI) or `reasoning` (OpenRouter, Groq,
newer vLLM), and OpenRouter's `reasoning_details` hold what has to come back unchanged. To a client we
say `reasoning_content`, and where another dialect has sealed its thinking, `reasoning_details` whose
signatures are envelopes (`dialects/opaque.py`): clients that send answers back whole bring them along.

The other way round, DeepSeek demands its reasoning back and Cerebras refuses any (Kilo-Org/kilocode issue
10375). So reasoning of a server is sealed with the member it came in, and goes back into that one; what
another dialect's model thought is not told to a server of this one.
"""

from collections.abc import Iterable, Sequence

import msgspec

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Seal, Thinking
from llm_gateway.dialects.chat.members import UNREADABLE, Json, lose_unknown
from llm_gateway.dialects.opaque import opened, sealed_for

__all__ = [
    "THOUGHT_MEMBERS",
    "details_of",
    "google_seal",
    "google_sealed",
    "lose_extras",
    "read_thoughts",
    "seal_of",
    "spoken",
    "text_of_details",
    "write_thoughts",
]

_NAME = "chat"
THOUGHT_MEMBERS = frozenset(
    ("reasoning_content", "reasoning", "reasoning_details", "thinking_blocks", "extra_content")
)
_SPELLINGS = ("reasoning_content", "reasoning")
_EXTRA, _GOOGLE = frozenset(("google",)), frozenset(("thought_signature",))
_SIGNED = ("signature", "index")
_NONE = object()
_details = msgspec.json.Decoder(list[dict[str, object]])


def spoken(message: Json) -> tuple[str, str]:
    """Return the reasoning of a message or a delta as text, and the member that held it."""
    for member in _SPELLINGS:
        text = message.get(member)
        if isinstance(text, str) and text:
            return text, member
    return "", ""


# What a client sends back.


def read_thoughts(message: Json, losses: Losses) -> list[Thinking]:
    """Read the reasoning in a message of the conversation, with the seals that a client brought back."""
    thoughts = _read_blocks(message.get("thinking_blocks"))
    if not thoughts:
        thoughts = _read_details(message.get("reasoning_details"), losses)
    text, _ = spoken(message)
    if text and not any(thought.text for thought in thoughts):
        thoughts.insert(0, Thinking(text))
    lose_extras(message, "messages.", losses)
    if (seal := google_seal(message)) is not None:
        thoughts.append(Thinking("", seal))
    return thoughts


def _read_blocks(value: object) -> list[Thinking]:
    """Read `thinking_blocks`, in which LiteLLM hands Anthropic's blocks to clients of this dialect."""
    thoughts: list[Thinking] = []
    for block in value if isinstance(value, list) else ():
        match block:
            case {"type": "thinking", "thinking": str(text)}:
                signature = block.get("signature")
                sealed = isinstance(signature, str) and signature != ""
                thoughts.append(Thinking(text, opened("messages", signature) if sealed else None))
            case {"type": "redacted_thinking", "data": str(data)}:
                thoughts.append(Thinking("", opened("messages", data), redacted=True))
    return thoughts


def _read_details(value: object, losses: Losses) -> list[Thinking]:
    thoughts: list[Thinking] = []
    unsealed: object = _NONE  # the index of a text that may go on: clients keep the pieces of a stream
    for item in value if isinstance(value, list) else ():
        match item:
            case {"type": "reasoning.encrypted", "data": str(data)}:
                if (seal := _foreign(data, losses)) is not None:
                    thoughts.append(Thinking("", seal, redacted=True))
                unsealed = _NONE
            case {"type": "reasoning.text" | "reasoning.summary"}:
                told, signature, index = item.get("text") or item.get("summary"), *map(item.get, _SIGNED)
                text = told if isinstance(told, str) else ""
                seal = _foreign(signature, losses) if isinstance(signature, str) and signature else None
                if thoughts and index == unsealed:
                    text = thoughts.pop().text + text
                if text or seal is not None:
                    thoughts.append(Thinking(text, seal))
                unsealed = _NONE if seal is not None or not text else index
            case _:
                losses.add("messages.reasoning_details", "of a form that is not known")
    return thoughts


def _foreign(text: str, losses: Losses) -> Seal | None:
    """Return the seal in an envelope. One without is a server's of this dialect: nobody else can read it."""
    seal = opened(_NAME, text)
    if seal.dialect == _NAME:
        losses.add(
            "messages.reasoning_details", "sealed by the server that said it, which nobody else can read"
        )
        return None
    return seal


def details_of(thoughts: Iterable[Thinking], first: int = 0) -> list[Json]:
    """Return thinking as `reasoning_details`, each block whole, numbered from `first`."""
    details: list[Json] = []
    for index, thought in enumerate(thoughts, first):
        signed = sealed_for(_NAME, thought.seal) if thought.seal is not None else None
        if thought.redacted:
            details.append({"type": "reasoning.encrypted", "data": signed or "", "index": index})
        else:
            text = {"type": "reasoning.text", "text": thought.text, "index": index}
            details.append(text if signed is None else {**text, "signature": signed})
    return details


# What a server said, and is told again.


def seal_of(member: str, details: Sequence[Json]) -> Seal:
    """Return the seal of a server's reasoning: the member that it came in, and its details as JSON."""
    return Seal(_NAME, member + (msgspec.json.encode(details).decode() if details else ""))


def text_of_details(details: object) -> str:
    """Return the readable text in `reasoning_details`."""
    found: list[str] = []
    for item in details if isinstance(details, list) else ():
        if isinstance(item, dict):
            text = item.get("text") or item.get("summary")
            if isinstance(text, str):
                found.append(text)
    return "".join(found)


def write_thoughts(thoughts: Iterable[Thinking], losses: Losses) -> dict[str, object]:
    """Return the members in which a server is told again what it said; others' thinking is a loss."""
    texts: dict[str, list[str]] = {}
    details: list[Json] = []
    for thought in thoughts:
        seal = thought.seal
        if seal is None or seal.dialect != _NAME:
            losses.add("messages.thinking", "what another dialect's model thought means nothing to this one")
            continue
        member, bracket, rest = seal.data.partition("[")
        if bracket:
            try:
                details += _details.decode(bracket + rest)
            except UNREADABLE:
                losses.add("messages.thinking", "its seal came back changed")
                continue
        if member in _SPELLINGS and thought.text:
            texts.setdefault(member, []).append(thought.text)
    told: dict[str, object] = {member: "\n\n".join(found) for member, found in texts.items()}
    if details:
        told["reasoning_details"] = details
    return told


# Google's place for its signatures.


def google_seal(holder: Json, owner: str = "gemini") -> Seal | None:
    """Return the seal in `extra_content`, where Google's server of this dialect puts `thoughtSignature`.

    ai.google.dev, "Thought signatures", part on OpenAI compatibility: with a call of a tool, or with the
    message. A seal of another dialect travels there in an envelope. What a client sends back without one
    is Gemini's; what a server of this dialect says is that server's.
    """
    match holder.get("extra_content"):
        case {"google": {"thought_signature": str(signature)}} if signature:
            return opened(owner, signature)
    return None


def lose_extras(holder: Json, prefix: str, losses: Losses) -> None:
    """Report what else servers and clients put into `extra_content`."""
    match holder.get("extra_content"):
        case dict(extra):
            lose_unknown(extra, _EXTRA, f"{prefix}extra_content.", losses)
            match extra.get("google"):
                case dict(google):
                    lose_unknown(google, _GOOGLE, f"{prefix}extra_content.", losses)


def google_sealed(seal: Seal) -> Json:
    """Return the `extra_content` that holds this seal."""
    return {"google": {"thought_signature": sealed_for("gemini", seal)}}
