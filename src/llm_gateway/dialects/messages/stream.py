"""The meter of a `messages` stream: reads every event while it passes and changes none of them.

Usage is always a part of this dialect's streams, so that there is nothing to take out: what is fed comes
back as the same object.
"""

from typing import TypeVar

import msgspec
from msgspec import Raw

from llm_gateway.dialects.contract import Seen
from llm_gateway.dialects.messages.errors import encode_stream_error
from llm_gateway.dialects.messages.response import (
    UNREADABLE,
    Block,
    Reading,
    block_size,
    error_text,
    named,
    size,
)
from llm_gateway.dialects.messages.tally import Tally
from llm_gateway.errors import GatewayError, UpstreamBroken
from llm_gateway.wire.sse import EventTooLarge, SseSplitter, event_data
from llm_gateway.wire.torn import read_torn

__all__ = ["MessagesMeter", "read_event"]


_ABSENT = Raw()


class _Delta(msgspec.Struct, gc=False):
    text: object = None
    thinking: object = None
    partial_json: object = None
    stop_reason: object = None


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    delta: _Delta | None = None
    content_block: Block | None = None
    message: Reading | None = None
    usage: Raw = _ABSENT
    error: object = None


_T = TypeVar("_T")

_event = msgspec.json.Decoder(_Event)


class MessagesMeter:
    """Watch one stream of message events."""

    __slots__ = ("_splitter", "_tally", "_torn", "seen")

    seen: Seen

    def __init__(self) -> None:
        self.seen = Seen()
        self._tally = Tally()
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
        return end + encode_stream_error(error)

    def _read(self, event: bytes) -> None:
        read = read_event(event, _event)
        if read is None:
            return
        delta = read.delta
        if delta is not None:
            text = delta.text
            if text is not None and isinstance(text, str) and text.isascii():  # nearly every event
                self.seen.content_bytes += len(text)
                return
            if text is not None or delta.thinking is not None or delta.partial_json is not None:
                self.seen.content_bytes += size(text) + size(delta.thinking) + size(delta.partial_json)
                return
            if delta.stop_reason is not None:
                self.seen.finish_reason = named(delta.stop_reason)
        elif read.content_block is not None:
            self.seen.content_bytes += block_size(read.content_block)
        elif read.message is not None:
            self._start(read.message)
        elif read.type == "message_stop":
            self.seen.complete = True
        if read.error is not None:
            self.seen.error = error_text(read.error)
        if self._tally.take(read.usage):
            self._count()

    def _start(self, message: Reading) -> None:
        seen = self.seen
        seen.response_id, seen.model = named(message.id), named(message.model)
        if self._tally.take(message.usage):
            self._count()

    def _count(self) -> None:
        if (usage := self._tally.usage()) is not None:
            self.seen.count(usage)
        self.seen.tier = self._tally.tier


def read_event(event: bytes, decoder: msgspec.json.Decoder[_T]) -> _T | None:
    """Return what an event holds, None when it is not an object of this dialect."""
    start = event.find(b"\ndata: {")
    try:
        if start > 0 and event.startswith(b"event: "):
            return decoder.decode(event[start + 7 :])  # white space may follow JSON: the event's own end does
    except UNREADABLE:
        pass  # more than one line, then
    data = event_data(event)
    if not data.startswith(b"{"):
        return None
    try:
        return read_torn(decoder, data)
    except UNREADABLE:
        return None
