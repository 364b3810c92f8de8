"""The events of a session's turn as an answer of the common model: text, thinking, calls, usage, its end."""

from collections.abc import Iterator

import msgspec

from llm_gateway.bridges.copilot.events import (
    CallPiece,
    Compressed,
    Event,
    Failing,
    Idle,
    Permission,
    Piece,
    Requested,
    Settled,
    Spoken,
    Thought,
    ThoughtPiece,
    ToolRequest,
    Used,
    Wrong,
)
from llm_gateway.bridges.copilot.faults import broken_off, fault_of, throttled, unreachable
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.canonical.counts import Told, added, normal, whole
from llm_gateway.canonical.events import (
    CallDelta,
    CallStarted,
    Finished,
    Measured,
    TextDelta,
    ThinkingDelta,
)
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.bridge.stream import Lost, Said

__all__ = ["Telling"]

_MOST_TRIES = 2


class Telling:
    """Tells one turn. `take` is given every event, until `over`.

    `waiting` has the requests of calls that wait, by the ids of their calls; `lasting` is whether the session
    can go on from here.
    """

    def __init__(self) -> None:
        self._said: list[str] = []
        self.calls: dict[str, int] = {}
        self.waiting: dict[str, str] = {}
        self.over = False
        self.lasting = True
        self._usage = Usage()
        self._used = False
        self._begun = False
        self._told: set[str] = set()
        self._last = ""
        self._expected: frozenset[str] | None = None

    @property
    def text(self) -> str:
        """What was said so far."""
        return "".join(self._said)

    def take(self, event: Event) -> Iterator[Said]:
        """Yield what an event says; BridgeFault when it is that the turn has failed."""
        match event:
            case Piece(message_id, delta):
                yield from self._say(message_id, delta)
            case ThoughtPiece(reasoning_id, delta):
                self._begin(reasoning_id)
                yield ThinkingDelta(delta)
            case Thought(reasoning_id, content):
                if reasoning_id not in self._told and content:
                    self._begin(reasoning_id)
                    yield ThinkingDelta(content)
            case CallPiece(call_id, delta, name):
                if call_id in self.calls or name:
                    yield from self._call(call_id, name or "")
                    yield CallDelta(self.calls[call_id], delta)
            case Spoken():
                yield from self._spoken(event)
            case Used():
                yield from self._measure(event)
            case Requested(request_id, call_id):
                self.waiting[call_id] = request_id
                yield from self._wait()
            case Settled():
                if self._expected is not None:  # it has no such tool: it would go on by itself
                    self.lasting = False
                    yield from self._finish(Finished("tool_calls"))
            case Compressed():
                yield Lost("messages", "the conversation was too long: the Copilot CLI has shortened it")
            case Failing():
                self._weigh(event)
            case Wrong():
                raise fault_of(event)
            case Idle():
                yield from self._rest()
            case Permission():
                pass  # it is declined where it is heard

    def _say(self, message_id: str, text: str) -> Iterator[Said]:
        new = bool(self._said) and message_id != self._last
        self._begin(message_id)
        self._last = message_id
        self._said.append(text)
        yield TextDelta(text, new=new)

    def _begin(self, about: str) -> None:
        self._begun = True
        self._told.add(about)

    def _call(self, call_id: str, name: str) -> Iterator[Said]:
        if call_id not in self.calls:
            self._begun = True
            self.calls[call_id] = len(self.calls)
            yield CallStarted(self.calls[call_id], call_id, name)

    def _spoken(self, message: Spoken) -> Iterator[Said]:
        """Say what of a complete message was not streamed; its calls are what the turn ends with."""
        if message.content and message.message_id not in self._told:
            yield from self._say(message.message_id, message.content)
        requests = message.tool_requests or ()
        for request in requests:
            if request.tool_call_id not in self.calls:
                yield from self._call(request.tool_call_id, request.name)
                yield CallDelta(self.calls[request.tool_call_id], _arguments(request))
        if requests:
            self._expected = frozenset(request.tool_call_id for request in requests)
            yield from self._wait()

    def _wait(self) -> Iterator[Said]:
        """End the turn when all of its calls wait for their results."""
        if self._expected is not None and self._expected <= self.waiting.keys():
            yield from self._finish(Finished("tool_calls"))

    def _measure(self, used: Used) -> Iterator[Said]:
        self._used = True
        told = Told(
            sent=whole(used.input_tokens),
            made=whole(used.output_tokens),
            read=whole(used.cache_read_tokens),
            write=whole(used.cache_write_tokens),
            reasoning=whole(used.reasoning_tokens),
        )
        # Input is told with what was cached, whichever wire the answer came by (measured with 1.0.102).
        self._usage = added(self._usage, normal(told, caching="inside", reasoning="inside"))
        yield Measured(self._usage)
        if used.content_filter_triggered or used.finish_reason == "content_filter":
            self.lasting = False
            yield from self._finish(Finished("content_filter", native=used.finish_reason or ""))
        elif used.finish_reason == "length":  # it would ask the model to go on by itself
            self.lasting = False
            yield from self._finish(Finished("length", native="length"))

    def _weigh(self, failing: Failing) -> None:
        """Let the CLI try again by itself where that is of use.

        Not at a limit, nor after half an answer; without a network it would go on for 25 seconds.
        """
        if failing.status_code == 429:
            raise throttled(failing.error_code)
        if self._begun:
            raise broken_off(failing)
        if failing.failure_kind == "transport" and failing.retry_attempt >= _MOST_TRIES:
            raise unreachable()

    def _rest(self) -> Iterator[Said]:
        if not (self._begun or self._used):
            raise BridgeFault("bridge_failed", "the Copilot CLI ended the turn without an answer; ask again")
        yield from self._finish(Finished("stop"))

    def _finish(self, finished: Finished) -> Iterator[Said]:
        if not self.over:
            self.over = True
            yield finished


def _arguments(request: ToolRequest) -> str:
    """Return a call's arguments as text; what is text already is the arguments themselves."""
    told = bytes(request.arguments)
    return msgspec.json.decode(told, type=str) if told.startswith(b'"') else told.decode()
