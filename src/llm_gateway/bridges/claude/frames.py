"""What the program says on its stdout, a line of JSON each, read into the few kinds that mean something.

Source: claude-agent-sdk, `types.py` and `_internal/query.py`; what each is like was tried with 2.1.330.
Readers are tolerant: there are many more kinds, and more with every version.
"""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec
from msgspec import Raw

from llm_gateway.bridges.health import BridgeModel, Window

__all__ = ["Ended", "Frame", "Opened", "Piece", "Quota", "Ready", "Request", "Retry", "Spoken", "read_frame"]


class Opened(msgspec.Struct, frozen=True):
    """The answer to our opening; `models` are what this login may use."""

    models: tuple[BridgeModel, ...]


class Ready(msgspec.Struct, frozen=True):
    """A turn begins, in this session: what it was to resume from was read by now."""

    session: str


class Piece(msgspec.Struct, frozen=True):
    """An event of the Messages API as it came; `broken`: what was said so far is not going on."""

    event: bytes
    broken: bool


class Retry(msgspec.Struct, frozen=True):
    """The API refused with this status, 0 for no answer; it is asked again in so many seconds."""

    status: int
    attempt: int
    wait: float


class Quota(msgspec.Struct, frozen=True):
    """How much of the subscription is used."""

    rejected: bool
    resets_us: int
    windows: tuple[Window, ...]


class Spoken(msgspec.Struct, frozen=True):
    """A failure that the program tells as if the model had said it: its own word for it, and the status."""

    error: str
    status: int


class Ended(msgspec.Struct, frozen=True):
    """The turn is over; `turns` is 0 when nobody was asked. `structured` is the JSON of an answer in form."""

    failed: bool
    turns: int
    structured: bytes


class Request(msgspec.Struct, frozen=True):
    """The program asks something of us, and waits."""

    id: str
    kind: str
    message: Mapping[str, object]


Frame: TypeAlias = Opened | Ready | Piece | Retry | Quota | Spoken | Ended | Request


class _Window(msgspec.Struct):
    utilization: float = 0.0
    resets_at: float | None = msgspec.field(default=None, name="resetsAt")
    status: str = ""


class _Limits(msgspec.Struct):
    status: str = ""
    resets_at: float | None = msgspec.field(default=None, name="resetsAt")
    windows: dict[str, _Window] = msgspec.field(default_factory=dict, name="unifiedWindows")


class _Model(msgspec.Struct):
    value: str
    label: str = msgspec.field(default="", name="displayName")


class _Opening(msgspec.Struct):
    models: list[_Model] = []


class _Response(msgspec.Struct):
    response: Raw = msgspec.field(default_factory=Raw)


class _Request(msgspec.Struct):
    subtype: str = ""
    message: dict[str, object] = {}


class _Line(msgspec.Struct):
    type: str = ""
    subtype: str = ""
    event: Raw = msgspec.field(default_factory=Raw)
    parent: object = msgspec.field(default=None, name="parent_tool_use_id")
    abandoned: object = msgspec.field(default=None, name="abandoned_blocks")
    session_id: object = None
    error: object = None
    error_status: object = None
    attempt: object = None
    retry_delay_ms: object = None
    rate_limit_info: Raw = msgspec.field(default_factory=Raw)
    api_error_status: object = None
    is_error: object = None
    num_turns: object = None
    structured_output: Raw = msgspec.field(default_factory=Raw)
    request_id: object = None
    request: Raw = msgspec.field(default_factory=Raw)
    response: Raw = msgspec.field(default_factory=Raw)


_WINDOWS = {
    "five_hour": "5 hours",
    "seven_day": "7 days",
    "seven_day_opus": "7 days, Opus",
    "seven_day_overage_included": "7 days, with extra usage",
    "overage": "extra usage",
}
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_line = msgspec.json.Decoder(_Line)
_limits = msgspec.json.Decoder(_Limits)
_request = msgspec.json.Decoder(_Request)
_response = msgspec.json.Decoder(_Response)
_opening = msgspec.json.Decoder(_Opening)


def read_frame(line: bytes) -> Frame | None:
    """Return what a line says; None for what means nothing to us."""
    try:
        told = _line.decode(line)
    except _UNREADABLE:  # some builds write lines of their own
        return None
    match told.type:
        case "stream_event" if told.parent is None and len(told.event):
            return Piece(bytes(told.event), told.abandoned is not None)
        case "system":
            return _system(told)
        case "assistant" if isinstance(told.error, str):
            return Spoken(told.error, _whole(told.api_error_status))
        case "rate_limit_event":
            return _quota(told.rate_limit_info)
        case "result":
            return Ended(told.is_error is not False, _whole(told.num_turns), _json(told.structured_output))
        case "control_request" if isinstance(told.request_id, str):
            return _asked(told.request_id, told.request)
        case "control_response":
            return _opened(told.response)
    return None


def _system(told: _Line) -> Frame | None:
    match told.subtype:
        case "init":
            return Ready(told.session_id if isinstance(told.session_id, str) else "")
        case "api_retry":
            wait = told.retry_delay_ms if isinstance(told.retry_delay_ms, int | float) else 0
            return Retry(_whole(told.error_status), _whole(told.attempt), wait / 1000)
    return None


def _quota(raw: Raw) -> Quota | None:
    try:
        limits = _limits.decode(raw)
    except _UNREADABLE:
        return None
    windows = tuple(_seen(name, each) for name, each in limits.windows.items())
    return Quota(limits.status == "rejected", _micros(limits.resets_at), windows)


def _seen(name: str, window: _Window) -> Window:
    used = min(max(window.utilization, 0.0), 1.0)
    told = _WINDOWS.get(name, name.replace("_", " "))
    return Window(told, used, _micros(window.resets_at), window.status)


def _asked(request_id: str, raw: Raw) -> Request | None:
    try:
        request = _request.decode(raw)
    except _UNREADABLE:
        return Request(request_id, "", {})
    return Request(request_id, request.subtype, request.message)


def _opened(raw: Raw) -> Opened | None:
    """Read the answer to the opening; others, to what was asked later, have no models."""
    try:
        models = _opening.decode(_response.decode(raw).response).models
    except _UNREADABLE:
        return None
    return Opened(tuple(BridgeModel(each.value, each.label) for each in models)) if models else None


def _json(raw: Raw) -> bytes:
    data = bytes(raw)
    return b"" if data == b"null" else data


def _micros(seconds: float | None) -> int:
    return round(seconds * 1_000_000) if seconds is not None else 0


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
