"""Whole answers between this dialect and the common model. Streams: `decoder.py` and `encoder.py`."""

from collections.abc import Sequence
from typing import assert_never

import msgspec

from llm_gateway.canonical.events import Event, Failed
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Refusal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import AnswerPart, Response, fold
from llm_gateway.dialects.contract import Asked, Read, Written
from llm_gateway.dialects.gemini.finish import write_finish
from llm_gateway.dialects.gemini.members import Json
from llm_gateway.dialects.gemini.parts import call_part, thought_part
from llm_gateway.dialects.gemini.reading import AnswerReader
from llm_gateway.dialects.gemini.usage import told
from llm_gateway.errors import UpstreamBroken

__all__ = ["decode_response", "encode_response"]

_encode = msgspec.json.encode


def decode_response(body: bytes) -> Read:
    """Read a whole answer; UpstreamBroken when it is none."""
    reader = AnswerReader()
    events: list[Event] = reader.take(body)
    for event in events:
        if isinstance(event, Failed):
            raise UpstreamBroken(f"the upstream failed while it answered: {event.message}")
    ending = reader.finish(whole=True)
    if not ending:
        raise UpstreamBroken(
            "the upstream's answer is not one of the Gemini API: it does not say why it ended"
        )
    return Read(fold([*events, *ending]), tuple(reader.losses))


def encode_response(response: Response, asked: Asked) -> Written:
    """Write a whole answer."""
    losses = Losses()
    candidate: dict[str, object] = {
        "content": {"parts": _parts(response.parts, losses), "role": "model"},
        "finishReason": write_finish(response.finish, response.sequence, losses),
        "index": 0,
    }
    answer: dict[str, object] = {"candidates": [candidate]}
    if response.usage is not None:
        answer["usageMetadata"] = told(response.usage)
    answer |= {"modelVersion": asked.model, "responseId": asked.id}
    return Written(_encode(answer), asked.id, losses.found())


def _parts(parts: Sequence[AnswerPart], losses: Losses) -> list[Json]:
    found: list[Json] = []
    said = 0  # up to the last call
    for at, part in enumerate(parts):
        match part:
            case Text(text) | Refusal(text):
                found.append({"text": text})
            case Thinking():
                found.append(thought_part(part.text, part.seal, redacted=part.redacted))
            case ToolCall():
                found.append(call_part(part, losses, parts[said:at]))
                said = at + 1
            case _:
                assert_never(part)
    return found or [{"text": ""}]
