"""Events of the program's stream as an answer in the common model: one answer, as of a plain model.

The program is an agent and goes on by itself, after a call that it knows nothing of, or to get an answer in
form. Then several answers of the API are one of ours, and their usage is added up. Text is held back when an
answer in form is wanted, for only the program knows when it has it.
"""

from collections.abc import Iterator, Mapping

from llm_gateway.bridges.claude.tools import PREFIX
from llm_gateway.canonical.counts import added
from llm_gateway.canonical.customs import CustomCalls
from llm_gateway.canonical.events import (
    CallDelta,
    CallStarted,
    Event,
    Finished,
    Measured,
    Started,
    TextDelta,
)
from llm_gateway.canonical.parts import ToolCall
from llm_gateway.canonical.request import CustomTool, Request
from llm_gateway.canonical.response import Folding
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.bridge.stream import Lost, Said
from llm_gateway.dialects.messages.decoder import MessagesDecoder

__all__ = ["Answer"]

_FORM = "StructuredOutput"  # the tool by which the program gets an answer in form


class Answer:
    """An answer as it is made. `over` is its last event, when it is there; it is not among those returned."""

    def __init__(self, request: Request, names: Mapping[str, str]) -> None:
        self._names = names
        self._form = request.format is not None
        self._customs = CustomCalls(tool.name for tool in request.tools if isinstance(tool, CustomTool))
        self._decoder = MessagesDecoder()
        self._folding = Folding()
        self._begun = self._midway = False
        self._before = self._now = Usage()
        self._calls: dict[int, int] = {}  # our numbers of calls by those of the answer that is read
        self._told = 0
        self._held: list[TextDelta] = []
        self.over: Finished | None = None

    def feed(self, event: bytes) -> Iterator[Said]:
        """Yield what an event of the API means."""
        for each in self._decoder.feed(b"event: x\ndata: %b\n\n" % event):
            yield from self._take(each)

    def end(self, structured: bytes) -> Iterator[Said]:
        """Yield the answer in form, which comes with the end of the turn."""
        if self._held:
            yield Lost("response.text", "what was said beside the answer in form")
        yield from self._pass(TextDelta(structured.decode(), new=True))
        self.over = Finished("stop", native="end_turn")

    @property
    def midway(self) -> bool:
        """Whether an answer of the API has begun and not ended."""
        return self._midway

    @property
    def folding(self) -> Folding:
        """Return the answer as far as it has come."""
        return self._folding

    @property
    def calls(self) -> frozenset[str]:
        """Return the ids of the calls in it."""
        return frozenset(part.id for part in self._folding.response().parts if isinstance(part, ToolCall))

    def _take(self, event: Event) -> Iterator[Said]:
        match event:
            case Started():
                self._midway = True
                if not self._begun:
                    yield from self._pass(event)
            case Measured(usage, tier):
                self._now = usage
                yield from self._pass(Measured(added(self._before, usage), tier))
            case Finished():
                yield from self._finish(event)
            case CallStarted():
                yield from self._call(event)
            case CallDelta(index, text):
                if index in self._calls:
                    yield from self._pass(CallDelta(self._calls[index], text))
            case TextDelta() if self._form:
                self._held.append(event)
            case _:
                yield from self._pass(event)

    def _call(self, event: CallStarted) -> Iterator[Said]:
        """Pass on a call of a client's tool; others are the program's own, or the model's imagination."""
        if not event.name.startswith(PREFIX):
            return
        for held in self._held:
            yield from self._pass(held)
        self._held.clear()
        self._calls[event.index], self._told = self._told, self._told + 1
        name = event.name.removeprefix(PREFIX)
        name = self._names.get(name, name)
        yield from self._pass(CallStarted(self._calls[event.index], event.id, name))

    def _finish(self, event: Finished) -> Iterator[Said]:
        """End the answer, or make ready for the next one of the API."""
        self._midway = False
        for lost in self._decoder.losses:
            yield Lost(lost.what, lost.why)
        if self._calls or not (self._form or event.reason == "tool_calls"):
            yield from self._customed(event)
            self.over = event
            return
        self._before, self._now = added(self._before, self._now), Usage()
        self._decoder = MessagesDecoder()

    def _customed(self, event: Finished) -> Iterator[Event]:
        """Yield what is held back of calls of custom tools."""
        for each in self._customs.feed(event):
            if not isinstance(each, Finished):
                self._folding.take(each)
                yield each

    def _pass(self, event: Event) -> Iterator[Event]:
        self._begun = True
        for each in self._customs.feed(event):
            self._folding.take(each)
            yield each
