"""Whole answers between this dialect and the common model. Streams: `decoder.py` and `encoder.py`."""

from collections.abc import Iterable
from typing import assert_never

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Refusal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import AnswerPart, Response
from llm_gateway.canonical.tiers import tier_of
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat.calls import read_calls, read_old_call, write_call
from llm_gateway.dialects.chat.content import kind_of, read_content
from llm_gateway.dialects.chat.finish import read_finish, write_finish
from llm_gateway.dialects.chat.members import UNREADABLE, Json, lose, lose_unknown
from llm_gateway.dialects.chat.read_usage import Places, read_everywhere
from llm_gateway.dialects.chat.reasoning import (
    THOUGHT_MEMBERS,
    details_of,
    google_seal,
    lose_extras,
    seal_of,
    spoken,
    text_of_details,
)
from llm_gateway.dialects.chat.response import error_text
from llm_gateway.dialects.chat.usage import told
from llm_gateway.dialects.contract import Asked, Read, Written
from llm_gateway.errors import MalformedRequest, UpstreamBroken
from llm_gateway.wire.strays import strays

__all__ = ["EXTRAS", "Ending", "Envelope", "decode_response", "encode_response", "made_up_id", "response_id"]

EXTRAS = ("annotations", "audio", "images", "citations", "search_results")
"""Members of answers that some servers add to the text, and for which the common model has no place."""

_encode = msgspec.json.encode
_ABSENT = Raw()


_UNKNOWN = "not known outside of the dialect it came in"
_MESSAGE = THOUGHT_MEMBERS | {"role", "content", "refusal", "tool_calls", "function_call", *EXTRAS}


class Ending(msgspec.Struct, gc=False):
    """What is beside the message, or beside a piece of it."""

    finish_reason: object = None
    stop_reason: object = None
    logprobs: object = None
    index: object = 0
    # How the provider rates what was said, and its own words for how it ended: no part of the answer.
    content_filter_results: object = None
    native_finish_reason: object = None
    matched_stop: object = None
    token_ids: object = None
    usage: Raw = _ABSENT  # Moonshot's place for it


class Envelope(msgspec.Struct, gc=False):
    """What an answer says of itself, and every event of a stream."""

    id: object = None
    model: object = None
    usage: Raw = _ABSENT
    error: object = None
    citations: object = None
    search_results: object = None
    # When, by whom and how fast it was made.
    kind: object = msgspec.field(default=None, name="object")
    created: object = None
    provider: object = None
    service_tier: object = None
    system_fingerprint: object = None
    timings: Raw = _ABSENT
    prompt_filter_results: object = None
    prompt_token_ids: object = None
    x_groq: Raw = _ABSENT

    def used(self, choice: Ending | None) -> Usage | None:
        """Return what it says was used, or its choice says."""
        inner = choice.usage if choice is not None else _ABSENT
        return read_everywhere(Places(self.usage, inner, self.x_groq, self.timings))


class _Choice(Ending):
    message: dict[str, object] | None = None


class _Answer(Envelope):
    choices: list[_Choice] | None = None


_answer = msgspec.json.Decoder(_Answer)


def decode_response(body: bytes) -> Read:
    """Read a whole answer; UpstreamBroken when it is none."""
    try:
        answer = _answer.decode(body)
    except UNREADABLE:
        raise UpstreamBroken("the upstream's answer is no chat completion") from None
    if answer.error is not None:
        raise UpstreamBroken(f"the upstream failed while it answered: {error_text(answer.error)}")
    if not answer.choices or answer.choices[0].message is None:
        raise UpstreamBroken("the upstream's answer is no chat completion: it has no message")
    losses = Losses()
    for name in strays(body, _Answer):
        lose(losses, "response.", name, _UNKNOWN)
    choice, message = answer.choices[0], answer.choices[0].message
    lose_unknown(message, _MESSAGE, "response.", losses)
    if len(answer.choices) > 1:
        losses.add("response.choices", "one answer can be told")
    for name, value in (
        *message.items(),
        ("citations", answer.citations),
        ("search_results", answer.search_results),
    ):
        if name in EXTRAS and value:
            losses.add(f"response.{name}", "other dialects have no place for it")
    if choice.logprobs:
        losses.add("response.logprobs", "other dialects have no place for it")
    upstream_id = answer.id if isinstance(answer.id, str) else ""
    try:
        parts = _parts(message, upstream_id, losses)
    except MalformedRequest as error:  # the readers of messages are the same for both sides
        raise UpstreamBroken(f"the upstream's answer cannot be read: {error.message}") from None
    reason, sequence = read_finish(
        choice.finish_reason if isinstance(choice.finish_reason, str) else "",
        choice.stop_reason,
        called=any(isinstance(part, ToolCall) for part in parts),
        refused=any(isinstance(part, Refusal) for part in parts),
    )
    model = answer.model if isinstance(answer.model, str) else ""
    usage, tier = answer.used(choice), tier_of(answer.service_tier)
    response = Response(upstream_id, model, tuple(parts), reason, sequence, usage, tier)
    return Read(response, losses.found())


