"""What the gateway and its counting program say to each other: lengths and MessagePack, one answer an order.

Bodies pass through a pipe and are forgotten when they are counted; neither side writes them anywhere.
"""

import struct

import msgspec

__all__ = ["LENGTH", "Count", "Order", "framed", "read_answer", "read_order"]

LENGTH = struct.Struct("<I")


class Order(msgspec.Struct, frozen=True, array_like=True):
    """Count a request's body, as its client sent it in a dialect."""

    dialect: str
    body: bytes


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


_orders = msgspec.msgpack.Decoder(Order)
_answers: msgspec.msgpack.Decoder[Count | None] = msgspec.msgpack.Decoder(Count | None)
_encode = msgspec.msgpack.Encoder().encode


def framed(value: Order | Count | None) -> bytes:
    """Return a value as it is sent."""
    payload = _encode(value)
    return LENGTH.pack(len(payload)) + payload


def read_order(payload: bytes) -> Order:
    """Return the order that was sent; raise msgspec.DecodeError for anything else."""
    return _orders.decode(payload)


def read_answer(payload: bytes) -> Count | None:
    """Return the answer to an order, None where the body cannot be counted."""
    return _answers.decode(payload)
