"""Events written as a stream of this dialect: events where the client asked for them, else an array.

The usual piece, a few words of text, is put together from bytes that were made once. Calls of tools are
whole here, so that they wait until something comes that no call goes on after.
"""

from collections.abc import Sequence
from typing import assert_never

import msgspec

from llm_gateway.canonical.events import (
    CallDelta,
    CallStarted,
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
from llm_gateway.canonical.parts import Part, ToolCall
from llm_gateway.canonical.response import Folding
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked
from llm_gateway.dialects.gemini.errors import encode_broken
from llm_gateway.dialects.gemini.finish import write_finish
from llm_gateway.dialects.gemini.framing import is_events, last_event
from llm_gateway.dialects.gemini.members import Json
from llm_gateway.dialects.gemini.parts import call_part, thought_part
from llm_gateway.dialects.gemini.usage import told

__all__ = ["GeminiEncoder"]

_encode = msgspec.json.encode
_SAID = TextDelta(".")  # that something was said after a thought, whatever it was
_BEFORE = b'{"candidates":[{"content":{"parts":['


class GeminiEncoder:
    """Write one stream."""

    id: str
    losses: Sequence[Loss]

    def __init__(self, asked: Asked) -> None:
        self.id = asked.id
        self.losses = ()
        self._lost = Losses()
        self._events = is_events(asked.query)
        self._told = _encode({"modelVersion": asked.model, "responseId": asked.id})[1:]
        start, end = (b"data: ", b"\n\n") if self._events else (b",\n", b"")
        self._begun = self._ended = False
        self._lead = start
        self._tail = b'],"role":"model"},"index":0}],%b%b' % (self._told, end)
        self._text = b'%b%b{"text":' % (start, _BEFORE)
        self._text_end = b"}%b" % self._tail
        self._calls: dict[int, tuple[CallStarted, list[str], Sequence[Part]]] = {}
        self._thoughts: Folding | None = None  # since the last call
        self._plain = False  # nothing but the text itself is to be seen to when more text comes
        self._usage: Usage | None = None

    def feed(self, event: Event) -> bytes:
        """Return the bytes that say this event."""
        if self._plain and isinstance(event, TextDelta):
            return self._text + _encode(event.text) + self._text_end
        if self._ended:
            return b""
        out = self._say(event)
        if out and not self._begun:
            self._begun = True
            if not self._events:
                out = b"[" + out.removeprefix(b",\n")
        said = isinstance(event, TextDelta | RefusalDelta) and event.text != ""
        self._plain = (said or self._thoughts is None) and self._begun and not self._calls and not self._ended
        return out

    def _say(self, event: Event) -> bytes:
        match event:
            case TextDelta(text) | RefusalDelta(text):
                if self._thoughts is not None and text:
                    self._thoughts.take(_SAID)
                return self._called() + (self._piece([{"text": text}]) if text else b"")
            case ThinkingDelta(text):
                self._think(event)
                return self._called() + (self._piece([thought_part(text, None)]) if text else b"")
            case Sealed():
                self._think(event)
                return self._called() + self._piece([thought_part("", event.seal, redacted=event.redacted)])
            case CallStarted():
                before = () if self._thoughts is None else self._thoughts.response().parts
                self._calls[event.index] = (event, [], before)
                self._thoughts = None
                return b""
            case CallDelta(index, text):
                if index in self._calls:
                    self._calls[index][1].append(text)
                return b""
            case Measured(usage):
                self._usage = usage
                return b""
            case Finished():
                return self._finish(event)
            case Failed():
                return self._fail(event)
            case Started():
                return b""
            case _:
                assert_never(event)

    def _think(self, event: ThinkingDelta | Sealed) -> None:
        if self._thoughts is None:
            self._thoughts = Folding()
        self._thoughts.take(event)

    def _piece(self, parts: Sequence[Json]) -> bytes:
        return self._lead + _BEFORE + _encode(parts)[1:-1] + self._tail

    def _called(self) -> bytes:
        return self._piece(self._taken()) if self._calls else b""

    def _taken(self) -> list[Json]:
        """Return the calls that are whole now."""
        parts: list[Json] = []
        for begun, texts, before in self._calls.values():
            call = ToolCall(begun.id, begun.name, "".join(texts), begun.custom, begun.seal)
            parts.append(call_part(call, self._lost, before))
        self._calls = {}
        self.losses = self._lost.found()
        return parts

    def _finish(self, event: Finished) -> bytes:
        self._ended = True
        parts = self._taken() or [{"text": ""}]
        reason = write_finish(event.reason, event.sequence, self._lost)
        self.losses = self._lost.found()
        content = {"parts": parts, "role": "model"}
        candidate: Json = {"content": content, "finishReason": reason, "index": 0}
        answer: dict[str, object] = {"candidates": [candidate]}
        if self._usage is not None:
            answer["usageMetadata"] = told(self._usage)
        last = b"%b%b,%b" % (self._lead, _encode(answer)[:-1], self._told)
        return last + (b"\n\n" if self._events else b"]")

    def _fail(self, event: Failed) -> bytes:
        self._ended = True
        error = encode_broken(event.message, event.kind)
        return last_event(error) if self._events else b"%b%b]" % (self._lead, error)
