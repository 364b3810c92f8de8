"""What an answer that is an error means for the one who asked: worth another try, where, and from when on.

Pure: status, header lines and the beginning of the body in, a verdict out. Read: RFC 9110, 10.2.3;
developers.openai.com, "Rate limits" and "Error codes"; docs.claude.com, "Rate limits" and "Errors";
google.rpc.RetryInfo in googleapis/googleapis, google/rpc/error_details.proto.
"""

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

import msgspec

from llm_gateway.wire.headers import Headers, get

__all__ = ["LONGEST_WAIT", "Verdict", "VerdictKind", "judge"]

VerdictKind = Literal["ok", "client", "too_long", "missing", "auth", "busy", "overloaded", "quota", "failed"]
"""`client`: the request's own fault, it would fail anywhere; `too_long`: it is too long for this model;
`missing`: this model is not there; `auth`: the credential is not accepted; `busy`: too many requests for
now; `overloaded`: the provider has too much to do; `quota`: money or a quota is used up; `failed`: a
defect of the provider."""

LONGEST_WAIT = 3600.0
"""Longer than this nobody is believed."""

_STATUSES: dict[int, VerdictKind] = {
    401: "auth",
    402: "quota",
    403: "auth",
    404: "missing",
    408: "failed",
    413: "too_long",
    429: "busy",
    500: "failed",
    502: "failed",
    503: "overloaded",
    504: "failed",
    529: "overloaded",
}
_QUOTA = (
    "insufficient_quota",
    "billing",
    "exceeded your current quota",
    "usage_limit",
    "credit balance",
    "insufficient credits",
    "payment_required",
    "out of credits",
    "spending limit",
)
_MONEY = ("credit balance is too low", "insufficient_quota", "billing_error")
_TOO_LONG = ("context_length", "context length", "prompt is too long", "input token count", "context window")
_RESETS = ("requests", "tokens", "input-tokens", "output-tokens")
_SPANS = re.compile(rb"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNITS = {b"ms": 0.001, b"s": 1.0, b"m": 60.0, b"h": 3600.0}

_HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"

_any = msgspec.json.Decoder()


class Verdict(msgspec.Struct, frozen=True):
    """What is to be thought of an answer. `retry_after`: seconds that the provider asks to wait for."""

    kind: VerdictKind
    retry_after: float | None = None

    @property
    def elsewhere(self) -> bool:
        """Return whether another target may do better."""
        return self.kind not in ("ok", "client")

    @property
    def again(self) -> bool:
        """Return whether the same target may do better a little later."""
        return self.kind in ("busy", "overloaded", "failed")


def judge(status: int, headers: Headers, body: bytes, now: float) -> Verdict:
    """Return what an answer means; `now` is in seconds since 1970, `body` may be cut."""
    if status < 400:
        return Verdict("ok")
    kind = _STATUSES.get(status, "client" if status < 500 else "failed")
    if kind == "client" and status not in (400, 422):
        return Verdict(kind)
    said = body[:8192].lower()
    if kind in ("busy", "auth") and _holds(said, _QUOTA):
        kind = "quota"
    elif kind == "client" and _holds(said, _MONEY):
        kind = "quota"  # Anthropic says so with 400: anthropics/claude-code issue 66314
    elif kind == "client":
        return Verdict("too_long" if _holds(said, _TOO_LONG) else "client")
    if kind in ("auth", "missing", "too_long"):
        return Verdict(kind)
    return Verdict(kind, _wait(headers, body, now))


def _holds(said: bytes, words: tuple[str, ...]) -> bool:
    return any(word.encode() in said for word in words)


def _wait(headers: Headers, body: bytes, now: float) -> float | None:
    """Return the longest believable time that the answer asks to wait for."""
    told = next((wait for wait in _told(headers, now) if wait is not None), None)
    if told is None:
        resets = list(_resets(headers, now))
        told = max(resets) if resets else None
    if told is None:
        told = _in_body(body)
    if told is None or told <= 0:
        return None
    return min(told, LONGEST_WAIT)


def _told(headers: Headers, now: float) -> Iterator[float | None]:
    if (value := get(headers, b"retry-after-ms")) is not None:
        yield _number(value, 0.001)
    if (value := get(headers, b"retry-after")) is not None:
        yield _number(value, 1.0)
        yield _date(value, now)


def _resets(headers: Headers, now: float) -> Iterator[float]:
    """Yield when what is used up is there again, by the vendors' own header lines."""
    for what in _RESETS:
        name = what.encode()
        used_up = get(headers, b"x-ratelimit-remaining-%b" % name) == b"0"
        if used_up and (wait := _span(get(headers, b"x-ratelimit-reset-%b" % name) or b"")):
            yield wait
        if get(headers, b"anthropic-ratelimit-%b-remaining" % name) == b"0":
            at = _instant(get(headers, b"anthropic-ratelimit-%b-reset" % name) or b"")
            if at is not None:
                yield at - now


def _in_body(body: bytes) -> float | None:
    """Return the `retryDelay` of Google's RetryInfo."""
    if b"retryDelay" not in body:
        return None
    try:
        told = _any.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    match told:
        case {"error": {"details": [*details]}} | [{"error": {"details": [*details]}}]:
            for detail in details:
                match detail:
                    case {"retryDelay": str() as delay}:
                        return _span(delay.encode("ascii", "replace"))
    return None


def _number(value: bytes, unit: float) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return min(number * unit, LONGEST_WAIT) if 0 < number < math.inf else 0.0


def _date(value: bytes, now: float) -> float | None:
    try:
        at = datetime.strptime(value.decode("ascii", "replace"), _HTTP_DATE).replace(tzinfo=UTC)
    except ValueError:
        return None
    return at.timestamp() - now


def _instant(value: bytes) -> float | None:
    try:
        at = datetime.fromisoformat(value.decode("ascii", "replace"))
    except ValueError:
        return None
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()


def _span(value: bytes) -> float | None:
    """Return the seconds of `6m0s`, `1.5s`, `120ms`."""
    parts = _SPANS.findall(value)
    if not parts or b"".join(number + unit for number, unit in parts) != value.strip():
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
