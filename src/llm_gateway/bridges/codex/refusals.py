"""Why a turn of Codex failed: the fault that whoever asked is told, or the end of the answer that it is.

Codex tries again by itself: after 401 for seven seconds, after 429 for half a minute, without network for
ever. Where that is in vain, its first notice is the end of the turn here. Where it is not (it begins with a
WebSocket, which many networks do not let through, and goes on with HTTP) it may go on, as long as nothing was
told: an answer that had begun would be told twice. Its words are judged and not repeated.
"""

import re

import msgspec

from llm_gateway.bridges.codex.protocol import Limits, LimitWindow, TurnFailure
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import Action
from llm_gateway.canonical.events import Finish

__all__ = [
    "UNREACHABLE",
    "ended_early",
    "failed",
    "hopeless",
    "login_again",
    "refused",
    "resets_us",
    "status_in",
]

UNREACHABLE = "Codex cannot reach its vendor's service; look at the network of the bridge's machine"
_SOON = 60.0  # for a limit whose end nobody tells

_INCOMPLETE = re.compile(r"Incomplete response returned, reason: (\w+)\s*\Z")
_EARLY: dict[str, Finish] = {"max_output_tokens": "length", "content_filter": "content_filter"}
# As in "GET https://… failed: 401 Unauthorized", "unexpected status 503" and "unauthorized (401)".
_STATUS = re.compile(r"(?:failed: |status |\()([45]\d\d)\b")
_WORD = re.compile(r"[A-Za-z0-9_.\[\]-]{1,80}\Z")

# Told in words alone, where there would be a status.
_NO_NETWORK = (
    "connection refused",
    "lookup address",
    "network is unreachable",
    "no route to host",
    "waiting for network",
)
_NO_CAPACITY = "high demand"
_LIMITED = "rate limit"

_BUSY = ("serverOverloaded", "policyCapacityUnavailable", "flexUnavailable")
_HOPELESS = ("rateLimitExceeded", "sessionBudgetExceeded", "unauthorized", "usageLimitExceeded")
_POLICY = ("cyberPolicy", "misalignmentPolicyViolation", "inferenceHookDenied")


class _Detail(msgspec.Struct, frozen=True):
    code: object = None
    param: object = None
    type: object = None


class _Said(msgspec.Struct, frozen=True):
    error: _Detail


_said = msgspec.json.Decoder(_Said)


def login_again(name: str) -> BridgeFault:
    """Return the fault of a login that the vendor does not take."""
    return BridgeFault(
        "auth_required",
        f"nobody is logged in to Codex, or the vendor takes the login no more; `llm-gateway login {name}`",
        action=Action("log in", f"llm-gateway login {name}"),
    )


def ended_early(failure: TurnFailure) -> Finish | None:
    """Return why an answer ended before it was complete, when that is all that happened."""
    for text in (failure.message, failure.additional_details or ""):
        if (found := _INCOMPLETE.search(text)) is not None:
            return _EARLY.get(found[1])
    return None


def hopeless(failure: TurnFailure) -> bool:
    """Whether it is in vain that Codex tries again."""
    kind, status = _kind(failure)
    if kind in _HOPELESS or status in (401, 402, 429):
        return True
    if status is not None and status >= 500:  # it has tried five times before it tells
        return status != 501
    told = f"{failure.message} {failure.additional_details or ''}".lower()
    return any(words in told for words in (*_NO_NETWORK, _NO_CAPACITY, _LIMITED))


