"""The pieces that every demo answer is made of: text cut to size, words, events, usage."""

import secrets

import msgspec

from llm_gateway.canonical.usage import BYTES_PER_TOKEN, estimate_tokens

__all__ = ["DONE", "LABEL", "Spoken", "cut", "event", "new_id", "usage", "words"]

LABEL = "This is the demo of LLM Gateway, not a model."
DONE = b"data: [DONE]\n\n"
_LONGEST = 1000

_encode = msgspec.json.encode


class Spoken(msgspec.Struct, frozen=True):
    """An answer in words: the events of a stream, or one body whose text has so many words."""

    events: tuple[bytes, ...] = ()
    body: bytes = b""
    words: int = 0


def cut(text: str, tokens: int | None) -> tuple[str, bool]:
    """Return as much of a text as an answer holds, and whether the client's own limit cut it."""
    text = text[:_LONGEST]
    data = text.encode("utf-8", "replace")
    if tokens is None or len(data) <= tokens * BYTES_PER_TOKEN:
        return text, False
    return data[: max(tokens, 0) * BYTES_PER_TOKEN].decode("utf-8", "ignore"), True


def words(text: str) -> list[str]:
    """Return a text in the pieces that a stream sends."""
    *first, last = text.split(" ")
    return [f"{word} " for word in first] + [last]


def event(body: object) -> bytes:
    """Return a JSON value as one server-sent event."""
    return b"data: %b\n\n" % _encode(body)


def new_id(kind: str) -> str:
    """Return an id that no other answer has; the only part of one that chance decides."""
    return f"{kind}-demo-{secrets.token_hex(12)}"


def usage(asked: str, answered: str) -> dict[str, int]:
    """Count a turn: a token is four bytes of UTF-8."""
    prompt = estimate_tokens(len(asked.encode("utf-8", "replace")))
    completion = estimate_tokens(len(answered.encode("utf-8", "replace")))
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
