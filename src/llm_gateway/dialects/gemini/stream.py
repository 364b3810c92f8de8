"""The meter of a `gemini` stream: reads every piece while it passes and changes none of them.

Usage is always a part of this dialect's streams, so that there is nothing to take out: what is fed comes
back as the same object. A stream is complete when it told why it ended; events have no other end.
"""

import msgspec

from llm_gateway.dialects.contract import Seen
from llm_gateway.dialects.gemini.errors import encode_error
from llm_gateway.dialects.gemini.framing import Framing
from llm_gateway.dialects.gemini.response import UNREADABLE, Reading, take
from llm_gateway.errors import GatewayError
from llm_gateway.wire.torn import read_torn

__all__ = ["GeminiMeter"]

_reading = msgspec.json.Decoder(Reading)


class GeminiMeter:
    """Watch one stream, of events or an array. `events` is what the client asked for."""

    __slots__ = ("_framing", "seen")

    seen: Seen

    def __init__(self, *, events: bool) -> None:
        self.seen = Seen()
        self._framing = Framing(events=events)

    def feed(self, data: bytes) -> bytes:
        """Return `data` itself; raise UpstreamBroken when a piece has no end."""
        for piece in self._framing.feed(data):
            self._read(piece)
        return data

    def close(self) -> bytes:
        """Return nothing, but the end of an array that broke off when the answer in it was complete.

        A last event without its blank line is read all the same.
        """
        for piece in self._framing.close():
            self._read(piece)
        return self._framing.lacking() if self.seen.complete else b""

    def fail(self, error: GatewayError) -> bytes:
        """Return the last event, or the last element and the end of the array."""
        return self._framing.failure(encode_error(error))

    def _read(self, piece: bytes) -> None:
        try:
            reading = read_torn(_reading, piece)
        except UNREADABLE:
            return
        take(reading, self.seen)
