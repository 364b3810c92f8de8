"""Between two dialects: a client's call written for an upstream, and the upstream's answer for the client.

Pure: no sockets, no clock, no ledger. What neither side can say ends up in `losses`. Between equal dialects
nothing of this is used.
"""

from collections.abc import Iterator

import msgspec

from llm_gateway.canonical.customs import CustomCalls, with_customs
from llm_gateway.canonical.events import (
    CallDelta,
    Event,
    Failed,
    Finished,
    Measured,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
)
from llm_gateway.canonical.loss import Loss
from llm_gateway.canonical.parts import ToolCall
from llm_gateway.canonical.request import CustomTool, Decoded, Encoded
from llm_gateway.canonical.response import Response, fold, unfold
from llm_gateway.dialects.contract import Asked, Call, Dialect, Read, Seen, StreamMeter, Target, TargetDialect
from llm_gateway.errors import GatewayError, UpstreamBroken

__all__ = ["TranslatingMeter", "Translation", "can_translate"]


def can_translate(client: Dialect, target: TargetDialect, operation: str) -> bool:
    """Whether a client's operation has a counterpart in the target's dialect."""
    match client.kind(operation):
        case "generate":
            return True
        case "embed":
            return client.embedding is not None and target.embedding is not None
        case _:
            return False


class Translation:
    """One call of a client. It is read once, however many targets are asked."""

    def __init__(self, client: Dialect, call: Call, asked: Asked) -> None:
        self._client = client
        self._call = call
        self._asked = asked
        self._embeds = client.kind(call.operation) == "embed"
        self._decoded: Decoded | None = None
        self._customs: frozenset[str] = frozenset()

    @property
    def asked(self) -> Asked:
        """Return what the encoders of answers are told of the request."""
        return self._asked

    # the request

    def path(self, target: TargetDialect, model: str) -> str:
        """Return where below the target's path the request goes."""
        if self._embeds:
            assert target.embedding is not None
            return target.embedding.path(model)
        return target.path(model, stream=self._call.stream)

    def request(self, target: TargetDialect, to: Target) -> Encoded:
        """Write the call for a target; MalformedRequest when the client's own request is at fault."""
        if self._embeds:
            return self._embedding_request(target, to)
        decoded = self._read()
        encoded = target.encode_request(decoded.request, to)
        return Encoded(encoded.body, decoded.losses + encoded.losses)

    def forget(self) -> None:
        """Let go of the request, which can be long, when no other target will be asked."""
        self._decoded = None

    def _read(self) -> Decoded:
        decoded = self._decoded
        if decoded is None:
            decoded = self._decoded = self._client.decode_request(self._call)
            self._customs = frozenset(
                tool.name for tool in decoded.request.tools if isinstance(tool, CustomTool)
            )
            self._asked = msgspec.structs.replace(self._asked, notes=decoded.notes)
        return decoded

    def _embedding_request(self, target: TargetDialect, to: Target) -> Encoded:
        assert self._client.embedding is not None and target.embedding is not None
        decoded = self._client.embedding.decode_request(self._call)
        encoded = target.embedding.encode_request(decoded.request, to)
        return Encoded(encoded.body, decoded.losses + encoded.losses)

    # the answer

    def answer(
        self, target: TargetDialect, body: bytes, *, streamed: bool
    ) -> tuple[bytes, Seen, tuple[Loss, ...]]:
        """Translate a whole answer, which the upstream may have `streamed` although nobody asked it to.

        A client that wants a stream gets one. UpstreamBroken when the answer cannot be read.
        """
        if self._embeds:
            return self._embedded(target, body)
        read = _folded(target, body) if streamed else target.decode_response(body)
        response = with_customs(read.response, self._customs)
        seen = _seen(response)
        if self._asked.stream:
            encoder = self._client.encoder(self._asked)
            seen.response_id = encoder.id
            out = b"".join([encoder.feed(event) for event in unfold(response)])
            return out, seen, (*read.losses, *encoder.losses)
        written = self._client.encode_response(response, self._asked)
        seen.response_id = written.id
        return written.body, seen, read.losses + written.losses

    def meter(self, target: TargetDialect) -> "TranslatingMeter":
        """Return what translates a stream while it passes."""
        return TranslatingMeter(self._client, target, self._asked, self._customs)

    def _embedded(self, target: TargetDialect, body: bytes) -> tuple[bytes, Seen, tuple[Loss, ...]]:
        assert self._client.embedding is not None and target.embedding is not None
        request = self._client.embedding.decode_request(self._call).request
        embedded = target.embedding.decode_response(body)
        if len(embedded.vectors) != len(request.inputs):
            raise UpstreamBroken(
                f"the upstream sent {len(embedded.vectors)} embeddings for {len(request.inputs)} texts"
            )
        seen = Seen(usage=embedded.usage, model=embedded.model, complete=True)
        return self._client.embedding.encode_response(embedded, request, self._asked), seen, ()


