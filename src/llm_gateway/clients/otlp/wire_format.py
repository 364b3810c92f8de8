"""The fields of a protobuf message (protobuf.dev, "Encoding"), one after the other, without a schema.

What a field means is for who reads it; what is not read costs a step and makes nothing. Written by hand
rather than taken from a library, which would make every text and every empty record of an export into
an object before anybody could say that it is not wanted: docs/decisions/0009-otlp-decoding.md.
"""

import struct
from collections.abc import Iterator

from llm_gateway.clients.otlp.batches import MOST_PARTS
from llm_gateway.errors import BodyTooLarge, MalformedRequest

__all__ = ["Fields", "fixed64", "length_delimited", "real", "signed", "text", "varint"]

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10
_64_BITS = 2**64 - 1


def varint(number: int) -> int:
    """Return the tag of a field that is a varint."""
    return number << 3 | _VARINT


def fixed64(number: int) -> int:
    """Return the tag of a field of eight bytes."""
    return number << 3 | _FIXED64


def length_delimited(number: int) -> int:
    """Return the tag of a field that is a text, bytes or a message."""
    return number << 3 | _LENGTH


def signed(value: int) -> int:
    """Return a varint that was an int64."""
    return value - 2**64 if value >= 2**63 else value


def real(value: int) -> float:
    """Return eight bytes that were a double."""
    number: float = struct.unpack("<d", value.to_bytes(8, "little"))[0]
    return number


def text(value: memoryview) -> str:
    """Return bytes that were a text; MalformedRequest where they were none."""
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError as error:
        raise MalformedRequest("a text of the export is not UTF-8") from error


class Fields:
    """Reads messages of one export, and counts what it reads: BodyTooLarge when that is too much."""

    def __init__(self, most: int = MOST_PARTS) -> None:
        self._most = most
        self._left = most

    def parts(self, message: memoryview) -> Iterator[tuple[int, memoryview]]:
        """Return a message's texts, bytes and messages, by tag."""
        return ((tag, value) for tag, value in self.all(message) if not isinstance(value, int))

    def all(self, message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
        """Return a message's fields, by tag; MalformedRequest where it is no message.

        Fields of four bytes are passed over: nothing that is read here has any.
        """
        at, end = 0, len(message)
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise BodyTooLarge(f"the export has over {self._most} fields; send it in smaller batches")
            tag, at = _read_varint(message, at)
            if not 8 <= tag < 2**32:
                raise _malformed()
            match tag & 7:
                case 0:  # a varint
                    value, at = _read_varint(message, at)
                    yield tag, value
                case 2:  # a length, and as many bytes
                    size, at = _read_varint(message, at)
                    at = _after(at, size, end)
                    yield tag, message[at - size : at]
                case 1:
                    at = _after(at, 8, end)
                    yield tag, int.from_bytes(message[at - 8 : at], "little")
                case 5:
                    at = _after(at, 4, end)
                case _:  # groups are older than proto3, in which OTLP is written
                    raise _malformed()


def _after(at: int, size: int, end: int) -> int:
    if size > end - at:
        raise _malformed()
    return at + size


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return a number and where it ends."""
    value = 0
    for index in range(min(_LONGEST_VARINT, len(message) - at)):
        byte = message[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value & _64_BITS, at + index + 1
    raise _malformed()


def _malformed() -> MalformedRequest:
    return MalformedRequest("the body is not an OTLP export in protobuf, as its content-type says")
