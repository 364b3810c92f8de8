"""Every way a request can fail, in one tree: whose fault, which status, whether a retry can help.

GatewayError
├── ClientFault                   the request cannot be served as it is
│   ├── MalformedRequest    400   invalid_request        the bytes or the JSON are wrong
│   ├── UnknownResponse     400   previous_response_not_found   no answer of this name is kept here
│   ├── NoTarget            400   no_target              the alias has no target for such a request
│   ├── UnsupportedByBridge 400   unsupported_by_bridge  the bridge cannot do what the request is about
│   ├── Unauthenticated     401   invalid_api_key        no key, or one that is not known
│   ├── SignInNeeded        401   sign_in_needed         a page of the dashboard, and nobody is signed in
│   ├── Forbidden           403   forbidden              known, but not allowed
│   ├── NotFound            404   not_found              no such path or object
│   ├── UnknownModel        404   model_not_found        nothing configured serves this name
│   ├── MethodNotAllowed    405   method_not_allowed
│   ├── RequestTimeout      408   request_timeout        header or body came too slowly
│   ├── Conflict            409   conflict               what is there is not as it was shown
│   ├── BodyTooLarge        413   body_too_large
│   ├── TargetTooLong       414   uri_too_long
│   ├── UnsupportedEncoding 415   unsupported_encoding
│   ├── Misdirected         421   misdirected_request    the Host header names somebody else
│   ├── LossRefused         422   loss_refused           it asked for all or nothing, and all cannot be said
│   ├── UpgradeRefused      426   upgrade_refused        a WebSocket where none is, or of another version
│   ├── LimitReached        429   limit_reached          a limit of this gateway's is reached
│   ├── BudgetReached       429   budget_reached         the money that may be spent is spent or held
│   ├── CoolingDown         429   cooling_down           every target has asked to be left alone for a while
│   └── HeadersTooLarge     431   headers_too_large
├── UpstreamFault                 the provider did not do its part
│   ├── UpstreamUnreachable 502   upstream_unreachable   refused, no such name, TLS failed
│   ├── UpstreamBroken      502   upstream_broken        not HTTP, or against its own framing
│   ├── UpstreamTruncated   502   upstream_truncated     the answer ended before its end
│   └── UpstreamTimeout     504   upstream_timeout
└── GatewayFault                  ours
    ├── Internal            500   internal_error
    ├── ContentDamaged      500   content_damaged        what is kept was altered, or its key is another
    ├── LedgerUnavailable   503   ledger_unavailable     nothing answered may be unaccounted
    ├── AuditUnavailable    503   audit_unavailable      what is administered has to be on record
    ├── ContentUnavailable  503   content_unavailable    what is kept cannot be reached now
    ├── TooManyConnections  503   too_many_connections   in all, or from one address
    ├── GatewayAway         503   gateway_away           a desktop's local door cannot reach its gateway
    └── Draining            503   draining               shutting down

An answer that an upstream gave, whatever its status, is not an error here: it passes through.
`ConfigError` is the odd one out: it stops a start or a reload and never meets a client.
"""

import asyncio
from typing import ClassVar, Literal

__all__ = [
    "AuditUnavailable",
    "BodyTooLarge",
    "BudgetReached",
    "ClientFault",
    "ConfigError",
    "Conflict",
    "ContentDamaged",
    "ContentUnavailable",
    "CoolingDown",
    "Draining",
    "Fault",
    "Forbidden",
    "GatewayAway",
    "GatewayError",
    "GatewayFault",
    "HeadersTooLarge",
    "Internal",
    "LedgerUnavailable",
    "LimitReached",
    "LossRefused",
    "MalformedRequest",
    "MethodNotAllowed",
    "Misdirected",
    "NoTarget",
    "NotFound",
    "RefusedByPolicy",
    "RequestTimeout",
    "SignInNeeded",
    "TargetTooLong",
    "TooManyConnections",
    "Unauthenticated",
    "UnknownModel",
    "UnknownResponse",
    "UnsupportedByBridge",
    "UnsupportedEncoding",
    "UpgradeRefused",
    "UpstreamBroken",
    "UpstreamFault",
    "UpstreamTimeout",
    "UpstreamTruncated",
    "UpstreamUnreachable",
    "forget_frames",
]

Fault = Literal["client", "upstream", "gateway"]


class GatewayError(Exception):
    """A failure with a message that is safe to show: it names the thing, the value and the way out.

    `param` is the field of the request at fault, where there is one; `retry_after` is in how many seconds
    it is worth trying again, where that is known.
    """

    kind: ClassVar[str]
    status: ClassVar[int]
    fault: ClassVar[Fault]
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, param: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after = retry_after


class ClientFault(GatewayError):
    """The request cannot be served as it is."""

    fault = "client"


class MalformedRequest(ClientFault):
    """The bytes or the JSON of the request are wrong."""

    kind, status = "invalid_request", 400


class UnknownResponse(ClientFault):
    """A request goes on from an answer that is not, or no longer, kept here."""

    kind, status = "previous_response_not_found", 400


class NoTarget(ClientFault):
    """No target of an alias takes such a request: of such a length, with tools, in this dialect."""

    kind, status = "no_target", 400


class UnsupportedByBridge(ClientFault):
    """The request needs what the bridge to a subscription cannot do: tools, pictures, a form to answer in."""

    kind, status = "unsupported_by_bridge", 400


class Unauthenticated(ClientFault):
    """There is no key, or it is not known."""

    kind, status = "invalid_api_key", 401


class SignInNeeded(ClientFault):
    """A page of the dashboard is asked for, and nobody is signed in."""

    kind, status = "sign_in_needed", 401


