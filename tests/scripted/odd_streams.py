"""Streams of server-sent events as odd servers write them: the same events, and what comes around them.

What a reader of the HTML standard (9.2) makes of each is said by `READABLE`; the rest nobody can read.
"""

from collections.abc import Callable, Sequence

__all__ = ["READABLE", "UNREADABLE"]

Spell = Callable[[Sequence[bytes]], bytes]


def _ends(ending: bytes) -> Spell:
    return lambda events: b"".join(events).replace(b"\n", ending)


def _between(piece: bytes) -> Spell:
    return lambda events: b"".join(event + piece for event in events)


def _last_cut(events: Sequence[bytes]) -> bytes:
    return b"".join(events)[:-1]


def _parted(events: Sequence[bytes]) -> bytes:
    """Say every event's data in several lines, cut where JSON allows a line's end."""
    return b"".join(events).replace(b',"', b',\ndata: "')


READABLE: dict[str, Spell] = {
    "lines end with CRLF": _ends(b"\r\n"),
    "lines end with CR": _ends(b"\r"),
    "a byte order mark first": lambda events: b"\xef\xbb\xbf" + b"".join(events),
    "no blank after the colon": lambda events: b"".join(events).replace(b"data: ", b"data:"),
    "comments between": _between(b": still here\n\n"),
    "a comment of 1 MiB": lambda events: events[0] + b":" + b"x" * (1 << 20) + b"\n\n" + b"".join(events[1:]),
    "fields that nobody knows": lambda events: b"".join(b"x-odd: 1\nretry: 5\n" + event for event in events),
    "a field without a colon": lambda events: b"".join(b"odd\n" + event for event in events),
    "many blank lines": _between(b"\n\n\n"),
    "data in several lines": _parted,
}

UNREADABLE: dict[str, Spell] = {
    "no blank line between events": lambda events: b"".join(event[:-1] for event in events) + b"\n",
    "data without a colon": lambda events: events[0] + b"data\n\n" + b"".join(events[1:]),
    "no blank line at the end": _last_cut,
    "truncated JSON": lambda events: events[0] + b'data: {"choices":[{"del\n\n' + b"".join(events[1:]),
    "not JSON at all": lambda events: events[0] + b"data: <html>\n\n" + b"".join(events[1:]),
}
