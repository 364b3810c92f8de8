"""Protobuf's fields: what the official messages write is read, and any other bytes are refused."""

import struct

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from llm_gateway.clients.otlp.wire_format import Fields, fixed64, length_delimited, real, signed, text, varint
from llm_gateway.errors import BodyTooLarge, MalformedRequest


def read(body: bytes) -> list[tuple[int, int | bytes]]:
    found = Fields().all(memoryview(body))
    return [(tag, value if isinstance(value, int) else bytes(value)) for tag, value in found]


@given(number=st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_are_those_that_were_written(number: int) -> None:
    ((tag, value),) = read(AnyValue(int_value=number).SerializeToString())
    assert isinstance(value, int)
    assert (tag, signed(value)) == (varint(3), number)


@given(number=st.floats(allow_nan=False))
def test_doubles_are_those_that_were_written(number: float) -> None:
    ((tag, value),) = read(AnyValue(double_value=number).SerializeToString())
    assert isinstance(value, int)
    assert (tag, real(value)) == (fixed64(4), number)


@given(words=st.text())
def test_texts_are_those_that_were_written(words: str) -> None:
    ((tag, value),) = read(AnyValue(string_value=words).SerializeToString())
    assert isinstance(value, bytes)
    assert (tag, text(memoryview(value))) == (length_delimited(1), words)


def test_a_message_is_read_in_order_and_fields_of_four_bytes_are_passed_over() -> None:
    four = bytes([8 << 3 | 5]) + struct.pack("<I", 7)
    named = FileDescriptorProto(name="a", message_type=[], syntax="proto3").SerializeToString()
    assert read(four + named + four) == [(length_delimited(1), b"a"), (length_delimited(12), b"proto3")]
    assert read(FieldDescriptorProto(number=300).SerializeToString()) == [(varint(3), 300)]


@pytest.mark.parametrize(
    "body",
    [
        b"\x00\x01",  # field 0
        b"\x07\x01",  # a wire type that is none
        b"\x0b",  # a group
        b"\x0a\x05ab",  # a length of more than there is
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  # of much more
        b"\x09\x01\x02",  # eight bytes that are two
        b"\x0d\x01",  # four bytes that are one
        b"\x08",  # a varint that is not there
        b"\x08\x80",  # one without an end
        b"\x08" + b"\xff" * 10 + b"\x01",  # one that is too long
        b"\xff" * 5,
    ],
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedRequest, match="protobuf"):
        read(body)


def test_a_text_that_is_none_is_refused() -> None:
    with pytest.raises(MalformedRequest, match="UTF-8"):
        text(memoryview(b"\xff\xfe"))


def test_parts_are_texts_bytes_and_messages_alone() -> None:
    fields = Fields()
    assert [bytes(part) for _, part in fields.parts(memoryview(b"\x08\x01\x0a\x01x\x10\x02"))] == [b"x"]


def test_what_is_read_of_one_export_is_counted_together() -> None:
    fields = Fields(most=5)
    assert len(list(fields.all(memoryview(b"\x08\x01" * 3)))) == 3
    with pytest.raises(BodyTooLarge, match="over 5 fields"):
        list(fields.all(memoryview(b"\x08\x01" * 3)))
