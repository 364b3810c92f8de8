"""A stream of this dialect read into events, whoever's server made it.

Not the meter, which watches a stream that passes. A stream whose last word was why it stopped is complete,
with or without its `message_stop`; one that ends before has broken off.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from llm_gateway.canonical.events import (
    CallDelta,
    CallStarted,
    Event,
    Failed,
    Finished,
    Measured,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
)
from llm_gateway.canonical.loss import Loss, Losses
from llm_gateway.canonical.parts import Seal
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.messages.answer import SILENT, Block, Envelope, called_by
from llm_gateway.dialects.messages.finish import read_finish
from llm_gateway.dialects.messages.members import lose
from llm_gateway.dialects.messages.names import read_name
from llm_gateway.dialects.messages.response import UNREADABLE, error_text
from llm_gateway.dialects.messages.seals import NAME, made_seal
from llm_gateway.dialects.messages.tally import Tally
from llm_gateway.errors import UpstreamBroken
from llm_gateway.wire.sse import EventTooLarge, SseSplitter, event_data
from llm_gateway.wire.strays import strays, strict

__all__ = ["MessagesDecoder"]


class _Delta(msgspec.Struct, gc=False):
    type: str = ""
    text: object = None
    thinking: object = None
    signature: object = None
    partial_json: object = None
    stop_reason: object = None
    stop_sequence: object = None
    stop_details: object = None
    citation: object = None


class _Message(Envelope, gc=False):
    content: object = None


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    index: object = None
    delta: _Delta | None = None
    content_block: Block | None = None
    message: _Message | None = None
    usage: Raw = msgspec.field(default_factory=Raw)
    error: object = None
    request_id: object = None  # of an error


class _Open(msgspec.Struct):
    """A block that has begun. `call` numbers a call among the calls; `fresh`: nothing of it was told yet."""

    kind: str
    call: int = -1
    fresh: bool = True
    signature: str = ""


_event = msgspec.json.Decoder(strict(_Event))
_tolerant = msgspec.json.Decoder(_Event)
_UNKNOWN = "not known outside of the dialect it came in"
# What begins or ends without saying what, and what keeps the line open.
_SAYS_NOTHING = ("", "ping", "content_block_delta", "content_block_start", "message_start")
_TOLD = frozenset(("text", "thinking", "tool_use"))


class MessagesDecoder:
    """Read one stream."""

    losses: Sequence[Loss]

    def __init__(self) -> None:
        self.losses = ()
        self._lost = Losses()
        self._splitter = SseSplitter()
        self._tally = Tally()
        self._usage: Usage | None = None
        self._started = self._ended = False
        self._stopped: Finished | None = None
        self._open: dict[object, _Open] = {}
        self._calls = 0
        self._unsealed = False  # the last block that was told is of thinking that nothing sealed

    def feed(self, data: bytes) -> list[Event]:
        """Return what these bytes complete; UpstreamBroken when they are no stream of this dialect."""
        if self._splitter.is_event(data) and (start := data.find(b"\ndata: {")) > 0:  # the usual piece
            return self._read(data[start + 7 :]) if data.startswith(b"event: ") else self._take(data)
        try:
            events = self._splitter.feed(data)
        except EventTooLarge as error:
            raise UpstreamBroken(f"the upstream's stream cannot be read: {error}") from error
        found: list[Event] = []
        for event in events:
            found += self._take(event)
        return found

    def close(self) -> list[Event]:
        """Return what was left: a last event without its blank line, the end without its own event."""
        rest = self._splitter.close()
        try:
            found = self._take(rest)
        except UpstreamBroken:  # half an event: the stream broke off in it
            found = []
        if self._stopped is not None:
            found += self._finish()
        return found

    def _take(self, event: bytes) -> list[Event]:
        data = event_data(event)
        return self._read(data) if data.startswith(b"{") else []

    def _read(self, data: bytes) -> list[Event]:
        if self._ended:
            return []
        try:
            event = _event.decode(data)
        except UNREADABLE:
            event = self._odd(data)
        match event.type:
            case "content_block_delta" if event.delta is not None:
                return self._add(event.index, event.delta)
            case "content_block_start" if event.content_block is not None:
                return self._begin(event.index, event.content_block)
            case "content_block_stop":
                return self._end_block(self._open.pop(event.index, None))
            case "message_start" if event.message is not None:
                return self._start(event.message)
            case "message_delta":
                return self._stop(event)
            case "message_stop":
                return self._finish()
            case "error":
                return self._fail(event.error)
            case _ if event.error is not None:
                return self._fail(event.error)
            case kind:
                if kind not in _SAYS_NOTHING:
                    self._lose(kind, _UNKNOWN)
                return []

    def _odd(self, data: bytes) -> _Event:
        """Read an event that has more than is known, and report what that is."""
        try:
            event = _tolerant.decode(data)
        except UNREADABLE:
            raise UpstreamBroken("the upstream's stream has an event that is no part of a message") from None
        for name in strays(data, _Event):
            self._lose(name, _UNKNOWN)
        return event

    def _start(self, message: _Message) -> list[Event]:
        if self._started:
            return []
        self._started = True
        found: list[Event] = [Started(_text(message.id), _text(message.model))]
        self._measure(message.usage, found)
        return found

    def _begin(self, index: object, block: Block) -> list[Event]:
        found = self._opening()
        begun = self._open[index] = _Open(block.type)
        match block.type:
            case "text":
                self._add_text(begun, _text(block.text), found)
            case "thinking":
                begun.signature = _text(block.signature)
                self._add_thinking(begun, _text(block.thinking), found)
            case "redacted_thinking":
                found.append(Sealed(Seal(NAME, _text(block.data)), redacted=True))
                self._unsealed = False
            case "tool_use":
                begun.call, self._calls = self._calls, self._calls + 1
                self._unsealed = False
                if called_by(block.caller):
                    self._lose("caller", "elsewhere only the model itself calls tools")
                found.append(CallStarted(begun.call, _text(block.id), read_name(_text(block.name))))
                if len(block.input) > 2 and bytes(block.input) != b"null":  # the usual one is empty
                    begun.fresh = False
                    found.append(CallDelta(begun.call, bytes(block.input).decode("utf-8", "replace")))
            case kind if kind not in SILENT:
                self._lose(kind, "what only this dialect has")
        return found

    def _add(self, index: object, delta: _Delta) -> list[Event]:
        found = [] if self._started else self._opening()
        block = self._open.get(index)
        if block is None:  # a server that does not say what begins
            block = self._open[index] = _Open("thinking" if delta.thinking is not None else "text")
        match delta.type:
            case "text_delta":
                self._add_text(block, _text(delta.text), found)
            case "input_json_delta":
                text = _text(delta.partial_json)
                if text and block.call >= 0:
                    block.fresh = False
                    found.append(CallDelta(block.call, text))
            case "thinking_delta":
                self._add_thinking(block, _text(delta.thinking), found)
            case "signature_delta":
                block.signature += _text(delta.signature)
            case "citations_delta":
                self._lose("citations", "other dialects have no place for it")
            case kind if block.kind in _TOLD:  # those of other blocks are a loss with their block
                self._lose(kind or "delta", "a kind of piece that is not known")
        return found

    def _add_text(self, block: _Open, text: str, found: list[Event]) -> None:
        if text:
            found.append(TextDelta(text, block.fresh))
            block.fresh = self._unsealed = False

    def _add_thinking(self, block: _Open, text: str, found: list[Event]) -> None:
        if text:
            found.append(ThinkingDelta(text, block.fresh))
            block.fresh, self._unsealed = False, True

    def _end_block(self, block: _Open | None) -> list[Event]:
        if block is None:
            return []
        if block.call >= 0:
            return [CallDelta(block.call, "{}")] if block.fresh else []
        seal = made_seal(block.signature) if block.kind == "thinking" else None
        if seal is None:
            return []
        found: list[Event] = []
        if block.fresh and self._unsealed:  # or else the seal would be taken for that of the block before
            found.append(ThinkingDelta("", new=True))
        found.append(Sealed(seal))
        self._unsealed = False
        return found

    def _stop(self, event: _Event) -> list[Event]:
        found = self._opening()
        self._measure(event.usage, found)
        if (delta := event.delta) is None:
            return found
        if delta.stop_details:
            self._lose("stop_details", "other dialects have no place for it")
        if native := _text(delta.stop_reason):
            self._stopped = Finished(read_finish(native), _text(delta.stop_sequence), native)
        return found

    def _measure(self, raw: Raw, found: list[Event]) -> None:
        if self._tally.take(raw) and (usage := self._tally.usage()) != self._usage and usage is not None:
            self._usage = usage
            found.append(Measured(usage, self._tally.tier))

    def _finish(self) -> list[Event]:
        if self._ended:
            return []
        self._ended = True
        found = self._opening()
        for block in self._open.values():
            found += self._end_block(block)
        found.append(self._stopped or Finished("stop"))
        return found

    def _fail(self, error: object) -> list[Event]:
        self._ended, self._stopped = True, None
        kind = error.get("type") if isinstance(error, dict) else None
        return [Failed(error_text(error if error is not None else {}), _text(kind))]

    def _opening(self) -> list[Event]:
        """Return the beginning, where the server left it out."""
        if self._started:
            return []
        self._started = True
        return [Started()]

    def _lose(self, name: str, why: str) -> None:
        lose(self._lost, "response.", name, why)
        self.losses = self._lost.found()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
