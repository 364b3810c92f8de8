"""Who is shown an answer on its way: what the client gets, before it has the end of it.

Not a part of the way itself: a witness changes nothing, and whatever it does with what it saw is done before
the last word goes out, so that a client can rely on it. Most requests have none.
"""

from typing import Protocol

from llm_gateway.canonical.loss import Loss
from llm_gateway.dialects.contract import Seen, StreamMeter
from llm_gateway.errors import GatewayError
from llm_gateway.pipeline.passage import Passage
from llm_gateway.upstream.answer import Answer

__all__ = ["Witness", "Witnessed"]


class Witness(Protocol):
    """See one answer, as the client gets it."""

    def whole(self, body: bytes) -> None:
        """See an answer that goes out in one piece."""
        ...

    def piece(self, data: bytes) -> None:
        """See the next piece of a stream."""
        ...

    async def ended(self) -> None:
        """Do what is to be done before the client has the end of an answer that went well. Never fails."""
        ...


class Witnessed:
    """A passage whose answers a witness sees."""

    __slots__ = ("_passage", "_witness", "body", "headers", "path", "ready")

    def __init__(self, passage: Passage, witness: Witness) -> None:
        self._passage = passage
        self._witness = witness
        self.path = passage.path
        self.headers = passage.headers
        self.body = passage.body
        self.ready = passage.ready

    @property
    def losses(self) -> tuple[Loss, ...]:
        """Return what was lost so far."""
        return self._passage.losses

    def is_stream(self, answer: Answer) -> bool:
        """Whether an answer is relayed piece by piece."""
        return self._passage.is_stream(answer)

    def meter(self) -> StreamMeter:
        """Return what relays a stream, before the witness's eyes."""
        return _Watched(self._passage.meter(), self._witness)

    def whole(self, answer: Answer, body: bytes) -> tuple[bytes, Seen]:
        """Return what the client gets for a whole answer, which the witness sees, too."""
        out, seen = self._passage.whole(answer, body)
        self._witness.whole(out)
        return out, seen

    def failed(self, answer: Answer, body: bytes) -> bytes:
        """Return what the client gets for an error; the witness does not see it."""
        return self._passage.failed(answer, body)

    def fields(self, answer: Answer) -> bytes:
        """Return the header lines of the answer."""
        return self._passage.fields(answer)


class _Watched(StreamMeter):
    """A meter whose output a witness sees."""

    __slots__ = ("_meter", "_witness", "seen")

    seen: Seen

    def __init__(self, meter: StreamMeter, witness: Witness) -> None:
        self._meter = meter
        self._witness = witness
        self.seen = meter.seen

    def feed(self, data: bytes) -> bytes:
        out = self._meter.feed(data)
        self._witness.piece(out)
        return out

    def close(self) -> bytes:
        out = self._meter.close()
        self._witness.piece(out)
        return out

    def fail(self, error: GatewayError) -> bytes:
        return self._meter.fail(error)
