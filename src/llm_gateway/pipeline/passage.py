"""How one request passes to one target and its answer comes back: as it is, or from dialect to dialect.

What is passed is decided here and nowhere else; when, and what the ledger learns of it, is the relay's.
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from llm_gateway.canonical.loss import Loss
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked, Call, Dialect, Seen, StreamMeter, Target, TargetDialect
from llm_gateway.dialects.registry import TARGETS
from llm_gateway.dialects.translate import TranslatingMeter, Translation
from llm_gateway.pipeline.plan import Step
from llm_gateway.pipeline.sender import Sender
from llm_gateway.upstream.answer import Answer
from llm_gateway.upstream.forward import returned, returned_translated
from llm_gateway.wire.headers import get

__all__ = ["Passage", "Passages"]

_JSON = b"content-type: application/json\r\n"


class Passage(Protocol):
    """The way of one request to one target and back."""

    path: str
    """Where below the endpoint's path the request goes."""
    headers: bytes
    """Header lines of the request, without the endpoint's own."""
    body: bytes
    ready: bytes | None
    """The whole answer, where there is nothing to ask the target for."""

    @property
    def losses(self) -> tuple[Loss, ...]:
        """Return what was lost so far, on either way."""
        ...

    def is_stream(self, answer: Answer) -> bool:
        """Whether a 2xx answer is to be relayed piece by piece."""
        ...

    def meter(self) -> StreamMeter:
        """Return what relays such a stream."""
        ...

    def whole(self, answer: Answer, body: bytes) -> tuple[bytes, Seen]:
        """Return what the client gets for a whole 2xx answer; UpstreamBroken when it cannot be read."""
        ...

    def failed(self, answer: Answer, body: bytes) -> bytes:
        """Return what the client gets for an answer that is an error."""
        ...

    def fields(self, answer: Answer) -> bytes:
        """Return the header lines of the answer that go to the client."""
        ...


_Clock: TypeAlias = Callable[[], int] | None


class Passages:
    """The ways of one call, to whichever targets its plan names."""

    __slots__ = ("_clock", "_dialect", "_sender", "_translation", "asked", "call")

    def __init__(
        self, dialect: Dialect, call: Call, sender: Sender, turn_id: str, now: int, clock: _Clock = None
    ) -> None:
        self._dialect = dialect
        self._sender = sender
        self._translation: Translation | None = None
        self.call = call
        self.asked = (turn_id, now)
        self._clock = clock

    @property
    def strict(self) -> bool:
        """Return whether the client would rather be refused than lose anything."""
        return self._sender.strict

    def last(self, step: Step) -> Passage:
        """Return the way to the last target there is: what was read for it need not be kept."""
        passage = self.to(step)
        if self._translation is not None:
            self._translation.forget()
        return passage

    def to(self, step: Step) -> Passage:
        """Return the way to a target; MalformedRequest when the request cannot be read to be translated."""
        if step.dialect == self._dialect.name:
            login = self._sender.login
            passed = login.fields() if login is not None and step.login else b""
            return _Direct(self._dialect, self.call, step, passed + self._sender.forwarded)
        translation = self._translation
        if translation is None:
            call, (turn_id, now) = self.call, self.asked
            asked = Asked(
                operation=call.operation,
                id=turn_id,
                model=call.model,
                stream=call.stream,
                wants_usage=call.wants_usage,
                now=now,
                query=call.query,
                clock=self._clock,
            )
            translation = self._translation = Translation(self._dialect, call, asked)
        if (ready := self._dialect.ready(self.call, translation.asked)) is not None:
            return _Ready(self._dialect, ready)
        return _Translated(translation, self._dialect, TARGETS[step.dialect], step, self._sender.neutral)


