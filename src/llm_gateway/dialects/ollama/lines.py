"""The object that a whole answer is and that every line of a stream is, read into events.

An answer told whole and one told in lines differ in nothing but how much stands in each object; `generate`
says at the top what `chat` says in a message.
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
    Started,
    TextDelta,
    ThinkingDelta,
)
from llm_gateway.canonical.loss import Loss, Losses
from llm_gateway.dialects.ollama.calls import arguments_of, id_of
from llm_gateway.dialects.ollama.finish import read_finish
from llm_gateway.dialects.ollama.members import lose
from llm_gateway.dialects.ollama.response import error_text, read_usage
from llm_gateway.errors import UpstreamBroken
from llm_gateway.wire.strays import strays, strict

__all__ = ["LineReader"]


class _Function(msgspec.Struct, gc=False):
    name: str
    arguments: Raw = msgspec.field(default_factory=Raw)
    index: object = None  # counts the calls of an answer


class _Call(msgspec.Struct, gc=False):
    function: _Function
    id: str | None = None
    type: object = None


class _Message(msgspec.Struct, gc=False):
    role: object = None
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_Call] | None = None
    images: object = None


class _Line(msgspec.Struct, gc=False):
    model: str | None = None
    created_at: str | None = None
    message: _Message | None = None
    response: str | None = None
    thinking: str | None = None
    tool_calls: list[_Call] | None = None
    done: bool | None = None
    done_reason: str | None = None
    prompt_eval_count: object = None
    prompt_eval_cached_count: object = None
    eval_count: object = None
    error: object = None
    logprobs: object = None
    image: object = None
    # How long it took, where it ran, and what only another `generate` could read.
    total_duration: object = None
    load_duration: object = None
    prompt_eval_duration: object = None
    eval_duration: object = None
    context: object = None
    remote_model: object = None
    remote_host: object = None
    completed: object = None
    total: object = None


_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_line = msgspec.json.Decoder(strict(_Line))
_tolerant = msgspec.json.Decoder(_Line)


class LineReader:
    """What has to be remembered from one line to the next."""

    __slots__ = ("_begun", "_calls", "_ended", "_lost", "losses")

    losses: Sequence[Loss]
    """What the common model could not hold so far."""

    def __init__(self) -> None:
        self.losses = ()
        self._lost = Losses()
        self._begun = self._ended = False
        self._calls = 0

    def read(self, data: bytes) -> list[Event]:
        """Return what a line says; UpstreamBroken when it is none of this dialect."""
        try:
            line = _line.decode(data)
        except _UNREADABLE:
            line = self._odd(data)
        if self._ended:
            return []
        if line.error is not None:
            self._ended = True
            return [Failed(error_text(line.error))]
        events: list[Event] = []
        if not self._begun:
            self._begun = True
            events.append(Started("", line.model or ""))
        message = line.message
        if message is None:
            self._tell(line.thinking, line.response, events)
            self._call(line.tool_calls, line, events)
        elif message.tool_calls is None and message.thinking is None:  # nearly every line
            if message.content:
                events.append(TextDelta(message.content))
        else:
            self._tell(message.thinking, message.content, events)
            self._call(message.tool_calls, line, events)
        if line.logprobs is not None:
            self._lose("response.logprobs", "other dialects are not asked for them")
        if line.image is not None or (message is not None and message.images):
            self._lose("response.images", "an answer is text, thinking and calls")
        if line.done:
            self._end(line, events)
        return events

    def _odd(self, data: bytes) -> _Line:
        """Read a line that has more than is known, and report what that is."""
        try:
            line = _tolerant.decode(data)
        except _UNREADABLE:
            raise UpstreamBroken("the upstream's answer is no JSON of the ollama dialect") from None
        for name in strays(data, _Line):
            lose(self._lost, "response.", name, "not known outside of the dialect it came in")
        self.losses = self._lost.found()
        return line

    def _lose(self, what: str, why: str) -> None:
        self._lost.add(what, why)
        self.losses = self._lost.found()

    def _tell(self, thinking: str | None, text: str | None, events: list[Event]) -> None:
        if thinking:
            events.append(ThinkingDelta(thinking))
        if text:
            events.append(TextDelta(text))

    def _call(self, calls: list[_Call] | None, line: _Line, events: list[Event]) -> None:
        for call in calls or ():
            name = call.function.name
            try:
                arguments = arguments_of(call.function.arguments)
            except _UNREADABLE:
                raise UpstreamBroken("the upstream called a tool with arguments that are no JSON") from None
            index, self._calls = self._calls, self._calls + 1
            call_id = call.id or id_of(name, arguments, line.created_at or "", index)
            events += (CallStarted(index, call_id, name), CallDelta(index, arguments))

    def _end(self, line: _Line, events: list[Event]) -> None:
        self._ended = True
        usage = read_usage(line.prompt_eval_count, line.prompt_eval_cached_count, line.eval_count)
        if usage is not None:
            events.append(Measured(usage))
        native = line.done_reason or ""
        events.append(Finished(read_finish(native, called=bool(self._calls)), native=native))
