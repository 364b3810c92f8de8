"""A whole answer, and the two ways between it and its events: `fold` and `unfold`, each other's inverse."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias, assert_never

import msgspec

from llm_gateway.canonical.events import (
    CallDelta,
    CallStarted,
    Event,
    Failed,
    Finish,
    Finished,
    Measured,
    RefusalDelta,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
)
from llm_gateway.canonical.parts import Refusal, Text, Thinking, ToolCall
from llm_gateway.canonical.usage import Usage

__all__ = ["AnswerPart", "Failure", "Folding", "Response", "fold", "unfold"]

AnswerPart: TypeAlias = Text | Refusal | Thinking | ToolCall


class Response(msgspec.Struct, frozen=True):
    """What a model answered; `id` and `model` are the upstream's own words.

    `tier` is the service tier that it was made at, "" for the usual one (`tiers.py`).
    """

    id: str = ""
    model: str = ""
    parts: tuple[AnswerPart, ...] = ()
    finish: Finish = "stop"
    sequence: str = ""
    usage: Usage | None = None
    tier: str = ""


class Failure(msgspec.Struct, frozen=True):
    """An error that an upstream answered with: its status, its words, its own names for what happened."""

    status: int
    message: str
    kind: str = ""
    code: str = ""
    param: str = ""


class Folding:
    """Make an answer of its events, one after another."""

    __slots__ = (
        "_blocks",
        "_calls",
        "_finish",
        "_id",
        "_model",
        "_open",
        "_sequence",
        "_tier",
        "_usage",
        "failed",
    )

    def __init__(self) -> None:
        self._id = self._model = self._sequence = self._tier = ""
        self._finish: Finish = "stop"
        self._usage: Usage | None = None
        # Text grows in lists: a long answer comes in thousands of pieces.
        self._blocks: list[tuple[AnswerPart, list[str]]] = []
        self._calls: dict[int, list[str]] = {}
        self._open: type[AnswerPart] | None = None
        self.failed: Failed | None = None

    def take(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case TextDelta(text, new) | ThinkingDelta(text, new):
                if new:
                    self._open = None
                self._grow(Text("") if isinstance(event, TextDelta) else Thinking(""), text)
            case RefusalDelta(text):
                self._grow(Refusal(""), text)
            case CallDelta(index, text):
                if index in self._calls:
                    self._calls[index].append(text)
            case CallStarted():
                call = ToolCall(event.id, event.name, "", event.custom, event.seal)
                self._begin(call)
                self._calls[event.index] = self._blocks[-1][1]
            case Sealed():
                self._seal(event)
            case Started():
                self._id, self._model = event.id, event.model
            case Measured():
                self._usage, self._tier = event.usage, event.tier
            case Finished():
                self._finish, self._sequence = event.reason, event.sequence
            case Failed():
                self.failed = event
            case _:
                assert_never(event)

    def response(self) -> Response:
        """Return the answer as far as it has come."""
        parts = tuple(_whole(part, "".join(grown)) for part, grown in self._blocks)
        return Response(self._id, self._model, parts, self._finish, self._sequence, self._usage, self._tier)

    def _grow(self, empty: AnswerPart, text: str) -> None:
        if self._open is not type(empty):
            self._begin(empty)
        self._blocks[-1][1].append(text)

    def _begin(self, part: AnswerPart) -> None:
        self._blocks.append((part, []))
        self._open = type(part)

    def _seal(self, event: Sealed) -> None:
        if event.redacted or self._open is not Thinking:
            self._begin(Thinking("", redacted=event.redacted))
        part, grown = self._blocks[-1]
        self._blocks[-1] = (msgspec.structs.replace(part, seal=event.seal), grown)
        self._open = None


def _whole(part: AnswerPart, text: str) -> AnswerPart:
    if isinstance(part, ToolCall):
        return msgspec.structs.replace(part, arguments=text)
    return msgspec.structs.replace(part, text=text)


def fold(events: Iterable[Event]) -> Response:
    """Return the answer that these events make."""
    folding = Folding()
    for event in events:
        folding.take(event)
    return folding.response()


def unfold(response: Response) -> Iterator[Event]:
    """Return the fewest events that make this answer."""
    yield Started(response.id, response.model)
    calls = 0
    unsealed = False  # a block of thinking came last that a seal would be taken for its own
    for part in response.parts:
        match part:
            case Text(text):
                yield TextDelta(text, new=True)
            case Refusal(text):
                yield RefusalDelta(text)
            case Thinking():
                yield from _unfold_thinking(part, apart=unsealed)
            case ToolCall():
                yield CallStarted(calls, part.id, part.name, part.custom, part.seal)
                yield CallDelta(calls, part.arguments)
                calls += 1
            case _:
                assert_never(part)
        unsealed = isinstance(part, Thinking) and part.seal is None
    if response.usage is not None:
        yield Measured(response.usage, response.tier)
    yield Finished(response.finish, response.sequence)


def _unfold_thinking(part: Thinking, *, apart: bool) -> Iterator[Event]:
    if not part.redacted and (part.text or part.seal is None or apart):
        yield ThinkingDelta(part.text, new=True)
    if part.seal is not None:
        yield Sealed(part.seal, part.redacted)
