"""The meter of an `ollama` stream: reads every line while it passes and changes none of them.

Counts are always a part of this dialect's last line, so that there is nothing to take out: what is fed
comes back as the same object.
"""

import msgspec

from llm_gateway.dialects.contract import Seen
from llm_gateway.dialects.ollama.errors import encode_broken
from llm_gateway.dialects.ollama.response import Reading, fill
from llm_gateway.errors import GatewayError, UpstreamBroken
from llm_gateway.wire.ndjson import LineSplitter, LineTooLong
from llm_gateway.wire.torn import read_torn

__all__ = ["OllamaMeter"]

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_reading = msgspec.json.Decoder(Reading)


class OllamaMeter:
    """Watch one stream of lines."""

    __slots__ = ("_splitter", "seen")

    seen: Seen

    def __init__(self) -> None:
        self.seen = Seen()
        self._splitter = LineSplitter()

    def feed(self, data: bytes) -> bytes:
        """Return `data` itself; raise UpstreamBroken when a line has no end."""
        try:
            if self._splitter.is_line(data):  # the usual piece is one whole line
                self._read(data)
                return data
            for line in self._splitter.feed(data):
                self._read(line)
        except LineTooLong as error:
            raise UpstreamBroken(f"the upstream's stream cannot be read: {error}") from error
        return data

    def close(self) -> bytes:
        """Return nothing: nothing is held back. A last line without its end is read all the same."""
        if rest := self._splitter.close():
            self._read(rest)
        return b""

    def fail(self, error: GatewayError) -> bytes:
        """Return the last bytes of a stream that breaks off here, after what was passed on of a line."""
        end = b"\n" if self._splitter.pending else b""
        return end + encode_broken(error.message)

    def _read(self, line: bytes) -> None:
        try:
            reading = read_torn(_reading, line)
        except _UNREADABLE:
            return
        seen = self.seen
        told = seen.usage
        fill(seen, reading)
        if seen.usage is not None and seen.usage is not told:
            seen.count(seen.usage)
        # A rendered prompt (`_debug_render_only`) is all there is, and a model's transfer ends by its status.
        if reading.done is True or reading.status == "success" or reading.debug_info is not None:
            seen.complete = True