class _Direct:
    """Equal dialects: bytes pass."""

    ready: bytes | None = None
    __slots__ = ("_call", "_dialect", "_own", "_strips", "body", "headers", "path")

    def __init__(self, dialect: Dialect, call: Call, step: Step, forwarded: bytes) -> None:
        self._dialect = dialect
        self._call = call
        self._own = step.line is None
        self._strips = step.asks_usage and call.stream and not call.wants_usage
        self.headers = forwarded
        self.path = dialect.target(call, step.model)
        self.body = dialect.address(call, step.model, ask_usage=step.asks_usage)

    @property
    def losses(self) -> tuple[Loss, ...]:
        return ()

    def is_stream(self, answer: Answer) -> bool:
        return self._dialect.is_stream(self._call, _content_type(answer))

    def meter(self) -> StreamMeter:
        return self._dialect.meter(self._call, strip_usage=self._strips)

    def whole(self, answer: Answer, body: bytes) -> tuple[bytes, Seen]:
        return body, self._dialect.read_answer(body, self._call.operation)

    def failed(self, answer: Answer, body: bytes) -> bytes:
        return body

    def fields(self, answer: Answer) -> bytes:
        return returned(answer.headers, own=self._own)


class _Ready:
    """Nothing is asked of a model: the answer is made here, and used no tokens."""

    path = ""
    headers = b""
    body = b""
    losses: tuple[Loss, ...] = ()

    def __init__(self, dialect: Dialect, ready: bytes) -> None:
        self._dialect = dialect
        self.ready: bytes | None = ready

    def is_stream(self, answer: Answer) -> bool:
        return False

    def meter(self) -> StreamMeter:
        raise AssertionError("there is no stream")

    def whole(self, answer: Answer, body: bytes) -> tuple[bytes, Seen]:
        return body, Seen(usage=Usage(), complete=True)

    def failed(self, answer: Answer, body: bytes) -> bytes:
        return body

    def fields(self, answer: Answer) -> bytes:
        return _JSON


class _Translated:
    """Different dialects: read, and written anew."""

    ready: bytes | None = None
    __slots__ = ("_back", "_client", "_meter", "_target", "_there", "_translation", "body", "headers", "path")

    def __init__(
        self, translation: Translation, client: Dialect, target: TargetDialect, step: Step, neutral: bytes
    ) -> None:
        abilities = step.engine.abilities if step.engine is not None else None
        encoded = translation.request(target, Target(step.model, step.asks_usage, abilities=abilities))
        self._translation = translation
        self._client = client
        self._target = target
        self._there = encoded.losses
        self._back: tuple[Loss, ...] = ()
        self._meter: TranslatingMeter | None = None
        self.path = translation.path(target, step.model)
        self.headers = b"%b%b%b" % (_JSON, target.request_headers, neutral)
        self.body = encoded.body

    @property
    def losses(self) -> tuple[Loss, ...]:
        back = self._meter.losses if self._meter is not None else self._back
        return tuple(dict.fromkeys((*self._there, *back)))

    def is_stream(self, answer: Answer) -> bool:
        return self._translation.asked.stream and self._comes_streamed(answer)

    def meter(self) -> StreamMeter:
        self._meter = self._translation.meter(self._target)
        return self._meter

    def whole(self, answer: Answer, body: bytes) -> tuple[bytes, Seen]:
        streamed = self._comes_streamed(answer)
        out, seen, self._back = self._translation.answer(self._target, body, streamed=streamed)
        return out, seen

    def failed(self, answer: Answer, body: bytes) -> bytes:
        return self._client.encode_failure(self._target.decode_error(answer.status, body))

    def fields(self, answer: Answer) -> bytes:
        asked = self._translation.asked
        kind = b"content-type: %b\r\n" % self._client.content_type(asked) if answer.status < 300 else _JSON
        return b"%b%b%b" % (kind, self._client.id_headers(asked), returned_translated(answer.headers))

    def _comes_streamed(self, answer: Answer) -> bool:
        return _content_type(answer).startswith((b"text/event-stream", b"application/x-ndjson"))


def _content_type(answer: Answer) -> bytes:
    return (get(answer.headers, b"content-type") or b"").lower()
