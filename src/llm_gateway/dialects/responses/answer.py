"""Whole answers of the `responses` dialect, read from an upstream and written for a client."""

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Refusal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import AnswerPart, Response
from llm_gateway.canonical.tiers import tier_of
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked, Read, Written
from llm_gateway.dialects.responses.fields import UNREADABLE
from llm_gateway.dialects.responses.read_output import finish_of, parts_of, report_envelope
from llm_gateway.dialects.responses.read_usage import read_usage, searches_in, with_tools
from llm_gateway.dialects.responses.response import error_text
from llm_gateway.dialects.responses.write_output import (
    Envelope,
    Json,
    Writer,
    ending,
    refusal_part,
    text_part,
)
from llm_gateway.errors import UpstreamBroken

__all__ = ["Answered", "decode_response", "encode_count", "encode_response", "read_parts"]


class Answered(msgspec.Struct):
    """A response object, as far as it is read."""

    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[dict[str, object]] | None = None
    usage: Raw = msgspec.field(default_factory=Raw)
    incomplete_details: object = None
    error: object = None
    service_tier: object = None
    tool_usage: Raw = msgspec.field(default_factory=Raw)

    @property
    def used(self) -> Usage | None:
        """Return what was used, its hosted tools included."""
        return with_tools(read_usage(self.usage), self.tool_usage, searches_in(self.output))

    @property
    def tier(self) -> str:
        """Return the service tier that it was made at, "" for the usual one."""
        return tier_of(self.service_tier)

    @property
    def reason(self) -> str:
        """Return why it is incomplete, or "" where it is complete."""
        match self.incomplete_details:
            case {"reason": str() as reason}:
                return reason
        return "unknown" if self.status == "incomplete" else ""


_answered = msgspec.json.Decoder(Answered)
_encode = msgspec.json.encode


def decode_response(body: bytes) -> Read:
    """Read an answer; UpstreamBroken when it is none, or says that it failed."""
    try:
        answered = _answered.decode(body)
    except UNREADABLE:
        raise UpstreamBroken("the upstream's answer is not a response object of OpenAI's Responses") from None
    if answered.status == "failed" or answered.error is not None:
        told = error_text(answered.error or {})
        raise UpstreamBroken(f"the upstream failed while it answered: {told}")
    if answered.output is None:
        raise UpstreamBroken("the upstream's answer is a response object without `output`")
    if answered.status not in ("completed", "incomplete", None):
        raise UpstreamBroken(f"the upstream answered with a response that is {answered.status[:20]!r}")
    losses = Losses()
    report_envelope(body, losses)
    response = read_parts(answered, losses)
    return Read(response, losses.found())


def read_parts(answered: Answered, losses: Losses) -> Response:
    """Return what a response object that is complete says."""
    parts = [part for item in answered.output or () for part in parts_of(item, losses)]
    calls = any(isinstance(part, ToolCall) for part in parts)
    refused = any(isinstance(part, Refusal) for part in parts)
    finish = finish_of(answered.reason, calls=calls, refused=refused)
    return Response(
        answered.id or "",
        answered.model or "",
        tuple(parts),
        finish,
        usage=answered.used,
        tier=answered.tier,
    )


def encode_response(response: Response, asked: Asked) -> Written:
    """Write an answer."""
    losses = Losses()
    envelope = Envelope(asked)
    refused = any(isinstance(part, Refusal) for part in response.parts)
    reason = ending(response.finish, response.sequence, losses, refused=refused)
    output = _output(response.parts, Writer(asked, losses))
    if reason and output and "status" in output[-1]:
        output[-1]["status"] = "incomplete"
    status = "incomplete" if reason else "completed"
    body = envelope.written(status, output, response.usage or Usage(), reason=reason)
    return Written(body, envelope.id, losses.found())


def _output(parts: tuple[AnswerPart, ...], writer: Writer) -> list[Json]:
    output: list[Json] = []
    content: list[Json] | None = None  # of the message that is open
    for part in parts:
        match part:
            case Text(text) | Refusal(text):
                if content is None:
                    content = []
                    output.append(writer.message(len(output), content))
                content.append(text_part(text) if isinstance(part, Text) else refusal_part(text))
                continue
            case Thinking(text, seal, redacted):
                output.append(writer.reasoning(len(output), text, seal, redacted=redacted))
            case ToolCall():
                if part.seal is not None:
                    output.append(writer.call_seal(len(output), part.seal))
                output.append(writer.call(len(output), part))
        content = None
    return output


def encode_count(tokens: int) -> bytes:
    """Write the answer of the operation `responses/input_tokens`."""
    return _encode({"object": "response.input_tokens", "input_tokens": tokens})