def failed(failure: TurnFailure, limits: Limits, now_us: int, name: str) -> BridgeFault:
    """Return the fault of a turn that failed; `limits` are the plan's when they were last told."""
    kind, status = _kind(failure)
    match kind:
        case "usageLimitExceeded" | "sessionBudgetExceeded":
            return _limited("the plan's quota is used up", limits, now_us)
        case "rateLimitExceeded":
            return _limited("the vendor lets no more requests through for now", limits, now_us)
        case "unauthorized":
            return login_again(name)
        case "contextWindowExceeded":
            return refused("the conversation is longer than the model can read", "context_length_exceeded")
        case "modelNotFound":
            return refused("this account has no such model", "model")
        case _ if kind in _BUSY or _NO_CAPACITY in (failure.additional_details or "").lower():
            return BridgeFault("bridge_failed", "the vendor has no capacity for this model now; try later")
        case _ if kind in _POLICY:
            return refused("the vendor's policy does not let this request through", "")
    if status is not None:
        return _of_status(status, failure, limits, now_us, name)
    if kind in ("other", "badRequest"):
        return _of_status(400, failure, limits, now_us, name)
    if _LIMITED in (failure.additional_details or "").lower():
        return _limited("the vendor lets no more requests through for now", limits, now_us)
    if kind in ("httpConnectionFailed", "responseStreamConnectionFailed", "responseStreamDisconnected"):
        return BridgeFault("bridge_unreachable", UNREACHABLE)
    return BridgeFault("bridge_failed", "Codex failed in an answer and does not say why in a word; try again")


def refused(why: str, param: str) -> BridgeFault:
    """Return the fault of a request that is not taken, whoever asks."""
    return BridgeFault("refused", f"Codex does not take this request: {why}", param=param)


def resets_us(limits: Limits, now_us: int) -> int:
    """Return when the windows that are used up begin anew; 0 when none is, or nobody knows."""
    ends = [
        window.resets_at * 1_000_000
        for window in (limits.primary, limits.secondary)
        if window is not None and window.resets_at is not None and _used_up(window)
    ]
    return max((end for end in ends if end > now_us), default=0)


def status_in(text: str) -> int | None:
    """Return the HTTP status that a text of Codex speaks of."""
    found = _STATUS.search(text)
    return int(found[1]) if found is not None else None


def _used_up(window: LimitWindow) -> bool:
    return window.used_percent >= 100


def _kind(failure: TurnFailure) -> tuple[str, int | None]:
    """Return Codex's word for a failure, and the status of the vendor's answer if there was one."""
    match failure.codex_error_info:
        case str() as kind:
            return kind, None
        case dict() as told if told:
            kind, detail = next(iter(told.items()))
            status = detail.get("httpStatusCode") if isinstance(detail, dict) else None
            return kind, status if isinstance(status, int) else None
    return "", None


def _of_status(status: int, failure: TurnFailure, limits: Limits, now_us: int, name: str) -> BridgeFault:
    match status:
        case 401:
            return login_again(name)
        case 402 | 403:
            return BridgeFault(
                "not_entitled", "the vendor does not let this account do that: is it in the account's plan?"
            )
        case 404:
            return refused("this account has no such model", "model")
        case 429:
            return _limited("the vendor lets no more requests through for now", limits, now_us)
        case _ if status < 500:
            return refused(*_why(failure.message))
    return BridgeFault("bridge_failed", f"the vendor's service failed with {status}; try again")


def _limited(what: str, limits: Limits, now_us: int) -> BridgeFault:
    resets = resets_us(limits, now_us)
    wait = (resets - now_us) / 1_000_000 if resets else _SOON
    when = f", for {_span(wait)}" if resets else ""
    return BridgeFault("rate_limited", f"{what}{when}", retry_after=wait, resets_us=resets)


def _span(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{round(minutes / 60)} hours" if minutes < 2880 else f"{round(minutes / 1440)} days"


def _why(message: str) -> tuple[str, str]:
    """Return the vendor's own words for what is wrong: names of the protocol, never its sentences."""
    try:
        detail = _said.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "the vendor refuses it", ""
    words = [word for word in (detail.error.code, detail.error.type) if _is_word(word)]
    param = str(detail.error.param) if _is_word(detail.error.param) else ""
    return f"the vendor refuses it ({', '.join(map(str, words)) or 'without a word'})", param


def _is_word(word: object) -> bool:
    return isinstance(word, str) and _WORD.match(word) is not None
