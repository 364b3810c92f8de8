"""Every way in which a bridge does not answer, with the state that it is in then and what its client is told.

Statuses are those of HTTP, so that whoever asked does what they do with any upstream: 401 and 403 are not
tried again at the same target, 429 after a while, 502 and 504 at another one.
"""

from typing import Literal

import msgspec

from llm_gateway.bridges.health import Action, BridgeState
from llm_gateway.dialects.bridge.errors import Refused, encode_refusal
from llm_gateway.wire.headers import Headers

__all__ = ["BridgeFault", "FaultKind", "answer_of"]

FaultKind = Literal[
    "bridge_disabled",
    "bridge_not_installed",
    "auth_required",
    "consent_required",
    "not_entitled",
    "rate_limited",
    "bridge_busy",
    "bridge_unreachable",
    "bridge_disconnected",
    "version_mismatch",
    "refused",
    "bridge_failed",
    "upstream_timeout",
]
"""`rate_limited`: the subscription's own quota; `bridge_busy`: as many turns run as the bridge lets run.
`refused`: the vendor does not take this request, whoever asks; `bridge_failed`: it broke."""


class _Meaning(msgspec.Struct, frozen=True):
    status: int
    state: BridgeState | None = None
    """The state that the bridge is in after it; None where it says nothing of the next turn."""


_MEANINGS: dict[FaultKind, _Meaning] = {
    "bridge_disabled": _Meaning(403, "disabled"),
    "bridge_not_installed": _Meaning(502, "not_installed"),
    "auth_required": _Meaning(401, "auth_required"),
    "consent_required": _Meaning(403, "consent_required"),
    "not_entitled": _Meaning(403, "not_entitled"),
    "rate_limited": _Meaning(429, "rate_limited"),
    "bridge_busy": _Meaning(429),
    "bridge_unreachable": _Meaning(502, "unreachable"),
    "bridge_disconnected": _Meaning(502, "unreachable"),
    "version_mismatch": _Meaning(502, "version_mismatch"),
    "refused": _Meaning(400),
    "bridge_failed": _Meaning(502),
    "upstream_timeout": _Meaning(504),
}


class BridgeFault(Exception):
    """A bridge did not answer. `message` is for whoever asked: what, why, the way out; never what was said.

    `action` is what the bridge's owner does about it; `retry_after` is in how many seconds it is worth a
    second try, `resets_us` when a quota begins anew, in microseconds since 1970; `param` is what was refused.
    """

    def __init__(
        self,
        kind: FaultKind,
        message: str,
        *,
        action: Action | None = None,
        retry_after: float | None = None,
        resets_us: int = 0,
        param: str = "",
    ) -> None:
        super().__init__(message)
        self.kind: FaultKind = kind
        self.message = message
        self.action = action
        self.retry_after = retry_after
        self.resets_us = resets_us
        self.param = param

    @property
    def status(self) -> int:
        """Return the status of the answer that says so."""
        return _MEANINGS[self.kind].status

    @property
    def state(self) -> BridgeState | None:
        """Return the state that the bridge is in after it; None where it says nothing of the next turn."""
        return _MEANINGS[self.kind].state


def answer_of(fault: BridgeFault) -> tuple[int, Headers, bytes]:
    """Return status, header fields and body of the answer that tells of a fault."""
    headers: Headers = [(b"content-type", b"application/json")]
    if fault.status == 429:
        headers.append((b"retry-after", str(max(1, round(fault.retry_after or 1))).encode("ascii")))
        if fault.kind == "rate_limited":  # the vendors' SDKs would ask again at once, in vain
            headers.append((b"x-should-retry", b"false"))
    return fault.status, headers, encode_refusal(Refused(fault.kind, fault.message, fault.param))
