"""The bytes of HTTP/1.1 answers, right and wrong ones alike: nothing here checks what it is told."""

import itertools
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from random import Random

__all__ = ["LAST_CHUNK", "chunk", "cut", "head", "response", "stream_head"]

LAST_CHUNK = b"0\r\n\r\n"

Fields = Sequence[tuple[str, str]]


def head(status: int, fields: Fields = ()) -> bytes:
    """Return a status line and header lines, with the blank line."""
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        *(f"{name}: {value}" for name, value in fields),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def response(status: int, body: bytes, fields: Fields = (), content_type: str = "application/json") -> bytes:
    """Return a whole answer with its length."""
    usual = (("content-type", content_type), ("content-length", str(len(body))))
    return head(status, (*usual, *fields)) + body


def stream_head(fields: Fields = ()) -> bytes:
    """Return the head of a chunked stream of server-sent events."""
    usual = (("content-type", "text/event-stream; charset=utf-8"), ("transfer-encoding", "chunked"))
    return head(200, (*usual, *fields))


def chunk(data: bytes) -> bytes:
    """Frame bytes as one chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def cut(data: bytes, how: int | Iterable[int] | Random) -> list[bytes]:
    """Cut bytes into pieces: of one size, at given offsets, or at random (seeded) places.

    Nothing is spared: a cut may fall inside a line, an event or a character.
    """
    match how:
        case int():
            offsets = list(range(how, len(data), how))
        case Random():
            offsets = sorted({how.randrange(1, len(data)) for _ in range(len(data) // 8 + 1)})
        case _:
            offsets = [offset for offset in how if 0 < offset < len(data)]
    edges = [0, *offsets, len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]
