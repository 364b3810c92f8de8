"""Turn a status and header fields into the bytes of an HTTP/1.1 response head. No sockets, no state."""

from http import HTTPStatus

from llm_gateway.wire.headers import Headers

__all__ = [
    "BEGUN_CHUNK",
    "CONTINUE",
    "KEEP_ALIVE",
    "LAST_CHUNK",
    "STILL_THERE",
    "chunk",
    "fields",
    "status_line",
]

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# An interim response that every HTTP/1.1 client must be able to skip (RFC 9110, 15.2); it makes
# a peer that is gone say so with a reset.
STILL_THERE = b"HTTP/1.1 102 Processing\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
# The beginning of the next chunk's size, whatever that is, the last one's too: it may have leading zeros
# (RFC 9112, 7.1). It says nothing, in the middle of anything.
BEGUN_CHUNK = b"0"
# A comment, which every reader of server-sent events passes over (HTML standard, 9.2.6), and which says to
# proxies and timeouts on the way that the stream goes on.
KEEP_ALIVE = b": keep-alive\n\n"


def _known_lines() -> dict[int, bytes]:
    lines = {code: b"HTTP/1.1 %d \r\n" % code for code in range(100, 600)}
    for status in HTTPStatus:
        lines[status.value] = b"HTTP/1.1 %d %b\r\n" % (status.value, status.phrase.encode())
    return lines


_LINES = _known_lines()


def status_line(status: int) -> bytes:
    """Return the status line with its line ending; a status out of range reads as 502."""
    return _LINES.get(status) or _LINES[502]


def fields(headers: Headers) -> bytes:
    """Return header lines, each with its line ending."""
    return b"".join([b"%b: %b\r\n" % field for field in headers])


def chunk(data: bytes) -> bytes:
    """Frame `data` as one chunk of a chunked body (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)
