"""What can be learnt from the answer to a forwarded request: its id, and its usage where that is told.

Nothing is known of the operation, so nothing is expected: what does not look like usage is none. Not a
dialect: bytes pass as they came, and are only looked at.
"""

import msgspec
from msgspec import Raw

from llm_gateway.canonical.counts import Caching, Told, count, member, normal
from llm_gateway.canonical.tiers import tier_of
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Dialect, Seen
from llm_gateway.errors import GatewayError
from llm_gateway.wire.sse import EventTooLarge, SseSplitter, event_data
from llm_gateway.wire.torn import read_torn

__all__ = ["ByteMeter", "EventMeter", "read_answer", "read_usage"]

_MAX_TEXT = 500
_MAX_NAME = 256
_LONGEST_EVENT = 1024 * 1024  # an image in an event is larger, and tells no usage that is not told again
_ABSENT = Raw()
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Inner(msgspec.Struct):
    id: object = None
    usage: Raw = _ABSENT
    service_tier: object = None


class _Reading(msgspec.Struct):
    """The members that tell something, where OpenAI's and Anthropic's operations have them."""

    id: object = None
    kind: object = msgspec.field(name="object", default=None)
    type: object = None
    model: object = None
    service_tier: object = None
    usage: Raw = _ABSENT
    response: Raw = _ABSENT
    error: Raw = _ABSENT


# Where what is a part of a count is told: OpenAI spells it in the singular for sound and for Realtime.
_INTO = ("input_tokens_details", "prompt_tokens_details", "input_token_details", "prompt_token_details")
_OUT = ("output_tokens_details", "completion_tokens_details", "output_token_details")
_PICTURES = ("image_generation.", "image_edit.")

_reading = msgspec.json.Decoder(_Reading)
_inner = msgspec.json.Decoder(_Inner)
_object = msgspec.json.Decoder(dict[str, object])


def read_answer(body: bytes) -> Seen:
    """Read a whole answer; nothing where it cannot be read."""
    seen = Seen(complete=True)
    _take(seen, body)
    return seen


def read_usage(raw: Raw, *, pictures: bool = False) -> Usage | None:
    """Read a `usage` member, by whatever names its counts go; None when it holds none.

    Anthropic's counts of cached input stand beside `input_tokens`, everybody else's are a part of it. Its
    names for them tell whose they are. `pictures`: what was made are pictures, where nothing says otherwise.
    What is told in seconds (`duration`, platform.openai.com, "Create transcription") has no tokens.
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
    into, out = _details(told, _INTO), _details(told, _OUT)
    anthropic = _count(told, "cache_read_input_tokens", "cache_creation_input_tokens") is not None
    caching: Caching = "beside" if anthropic else "inside"
    told_pictures = member(out, "image_tokens")
    usage = normal(
        Told(
            sent=went_in,
            made=output,
            read=member(told, "cache_read_input_tokens") if anthropic else member(into, "cached_tokens"),
            write=_written(told) if anthropic else member(into, "cache_write_tokens"),
            write_1h=member(told.get("cache_creation"), "ephemeral_1h_input_tokens"),
            reasoning=member(out, "reasoning_tokens", "thinking_tokens"),
            audio_in=member(into, "audio_tokens"),
            audio_read=member(_inside(into, "cached_tokens_details"), "audio_tokens"),
            audio_out=member(out, "audio_tokens"),
            image_in=member(into, "image_tokens"),
            image_read=member(_inside(into, "cached_tokens_details"), "image_tokens"),
            image_out=told_pictures or (output if pictures and not isinstance(out, dict) else 0),
            searches=member(told.get("server_tool_use"), "web_search_requests"),
        ),
        caching=caching,
        reasoning="inside",
    )
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
        reading = read_torn(_reading, data)
    except _UNREADABLE:
        return
    kind = reading.type if isinstance(reading.type, str) else ""
    pictures = kind.startswith(_PICTURES)
    _note(seen, reading.id, read_usage(reading.usage, pictures=pictures), reading.service_tier)
    if isinstance(reading.model, str):
        seen.model = reading.model[:_MAX_NAME]
    if reading.kind == "batch":  # what its requests have used is told with every look at it
        seen.usage = None
    if len(reading.response) > 4:
        try:
            inner = _inner.decode(reading.response)
        except _UNREADABLE:
            return
        _note(seen, inner.id, read_usage(inner.usage), inner.service_tier)
    if len(reading.error) > 4:
        seen.error = _error_text(reading.error)


def _note(seen: Seen, told_id: object, usage: Usage | None, tier: object) -> None:
    if isinstance(told_id, str) and not seen.response_id:
        seen.response_id = told_id[:_MAX_NAME]
    seen.usage = usage or seen.usage
    if tier is not None:
        seen.tier = tier_of(tier)


def _error_text(raw: Raw) -> str:
    try:
        message = _object.decode(raw).get("message")
    except _UNREADABLE:
        message = None
    return message[:_MAX_TEXT] if isinstance(message, str) and message else "the upstream reported an error"


def _count(told: dict[str, object], *names: str) -> int | None:
    """Return the first believable count under one of these names."""
    return next((number for name in names if (number := count(told.get(name))) is not None), None)


def _details(told: dict[str, object], names: tuple[str, ...]) -> object:
    return next((told[name] for name in names if isinstance(told.get(name), dict)), None)


def _inside(details: object, name: str) -> object:
    return details.get(name) if isinstance(details, dict) else None


def _written(told: dict[str, object]) -> int:
    """Return the tokens written to Anthropic's cache: one sum, or the parts by how long they are kept."""
    kept = told.get("cache_creation")
    parts = member(kept, "ephemeral_5m_input_tokens") + member(kept, "ephemeral_1h_input_tokens")
    return max(member(told, "cache_creation_input_tokens"), parts)
