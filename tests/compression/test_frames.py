"""Orders and answers survive the pipe; anything else is refused."""

import msgspec
import pytest

from llm_gateway.compression.frames import (
    LENGTH,
    Count,
    Order,
    Shorter,
    framed,
    read_answer,
    read_differences,
    read_order,
)

COUNT = Count(1, 2, None, 4, 5, 6, 7, 8, 9)


def payload(frame: bytes) -> bytes:
    assert LENGTH.unpack(frame[: LENGTH.size]) == (len(frame) - LENGTH.size,)
    return frame[LENGTH.size :]


def test_what_is_sent_is_read() -> None:
    order = Order("chat", b'{"any": "bytes"}\xff')
    assert read_order(payload(framed(order))) == order
    shorter = Shorter(((b'"raw"', b'"sent"'), (b'"\xff"', b'""')))
    assert read_order(payload(framed(shorter))) == shorter
    assert read_differences(payload(framed((3, -1)))) == (3, -1)
    assert read_differences(payload(framed(None))) is None
    assert read_answer(payload(framed(COUNT))) == COUNT
    assert read_answer(payload(framed(None))) is None


def test_anything_else_is_no_answer() -> None:
    with pytest.raises(msgspec.DecodeError):
        read_answer(b"\x91\x01")