def _parts(message: Json, upstream_id: str, losses: Losses) -> list[AnswerPart]:
    parts: list[AnswerPart] = []
    text, member = spoken(message)
    details = message.get("reasoning_details")
    items = [item for item in details if isinstance(item, dict)] if isinstance(details, list) else []
    if text or items:
        parts.append(Thinking(text or text_of_details(items), seal_of(member, items)))
    lose_extras(message, "response.", losses)
    if (seal := google_seal(message)) is not None:
        parts.append(Thinking("", seal))
    for part in read_content(message.get("content"), "message.content", losses):
        if isinstance(part, Text | Refusal):
            parts.append(part)
        elif isinstance(part, Thinking):
            if not text and not items:
                parts.append(part)
        else:
            losses.add(f"response.{kind_of(part)}", "an answer is text, reasoning and calls")
    if isinstance(refusal := message.get("refusal"), str) and refusal:
        parts.append(Refusal(refusal))
    calls = read_calls(message.get("tool_calls"), "message.tool_calls", losses, "chat")
    if not calls:
        calls = read_old_call(message.get("function_call"), "response.function_call", "", losses)
    parts += [
        call if call.id else msgspec.structs.replace(call, id=made_up_id(upstream_id, index))
        for index, call in enumerate(calls)
    ]
    return parts


def made_up_id(upstream_id: str, index: int) -> str:
    """Return an id for a call that came without one, made of what every dialect takes in an id."""
    plain = "".join([letter for letter in upstream_id if letter.isascii() and letter.isalnum()])
    return f"call_{plain[-24:]}_{index}"


def response_id(asked: Asked) -> str:
    """Return the id of the answer to this request."""
    return f"chatcmpl-{asked.id}"


def encode_response(response: Response, asked: Asked) -> Written:
    """Write a whole answer."""
    losses = Losses()
    calls = [part for part in response.parts if isinstance(part, ToolCall)]
    refusal = "".join([part.text for part in response.parts if isinstance(part, Refusal)])
    finish = write_finish(response.finish, called=bool(calls), refused=bool(refusal), losses=losses)
    message = _message(response.parts, refusal)
    if calls and asked.notes.get("calls") == "function_call":
        message["function_call"] = {"name": calls[0].name, "arguments": calls[0].arguments}
        finish = "function_call" if finish == "tool_calls" else finish
        if len(calls) > 1:
            losses.add("response.tool_calls", "an answer in the form of old has one call")
    elif calls:
        message["tool_calls"] = [write_call(call, call.seal) for call in calls]
    choice: dict[str, object] = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    if response.sequence:
        choice["stop_reason"] = response.sequence
    answer: dict[str, object] = {
        "id": response_id(asked),
        "object": "chat.completion",
        "created": asked.now,
        "model": asked.model,
        "choices": [choice],
    }
    if response.usage is not None:
        answer["usage"] = told(response.usage)
    return Written(_encode(answer), response_id(asked), losses.found())


def _message(parts: Iterable[AnswerPart], refusal: str) -> dict[str, object]:
    texts: list[str] = []
    thoughts: list[Thinking] = []
    called = False
    for part in parts:
        match part:
            case Text(text):
                texts.append(text)
            case Thinking():
                thoughts.append(part)
            case ToolCall():
                called = True
            case Refusal():
                pass
            case _:
                assert_never(part)
    content = "".join(texts)
    told_content = content if content or not (called or refusal) else None
    message: dict[str, object] = {"role": "assistant", "content": told_content, "refusal": refusal or None}
    if readable := [thought.text for thought in thoughts if thought.text]:
        message["reasoning_content"] = "\n\n".join(readable)
    if any(thought.seal is not None for thought in thoughts):
        message["reasoning_details"] = details_of(thoughts)
    return message
