"""What a kind of error means and what helps, for the page of a request: as docs/errors.md says it.

Some kinds are not the gateway's own: they say what a provider or a client did.
"""

from collections.abc import Mapping

import msgspec

__all__ = ["ErrorWords", "error_words"]


class ErrorWords(msgspec.Struct, frozen=True):
    """What is wrong, and what helps."""

    kind: str
    wrong: str
    helps: str


_EXPLAIN = "`llm-gateway explain MODEL` says of each target why"
_DOCTOR = "`llm-gateway doctor`"
_WAIT = "wait as long as `Retry-After` says"

_WORDS: Mapping[str, tuple[str, str]] = {
    "invalid_request": ("the bytes or the JSON of the request are wrong", "its message names the field"),
    "previous_response_not_found": (
        "it went on from an answer that is not kept here, or no longer",
        "send the whole input without `previous_response_id`",
    ),
    "unsupported_by_bridge": (
        "it needs what the bridge to a subscription cannot do: tools, pictures, files, a form of the answer",
        "leave that out, or name a model of another provider",
    ),
    "no_target": ("no target of the alias takes such a request", _EXPLAIN),
    "invalid_api_key": (
        "there is no gateway key, or it is not known",
        "`llm-gateway keys create NAME` makes one",
    ),
    "forbidden": ("the key or the origin is plain, and the answer is no", "see docs/exposure.md for origins"),
    "not_found": ("there is no such path or object", "its message says what is near"),
    "model_not_found": (
        "nothing configured serves this model name, or two providers do",
        "`llm-gateway models`; write `provider/model`",
    ),
    "method_not_allowed": ("the path exists, with other methods", "the `Allow` header names them"),
    "sign_in_needed": (
        "a page was asked for, and nobody was signed in",
        "`llm-gateway open`",
    ),
    "conflict": ("what was to be changed is not, or no longer, as it has to be", "look at it again"),
    "request_timeout": (
        "the header or the body came too slowly",
        "`server.header_timeout`, `server.body_timeout`",
    ),
    "body_too_large": ("the body is over the limit, as sent or decoded", "`server.max_body_bytes`"),
    "uri_too_long": ("the request target is over the limit", "send what is long in the body"),
    "unsupported_encoding": (
        "the body comes in a content coding that is not decoded",
        "gzip, deflate, br or zstd",
    ),
    "misdirected_request": (
        "the Host header names a host that this gateway is not",
        "the allowed hosts in docs/configuration.md",
    ),
    "loss_refused": (
        "it asked for all or nothing, and its target's dialect cannot say all of it",
        "leave out what is lost, or take another model",
    ),
    "upgrade_refused": ("a WebSocket is not offered on this path", "send the request over HTTP"),
    "limit_reached": ("a limit of requests, tokens or requests at a time is reached", _WAIT),
    "budget_reached": (
        "the money that may be spent in a day, a week or a month is spent, or held for requests that run",
        f"{_WAIT}, or raise the limit",
    ),
    "cooling_down": (
        "every target has said that it has enough for now, or that its quota is used up",
        f"{_WAIT}, or give the alias another target",
    ),
    "headers_too_large": ("there are too many header fields, or they are too long", "send fewer"),
    "internal_error": ("a defect of the gateway; the log has the details", "please report it"),
    "content_damaged": (
        "what is kept cannot be opened: it was altered or moved, or its master key is another one",
        "see docs/content.md",
    ),
    "upstream_unreachable": (
        "no connection to the provider: refused, no such name, or TLS failed",
        "`llm-gateway providers`",
    ),
    "upstream_broken": (
        "the provider's answer is not HTTP, or breaks its own framing",
        "`llm-gateway providers`",
    ),
    "upstream_truncated": (
        "the provider's answer ended before its end",
        "ask again; what came is accounted",
    ),
    "ledger_unavailable": ("it costs money and could not be recorded, so it was not begun", _DOCTOR),
    "content_unavailable": ("what is kept cannot be reached now", f"{_DOCTOR}, the disk"),
    "audit_unavailable": ("the audit log cannot be written, so nothing was done", _DOCTOR),
    "too_many_connections": (
        "there are as many connections as there may be, in all or from one address",
        "`server.max_connections`, `server.max_connections_per_peer`",
    ),
    "gateway_away": ("the gateway could not be reached from the desktop", "`llm-gateway up` where it runs"),
    "draining": ("the gateway was shutting down", "ask again"),
    "upstream_timeout": (
        "the provider took longer than the deadline; trying again can help",
        "`upstream.first_byte_timeout`",
    ),
    "upstream_status": (
        "the provider itself answered with an error, which was passed on as it came",
        "its status says which: 401 and 403 its credential, 404 its model, 429 its limits, 5xx its own",
    ),
    "upstream_stream": (
        "the provider's answer had begun, and then said that it failed",
        "ask again; what came is accounted",
    ),
    "cancelled": ("the client left before the answer had ended", "nothing, if it was meant"),
}
_OUTCOMES: Mapping[str, tuple[str, str]] = {
    "cancelled": _WORDS["cancelled"],
    "truncated": _WORDS["upstream_truncated"],
    "interrupted": (
        "the gateway was stopped while it ran; what it used is an estimate",
        "ask again; `llm-gateway down` waits for what runs",
    ),
}


def error_words(kind: str | None, outcome: str) -> ErrorWords | None:
    """Return what an error means; None where all went well, or still may."""
    if outcome in ("ok", "running"):
        return None
    told = _WORDS.get(kind or "") or _OUTCOMES.get(outcome)
    wrong, helps = told or ("it failed", f"{_DOCTOR}, and the log of the gateway")
    return ErrorWords(kind or outcome, wrong, helps)
