"""OTLP over HTTP: `/v1/logs`, `/v1/metrics` and `/v1/traces`, where clients tell what they used.

opentelemetry.io, OTLP specification, "OTLP/HTTP": the answer is in the request's encoding, and so is an
error, as a `google.rpc.Status`; what an exporter sends again is kept once. What an export says is read in
`clients/otlp/`. A key is needed; what its client tells is of the machine that the key was made for.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from math import ceil

import msgspec

from llm_gateway.clients.otlp.batches import Coding, Signal
from llm_gateway.clients.otlp.receive import Whence, sightings_in
from llm_gateway.clock import Clock
from llm_gateway.errors import (
    BodyTooLarge,
    Forbidden,
    GatewayError,
    LedgerUnavailable,
    Unauthenticated,
    UnsupportedEncoding,
)
from llm_gateway.http.decoding import decode_body
from llm_gateway.http.exchange import Exchange
from llm_gateway.ledger.sightings import Sighting
from llm_gateway.pipeline.authenticate import KeyRing
from llm_gateway.server.routes import Answering, Route
from llm_gateway.telemetry.metrics import Metrics
from llm_gateway.wire.headers import Headers, get, get_all

__all__ = ["Receive", "Receiver", "otlp_routes"]

Receive = Callable[[Sequence[Sighting]], Awaitable[None]]
"""Keep sightings; LedgerUnavailable when that cannot be now."""

_PATHS = ("/v1", "/v1/v1")
_SIGNALS: tuple[Signal, ...] = ("logs", "metrics", "traces")
_TYPES: dict[bytes, Coding] = {
    b"application/json": "json",
    b"application/x-protobuf": "protobuf",
    b"application/protobuf": "protobuf",
}
_FIELDS: dict[Coding, bytes] = {
    "json": b"content-type: application/json\r\n",
    "protobuf": b"content-type: application/x-protobuf\r\n",
}
# Export*ServiceResponse with nothing refused: all members at their defaults.
_ACCEPTED: dict[Coding, bytes] = {"json": b"{}", "protobuf": b""}
# Exporters without an idea of their own when to try again go by this.
_RETRY_AFTER_S = 5.0
# google/rpc/code.proto
_INVALID, _DENIED, _EXHAUSTED, _INTERNAL, _UNAVAILABLE, _UNAUTHENTICATED = 3, 7, 8, 13, 14, 16


class Receiver(msgspec.Struct, frozen=True):
    """What receiving needs: who may send, up to how many bytes, and where sightings go."""

    keys: KeyRing
    clock: Clock
    metrics: Metrics
    receive: Receive
    max_body: int


class _Status(msgspec.Struct):
    code: int
    message: str


def otlp_routes(receiver: Receiver) -> tuple[Route, ...]:
    """Return a route for each signal, with and without a version of the exporter's own."""
    return tuple(
        Route("POST", f"{path}/{signal}", _answering(receiver, signal), f"OTLP: {signal} of clients", "key")
        for path in _PATHS
        for signal in _SIGNALS
    )


def _answering(receiver: Receiver, signal: Signal) -> Answering:
    async def answer(exchange: Exchange, _: str) -> None:
        coding = _coding(exchange.headers)
        try:
            await _take(exchange, receiver, signal)
        except GatewayError as error:
            receiver.metrics.refused(error.kind)
            _refuse(exchange, coding or "json", error)
        else:
            assert coding is not None
            exchange.respond(200, _FIELDS[coding], _ACCEPTED[coding])

    return answer


async def _take(exchange: Exchange, receiver: Receiver, signal: Signal) -> None:
    """Keep what an export tells."""
    identity = receiver.keys.authenticate(exchange.headers)
    coding = _coding(exchange.headers)
    if coding is None:
        raise UnsupportedEncoding(
            "the content-type is none of OTLP's; send application/json or application/x-protobuf"
        )
    body = await exchange.body(receiver.max_body)
    whence = Whence(identity.machine, receiver.clock.now_us())
    codings = b",".join(get_all(exchange.headers, b"content-encoding"))

    def read() -> list[Sighting]:
        return sightings_in(decode_body(body, codings, receiver.max_body), signal, coding, whence)

    # A large export takes a while, and requests for models do not wait for it.
    sightings = await asyncio.to_thread(read)
    if sightings:
        await receiver.receive(sightings)


def _coding(headers: Headers) -> Coding | None:
    media = (get(headers, b"content-type") or b"").partition(b";")[0].strip().lower()
    return _TYPES.get(media)


def _refuse(exchange: Exchange, coding: Coding, error: GatewayError) -> None:
    fields = _FIELDS[coding]
    if error.status == 401:
        fields += b"www-authenticate: Bearer\r\n"
    if error.status == 503:
        fields += b"retry-after: %d\r\n" % max(ceil(error.retry_after or _RETRY_AFTER_S), 1)
    status = _Status(_code(error), error.message)
    body = msgspec.json.encode(status) if coding == "json" else _in_protobuf(status)
    exchange.respond(error.status, fields, body)


def _code(error: GatewayError) -> int:
    match error:
        case Unauthenticated():
            return _UNAUTHENTICATED
        case Forbidden():
            return _DENIED
        case BodyTooLarge():
            return _EXHAUSTED
        case LedgerUnavailable():
            return _UNAVAILABLE
    return _INVALID if error.fault == "client" else _INTERNAL


def _in_protobuf(status: _Status) -> bytes:
    """Return a `google.rpc.Status`: field 1 is the code, field 2 the message."""
    message = status.message.encode()
    return b"\x08" + _varint(status.code) + b"\x12" + _varint(len(message)) + message


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
