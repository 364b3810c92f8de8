"""A stream of this dialect read into events, whoever's server made it.

Not the meter, which watches a stream that passes. Servers differ in what they leave out: ids of calls,
indexes, the `[DONE]`. What they all have is a finish reason; a stream without one, and without its marker,
broke off.
"""

from collections.abc import Sequence

import msgspec

from llm_gateway.canonical.events import (
    Event,
    Failed,
    Finished,
    Measured,
    RefusalDelta,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
)
from llm_gateway.canonical.loss import Loss, Losses
from llm_gateway.canonical.parts import Audio, Document, Image, Refusal, Text, Thinking
from llm_gateway.canonical.tiers import tier_of
from llm_gateway.dialects.chat.answer import EXTRAS, Ending, Envelope
from llm_gateway.dialects.chat.calling import CallPieces
from llm_gateway.dialects.chat.content import kind_of, read_content
from llm_gateway.dialects.chat.finish import read_finish
from llm_gateway.dialects.chat.members import UNREADABLE, Json, lose
from llm_gateway.dialects.chat.reasoning import google_seal, lose_extras, seal_of, text_of_details
from llm_gateway.dialects.chat.response import error_text
from llm_gateway.errors import MalformedRequest, UpstreamBroken
from llm_gateway.wire.sse import EventTooLarge, SseSplitter, event_data
from llm_gateway.wire.strays import strays, strict

__all__ = ["ChatDecoder"]


class _Delta(msgspec.Struct, gc=False):
    """What a piece adds to the message. Servers differ in the types of members, too."""

    content: object = None
    reasoning_content: object = None
    reasoning: object = None
    tool_calls: object = None
    refusal: object = None
    function_call: object = None
    reasoning_details: object = None
    extra_content: object = None
    annotations: object = None
    audio: object = None
    images: object = None
    role: object = None  # says nothing


class _Choice(Ending, gc=False):
    delta: _Delta | None = None


class _Chunk(Envelope, gc=False):
    choices: list[_Choice] | None = None
    obfuscation: object = None


_chunk = msgspec.json.Decoder(strict(_Chunk))
_tolerant = msgspec.json.Decoder(_Chunk)


