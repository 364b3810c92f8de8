"""The meter of a `responses` stream: reads every event while it passes and changes none of them.

Usage is always a part of this dialect's streams, so that there is nothing to take out: what is fed comes
back as the same object.
"""

from typing import TypeVar

import msgspec
from msgspec import Raw

from llm_gateway.dialects.contract import Seen
from llm_gateway.dialects.responses.errors import encode_stream_error
from llm_gateway.dialects.responses.response import Reading, content_size, error_text, fill
from llm_gateway.errors import GatewayError, UpstreamBroken
from llm_gateway.wire.sse import EventTooLarge, SseSplitter, event_data
from llm_gateway.wire.torn import read_torn

__all__ = ["TERMINAL", "ResponsesMeter", "read_event"]

TERMINAL = frozenset(("response.completed", "response.incomplete", "response.failed"))
"""The events with which a stream ends as it should; each carries the whole response object."""

# Sound comes as base64, which is no text to estimate tokens from.
_NO_TEXT = frozenset(("response.audio.delta", "response.output_audio.delta"))


_ABSENT = Raw()


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    sequence_number: object = None
    delta: object = None
    response: Raw = _ABSENT
    error: object = None
    message: object = None


_T = TypeVar("_T")

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_event = msgspec.json.Decoder(_Event)
_reading = msgspec.json.Decoder(Reading)


class ResponsesMeter:
    """Watch one stream of response events."""

    __slots__ = ("_sequence", "_splitter", "_torn", "seen")

    seen: Seen

    def __init__(self) -> None:
        self.seen = Seen()
        self._sequence: object = None
        self._torn = False  # the client has a part of an event whose end never came
        self._splitter = SseSplitter()

    def feed(self, data: bytes) -> bytes:
        """Return `data` itself; raise UpstreamBroken when an event has no end."""
        try:
            if self._splitter.is_event(data):  # the usual piece is one whole event
                self._read(data)
                return data
            for event in self._splitter.feed(data):
                self._read(event)
        except EventTooLarge as error:
            raise UpstreamBroken(f"the upstream's stream cannot be read: {error}") from error
        return data

    def close(self) -> bytes:
        """Return nothing: nothing is held back. A last event without its blank line is read all the same."""
        if rest := self._splitter.close():
            self._torn = True
            self._read(rest)
        return b""

    def fail(self, error: GatewayError) -> bytes:
        """Return the event that says what went wrong, on a line of its own."""
        end = b"\n\n" if self._torn or self._splitter.pending else b""
        sequence = self._sequence + 1 if isinstance(self._sequence, int) else 0
        return end + encode_stream_error(error, self.seen, sequence)

    def _read(self, event: bytes) -> None:
        read = read_event(event, _event)
        if read is None:
            return
        self._sequence = read.sequence_number
        delta = read.delta
        if delta is not None:
            if isinstance(delta, str) and delta.isascii() and read.type not in _NO_TEXT:
                self.seen.content_bytes += len(delta)
            elif read.type not in _NO_TEXT:
                self.seen.content_bytes += content_size(delta)
            return
        if len(read.response) > 4:
            self._take_response(read.type, read.response)
        elif read.type == "error" or (read.error is not None and not read.type):
            told = {"message": read.message} if read.error is None else read.error
            self.seen.error = error_text(told)

    def _take_response(self, kind: str, response: Raw) -> None:
        terminal = kind in TERMINAL
        if not terminal and self.seen.response_id:
            return  # what a stream begins with is told twice, and may be as large as the request
        try:
            reading = read_torn(_reading, response)
        except _UNREADABLE:
            reading = Reading()
        fill(self.seen, reading)
        if terminal:
            self.seen.complete = True
            if kind == "response.failed" and not self.seen.error:
                self.seen.error = error_text({})
        else:
            self.seen.finish_reason = ""  # nothing has finished yet


def read_event(event: bytes, decoder: msgspec.json.Decoder[_T]) -> _T | None:
    """Return what an event holds, None when it is not an object of this dialect."""
    start = event.find(b"\ndata: {")
    try:
        if start > 0 and event.startswith(b"event: "):
            return decoder.decode(event[start + 7 :])  # white space may follow JSON: the event's own end does
    except _UNREADABLE:
        pass  # more than one line, then
    data = event_data(event)
    if not data.startswith(b"{"):
        return None
    try:
        return read_torn(decoder, data)
    except _UNREADABLE:
        return None
