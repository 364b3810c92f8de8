"""A field of a multipart form found in place (RFC 7578), so that its value can be replaced and no other byte.

Not a parser of forms: files and other fields are passed over by their delimiters and never taken out.
"""

import importlib
from typing import Any

import msgspec

__all__ = ["FormField", "MalformedForm", "find_field"]

_LONGEST_BOUNDARY = 70  # RFC 2046, 5.1.1


class MalformedForm(ValueError):
    """A form in which the field is there twice: readers differ on which of two counts."""


class FormField(msgspec.Struct, frozen=True):
    """A field's value, and where it lies in the body."""

    value: bytes
    start: int
    end: int

    def replaced(self, body: bytes, value: bytes) -> bytes:
        """Return the body with another value in this place."""
        return body[: self.start] + value + body[self.end :]


def find_field(body: bytes, content_type: bytes, name: str) -> FormField | None:
    """Return a field that is not a file; None when the form has none, or the body is no such form."""
    boundary = _boundary(content_type)
    if not boundary:
        return None
    found: FormField | None = None
    position = _delimiter(body, 0, boundary)
    while position >= 0:
        head = body.find(b"\r\n", position)
        value = body.find(b"\r\n\r\n", head) + 4
        if head < 0 or value < 4:
            break
        following = _delimiter(body, value, boundary)
        if following < 0:
            break
        end = following - len(boundary) - 4  # the delimiter is a line of its own: CRLF, two hyphens, boundary
        if end >= value and _is_named(body[head + 2 : value - 4], name):
            if found is not None:
                raise MalformedForm(f"the form has the field {name!r} twice")
            found = FormField(body[value:end], value, end)
        position = following
    return found


def _delimiter(body: bytes, start: int, boundary: bytes) -> int:
    """Return where the next delimiter ends, -1 when there is none. One that only begins so is none."""
    mark = b"--" + boundary
    at = body.find(mark, start)
    while at >= 0:
        after = at + len(mark)
        is_line = at == 0 or body[at - 2 : at] == b"\r\n"
        if is_line and body[after : after + 1] in (b"\r", b"-", b" ", b"\t"):
            return after
        at = body.find(mark, after)
    return -1


def _boundary(content_type: bytes) -> bytes:
    told = _read("content-type", content_type.decode("latin-1"))
    if told.get_content_type() != "multipart/form-data":
        return b""
    boundary = str(told.get_boundary(""))
    return boundary.encode("latin-1") if len(boundary) <= _LONGEST_BOUNDARY else b""


def _is_named(head: bytes, name: str) -> bool:
    for line in head.split(b"\r\n"):
        field, _, value = line.partition(b":")
        if field.strip().lower() == b"content-disposition":
            told = _read("content-disposition", value.strip().decode("utf-8", "replace"))
            is_file = told.get_param("filename", header="content-disposition") is not None
            return not is_file and told.get_param("name", header="content-disposition") == name
    return False


def _read(name: str, value: str) -> Any:  # an email.message.Message, whose module is what is not imported
    """Return a header field with its parameters read; the first form loads the library for that."""
    told = importlib.import_module("email.message").Message()
    told[name] = value
    return told
