"""The two forms of a stream of this dialect, events and an array that grows, and how each ends in an error.

Which one a server sends is seen by its first byte, whatever was asked for. Not what the pieces say.
"""

from llm_gateway.errors import UpstreamBroken
from llm_gateway.wire.jsonarray import ArraySplitter, ElementTooLarge, completion
from llm_gateway.wire.sse import EventTooLarge, SseSplitter, event_data

__all__ = ["Framing", "is_events", "last_event"]

_BEFORE = b"\xef\xbb\xbf \t\r\n"


def is_events(query: str) -> bool:
    """Whether a client asked for events rather than an array: `alt=sse` (ai.google.dev, "All methods")."""
    return "alt=sse" in query.split("&")


def last_event(error: bytes) -> bytes:
    """Return how a stream of events ends in an error: as an event, and once more by itself.

    Google's SDK for JavaScript reads an event of an error as an answer that says nothing, and raises only for
    what is left at the end without a blank line; the AI SDK's provider reads events alone. Google's SDK for
    Python raises for either.
    """
    return b"data: %b\n\n%b" % (error, error)


class Framing:
    """Cut a stream into its pieces: each is the JSON of one answer.

    `events` is which form a stream is taken for of which no byte has come.
    """

    __slots__ = ("_array", "_events", "_sse", "_torn")

    def __init__(self, *, events: bool = True) -> None:
        self._events = events
        self._sse: SseSplitter | None = None
        self._array: ArraySplitter | None = None
        self._torn = False  # the client has a part of an event whose end never came

    @property
    def ended(self) -> bool:
        """Return whether the end is there that only an array has."""
        return self._array is not None and self._array.ended

    def feed(self, data: bytes) -> list[bytes]:
        """Return the pieces that are complete now; UpstreamBroken when one has no end."""
        try:
            if self._sse is not None:
                if data.startswith(b"data: {") and _is_event(data) and not self._sse.pending:
                    return [data[6:]]
                return _told(self._sse.feed(data))
            if self._array is not None:
                return self._array.feed(data)
            start = data.lstrip(_BEFORE)
            if not start:
                return []
            if start[0] in b"[{":
                self._array = ArraySplitter()
                return self._array.feed(start)
            self._sse = SseSplitter()
            return _told(self._sse.feed(data))
        except (EventTooLarge, ElementTooLarge) as error:
            raise UpstreamBroken(f"the upstream's stream cannot be read: {error}") from error

    def close(self) -> list[bytes]:
        """Return a last event without its blank line; half an element of an array is nothing."""
        if self._sse is None or not (rest := self._sse.close()):
            return []
        self._torn = True
        return _told([rest])

    def lacking(self) -> bytes:
        """Return the end of an array whose elements have all come, and whose end has not."""
        array = self._array
        if array is None or not array.opened or array.ended or array.pending or array.separated:
            return b""
        return b"\n]\n"

    def failure(self, error: bytes) -> bytes:
        """Return the bytes that end the stream with this error, whatever of it the client has."""
        array = self._array
        if array is None and (self._sse is not None or self._events):
            torn = self._torn or (self._sse is not None and self._sse.pending)
            return b"%b%b" % (b"\n\n" if torn else b"", last_event(error))
        if array is None:
            return b"[%b]" % error
        if array.ended or not (array.opened or array.told or array.pending):
            return error
        begun = array.pending
        last = completion(begun) if begun else b""
        between = b""
        if begun or (array.told and not array.separated):
            between = b",\n" if array.opened else b"\n"
        return b"%b%b%b%b" % (last, between, error, b"]" if array.opened else b"")


def _is_event(data: bytes) -> bool:
    """Whether these bytes are the usual ones: one event of one line, its end as Google's servers write it."""
    size = len(data)
    if data.endswith(b"\r\n\r\n"):
        return data.find(b"\n") == size - 3 and data.find(b"\r") == size - 4
    return data.endswith(b"\n\n") and data.find(b"\n") == size - 2 and b"\r" not in data


def _told(events: list[bytes]) -> list[bytes]:
    found: list[bytes] = []
    for event in events:
        data = event_data(event)
        if not data and event.lstrip(_BEFORE).startswith(b"{"):
            data = event  # Google's servers may break off with an error that is no event
        if data.startswith(b"{"):
            found.append(data)
    return found
