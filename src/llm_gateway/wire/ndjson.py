"""Lines of JSON as bytes: where one ends, however a stream of them is cut.

Not a JSON reader: what a line holds is for its dialect to say. A line ends with LF, and a CR before it is
white space to JSON; an LF inside a line's JSON is always written as an escape.
"""

__all__ = ["LineSplitter", "LineTooLong"]

_DEFAULT_LIMIT = 16 * 1024 * 1024


class LineTooLong(ValueError):
    """One line is longer than the splitter may hold."""


class LineSplitter:
    """Cut a stream into whole lines, the same ones however the bytes arrive."""

    __slots__ = ("_limit", "_pending", "_size")

    def __init__(self, limit: int = _DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._pending: list[bytes] = []  # pieces without a line's end
        self._size = 0

    @property
    def pending(self) -> int:
        """Return how many bytes of an unfinished line are held."""
        return self._size

    def is_line(self, data: bytes) -> bool:
        """Whether these bytes, coming next, are exactly one line."""
        return not self._size and data.find(b"\n") == len(data) - 1 and 0 < len(data) <= self._limit

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that are complete now, without their ends; empty lines are left out."""
        end = data.rfind(b"\n") + 1
        if not end:
            self._hold(data)
            return []
        whole, rest = (data, b"") if end == len(data) else (data[:end], data[end:])
        if self._size:
            whole = b"".join((*self._pending, whole))
            self._pending.clear()
            self._size = 0
        lines = [line for line in whole.split(b"\n") if line and line != b"\r"]
        if len(whole) > self._limit and any(len(line) > self._limit for line in lines):
            raise LineTooLong(f"a line of the stream is over {self._limit} bytes")
        if rest:
            self._hold(rest)
        return lines

    def close(self) -> bytes:
        """Return what is left: a last line without its end, or nothing."""
        rest = b"".join(self._pending)
        self._pending.clear()
        self._size = 0
        return rest

    def _hold(self, data: bytes) -> None:
        if self._size + len(data) > self._limit:
            raise LineTooLong(f"a line of the stream is over {self._limit} bytes")
        if data:
            self._pending.append(data)
            self._size += len(data)