class Forbidden(ClientFault):
    """The caller is known or the origin is plain, and the answer is no."""

    kind, status = "forbidden", 403


class NotFound(ClientFault):
    """There is no such path or object."""

    kind, status = "not_found", 404


class UnknownModel(ClientFault):
    """Nothing configured serves this model name, or two providers do."""

    kind, status = "model_not_found", 404


class MethodNotAllowed(ClientFault):
    """The path exists, with other methods: those in `allowed`."""

    kind, status = "method_not_allowed", 405

    def __init__(self, message: str, *, allowed: tuple[str, ...]) -> None:
        super().__init__(message)
        self.allowed = allowed


class RequestTimeout(ClientFault):
    """The header or the body came too slowly."""

    kind, status = "request_timeout", 408


class Conflict(ClientFault):
    """What is to be changed is not, or no longer, as it has to be for that."""

    kind, status = "conflict", 409


class BodyTooLarge(ClientFault):
    """The body is over the limit, as sent or decoded."""

    kind, status = "body_too_large", 413


class TargetTooLong(ClientFault):
    """The request target is over the limit."""

    kind, status = "uri_too_long", 414


class UnsupportedEncoding(ClientFault):
    """The body comes in a content coding that we do not decode."""

    kind, status = "unsupported_encoding", 415


class Misdirected(ClientFault):
    """The Host header names a host that this gateway is not."""

    kind, status = "misdirected_request", 421


class LossRefused(ClientFault):
    """The client asked to be refused rather than lose anything, and no target could be told everything."""

    kind, status = "loss_refused", 422


class UpgradeRefused(ClientFault):
    """The client asks for a WebSocket where there is none, or for a version that is not spoken.

    `to` is the protocol in which to ask instead.
    """

    kind, status = "upgrade_refused", 426

    def __init__(self, message: str, *, to: str = "HTTP/1.1") -> None:
        super().__init__(message)
        self.to = to


class LimitReached(ClientFault):
    """A limit of this gateway's is reached; there is room again `retry_after` seconds later."""

    kind, status, retryable = "limit_reached", 429, True


class BudgetReached(ClientFault):
    """The money that may be spent is spent, or held for requests that run."""

    kind, status, retryable = "budget_reached", 429, True


class CoolingDown(ClientFault):
    """Every target has asked to be left alone; the first of them may be asked `retry_after` seconds later."""

    kind, status, retryable = "cooling_down", 429, True


class HeadersTooLarge(ClientFault):
    """There are too many header fields, or they are too long."""

    kind, status = "headers_too_large", 431


class UpstreamFault(GatewayError):
    """The provider did not do its part."""

    fault = "upstream"
    retryable = True


class UpstreamUnreachable(UpstreamFault):
    """No connection: refused, no such name, or TLS failed."""

    kind, status = "upstream_unreachable", 502


class UpstreamBroken(UpstreamFault):
    """The answer is not HTTP, or breaks its own framing."""

    kind, status = "upstream_broken", 502


class UpstreamTruncated(UpstreamFault):
    """The answer ended before its end."""

    kind, status = "upstream_truncated", 502


class UpstreamTimeout(UpstreamFault):
    """The provider took longer than the deadline."""

    kind, status = "upstream_timeout", 504


class GatewayFault(GatewayError):
    """Our own failure."""

    fault = "gateway"


class Internal(GatewayFault):
    """A defect of ours; the log has the details."""

    kind, status = "internal_error", 500


class ContentDamaged(GatewayFault):
    """What is kept cannot be opened: it was altered or moved, or sealed with another key."""

    kind, status = "content_damaged", 500


class LedgerUnavailable(GatewayFault):
    """The turn cannot be recorded, so it is not begun."""

    kind, status, retryable = "ledger_unavailable", 503, True


class AuditUnavailable(GatewayFault):
    """An administrator's action cannot be put on record, so it is not done."""

    kind, status, retryable = "audit_unavailable", 503, True


class ContentUnavailable(GatewayFault):
    """What is kept cannot be reached now: the disk is full, or somebody else holds the database."""

    kind, status, retryable = "content_unavailable", 503, True


class TooManyConnections(GatewayFault):
    """There are as many connections as there may be, in all or from one address."""

    kind, status, retryable = "too_many_connections", 503, True


class GatewayAway(GatewayFault):
    """A companion's local door cannot reach its gateway; said on the desktop, where the client is."""

    kind, status, retryable = "gateway_away", 503, True


class Draining(GatewayFault):
    """The gateway is shutting down and takes nothing new."""

    kind, status, retryable = "draining", 503, True

    @classmethod
    def cut(cls) -> "Draining":
        """Return the error of a request that the gateway does not wait for any longer."""
        return cls("the gateway is shutting down and has ended this answer; send the request again")

    @classmethod
    def is_why(cls, cancelled: BaseException) -> bool:
        """Whether a handler was cancelled because the gateway stops, not because its client has left."""
        return isinstance(cancelled, asyncio.CancelledError) and cancelled.args == (cls.kind,)


class ConfigError(Exception):
    """The configuration cannot be used; the message names the key, the value and the line."""


class RefusedByPolicy(ConfigError):
    """The configuration is valid, and a rule of safety says no; the message says what it takes."""


def forget_frames(error: BaseException) -> None:
    """Let an error that was dealt with, and those it came from, hold no frame any more.

    The frames hold the request, and through those that called them the connection that keeps the error: a
    circle, which only the garbage collector would undo, much later.
    """
    left = [error]
    while left:
        known = left.pop()
        if known.__traceback__ is not None:
            known.__traceback__ = None
            left += [each for each in (known.__cause__, known.__context__) if each is not None]
