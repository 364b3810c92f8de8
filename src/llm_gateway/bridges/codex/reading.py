"""What Codex says of one turn, as events of the common model. Pure: no process, no clock, no waiting.

A turn that calls a tool of the client's ends here: the model's answer is complete when all its calls are
told, and the client sends their results with its next request.
"""

import operator
from collections import deque
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
from msgspec import Raw

from llm_gateway.bridges.codex.protocol import (
    Breakdown,
    Delta,
    ErrorNotice,
    Item,
    ItemNotice,
    RawItemNotice,
    RawResponse,
    Rerouted,
    ToolCalled,
    TurnEnded,
    TurnFailure,
    TurnStarted,
    UsageNotice,
)
from llm_gateway.bridges.codex.refusals import ended_early, hopeless, refused
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.canonical.counts import Told, normal, whole
from llm_gateway.canonical.events import (
    CallDelta,
    CallStarted,
    Event,
    Finish,
    Finished,
    Measured,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
)
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.responses.seals import with_id
from llm_gateway.wire.ready import decoder

__all__ = ["Judge", "Reading", "more", "usage_of"]

T = TypeVar("T")

Judge = Callable[[TurnFailure], BridgeFault]
"""Say what a failure means."""

_OMITTED = "images.preparation_error"
_NOTHING = Breakdown()


