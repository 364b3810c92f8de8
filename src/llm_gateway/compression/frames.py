"""What the gateway and its counting program say to each other: lengths and MessagePack, one answer an order.

Bodies pass through a pipe and are forgotten when they are counted; neither side writes them anywhere.
"""

import struct

import msgspec

__all__ = ["LENGTH", "Count", "Order", "Shorter", "framed", "read_answer", "read_differences", "read_order"]

LENGTH = struct.Struct("<I")


class Order(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Count a request's body, as its client sent it in a dialect."""

    dialect: str
    body: bytes


class Shorter(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Count how many tokens each text has more than what it was sent as; all are JSON strings."""

    pairs: tuple[tuple[bytes, bytes], ...]


class Count(msgspec.Struct, frozen=True, array_like=True):
    """How much of what a request holds. Tokens are o200k's, None where no tokenizer is installed."""

    text_bytes: int
    text: int | None
    tool_words: int | None
    form_words: int | None
    messages: int
    calls: int
    tools: int
    forms: int
    media: int


_orders: msgspec.msgpack.Decoder[Order | Shorter] = msgspec.msgpack.Decoder(Order | Shorter)
_answers: msgspec.msgpack.Decoder[Count | None] = msgspec.msgpack.Decoder(Count | None)
_differences: msgspec.msgpack.Decoder[tuple[int, ...] | None] = msgspec.msgpack.Decoder(
    tuple[int, ...] | None
)
_encode = msgspec.msgpack.Encoder().encode


def framed(value: Order | Shorter | Count | tuple[int, ...] | None) -> bytes:
    """Return a value as it is sent."""
    payload = _encode(value)
    return LENGTH.pack(len(payload)) + payload


def read_order(payload: bytes) -> Order | Shorter:
    """Return the order that was sent; raise msgspec.DecodeError for anything else."""
    return _orders.decode(payload)


def read_answer(payload: bytes) -> Count | None:
    """Return the answer to an order, None where the body cannot be counted."""
    return _answers.decode(payload)


def read_differences(payload: bytes) -> tuple[int, ...] | None:
    """Return the answer to texts that were sent shorter, None where no tokenizer is installed."""
    return _differences.decode(payload)
