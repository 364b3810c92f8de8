"""The stream of a `responses` upstream, read event by event.

Servers differ in how much of the documented sequence they send: what was not told in pieces is taken from
the event that ends the item, and at last from the one that ends the answer.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec
from msgspec import Raw

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
from llm_gateway.canonical.parts import Refusal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import unfold
from llm_gateway.dialects.responses.answer import Answered, read_parts
from llm_gateway.dialects.responses.fields import UNREADABLE, named
from llm_gateway.dialects.responses.read_output import finish_of, parts_of, report_envelope, said
from llm_gateway.dialects.responses.response import error_text
from llm_gateway.dialects.responses.stream import read_event
from llm_gateway.errors import UpstreamBroken
from llm_gateway.wire.sse import EventTooLarge, SseSplitter, event_data

__all__ = ["ResponsesDecoder"]


_ABSENT = Raw()


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    delta: object = None
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    item: dict[str, object] | None = None
    response: Raw = _ABSENT
    error: object = None
    message: object = None
    code: object = None


class _Kind(msgspec.Struct, gc=False):
    type: str = ""


_event = msgspec.json.Decoder(_Event)
_kind = msgspec.json.Decoder(_Kind)
_answered = msgspec.json.Decoder(Answered)

# Events that say again what others say, or nothing.
_SAID_ELSEWHERE = frozenset(
    (
        *("", "ping", "keepalive", "response.content_part.added", "response.content_part.done"),
        *("response.output_text.done", "response.refusal.done", "response.reasoning_text.done"),
        *("response.reasoning_summary_part.added", "response.reasoning_summary_part.done"),
        *("response.reasoning_summary_text.done", "response.reasoning_part.added"),
        *("response.reasoning_part.done", "response.function_call_arguments.done"),
        *("response.custom_tool_call_input.done", "response.metadata", "codex.rate_limits"),
    )
)

_NOWHERE: tuple[int, int, str] = (-1, 0, "")

# What is told by these is told again with the item, or is of no use to another dialect's client.
_BLOCKS = ("message", "reasoning", "function_call", "custom_tool_call")


class ResponsesDecoder:
    """Read one stream."""

    __slots__ = (
        "_begun",
        "_calls",
        "_done",
        "_loose",
        "_lost",
        "_place",
        "_refused",
        "_splitter",
        "_started",
        "_told",
        "losses",
    )

    losses: Sequence[Loss]

    def __init__(self) -> None:
        self.losses = ()
        self._lost = Losses()
        self._splitter = SseSplitter()
        self._started = False
        self._done = False
        self._refused = False
        self._loose = False  # thinking without a seal is open: the next seal is not its own
        self._begun = 0
        self._calls: dict[int, int] = {}  # by the place of the item, the number of the call
        self._told: set[int] = set()  # places of items of which something was told in pieces
        self._place = _NOWHERE  # of the block that is open

    def feed(self, data: bytes) -> list[Event]:
        """Return what these bytes complete; UpstreamBroken when they are no stream of events."""
        try:
            if self._splitter.is_event(data):
                return self._read(data)
            found = self._splitter.feed(data)
        except EventTooLarge as error:
            raise UpstreamBroken(f"the upstream's stream cannot be read: {error}") from error
        return [event for each in found for event in self._read(each)]

    def close(self) -> list[Event]:
        """Return what was left: a last event may lack its blank line."""
        rest = self._splitter.close()
        try:
            return self._read(rest) if rest else []
        except UpstreamBroken:  # half an event: the stream broke off in it
            return []

    def _read(self, raw: bytes) -> list[Event]:
        if self._done:
            return []
        told = read_event(raw, _event)
        if told is None:
            self._unread(event_data(raw))
            return []
        delta = told.delta
        if isinstance(delta, str) and told.output_index == self._place[0]:  # nearly all events
            kind = _PIECES.get(told.type)
            if kind == "text" and self._place == (told.output_index, told.content_index, kind):
                return [TextDelta(delta)]
            if kind == "call" == self._place[2]:
                self._told.add(told.output_index)
                return [CallDelta(self._calls[told.output_index], delta)]
        reader = _READERS.get(told.type)
        if reader is None:
            if told.error is not None and not told.type:
                return self._fail(told)
            self._stray(told.type)
            return []
        events = list(reader(self, told))
        if events and not self._started:
            self._started = True
            if not isinstance(events[0], Started):
                events.insert(0, Started())
        self.losses = self._lost.found()
        return events

    def _unread(self, data: bytes) -> None:
        """Take an event that cannot be read: what may have said something is not passed over in silence."""
        if not data.startswith(b"{"):
            return
        try:
            kind = _kind.decode(data).type
        except UNREADABLE:
            kind = None
        if kind is None or kind in _READERS:
            raise UpstreamBroken("the upstream's stream has an event that is no part of a response")
        self._stray(kind)

    def _stray(self, kind: str) -> None:
        """Report an event that nobody knows; those of an item that is lost are lost with it."""
        name = f"response.{named(kind.removeprefix('response.').partition('.')[0])}"
        if kind not in _SAID_ELSEWHERE and not any(name.startswith(loss.what) for loss in self.losses):
            self._lost.add(name, "not known to other dialects")
            self.losses = self._lost.found()

    # pieces

    def _text_delta(self, told: _Event) -> Iterator[Event]:
        if isinstance(told.delta, str):
            place = (told.output_index, told.content_index, "text")
            new, self._place = place != self._place, place
            self._told.add(told.output_index)
            yield TextDelta(told.delta, new)

    def _refusal_delta(self, told: _Event) -> Iterator[Event]:
        if isinstance(told.delta, str):
            self._refused = True
            self._told.add(told.output_index)
            self._place = (told.output_index, told.content_index, "refusal")
            yield RefusalDelta(told.delta)

    def _summary_delta(self, told: _Event) -> Iterator[Event]:
        return self._thought(told, told.summary_index, "summary")

    def _reasoning_delta(self, told: _Event) -> Iterator[Event]:
        return self._thought(told, told.content_index, "content")

    def _thought(self, told: _Event, number: int, kind: str) -> Iterator[Event]:
        if not isinstance(told.delta, str):
            return
        place, old = (told.output_index, number, kind), self._place
        if place == old:
            yield ThinkingDelta(told.delta)
        elif old[0] != told.output_index:
            self._place = place
            self._told.add(told.output_index)
            yield ThinkingDelta(told.delta, new=True)
        elif old[2] == kind:  # the next part of the same thinking
            self._place = place
            yield ThinkingDelta(f"\n\n{told.delta}")
        else:
            self._lost.add("response.reasoning.content", "thinking is told once, as its summary")

    def _call_delta(self, told: _Event) -> Iterator[Event]:
        number = self._calls.get(told.output_index)
        if number is not None and isinstance(told.delta, str):
            self._told.add(told.output_index)
            yield CallDelta(number, told.delta)

    # items

    def _added(self, told: _Event) -> Iterator[Event]:
        item = told.item or {}
        kind = item.get("type")
        if kind in ("function_call", "custom_tool_call"):
            self._told.discard(told.output_index)  # some servers count every item as the first
            yield self._begin_call(told.output_index, item)
        elif kind not in _BLOCKS and isinstance(kind, str):
            self._lost.add(
                f"response.{named(kind)}", "the provider's own work, which other dialects do not tell"
            )

    def _begin_call(self, place: int, item: dict[str, object]) -> Event:
        number = self._calls[place] = self._begun
        self._begun += 1
        self._place = (place, 0, "call")
        call_id = said(item, "call_id") or said(item, "id")
        custom = item.get("type") == "custom_tool_call"
        return CallStarted(number, call_id, said(item, "name"), custom)

    def _item_done(self, told: _Event) -> Iterator[Event]:
        item, place = told.item or {}, told.output_index
        parts = parts_of(item, self._lost)  # in any case: it reports what is lost
        if place not in self._calls and item.get("type") in ("function_call", "custom_tool_call"):
            yield self._begin_call(place, item)
        untold = place not in self._told
        self._told.add(place)
        for part in parts:
            match part:
                case ToolCall():
                    if untold and part.arguments:
                        yield CallDelta(self._calls[place], part.arguments)
                case Text(text):
                    if untold:
                        yield TextDelta(text, new=True)
                case Refusal(text):
                    if untold:
                        self._refused = True
                        yield RefusalDelta(text)
                case Thinking(text, seal):
                    if untold and (text or self._loose):
                        yield ThinkingDelta(text, new=True)
                    self._loose = seal is None
                    if seal is not None:
                        yield Sealed(seal)
        self._place = _NOWHERE

    # the answer

    def _created(self, told: _Event) -> Iterator[Event]:
        report_envelope(told.response, self._lost)
        if not self._started:
            answered = _response(told.response)
            yield Started(answered.id or "", answered.model or "")

    def _ended(self, told: _Event) -> Iterator[Event]:
        self._done = True
        report_envelope(told.response, self._lost)
        answered = _response(told.response)
        if not self._started:
            self._started = True
            yield Started(answered.id or "", answered.model or "")
        usage = answered.used
        calls = bool(self._begun)
        if not self._told and not calls:  # told in no other way than by this event
            whole = read_parts(answered, self._lost)
            calls = any(isinstance(part, ToolCall) for part in whole.parts)
            self._refused = any(isinstance(part, Refusal) for part in whole.parts)
            for event in unfold(whole):
                if not isinstance(event, Started | Measured | Finished):
                    yield event
        if usage is not None:
            yield Measured(usage, answered.tier)
        reason = answered.reason
        if told.type == "response.incomplete":
            reason = reason or "unknown"
        finish = finish_of(reason, calls=calls, refused=self._refused)
        yield Finished(finish, native=reason or "completed")

    def _failed(self, told: _Event) -> Iterator[Event]:
        self._done = True
        answered = _response(told.response)
        usage = answered.used
        if usage is not None:
            yield Measured(usage, answered.tier)
        yield Failed(error_text(answered.error or {}), _code(answered.error))

    def _error(self, told: _Event) -> Iterator[Event]:
        return iter(self._fail(told))

    def _fail(self, told: _Event) -> list[Event]:
        self._done = True
        if told.error is not None:
            return [Failed(error_text(told.error), _code(told.error))]
        code = told.code if isinstance(told.code, str) else ""
        return [Failed(error_text({"message": told.message}), code)]

    def _annotated(self, told: _Event) -> Iterator[Event]:
        self._lost.add("response.annotations", "sources beside a text are told by this dialect alone")
        return iter(())


def _response(raw: Raw) -> Answered:
    try:
        return _answered.decode(raw)
    except UNREADABLE:
        return Answered()


def _code(error: object) -> str:
    match error:
        case {"code": str() as code} if code:
            return code
        case {"type": str() as kind}:
            return kind
    return ""


# Pieces of a block that is open, by what is open then.
_PIECES = {
    "response.output_text.delta": "text",
    "response.function_call_arguments.delta": "call",
    "response.custom_tool_call_input.delta": "call",
}

_Reader = Callable[[ResponsesDecoder, _Event], Iterator[Event]]

_READERS: dict[str, _Reader] = {
    "response.created": ResponsesDecoder._created,
    "response.in_progress": ResponsesDecoder._created,
    "response.queued": ResponsesDecoder._created,
    "response.output_item.added": ResponsesDecoder._added,
    "response.output_item.done": ResponsesDecoder._item_done,
    "response.output_text.delta": ResponsesDecoder._text_delta,
    "response.output_text.annotation.added": ResponsesDecoder._annotated,
    "response.refusal.delta": ResponsesDecoder._refusal_delta,
    "response.reasoning_summary_text.delta": ResponsesDecoder._summary_delta,
    "response.reasoning_text.delta": ResponsesDecoder._reasoning_delta,
    "response.reasoning.delta": ResponsesDecoder._reasoning_delta,
    "response.function_call_arguments.delta": ResponsesDecoder._call_delta,
    "response.custom_tool_call_input.delta": ResponsesDecoder._call_delta,
    "response.completed": ResponsesDecoder._ended,
    "response.incomplete": ResponsesDecoder._ended,
    "response.failed": ResponsesDecoder._failed,
    "error": ResponsesDecoder._error,
}
