"""A stream of this dialect read into events, whether it is one of events or an array.

Not the meter, which watches a stream that passes. A stream of events has no end of its own (each piece
may tell a finish reason, and usage may follow it), so that the end is known when nothing comes any more.
"""

from collections.abc import Sequence

from llm_gateway.canonical.events import Event
from llm_gateway.canonical.loss import Loss
from llm_gateway.dialects.gemini.framing import Framing
from llm_gateway.dialects.gemini.reading import AnswerReader
from llm_gateway.errors import UpstreamBroken

__all__ = ["GeminiDecoder"]


class GeminiDecoder:
    """Read one stream."""

    losses: Sequence[Loss]

    def __init__(self) -> None:
        self.losses = ()
        self._framing = Framing()
        self._reader = AnswerReader()

    def feed(self, data: bytes) -> list[Event]:
        """Return what these bytes complete; UpstreamBroken when they are no stream of this dialect."""
        pieces = self._framing.feed(data)
        if len(pieces) == 1 and not self._framing.ended:  # the usual data
            return self._take(pieces[0])
        found: list[Event] = []
        for piece in pieces:
            found += self._take(piece)
        if self._framing.ended:
            found += self._reader.finish()
        return found

    def close(self) -> list[Event]:
        """Return what was left: a last event without its blank line, and the end."""
        found: list[Event] = []
        try:
            for piece in self._framing.close():
                found += self._take(piece)
        except UpstreamBroken:  # half an event: the stream broke off in it
            return found
        return found + self._reader.finish()

    def _take(self, piece: bytes) -> list[Event]:
        found = self._reader.take(piece)
        self.losses = self._reader.losses
        return found
