"""How much a request may make a model write, as its body says: read only where that has to be known.

The dialects use different names for the same few things, and a request has those of one dialect.
"""

from typing import Annotated, TypeVar

import msgspec
from msgspec import Raw

from llm_gateway.dialects.contract import Call

__all__ = ["Extent", "extent"]

T = TypeVar("T")

_LONGEST = 10**9

_whole: msgspec.json.Decoder[int] = msgspec.json.Decoder(int)
_name: msgspec.json.Decoder[str] = msgspec.json.Decoder(Annotated[str, msgspec.Meta(max_length=64)])
# Chat Completions' newer and older name, Responses', and Messages'.
_TOKENS = ("max_completion_tokens", "max_output_tokens", "max_tokens")


class _Generation(msgspec.Struct):
    """Gemini's `generationConfig`, in both of its spellings."""

    camel: object = msgspec.field(name="maxOutputTokens", default=None)
    snake: object = msgspec.field(name="max_output_tokens", default=None)
    candidates: object = msgspec.field(name="candidateCount", default=None)


class _Options(msgspec.Struct):
    """Ollama's `options`; a negative number means without end."""

    num_predict: object = None


_generation = msgspec.json.Decoder(_Generation)
_options = msgspec.json.Decoder(_Options)


class Extent(msgspec.Struct, frozen=True):
    """At most so many tokens in each of so many answers; None where the request sets no bound.

    `tier` is the service tier that is asked for, "" where none is: a dearer one may have to be paid.
    """

    tokens: int | None = None
    answers: int = 1
    tier: str = ""


def extent(call: Call) -> Extent:
    """Return what a request bounds; what cannot be read bounds nothing."""
    fields = call.document.fields
    tokens = next((found for name in _TOKENS if (found := _number(fields.get(name))) is not None), None)
    answers = _number(fields.get("n"))
    if (raw := fields.get("generationConfig") or fields.get("generation_config")) is not None:
        generation = _read(_generation, raw) or _Generation()
        tokens = _positive(generation.camel) or _positive(generation.snake)
        answers = _positive(generation.candidates)
    elif (raw := fields.get("options")) is not None and tokens is None:
        tokens = _positive((_read(_options, raw) or _Options()).num_predict)
    tier = _read(_name, fields["service_tier"]) if "service_tier" in fields else None
    return Extent(tokens, max(answers or 1, 1), tier or "")


def _number(raw: Raw | None) -> int | None:
    if raw is None:
        return None
    number = _read(_whole, raw)
    return _positive(number)


def _positive(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return min(value, _LONGEST)
    return None


def _read(decoder: msgspec.json.Decoder[T], raw: Raw) -> T | None:
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
