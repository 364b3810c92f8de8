"""The meter of a `chat` stream: reads every event while it passes, and takes out what we asked for.

Without stripping, bytes go through as the same object, whatever they are; the meter only looks. With it,
whole events are relayed. What the documented API adds to a stream because of
`stream_options.include_usage` is exactly (a) one event with `choices: []` and the usage, before the end,
and (b) `usage: null` in every other event. Those two are removed. Usage that comes together with choices
is not ours: the servers that send it there (Mistral, DeepSeek, OpenRouter) do so unasked, so it stays.
"""

import msgspec

from llm_gateway.canonical.tiers import tier_of
from llm_gateway.dialects.chat.errors import encode_stream_error
from llm_gateway.dialects.chat.response import (
    Reading,
    content_size,
    error_text,
    message_size,
    read_part,
    usage_of,
)
from llm_gateway.dialects.contract import Seen
from llm_gateway.errors import GatewayError, UpstreamBroken
from llm_gateway.wire.jsonedit import Document, MalformedJson
from llm_gateway.wire.sse import EventTooLarge, SseSplitter, event_data
from llm_gateway.wire.torn import read_torn

__all__ = ["ChatMeter"]

_NULL_AT_END = b',"usage":null}\n\n'
_NULL = b',"usage":null,"'
_MAX_NAME = 256

_reading = msgspec.json.Decoder(Reading)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class ChatMeter:
    """Watch one stream of chat or completions events."""

    __slots__ = ("_splitter", "_strip", "_tier", "_torn", "seen")

    seen: Seen

    def __init__(self, *, strip_usage: bool) -> None:
        self.seen = Seen()
        self._strip = strip_usage
        self._tier: object = None
        self._torn = False  # the client has a part of an event whose end never came
        self._splitter = SseSplitter()

    def feed(self, data: bytes) -> bytes:
        """Return what to relay for `data`; raise UpstreamBroken when an event has no end."""
        splitter = self._splitter
        try:
            if not self._strip:
                # The usual piece is one whole event: then nothing has to be cut.
                if data.startswith(b"data: {") and splitter.is_event(data):
                    self._read(data)
                    return data
                for event in splitter.feed(data):
                    self._read(event)
                return data
            held = splitter.pending
            events = splitter.feed(data)
        except EventTooLarge as error:
            raise UpstreamBroken(f"the upstream's stream cannot be read: {error}") from error
        kept = [self._without_usage(event) for event in events]
        if not held and not splitter.pending and kept == events:
            return data
        return b"".join(kept)

    def close(self) -> bytes:
        """Return what was held back. A last event without its blank line is read all the same."""
        rest = self._splitter.close()
        if not rest:
            return b""
        if self._strip:
            out = self._without_usage(rest)
            self._torn = out != b""
            return out
        self._torn = True
        self._read(rest)
        return b""

    def fail(self, error: GatewayError) -> bytes:
        """Return the event that says what went wrong, on a line of its own; no `[DONE]` follows it."""
        torn = self._torn or (self._splitter.pending and not self._strip)
        return b"%b%b" % (b"\n\n" if torn else b"", encode_stream_error(error))

    def _read(self, event: bytes) -> Reading | None:
        """Take in one event; return what it held when it is one of the dialect's."""
        reading = _decode(event)
        if reading is None:
            if event_data(event).strip() == b"[DONE]":
                self.seen.complete = True
            return None
        seen = self.seen
        if not seen.response_id and isinstance(reading.id, str):
            seen.response_id = reading.id[:_MAX_NAME]
        if not seen.model and isinstance(reading.model, str):
            seen.model = reading.model[:_MAX_NAME]
        told = len(reading.usage) > 4
        for choice in reading.choices or ():
            if choice.delta is not None:
                seen.content_bytes += message_size(choice.delta)
            elif choice.text is not None:
                seen.content_bytes += content_size(choice.text)
            if choice.finish_reason is not None and isinstance(choice.finish_reason, str):
                seen.finish_reason = choice.finish_reason[:_MAX_NAME]
                told = True  # servers that tell usage in a place of their own do so here
        if told and (usage := usage_of(reading)) is not None:
            seen.count(usage)
        if reading.service_tier is not None and reading.service_tier != self._tier:
            self._tier = reading.service_tier
            seen.tier = tier_of(self._tier)
        if reading.error is not None:
            seen.error = error_text(reading.error)
        return reading

    def _without_usage(self, event: bytes) -> bytes:
        reading = self._read(event)
        if reading is None or not len(reading.usage):
            return event
        if len(reading.usage) > 4:
            only_usage = reading.choices is not None and not reading.choices and reading.error is None
            if only_usage:
                return b""
            # SGLang tells parts of counts while it streams where it is asked for usage, which strict clients
            # that did not ask cannot read (theopenco/llmgateway pull request 2861).
            return event if usage_of(reading) is not None else _without_null(event)
        return _without_null(event)


def _without_null(event: bytes) -> bytes:
    """Take `usage: null` out of an event whose object is known to have it as a member."""
    if event.endswith(_NULL_AT_END):
        return event[: -len(_NULL_AT_END)] + b"}\n\n"
    # A comma before an unescaped quote: it opens a key. Named once and nowhere spelled with an escape,
    # it is the member that was read.
    if event.count(b"usage") == 1 and b"\\u" not in event and _NULL in event:
        return event.replace(_NULL, b',"')
    data = event_data(event)
    try:
        return event.replace(data, Document.parse(data).edit({}, remove=("usage",)), 1)
    except MalformedJson:  # a key twice: as it came
        return event


def _decode(event: bytes) -> Reading | None:
    """Return what an event holds, None when it is not an object of this dialect."""
    try:
        if event.startswith(b"data: {"):
            return _reading.decode(event[6:])  # white space may follow JSON: the event's own end does
    except _UNREADABLE:
        pass  # more than one line, then
    data = event_data(event)
    if not data.startswith(b"{"):
        return None
    try:
        return read_torn(_reading, data)
    except _UNREADABLE:
        pass
    try:
        return read_part(data)  # choices of another form must not cost the usage beside them
    except _UNREADABLE:
        return None
