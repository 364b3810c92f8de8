"""A stream of this dialect read into events, cut anywhere.

Not the meter, which watches a stream that passes. A stream without its `done` has broken off.
"""

from collections.abc import Sequence

from llm_gateway.canonical.events import Event
from llm_gateway.canonical.loss import Loss
from llm_gateway.dialects.ollama.lines import LineReader
from llm_gateway.errors import UpstreamBroken
from llm_gateway.wire.ndjson import LineSplitter, LineTooLong

__all__ = ["OllamaDecoder"]


class OllamaDecoder:
    """Read one stream."""

    __slots__ = ("_reader", "_splitter", "losses")

    losses: Sequence[Loss]

    def __init__(self) -> None:
        self.losses = ()
        self._splitter = LineSplitter()
        self._reader = LineReader()

    def feed(self, data: bytes) -> list[Event]:
        """Return what these bytes complete; UpstreamBroken when they are no stream of this dialect."""
        if len(data) > 2 and self._splitter.is_line(data):  # the usual piece is one whole line
            return self._read(data)
        try:
            lines = self._splitter.feed(data)
        except LineTooLong as error:
            raise UpstreamBroken(f"the upstream's stream cannot be read: {error}") from error
        return [event for line in lines for event in self._read(line)]

    def close(self) -> list[Event]:
        """Return what a last line without its end says; nothing where it broke off in the middle."""
        rest = self._splitter.close()
        try:
            return self._read(rest)
        except UpstreamBroken:
            return []

    def _read(self, line: bytes) -> list[Event]:
        events = self._reader.read(line)
        self.losses = self._reader.losses
        return events
