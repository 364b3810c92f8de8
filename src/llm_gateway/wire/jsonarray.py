"""A JSON array that arrives in pieces: where each of its elements ends, and how to end one that was torn.

Not a JSON reader: brackets, quotes and escapes are told apart, and nothing else is checked. A stream of
elements that no array holds (one object, or several with white space between) is cut in the same way.
"""

import re

__all__ = ["ArraySplitter", "ElementTooLarge", "completion"]

_DEFAULT_LIMIT = 16 * 1024 * 1024

_OUTSIDE = re.compile(rb'["{}\[\]]')
_INSIDE = re.compile(rb'["\\]')
_NUMBER = re.compile(rb"-?[0-9.eE+-]*$")
_SPACE = b" \t\r\n"
_WORDS = (b"true", b"false", b"null")
_CLOSER = {b"{": b"}", b"[": b"]"}

# The second byte of a character may be less than any continuation byte (RFC 3629, section 4).
_SECOND = {0xE0: 0xA0, 0xF0: 0x90}


class ElementTooLarge(ValueError):
    """One element is larger than the splitter may hold."""


class ArraySplitter:
    """Cut a stream of array elements into whole ones, the same however the bytes arrive.

    Elements are objects or arrays: what is neither, between them, is passed over.
    """

    __slots__ = (
        "_depth",
        "_escaped",
        "_limit",
        "_pending",
        "_quoted",
        "ended",
        "opened",
        "separated",
        "told",
    )

    def __init__(self, limit: int = _DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._pending = bytearray()  # of the element that has begun
        self._depth = 0  # of brackets inside the element
        self._quoted = self._escaped = False
        self.opened = False
        """The array's own bracket has come."""
        self.ended = False
        """And the one that closes it."""
        self.separated = False
        """A comma has come since the last element was complete."""
        self.told = 0
        """How many elements were complete."""

    @property
    def pending(self) -> bytes:
        """Return what has come of an element that is not complete."""
        return bytes(self._pending)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the elements that are complete now."""
        found: list[bytes] = []
        position = 0
        if not self._depth:
            position = self._begin(data, 0)
        while position < len(data):
            end = self._end(data, position)
            if len(self._pending) + (end or len(data)) - position > self._limit:
                raise ElementTooLarge(f"an element of the stream is over {self._limit} bytes")
            if not end:
                self._pending += data[position:]
                break
            piece = data[position:end]
            found.append(bytes(self._pending + piece) if self._pending else piece)
            self._pending.clear()
            self.told += 1
            self.separated = False
            position = self._begin(data, end)
        return found

    def _begin(self, data: bytes, position: int) -> int:
        """Return where the next element begins, the end of the data where none does."""
        while not self.ended:
            match = _OUTSIDE.search(data, position)
            end = len(data) if match is None else match.start()
            self.separated = self.separated or data.find(b",", position, end) >= 0
            if match is None:
                break
            position, mark = end, match[0]
            if mark == b"[" and not self.opened and not self.told:
                self.opened = True
            elif mark in b"{[":
                return position
            elif mark == b"]" and self.opened:
                self.ended = True
            position += 1
        return len(data)

    def _end(self, data: bytes, position: int) -> int:
        """Return where the element ends that goes on at `position`, 0 when it does not end yet."""
        if self._escaped:
            self._escaped = False
            position += 1
        while True:
            match = (_INSIDE if self._quoted else _OUTSIDE).search(data, position)
            if match is None:
                return 0
            position = match.end()
            mark = match[0]
            if mark == b'"':
                self._quoted = not self._quoted
            elif mark == b"\\":
                if position == len(data):
                    self._escaped = True
                    return 0
                position += 1
            elif mark in b"{[":
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth <= 0:
                    self._depth = 0
                    return position


def completion(torn: bytes) -> bytes:
    """Return the fewest bytes that make a JSON value of its beginning: its strings and brackets are closed.

    A key without its value gets null. The beginning of nothing is completed to null.
    """
    stack, string = _open(torn)
    if string >= 0:
        return _string_end(torn, string) + _after_string(torn, string, stack) + _closing(stack)
    tail = torn.rstrip(_SPACE)
    last = tail[-1:]
    if last == b"," and stack and stack[-1:] == b"{":
        return b'"":null' + _closing(stack)
    if not last or last in b",:":
        return b"null" + _closing(stack)
    if last == b'"':
        start = _string_start(tail)
        return _after_string(tail, start, stack) + _closing(stack)
    return _scalar_end(tail) + _closing(stack)


def _open(torn: bytes) -> tuple[bytes, int]:
    """Return the brackets that are open, and where a string began that is, or -1."""
    stack = bytearray()
    position = 0
    while (match := _OUTSIDE.search(torn, position)) is not None:
        mark, position = match[0], match.end()
        if mark in b"{[":
            stack += mark
        elif mark != b'"':
            del stack[-1:]
        else:
            end = _quote_after(torn, position)
            if not end:
                return bytes(stack), match.start()
            position = end
    return bytes(stack), -1


def _quote_after(torn: bytes, position: int) -> int:
    """Return the place after the quote that ends a string, 0 where there is none."""
    while (match := _INSIDE.search(torn, position)) is not None:
        if match[0] == b'"':
            return match.end()
        position = match.end() + 1
    return 0


def _string_start(tail: bytes) -> int:
    """Return where the string begins that these bytes end with."""
    start = position = 0
    while (match := _OUTSIDE.search(tail, position)) is not None:
        position = match.end()
        if match[0] == b'"':
            start = match.start()
            position = _quote_after(tail, position)
    return start


def _string_end(torn: bytes, start: int) -> bytes:
    """Return what ends a string: what is missing of an escape or of a character, and the quote."""
    position = start + 1
    while (slash := torn.find(b"\\", position)) >= 0:
        if slash + 1 == len(torn):
            return b'\\"'
        if torn[slash + 1] == 0x75:  # u
            missing = slash + 6 - len(torn)
            if missing > 0:
                return b"0" * missing + b'"'
            position = slash + 6
        else:
            position = slash + 2
    return _character_end(torn) + b'"'


def _character_end(torn: bytes) -> bytes:
    """Return the bytes that a last character in UTF-8 lacks."""
    for back in range(1, min(4, len(torn) + 1)):
        byte = torn[-back]
        if byte >= 0xC0:
            size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            missing = size - back
            if missing <= 0:
                return b""
            first = _SECOND.get(byte, 0x80) if back == 1 else 0x80
            return bytes([first]) + b"\x80" * (missing - 1)
        if byte < 0x80:
            return b""
    return b""


def _after_string(torn: bytes, start: int, stack: bytes) -> bytes:
    """Return the value that a key lacks; nothing for a string that is a value itself."""
    before = torn[:start].rstrip(_SPACE)[-1:]
    is_key = stack[-1:] == b"{" and before in (b"{", b",")
    return b":null" if is_key else b""


def _scalar_end(tail: bytes) -> bytes:
    """Return what a last number or word lacks."""
    word = re.search(rb"[a-z]*$", tail)
    letters = word[0] if word is not None else b""
    for each in _WORDS:
        if letters and each.startswith(letters):
            return each[len(letters) :]
    number = _NUMBER.search(tail)
    return b"0" if number is not None and number[0] and not number[0][-1:].isdigit() else b""


def _closing(stack: bytes) -> bytes:
    return b"".join([_CLOSER[bytes([mark])] for mark in reversed(stack)])
