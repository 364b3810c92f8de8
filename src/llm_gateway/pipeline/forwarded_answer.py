"""What can be learnt from the answer to a forwarded request: its id, and its usage where that is told.

Nothing is known of the operation, so nothing is expected: what does not look like usage is none. Not a
dialect: bytes pass as they came, and are only looked at.
"""

import msgspec
from msgspec import Raw

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Dialect, Seen
from llm_gateway.errors import GatewayError
from llm_gateway.wire.sse import EventTooLarge, SseSplitter, event_data

__all__ = ["ByteMeter", "EventMeter", "read_answer", "read_usage"]

_MAX_TOKENS = 1_000_000_000  # of one turn: whatever says more is no count
_MAX_TEXT = 500
_MAX_NAME = 256
_LONGEST_EVENT = 1024 * 1024  # an image in an event is larger, and tells no usage that is not told again
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Inner(msgspec.Struct):
    id: object = None
    usage: Raw = msgspec.field(default_factory=Raw)


class _Reading(msgspec.Struct):
    """The members that tell something, where OpenAI's and Anthropic's operations have them."""

    id: object = None
    kind: object = msgspec.field(name="object", default=None)
    model: object = None
    usage: Raw = msgspec.field(default_factory=Raw)
    response: Raw = msgspec.field(default_factory=Raw)
    error: Raw = msgspec.field(default_factory=Raw)


_reading = msgspec.json.Decoder(_Reading)
_inner = msgspec.json.Decoder(_Inner)
_object = msgspec.json.Decoder(dict[str, object])


def read_answer(body: bytes) -> Seen:
    """Read a whole answer; nothing where it cannot be read."""
    seen = Seen(complete=True)
    _take(seen, body)
    return seen


def read_usage(raw: Raw) -> Usage | None:
    """Read a `usage` member, by whatever names its counts go; None when it holds none.

    Anthropic's counts of cached input stand beside `input_tokens`, everybody else's are a part of it.
    """
    if len(raw) < 5:
        return None
    try:
        told = _object.decode(raw)
    except _UNREADABLE:
        return None
    went_in = _count(told, "input_tokens", "prompt_tokens")
    output = _count(told, "output_tokens", "completion_tokens") or 0
    if went_in is None:
        total = _count(told, "total_tokens")
        if total is None or total < output:
            return None
        went_in = total - output
    read = _count(told, "cache_read_input_tokens")
    write = _count(told, "cache_creation_input_tokens")
    if read is None and write is None:
        read = min(_detail(told, "input_tokens_details", "prompt_tokens_details", "cached_tokens"), went_in)
        went_in -= read
    reasoning = _detail(told, "output_tokens_details", "completion_tokens_details", "reasoning_tokens")
    usage = Usage(went_in, read or 0, write or 0, output, min(reasoning, output))
    return usage if usage.total else None


class ByteMeter:
    """Let a stream of bytes pass. It is whole when its connection says so; a broken one can say nothing."""

    def __init__(self) -> None:
        self.seen = Seen()

    def feed(self, data: bytes) -> bytes:
        """Return the same bytes."""
        return data

    def close(self) -> bytes:
        """Take note that the end came."""
        self.seen.complete = True
        return b""

    def fail(self, error: GatewayError) -> bytes:
        """Return nothing: there is no way to say in a file that it broke off."""
        return b""


class EventMeter:
    """Watch a stream of events pass. Which of them is the last is not known: its connection says so."""

    def __init__(self, dialect: Dialect) -> None:
        self.seen = Seen()
        self._dialect = dialect
        self._splitter: SseSplitter | None = SseSplitter(_LONGEST_EVENT)

    def feed(self, data: bytes) -> bytes:
        """Return the same bytes; what is too large to be looked at ends the looking."""
        if self._splitter is not None:
            try:
                for event in self._splitter.feed(data):
                    _take(self.seen, event_data(event))
            except EventTooLarge:
                self._splitter = None
        return data

    def close(self) -> bytes:
        """Take note that the end came."""
        if self._splitter is not None:
            _take(self.seen, event_data(self._splitter.close()))
        self.seen.complete = True
        return b""

    def fail(self, error: GatewayError) -> bytes:
        """Return an event that says what went wrong, on a line of its own."""
        torn = self._splitter is None or self._splitter.pending
        return b"%bevent: error\ndata: %b\n\n" % (b"\n\n" if torn else b"", self._dialect.encode_error(error))


def _take(seen: Seen, data: bytes) -> None:
    """Take in what an answer or an event tells; what comes later counts."""
    if not data.lstrip().startswith(b"{"):
        return
    try:
        reading = _reading.decode(data)
    except _UNREADABLE:
        return
    _note(seen, reading.id, reading.usage)
    if isinstance(reading.model, str):
        seen.model = reading.model[:_MAX_NAME]
    if reading.kind == "batch":  # what its requests have used is told with every look at it
        seen.usage = None
    if len(reading.response) > 4:
        try:
            inner = _inner.decode(reading.response)
        except _UNREADABLE:
            return
        _note(seen, inner.id, inner.usage)
    if len(reading.error) > 4:
        seen.error = _error_text(reading.error)


def _note(seen: Seen, told_id: object, usage: Raw) -> None:
    if isinstance(told_id, str) and not seen.response_id:
        seen.response_id = told_id[:_MAX_NAME]
    seen.usage = read_usage(usage) or seen.usage


def _error_text(raw: Raw) -> str:
    try:
        message = _object.decode(raw).get("message")
    except _UNREADABLE:
        message = None
    return message[:_MAX_TEXT] if isinstance(message, str) and message else "the upstream reported an error"


def _count(told: dict[str, object], *names: str) -> int | None:
    """Return the first believable count under one of these names."""
    for name in names:
        value = told.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_TOKENS:
            return value
    return None


def _detail(told: dict[str, object], one: str, other: str, name: str) -> int:
    for details in (told.get(one), told.get(other)):
        if isinstance(details, dict):
            return _count(details, name) or 0
    return 0