class Reading:
    """One turn, as it is told. `judge` says what a failure of it means.

    `events` are what was understood and not taken yet; `fault` is why it came to nothing; `over` is whether
    nothing more is to be expected, and `ended` whether Codex says so, too. `turn` is its id. `calls` are the
    ids of the tools that were called, and `itself` is whether Codex answered one of them by itself. `before`
    is what the thread had used; `used` is without it.
    """

    def __init__(
        self, model: str, names: Mapping[str, str], judge: Judge, before: Breakdown = _NOTHING
    ) -> None:
        self.events: deque[Event] = deque()
        self.fault: BridgeFault | None = None
        self.over = False
        self.ended = False
        self.turn = ""
        self.calls: set[str] = set()
        self.itself = False
        self.used = _NOTHING
        self._before = before
        self._model = model
        self._names = names
        self._judge = judge
        self._begun = False
        self._raw = False
        self._message = ""
        self._told: set[str] = set()
        self._silent: set[str] = set()
        self._thought: tuple[str, int] = ("", 0)

    @property
    def waits_for_more_calls(self) -> bool:
        """Whether a tool was called, and only silence can tell that no other is."""
        return bool(self.calls) and not self._raw and not self.over

    def notice(self, method: str, params: Raw) -> None:
        """Take a notification of this turn's thread."""
        self.ended = self.ended or method == "turn/completed"
        if self.over:
            if method == "rawResponseItem/completed" and self.calls:
                self._raw_item(params)
            return
        match method:
            case "turn/started":
                if (begun := self._read(TurnStarted, params)) is not None:
                    self.turn = begun.turn.id
            case "item/agentMessage/delta":
                if (delta := self._read(Delta, params)) is not None:
                    self._text(delta.item_id, delta.delta)
            case "item/reasoning/summaryTextDelta" | "item/reasoning/textDelta":
                if (delta := self._read(Delta, params)) is not None:
                    self._think(delta, summary=method.endswith("summaryTextDelta"))
            case "item/started" | "item/completed":
                if (told := self._read(ItemNotice, params)) is not None:
                    self._message_item(told, begins=method == "item/started")
            case "rawResponseItem/completed":
                self._raw_item(params)
            case "rawResponse/completed":
                self._raw_end(params)
            case "thread/tokenUsage/updated":
                if (used := self._read(UsageNotice, params)) is not None:
                    self._measure(_less(used.token_usage.total, self._before))
            case "model/rerouted":
                if (other := self._read(Rerouted, params)) is not None:
                    self._model = other.to_model
            case "error":
                if (error := self._read(ErrorNotice, params)) is not None:
                    self._told_error(error)
            case "turn/completed":
                if (ended := self._read(TurnEnded, params)) is not None:
                    self._ended(ended)

    def called(self, params: Raw) -> str:
        """Take the request to run a tool of the client's; return the id of the call."""
        call = self._read(ToolCalled, params)
        if call is None:
            return ""
        if not self.over:
            self._call(call.call_id, call.tool, bytes(call.arguments).decode("utf-8", "replace"))
        return call.call_id

    def enough(self) -> None:
        """Take it that no other tool is called."""
        self._finish("tool_calls")

    def broken(self, fault: BridgeFault) -> None:
        """Learn that nothing more will come."""
        if not self.over:
            self.over, self.fault = True, fault

    # what is said

    def _say(self, event: Event) -> None:
        if not self._begun:
            self._begun = True
            self.events.append(Started(self.turn, self._model))
        self.events.append(event)

    def _text(self, item: str, text: str) -> None:
        if text:
            self._say(TextDelta(text, new=bool(self._message) and item != self._message))
            self._message = item
            self._told.add(item)

    def _think(self, delta: Delta, *, summary: bool) -> None:
        item, part = self._thought
        if delta.item_id == item and not summary and part >= 0:
            return  # it is told as its summary
        place = delta.summary_index if summary else -1
        text = f"\n\n{delta.delta}" if delta.item_id == item and place > part else delta.delta
        if text:
            self._say(ThinkingDelta(text, new=bool(item) and delta.item_id != item))
            self._thought = delta.item_id, place

    def _message_item(self, told: ItemNotice, *, begins: bool) -> None:
        item = told.item
        if item.type != "agentMessage":
            return
        if begins:
            self._silent.add(item.id)
            return
        self._silent.discard(item.id)
        if item.id not in self._told:
            self._text(item.id, item.text)

    def _raw_item(self, params: Raw) -> None:
        try:
            told = msgspec.json.decode(params, type=RawItemNotice)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return  # internal to the vendor: it may become anything
        item = told.item
        if item.type == "function_call_output" and item.call_id in self.calls:
            self.itself = True
        if self.over:
            return
        if told.turn_id != self.turn or not self.turn:
            self._check_pictures(item)
            return
        self._raw = True
        if item.type == "reasoning" and item.encrypted_content:
            self._say(Sealed(with_id(item.encrypted_content, item.id or "")))
        elif item.type == "function_call" and item.call_id:
            self._call(item.call_id, item.name, item.arguments)

    def _check_pictures(self, item: Item) -> None:
        """Refuse a request one of whose pictures Codex replaced by a sentence that it was there."""
        passed = item.internal_chat_message_metadata_passthrough
        if passed is not None and _OMITTED in passed.content_item_kinds:
            self.broken(
                refused("a picture in it cannot be read; send PNG, JPEG, GIF or WebP", "messages.image")
            )

    def _raw_end(self, params: Raw) -> None:
        try:
            told = msgspec.json.decode(params, type=RawResponse)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._raw = False
            return
        if self.calls:
            if told.usage is not None:
                self._measure(more(self.used, told.usage))
            self._finish("tool_calls")

    def _call(self, call_id: str, name: str, arguments: str) -> None:
        if call_id in self.calls:
            return
        index = len(self.calls)
        self.calls.add(call_id)
        self._say(CallStarted(index, call_id, self._names.get(name, name)))
        if arguments:
            self._say(CallDelta(index, arguments))

    def _measure(self, told: Breakdown) -> None:
        if told.output_tokens > self.used.output_tokens or told.input_tokens > self.used.input_tokens:
            self.used = told
            self._say(Measured(usage_of(told)))

    # how it ends

    def _finish(self, reason: Finish, native: str = "") -> None:
        self._say(Finished(reason, native=native))
        self.over = True

    def _told_error(self, error: ErrorNotice) -> None:
        may_go_on = error.will_retry and not self._begun and ended_early(error.error) is None
        if not may_go_on or hopeless(error.error):
            self._failed(error.error)

    def _failed(self, failure: TurnFailure) -> None:
        if (reason := ended_early(failure)) is not None:
            self._finish(reason)
        else:
            self.broken(self._judge(failure))

    def _ended(self, ended: TurnEnded) -> None:
        match ended.turn.status:
            case "completed" if self.calls:
                self._finish("tool_calls")
            case "completed" if self._silent and not self._message:
                # Codex passes on no refusal: its message begins and never ends.
                self._finish("refusal")
            case "completed":
                self._finish("stop")
            case "failed" if ended.turn.error is not None:
                self._failed(ended.turn.error)
            case _:
                self.broken(BridgeFault("bridge_failed", "Codex gave up on an answer and does not say why"))

    def _read(self, kind: type[T], params: Raw) -> T | None:
        try:
            return decoder(kind).decode(params)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            where = str(error)[:120] if isinstance(error, msgspec.ValidationError) else "it is not JSON"
            self.broken(
                BridgeFault(
                    "version_mismatch",
                    f"codex tells of its answer in a form that this gateway does not know ({where}); "
                    "update whichever of them is older",
                )
            )
            return None


def more(one: Breakdown, other: Breakdown) -> Breakdown:
    """Return the sum of two counts."""
    return Breakdown(*(map(operator.add, msgspec.structs.astuple(one), msgspec.structs.astuple(other))))


def _less(whole: Breakdown, part: Breakdown) -> Breakdown:
    left = map(operator.sub, msgspec.structs.astuple(whole), msgspec.structs.astuple(part))
    return Breakdown(*(max(0, tokens) for tokens in left))


def usage_of(told: Breakdown) -> Usage:
    """Return what was used, counted so that its parts do not overlap."""
    counts = Told(
        sent=whole(told.input_tokens),
        made=whole(told.output_tokens),
        read=whole(told.cached_input_tokens),
        write=whole(told.cache_write_input_tokens),
        reasoning=whole(told.reasoning_output_tokens),
    )
    return normal(counts, caching="inside", reasoning="inside")
