"""What a server of this dialect answers, read into events: a whole answer is a stream of one piece.

Text and thoughts come in pieces, a call comes whole. Not the framing of a stream, and not the meter.
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
from llm_gateway.dialects.gemini.finish import read_finish
from llm_gateway.dialects.gemini.members import compact, lose
from llm_gateway.dialects.gemini.names import made_up_id, read_name
from llm_gateway.dialects.gemini.read_usage import count_searches, read_used, with_searches
from llm_gateway.dialects.gemini.response import UNREADABLE, error_text
from llm_gateway.dialects.gemini.seals import NAME
from llm_gateway.errors import UpstreamBroken
from llm_gateway.wire.strays import strays, strict

__all__ = ["AnswerReader"]


_ABSENT = Raw()


class _Call(msgspec.Struct, gc=False, rename="camel"):
    name: object = None
    args: Raw = msgspec.field(default_factory=Raw)
    id: object = None
    partial_args: object = None


class _Part(msgspec.Struct, gc=False, rename="camel"):
    text: object = None
    thought: object = None
    thought_signature: object = None
    function_call: _Call | None = None
    inline_data: object = None
    file_data: object = None
    executable_code: object = None
    code_execution_result: object = None
    tool_call: object = None
    tool_response: object = None


class _Content(msgspec.Struct, gc=False):
    parts: list[_Part] | None = None
    role: object = None  # says nothing


class _Candidate(msgspec.Struct, gc=False, rename="camel"):
    content: _Content | None = None
    finish_reason: object = None
    finish_message: object = None
    index: object = None
    citation_metadata: object = None
    grounding_metadata: Raw = _ABSENT
    url_context_metadata: object = None
    logprobs_result: object = None
    # What comes unasked with every answer and is no part of what it says:
    safety_ratings: object = None
    token_count: object = None
    avg_logprobs: object = None


class _Feedback(msgspec.Struct, gc=False, rename="camel"):
    block_reason: object = None
    block_reason_message: object = None
    safety_ratings: object = None  # as above


class _Piece(msgspec.Struct, gc=False, rename="camel"):
    candidates: list[_Candidate] | None = None
    usage_metadata: Raw = _ABSENT
    response_id: object = None
    model_version: object = None
    prompt_feedback: _Feedback | None = None
    error: object = None
    create_time: object = None  # says nothing, as does the next: of what age the model is
    model_status: object = None


_piece = msgspec.json.Decoder(strict(_Piece))
_tolerant = msgspec.json.Decoder(_Piece)
_OTHER_PARTS = (
    "inline_data",
    "file_data",
    "executable_code",
    "code_execution_result",
    "tool_call",
    "tool_response",
)
_BESIDE = (
    "finish_message",
    "citation_metadata",
    "url_context_metadata",
    "logprobs_result",
)
_NO_PLACE = "other dialects have no place for it"


class AnswerReader:
    """Read the pieces of one answer."""

    losses: Sequence[Loss]

    def __init__(self) -> None:
        self.losses = ()
        self._lost = Losses()
        self._started = self._ended = self._answered = self._blocked = self._searched = False
        self._native: str | None = None
        self._origin = ""
        self._calls = 0
        self._model = ""
        self._searches = 0
        self._measured: Measured | None = None

    def take(self, data: bytes) -> list[Event]:
        """Return what a piece says; UpstreamBroken when it is none."""
        if self._ended:
            return []
        try:
            piece = _piece.decode(data)
        except UNREADABLE:
            piece = self._odd(data)
        if piece.error is not None:
            return self._fail(piece.error)
        found: list[Event] = []
        if not self._started:
            found.append(self._start(piece))
        for candidate in piece.candidates or ():
            if candidate.index and candidate.index != 0:
                self._lose("candidates", "one answer can be told")
                continue
            if candidate.content is not None:
                self._answered = True
                for part in candidate.content.parts or ():
                    self._part(part, found)
            self._note(candidate)
        if piece.prompt_feedback is not None and isinstance(piece.prompt_feedback.block_reason, str):
            self._native, self._blocked = piece.prompt_feedback.block_reason, True
            if piece.prompt_feedback.block_reason_message:
                self._lose("blockReasonMessage", _NO_PLACE)
        if len(piece.usage_metadata) > 4 or self._searched:
            self._measure(piece.usage_metadata, found)
        return found

    def finish(self, *, whole: bool = False) -> list[Event]:
        """Return the end of the answer; nothing where it did not say why it ended: it broke off.

        An answer that came `whole` need not say that, if only it says anything.
        """
        if self._ended or (self._native is None and not (whole and self._answered)):
            return []
        self._ended = True
        native = self._native or ""
        reason = read_finish(native, called=self._calls > 0, blocked=self._blocked)
        return [Finished(reason, native=native)]

    def _odd(self, data: bytes) -> _Piece:
        """Read a piece that has more than is known, and report what that is."""
        try:
            piece = _tolerant.decode(data)
        except UNREADABLE:
            raise UpstreamBroken("the upstream's answer is not one of the Gemini API") from None
        for name in strays(data, _Piece):
            lose(self._lost, "response.", name, "not known outside of the dialect it came in")
        self.losses = self._lost.found()
        return piece

    def _start(self, piece: _Piece) -> Started:
        self._started = True
        self._origin = piece.response_id if isinstance(piece.response_id, str) else ""
        self._model = piece.model_version if isinstance(piece.model_version, str) else ""
        return Started(self._origin, self._model)

    def _part(self, part: _Part, found: list[Event]) -> None:
        text = part.text
        if text and isinstance(text, str):
            found.append(ThinkingDelta(text) if part.thought is True else TextDelta(text))
        if part.function_call is not None:
            self._call(part.function_call, part.thought_signature, found)
        elif part.thought_signature is not None and (seal := _seal(part.thought_signature)) is not None:
            found.append(Sealed(seal))
        if text is None and part.function_call is None:
            for name in _OTHER_PARTS:
                if getattr(part, name) is not None:
                    self._lose(f"parts.{_camel(name)}", _NO_PLACE)

    def _call(self, call: _Call, signature: object, found: list[Event]) -> None:
        index, self._calls = self._calls, self._calls + 1
        name = read_name(call.name) if isinstance(call.name, str) else ""
        call_id = call.id if isinstance(call.id, str) and call.id else made_up_id(self._origin, index)
        if call.partial_args is not None:
            self._lose("parts.functionCall.partialArgs", "arguments in pieces, which nobody asked for")
        found.append(CallStarted(index, call_id, name, seal=_seal(signature)))
        try:
            arguments = compact(call.args) if len(call.args) and bytes(call.args) != b"null" else "{}"
        except UNREADABLE:
            raise UpstreamBroken("the upstream's answer has a call whose arguments cannot be read") from None
        found.append(CallDelta(index, arguments))

    def _note(self, candidate: _Candidate) -> None:
        if isinstance(candidate.finish_reason, str) and candidate.finish_reason:
            self._native = candidate.finish_reason
        for name in _BESIDE:
            if getattr(candidate, name):
                self._lose(_camel(name), _NO_PLACE)
        if len(candidate.grounding_metadata) > 4:
            self._searches = max(self._searches, count_searches(candidate.grounding_metadata, self._model))
            self._searched = True
            self._lose("groundingMetadata", _NO_PLACE)

    def _measure(self, raw: Raw, found: list[Event]) -> None:
        self._searched = False
        usage, tier = read_used(raw)
        before = self._measured
        if before is not None:
            usage, tier = usage or before.usage, tier or before.tier
        if usage is None:
            return
        measured = Measured(with_searches(usage, self._searches) if self._searches else usage, tier)
        if measured != before:
            self._measured = measured
            found.append(measured)

    def _fail(self, error: object) -> list[Event]:
        self._ended = True
        kind = error.get("status") or error.get("code") if isinstance(error, dict) else None
        return [Failed(error_text(error), str(kind) if isinstance(kind, str | int) else "")]

    def _lose(self, name: str, why: str) -> None:
        self._lost.add(f"response.{name}", why)
        self.losses = self._lost.found()


def _seal(signature: object) -> Seal | None:
    return Seal(NAME, signature) if isinstance(signature, str) and signature else None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join([word.title() for word in rest])
