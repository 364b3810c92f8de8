"""Upstreams that misbehave, each a script with a name. What a gateway should make of them is in the tests."""

import gzip

from scripted import chat
from scripted.script import Close, CloseOnReuse, Drip, Gate, Hang, Reset, Script, Send
from scripted.wording import LAST_CHUNK, chunk, head, response, stream_head

__all__ = [
    "ANSWER",
    "BROKEN_ANSWERS",
    "EVENTS",
    "MODEL",
    "UNFINISHED",
    "bomb",
    "cut_stream",
    "drip",
    "failing",
    "hang_mid_stream",
    "interim",
    "never",
    "overloaded",
    "packed",
    "redirect",
    "stale",
]

MODEL = "scripted-model"
ANSWER = chat.completion(MODEL)
EVENTS = chat.events(MODEL)
UNFINISHED = chat.events(MODEL, done=False)
_JSON = ("content-type", "application/json")


def never() -> Script:
    """Take the request and say nothing."""
    return (Hang(),)


def hang_mid_stream() -> Script:
    """Begin a stream and fall silent."""
    return (Send(stream_head()), *(Send(chunk(event)) for event in UNFINISHED), Hang())


def cut_stream(how: str, gate: str = "") -> Script:
    """Begin a stream and break it off: by "reset", "eof" (no last chunk), or "polite" (no last event).

    A script with a `gate` stands there before it breaks off.
    """
    begun = (Send(stream_head()), *(Send(chunk(event)) for event in UNFINISHED))
    wait = (Gate(gate),) if gate else ()
    match how:
        case "reset":
            return (*begun, *wait, Reset())
        case "eof":
            return (*begun, *wait, Close())
        case "polite":
            return (*begun, *wait, Send(LAST_CHUNK))
        case _:
            raise ValueError(how)


def interim(*statuses: int) -> Script:
    """Send interim answers before the real one."""
    before = b"".join(head(status, (("link", "</style.css>; rel=preload"),)) for status in statuses)
    return (Send(before), Send(response(200, ANSWER)))


def redirect(location: str, status: int = 307) -> Script:
    """Send the gateway elsewhere."""
    return (Send(response(status, b"", (("location", location),))),)


def failing(status: int, *, retry_after: str = "", html: bool = False) -> Script:
    """Answer with an error, as an API or as the proxy in front of one."""
    fields = (("retry-after", retry_after), ("x-request-id", "req_scripted")) if retry_after else ()
    if html:
        page = b"<html><body><h1>Internal Server Error</h1></body></html>"
        return (Send(response(status, page, fields, "text/html")),)
    return (Send(response(status, chat.error(f"scripted {status}", "scripted_error", "scripted"), fields)),)


def stale(when: str) -> Script:
    """Answer, keep the connection, and close it: "now", or when its next request comes ("reuse")."""
    return (Send(response(200, ANSWER)), Close() if when == "now" else CloseOnReuse())


def bomb(size: int) -> Script:
    """Answer with `size` bytes of zeros, packed, although nobody asked for packing."""
    return (Send(response(200, gzip.compress(bytes(size), 6), (("content-encoding", "gzip"),))),)


def packed() -> Script:
    """Answer rightly, but packed, although nobody asked for packing."""
    return (Send(response(200, gzip.compress(ANSWER), (("content-encoding", "gzip"),))),)


def overloaded() -> Script:
    """Answer with 529, which some vendors use and no standard knows."""
    body = chat.error("scripted 529", "overloaded_error", "scripted")
    return (
        Send(
            b"HTTP/1.1 529 \r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
            + body
        ),
    )


def drip(every: float, size: int = 1) -> Script:
    """Answer a few bytes at a time."""
    return (Drip(response(200, ANSWER), size, every),)


BROKEN_ANSWERS: dict[str, Script] = {
    "closed without an answer": (Close(),),
    "reset without an answer": (Reset(),),
    "half a status line": (Send(b"HTTP/1."), Close()),
    "half a header section": (Send(b"HTTP/1.1 200 OK\r\ncontent-type: appl"), Close()),
    "not HTTP": (Send(b"SSH-2.0-OpenSSH_9.2p1\r\n"), Close()),
    "content-length too long": (Send(head(200, (_JSON, ("content-length", "9999"))) + ANSWER), Close()),
    "content-length twice, differing": (
        Send(head(200, (_JSON, ("content-length", "5"), ("content-length", str(len(ANSWER))))) + ANSWER),
        Close(),
    ),
    "content-length negative": (Send(head(200, (_JSON, ("content-length", "-5"))) + ANSWER), Close()),
    "transfer-encoding and content-length": (
        Send(
            head(200, (_JSON, ("content-length", "5"), ("transfer-encoding", "chunked")))
            + chunk(ANSWER)
            + LAST_CHUNK
        ),
        Close(),
    ),
    "chunk size not a number": (
        Send(head(200, (_JSON, ("transfer-encoding", "chunked"))) + b"zz\r\n" + ANSWER + b"\r\n0\r\n\r\n"),
        Close(),
    ),
    "chunked body cut": (
        Send(head(200, (_JSON, ("transfer-encoding", "chunked"))) + chunk(ANSWER)[:40]),
        Close(),
    ),
    "header flood": (
        Send(head(200, [_JSON, *((f"x-flood-{number}", "y" * 64) for number in range(5000))])),
        Close(),
    ),
    "header of 1 MiB": (Send(head(200, (_JSON, ("x-big", "y" * (1 << 20))))), Close()),
    "NUL in a header": (Send(head(200, (_JSON, ("x-nul", "a\0b"))) + ANSWER), Close()),
    "bare CR in a header": (Send(head(200, (_JSON, ("x-cr", "a\rset-cookie: b"))) + ANSWER), Close()),
    "switching protocols unasked": (
        Send(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"),
        Close(),
    ),
    "gzip that is not gzip": (Send(response(200, ANSWER, (("content-encoding", "gzip"),))),),
}
"""Whole answers that nobody can use, by name. None of them may come out as a success."""