class TranslatingMeter(StreamMeter):
    """Read a stream in the target's dialect and write it in the client's."""

    __slots__ = ("_customs", "_decoder", "_encoder", "seen")

    seen: Seen

    def __init__(self, client: Dialect, target: TargetDialect, asked: Asked, customs: frozenset[str]) -> None:
        self._decoder = target.decoder()
        self._encoder = client.encoder(asked)
        self._customs = CustomCalls(customs) if customs else None
        self.seen = Seen(response_id=self._encoder.id)

    @property
    def losses(self) -> tuple[Loss, ...]:
        """Return what was lost on the way so far."""
        return (*self._decoder.losses, *self._encoder.losses)

    def feed(self, data: bytes) -> bytes:
        """Return what the client is to get for `data`."""
        return self._written(self._decoder.feed(data))

    def close(self) -> bytes:
        """Return what was held back; the stream has ended, well or not."""
        return self._written(self._decoder.close())

    def fail(self, error: GatewayError) -> bytes:
        """Return the last bytes of a stream that broke off."""
        return self._encoder.feed(Failed(error.message, error.kind))

    def _written(self, events: list[Event]) -> bytes:
        if len(events) == 1 and self._customs is None:  # the usual chunk
            self._note(events[0])
            return self._encoder.feed(events[0])
        out: list[bytes] = []
        for event in events:
            self._note(event)
            if self._customs is None:
                out.append(self._encoder.feed(event))
            else:
                out += [self._encoder.feed(each) for each in self._customs.feed(event)]
        return b"".join(out)

    def _note(self, event: Event) -> None:
        seen = self.seen
        match event:
            case TextDelta(text) | ThinkingDelta(text) | RefusalDelta(text) | CallDelta(_, text):
                seen.content_bytes += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
            case Measured(usage, tier):
                seen.tier = tier
                seen.count(usage)
            case Started():
                seen.model = event.model
            case Finished():
                seen.finish_reason = event.native or event.reason
                seen.counted_bytes = -1
                seen.complete = True
            case Failed():
                seen.error = event.message[:500] or "the upstream reported an error"
            case _:
                pass


def _folded(target: TargetDialect, body: bytes) -> Read:
    decoder = target.decoder()
    events = [*decoder.feed(body), *decoder.close()]
    failed = next((event for event in events if isinstance(event, Failed)), None)
    if failed is not None:
        raise UpstreamBroken(f"the upstream failed while it answered: {failed.message[:300]}")
    if not any(isinstance(event, Finished) for event in events):
        raise UpstreamBroken("the upstream ended its stream before the answer was complete")
    return Read(fold(events), tuple(decoder.losses))


def _seen(response: Response) -> Seen:
    return Seen(
        usage=response.usage,
        model=response.model,
        finish_reason=response.finish,
        content_bytes=sum(map(len, _generated(response))),
        complete=True,
        tier=response.tier,
    )


def _generated(response: Response) -> Iterator[bytes]:
    for part in response.parts:
        text = part.arguments if isinstance(part, ToolCall) else part.text
        yield text.encode("utf-8", "replace")