class ChatDecoder:
    """Read one stream."""

    losses: Sequence[Loss]

    def __init__(self) -> None:
        self.losses = ()
        self._lost = Losses()
        self._splitter = SseSplitter()
        self._started = self._ended = False
        self._native: str | None = None
        self._stop: object = None
        self._refused = False
        self._measured: Measured | None = None
        self._tier: object = None
        self._member = ""  # where the open block of thinking comes in; "" when none is open
        self._spoken = False
        self._details: list[Json] = []
        self._calls = CallPieces(self._lost)

    def feed(self, data: bytes) -> list[Event]:
        """Return what these bytes complete; UpstreamBroken when they are no stream of this dialect."""
        splitter = self._splitter
        if data.startswith(b"data: {") and splitter.is_event(data):  # the usual piece
            return self._read(data[6:])
        try:
            events = splitter.feed(data)
        except EventTooLarge as error:
            raise UpstreamBroken(f"the upstream's stream cannot be read: {error}") from error
        found: list[Event] = []
        for event in events:
            found += self._take(event)
        return found

    def close(self) -> list[Event]:
        """Return what was left: a last event without its blank line, the end without its marker."""
        rest = self._splitter.close()
        try:
            found = self._take(rest)
        except UpstreamBroken:  # half an event: the stream broke off in it
            found = []
        if self._native is not None:
            found += self._finish()
        return found

    def _take(self, event: bytes) -> list[Event]:
        data = event_data(event)
        if data.startswith(b"{"):
            return self._read(data)
        return self._finish() if data.strip() == b"[DONE]" else []

    def _read(self, data: bytes) -> list[Event]:
        if self._ended:
            return []
        try:
            chunk = _chunk.decode(data)
        except UNREADABLE:
            chunk = self._odd(data)
        if chunk.error is not None:
            return self._fail(chunk.error)
        found: list[Event] = []
        last: _Choice | None = None
        if not self._started and (chunk.choices or len(chunk.usage) > 4):
            found.append(self._start(chunk))
        for choice in chunk.choices or ():
            if choice.index and choice.index != 0:
                self._lose("choices", "one answer can be told")
                continue
            if choice.delta is not None:
                self._add(choice.delta, found)
            if choice.finish_reason is not None or choice.logprobs is not None:
                self._note(choice)
                last = choice
        if chunk.service_tier is not None:
            self._tier = chunk.service_tier
        if last is not None or len(chunk.usage) > 4:  # told in its own place, or in another one with the end
            self._measure(chunk, last, found)
        if chunk.citations or chunk.search_results:
            self._lose("citations", "other dialects have no place for it")
        return found

    def _odd(self, data: bytes) -> _Chunk:
        """Read a piece that has more than is known, and report what that is."""
        try:
            chunk = _tolerant.decode(data)
        except UNREADABLE:
            raise UpstreamBroken("the upstream's stream has an event that is no chat completion") from None
        for name in strays(data, _Chunk):
            lose(self._lost, "response.", name, "not known outside of the dialect it came in")
        self.losses = self._lost.found()
        return chunk

    def _start(self, chunk: _Chunk) -> Started:
        self._started = True
        upstream_id = chunk.id if isinstance(chunk.id, str) else ""
        self._calls.origin = upstream_id
        return Started(upstream_id, chunk.model if isinstance(chunk.model, str) else "")

    def _add(self, delta: _Delta, found: list[Event]) -> None:
        if delta.reasoning_content or delta.reasoning or delta.reasoning_details:
            self._think(delta, found)
        content = delta.content
        if content:
            if isinstance(content, str):
                if self._member or self._details:
                    self._seal(found)
                found.append(TextDelta(content))
            else:
                self._add_parts(content, found)
        if delta.tool_calls:
            self._seal(found)
            self._calls.feed(delta.tool_calls, found)
            self.losses = self._lost.found()
        if delta.refusal and isinstance(delta.refusal, str):
            self._seal(found)
            self._refused = True
            found.append(RefusalDelta(delta.refusal))
        if delta.function_call:
            self._seal(found)
            self._calls.feed([{"index": 0, "function": delta.function_call}], found)
        if delta.extra_content is not None:
            self._extra(delta, found)
        if delta.annotations or delta.audio or delta.images:
            for name in EXTRAS:
                if getattr(delta, name, None):
                    self._lose(name, "other dialects have no place for it")

    def _extra(self, delta: _Delta, found: list[Event]) -> None:
        holder = {"extra_content": delta.extra_content}
        lose_extras(holder, "response.", self._lost)
        self.losses = self._lost.found()
        if seal := google_seal(holder):
            self._seal(found)
            found.append(Sealed(seal))

    def _think(self, delta: _Delta, found: list[Event]) -> None:
        """Reasoning, in either spelling or both; its details are kept for the seal."""
        text, member = delta.reasoning_content, "reasoning_content"
        if not text:
            text, member = delta.reasoning, "reasoning"
        details = delta.reasoning_details
        if text and isinstance(text, str):
            self._member, self._spoken = member, True
            found.append(ThinkingDelta(text))
        if details and isinstance(details, list):
            self._details += [item for item in details if isinstance(item, dict)]
            if not self._spoken and (text := text_of_details(details)):  # else it was told already
                found.append(ThinkingDelta(text))

    def _seal(self, found: list[Event]) -> None:
        """Close what was thought with the seal that brings it back to this server."""
        if self._member or self._details:
            found.append(Sealed(seal_of(self._member, self._details)))
            self._member, self._details = "", []

    def _add_parts(self, content: object, found: list[Event]) -> None:
        """Content as a list of parts: Mistral's, whose thinking is one of them."""
        try:
            parts = read_content(content, "delta.content", self._lost)
        except MalformedRequest as error:
            raise UpstreamBroken(f"the upstream's stream cannot be read: {error.message}") from None
        for part in parts:
            match part:
                case Thinking(text):
                    found.append(ThinkingDelta(text))
                case Text(text):
                    self._seal(found)
                    found.append(TextDelta(text))
                case Refusal(text):
                    self._seal(found)
                    self._refused = True
                    found.append(RefusalDelta(text))
                case Image() | Document() | Audio():
                    self._lose(kind_of(part), "an answer is text, reasoning and calls")
        self.losses = self._lost.found()

    def _note(self, choice: _Choice) -> None:
        if isinstance(choice.finish_reason, str) and choice.finish_reason:
            self._native, self._stop = choice.finish_reason, choice.stop_reason
        if choice.logprobs:
            self._lose("logprobs", "other dialects have no place for it")

    def _measure(self, chunk: _Chunk, last: _Choice | None, found: list[Event]) -> None:
        usage = chunk.used(last)
        if usage is None:
            return
        measured = Measured(usage, tier_of(self._tier))
        if measured != self._measured:
            self._measured = measured
            found.append(measured)

    def _finish(self) -> list[Event]:
        if self._ended:
            return []
        self._ended = True
        found: list[Event] = [] if self._started else [Started()]
        self._seal(found)
        self._calls.close(found)
        native = self._native or ""
        reason, sequence = read_finish(
            native, self._stop, called=self._calls.count > 0, refused=self._refused
        )
        found.append(Finished(reason, sequence, native))
        return found

    def _fail(self, error: object) -> list[Event]:
        self._ended = True
        kind = error.get("type") or error.get("code") if isinstance(error, dict) else None
        return [Failed(error_text(error), str(kind) if isinstance(kind, str | int) else "")]

    def _lose(self, name: str, why: str) -> None:
        self._lost.add(f"response.{name}", why)
        self.losses = self._lost.found()
