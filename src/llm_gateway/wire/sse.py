"""Server-sent events as bytes: where one ends, what data it carries, how to write one.

Not a client: reconnection, `id` and `retry` are for whoever reads the events
(WHATWG HTML, section 9.2 "Server-sent events").
"""

import re

__all__ = ["EventTooLarge", "SseSplitter", "encode", "event_data"]

# Two line ends with nothing between. A line ends with CRLF, LF or CR; the groups are atomic because a
# CRLF is never two ends. A CR that is the last byte here may be half of a CRLF: it has to wait.
_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r)(?:\r\n|\n|\r(?=[^\n]))")

_BOM = b"\xef\xbb\xbf"
_DEFAULT_LIMIT = 16 * 1024 * 1024


class EventTooLarge(ValueError):
    """One event is larger than the splitter may hold."""


class SseSplitter:
    """Cut a stream into whole events, the same ones however the bytes arrive."""

    __slots__ = ("_has_cr", "_limit", "_pending", "_scanned")

    def __init__(self, limit: int = _DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._pending = bytearray()
        self._scanned = 0
        self._has_cr = False

    @property
    def pending(self) -> int:
        """Return how many bytes of an unfinished event are held."""
        return len(self._pending)

    def is_event(self, data: bytes) -> bool:
        """Whether these bytes, coming next, are exactly one event with plain line ends."""
        return (
            not self._pending
            and data.find(b"\n\n") == len(data) - 2
            and 1 < len(data) <= self._limit
            and b"\r" not in data
        )

    def feed(self, data: bytes) -> list[bytes]:
        """Return the events that are complete now, each with the blank line that ends it.

        Blank lines before an event and comments belong to the event that follows. An event that ends
        in a lone CR comes with the next byte or with `close`: only then is it known not to be a CRLF.
        """
        has_cr = b"\r" in data
        if self._pending:
            self._pending += data
            self._has_cr = self._has_cr or has_cr
            return self._cut(self._pending, None if self._has_cr else b"\n\n")
        self._has_cr = has_cr
        if not has_cr:
            if self.is_event(data):
                return [data]
            return self._cut(data, b"\n\n")
        return self._cut(data, b"\r\n\r\n" if _is_crlf(data) else None)

    def close(self) -> bytes:
        """Return what is left: an event that never ended, or one that ended in a lone CR."""
        rest = bytes(self._pending)
        self._pending = bytearray()
        self._scanned = 0
        return rest

    def _cut(self, data: bytes | bytearray, blank_line: bytes | None) -> list[bytes]:
        """Cut at this blank line, or at any kind of one."""
        events: list[bytes] = []
        start = 0
        end = _next_end(data, self._scanned, blank_line)
        while end:
            if end - start > self._limit:
                raise EventTooLarge(f"an event of the stream is over {self._limit} bytes")
            events.append(bytes(data[start:end]))
            start = end
            end = _next_end(data, start, blank_line)
        if len(data) - start > self._limit:
            raise EventTooLarge(f"an event of the stream is over {self._limit} bytes")
        if data is self._pending:
            del self._pending[:start]
        elif start < len(data):
            self._pending = bytearray(data[start:])
        self._scanned = max(0, len(data) - start - 3)  # a blank line may have begun in the last three
        return events


def _is_crlf(data: bytes) -> bool:
    """Whether every line ends with CRLF, so that one kind of blank line has to be looked for."""
    ends = data.count(b"\r\n")
    return ends == data.count(b"\n") and ends == data.count(b"\r")


def _next_end(data: bytes | bytearray, position: int, blank_line: bytes | None) -> int:
    """Return where the event ends that goes on at `position`, or 0 when it does not end yet."""
    if blank_line is None:
        found = _BLANK_LINE.search(data, position)
        return found.end() if found else 0
    index = data.find(blank_line, position)
    return index + len(blank_line) if index >= 0 else 0


def event_data(event: bytes) -> bytes:
    """Return the data of one event: its `data` lines, joined by LF; b"" when there is none."""
    if event.startswith(b"data: "):  # one line of data: nearly every event
        end = event.find(b"\n")
        if end == len(event) - 2 and event[end + 1] == 10 and b"\r" not in event:
            return event[6:end]
    if event.startswith(_BOM):
        event = event[3:]
    lines: list[bytes] = []
    for line in event.splitlines():  # of bytes: CRLF, LF and CR end a line, and nothing else does
        if line.startswith(b"data:"):
            lines.append(line[6:] if line[5:6] == b" " else line[5:])
        elif line == b"data":
            lines.append(b"")
    return b"\n".join(lines)


def encode(data: bytes, event: bytes = b"") -> bytes:
    """Return an event with this data, and with this name when it has one."""
    if b"\n" in data or b"\r" in data:
        text = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        data = text.replace(b"\n", b"\ndata: ")
    if event:
        return b"event: %b\ndata: %b\n\n" % (event, data)
    return b"data: %b\n\n" % data
