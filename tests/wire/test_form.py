"""A field of a form is found where it lies, whatever stands around it, and no other byte changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.wire.form import MalformedForm, find_field

TYPE = b"multipart/form-data; boundary=b0"


def part(name: str, value: bytes, *, file: str = "") -> bytes:
    named = f'; filename="{file}"' if file else ""
    kind = "content-type: audio/wav\r\n" if file else ""
    head = f'Content-Disposition: form-data; name="{name}"{named}\r\n{kind}\r\n'
    return b"--b0\r\n" + head.encode() + value + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--b0--\r\n"


FORM = form(
    part("file", b'\x00\x01\r\n--b0x\r\nname="model"\r\n\r\n\xff', file="a.wav"),
    part("model", b"openai/whisper-1"),
    part("language", b"de"),
)


def test_a_field_is_found_and_replaced_in_place() -> None:
    field = find_field(FORM, TYPE, "model")
    assert field is not None and field.value == b"openai/whisper-1"
    assert FORM[field.start : field.end] == field.value
    assert field.replaced(FORM, b"whisper-1") == FORM.replace(b"openai/whisper-1", b"whisper-1")


@pytest.mark.parametrize(
    "content_type",
    [
        b'multipart/form-data; boundary="b0"',
        b"Multipart/Form-Data; charset=utf-8; Boundary=b0",
    ],
)
def test_the_boundary_may_be_written_in_other_ways(content_type: bytes) -> None:
    assert find_field(FORM, content_type, "model") is not None


def test_an_empty_field_is_one() -> None:
    field = find_field(form(part("model", b"")), TYPE, "model")
    assert field is not None and field.value == b""


def test_white_space_behind_a_delimiter_and_a_preamble_are_allowed() -> None:
    body = b"preamble\r\n--b0 \t\r\nContent-Disposition: form-data; name=model\r\n\r\nm\r\n--b0--"
    field = find_field(body, TYPE, "model")
    assert field is not None and field.value == b"m"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (FORM, b"application/json"),
        (FORM, b""),
        (FORM, b"multipart/form-data"),
        (FORM, b"multipart/form-data; boundary=" + b"x" * 71),
        (FORM, b"multipart/form-data; boundary=other"),
        (form(part("language", b"de")), TYPE),
        (form(part("model", b"m", file="model.bin")), TYPE),
        (form(part("models", b"m")), TYPE),
        (b"--b0\r\n\r\nno head\r\n--b0--", TYPE),
        (b'--b0\r\nContent-Disposition: form-data; name="model"\r\n\r\nwithout an end', TYPE),
        (b'--b0\r\nContent-Disposition: form-data; name="model"', TYPE),
        (b"", TYPE),
        (b"--b0", TYPE),
        (b"--b0--", TYPE),
    ],
)
def test_without_the_field_there_is_none(body: bytes, content_type: bytes) -> None:
    assert find_field(body, content_type, "model") is None


def test_a_field_that_is_there_twice_is_refused() -> None:
    with pytest.raises(MalformedForm, match="twice"):
        find_field(form(part("model", b"a"), part("model", b"b")), TYPE, "model")


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_whatever_a_file_holds_the_field_behind_it_is_found(before: bytes, after: bytes) -> None:
    if b"--b0" in before + after:
        return
    body = form(part("file", before, file="x"), part("model", b"m"), part("other", after))
    field = find_field(body, TYPE, "model")
    assert field is not None and field.value == b"m"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_a_failure(body: bytes) -> None:
    find_field(body, TYPE, "model")
    find_field(b"--b0\r\n" + body + b"\r\n--b0--", TYPE, "model")
