"""Requests that no server should accept, by name: smuggling, framing errors, floods, other protocols.

`MUST_REFUSE` must never be answered with success. `DECIDED` are requests on which servers differ; our
decision stands beside each. All of them carry a valid key, so nothing but their form can be the reason.
"""

from collections.abc import Callable
from random import Random

__all__ = ["CHAT", "DECIDED", "MUST_REFUSE", "Make", "good"]

Make = Callable[[str], bytes]
"""Make a request with this gateway key."""

CHAT = b'{"model":"scripted/scripted-model","messages":[{"role":"user","content":"hi"}]}'
_LENGTH = str(len(CHAT))
# The beginning of a TLS 1.2 client hello: record header, handshake header, version, random.
_TLS_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(189))


def good(key: str) -> bytes:
    """Return a request that is answered with 200."""
    return _get(key, "/v1/models")


def _get(key: str, target: str, *more: str, host: str = "127.0.0.1", method: str = "GET") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {key}", *more]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _post(key: str, *more: str, body: bytes = CHAT) -> bytes:
    fields = ("Content-Type: application/json", *more)
    return _get(key, "/v1/chat/completions", *fields, method="POST") + body


def _field(line: bytes) -> Make:
    """Make a GET with one more header line, as it is."""
    return lambda key: good(key)[:-2] + line + b"\r\n\r\n"


def _framed(*more: str) -> Make:
    """Make a POST with these framing fields and a plain body."""
    return lambda key: _post(key, *more)


def _chunks(body: bytes) -> Make:
    """Make a POST whose chunked body is this."""
    return lambda key: _post(key, "Transfer-Encoding: chunked", body=body)


def _chunked(data: bytes = CHAT, extension: bytes = b"") -> bytes:
    return b"%x%b\r\n%b\r\n0\r\n\r\n" % (len(data), extension, data)


def _junk(key: str) -> bytes:
    """Make 400 random bytes, none of which looks like a request."""
    return b"\xfe" + Random(400).randbytes(399)


MUST_REFUSE: dict[str, Make] = {
    "content-length twice, differing": _framed(f"Content-Length: {_LENGTH}", "Content-Length: 3"),
    "content-length with a plus": _framed(f"Content-Length: +{_LENGTH}"),
    "content-length in hexadecimal": _framed(f"Content-Length: 0x{len(CHAT):x}"),
    "content-length negative": _framed("Content-Length: -1"),
    "content-length and transfer-encoding": lambda key: _post(
        key, f"Content-Length: {_LENGTH}", "Transfer-Encoding: chunked", body=_chunked()
    ),
    "transfer-encoding xchunked": _framed("Transfer-Encoding: xchunked"),
    "transfer-encoding chunked, identity": lambda key: _post(
        key, "Transfer-Encoding: chunked, identity", body=_chunked()
    ),
    "space before the colon of transfer-encoding": lambda key: _post(
        key, "Transfer-Encoding : chunked", body=_chunked()
    ),
    "vertical tab before chunked": lambda key: _post(key, "Transfer-Encoding: \x0bchunked", body=_chunked()),
    "chunk size not a number": _chunks(b"zz\r\n" + CHAT + b"\r\n0\r\n\r\n"),
    "chunk size overflow": _chunks(b"f" * 18 + b"\r\n" + CHAT),
    "chunk data not followed by CRLF": _chunks(b"%x\r\n%bXX0\r\n\r\n" % (len(CHAT), CHAT)),
    "chunk extension ended by a bare LF": _chunks(b"%x;a=b\n%b\r\n0\r\n\r\n" % (len(CHAT), CHAT)),
    "bare LF everywhere": lambda key: good(key).replace(b"\r\n", b"\n"),
    "bare CR in a value": _field(b"X-Test: a\rb"),
    "NUL in a value": _field(b"X-Test: a\0b"),
    "folded header line": _field(b"X-Test: a\r\n b"),
    "space before a colon": _field(b"X-Test : a"),
    "no host": lambda key: good(key).replace(b"Host: 127.0.0.1\r\n", b""),
    "two hosts": _field(b"Host: 127.0.0.1"),
    "version 9.9": lambda key: good(key).replace(b"HTTP/1.1", b"HTTP/9.9"),
    "control character in the method": lambda key: good(key).replace(b"GET", b"G\x01T"),
    "header value of 70 KiB": _field(b"X-Test: " + b"a" * 70 * 1024),
    "header value of 1 MiB": _field(b"X-Test: " + b"a" * 1024 * 1024),
    "2000 header lines": _field(b"\r\n".join(b"X-Test-%d: a" % number for number in range(2000))),
    "TLS hello": lambda key: _TLS_HELLO,
    "random bytes": _junk,
}

DECIDED: dict[str, tuple[Make, frozenset[int]]] = {
    # A repeated length is harmless only if everybody on the way reads it alike.
    "content-length twice, equal": (
        _framed(f"Content-Length: {_LENGTH}", f"Content-Length: {_LENGTH}"),
        frozenset((400,)),
    ),
    "content-length as a list": (_framed(f"Content-Length: {_LENGTH}, {_LENGTH}"), frozenset((400,))),
    # Host names who is asked and nothing else.
    "host with a path": (lambda key: _get(key, "/v1/models", host="a/echo?x="), frozenset((400, 421))),
    "absolute-form target": (lambda key: _get(key, "http://127.0.0.1/v1/models"), frozenset((400,))),
    # Paths are compared as they are written: nothing is decoded, joined or cleaned.
    "path that looks like a host": (lambda key: _get(key, "//evil.example/v1/models"), frozenset((404,))),
    "encoded dot segments": (lambda key: _get(key, "/v1/%2e%2e/v1/models"), frozenset((404,))),
    "encoded NUL in the path": (lambda key: _get(key, "/v1/models%00"), frozenset((404,))),
    "raw 0xFF in the path": (lambda key: _get(key, "/v1/models\xff"), frozenset((400,))),
    "lower-case method": (lambda key: _get(key, "/v1/models", method="get"), frozenset((400, 405, 501))),
    # Without an answer, or with one that says 4xx: the connection closes either way.
    "preface of HTTP/2": (lambda key: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frozenset((400, 405, 505))),
}
