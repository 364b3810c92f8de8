"""How a bridge is: its state, why, what helps, and how much of its subscription is used. Values only."""

import hashlib
from typing import Literal

import msgspec

from llm_gateway.wire.ready import ready

__all__ = [
    "Action",
    "BridgeModel",
    "BridgeState",
    "Health",
    "Verified",
    "Window",
    "account_mark",
    "window_name",
]

BridgeState = Literal[
    "disabled",
    "not_installed",
    "starting",
    "ok",
    "auth_required",
    "consent_required",
    "not_entitled",
    "rate_limited",
    "degraded",
    "busy",
    "unreachable",
    "version_mismatch",
    "error",
]

Verified = Literal["none", "login_seen", "turn_succeeded"]
"""What is known to be true: nothing, that somebody is logged in, that a turn was answered."""


@ready
class Action(msgspec.Struct, frozen=True):
    """What helps: a sentence, and where there is one the command, or an address and the code for it."""

    text: str
    command: str = ""
    url: str = ""
    code: str = ""


@ready
class Window(msgspec.Struct, frozen=True):
    """A window of a quota: `used` is a share from 0 to 1, `resets_us` in microseconds since 1970 or 0."""

    name: str
    used: float
    resets_us: int = 0
    status: str = ""


@ready
class BridgeModel(msgspec.Struct, frozen=True):
    """A model that a bridge offers; `context` in tokens, 0 where that is not known."""

    id: str
    label: str = ""
    context: int = 0


@ready
class Health(msgspec.Struct, frozen=True):
    """How a bridge is, found out without spending a token.

    `reason` says why it is not `ok`. `account` is the kind of plan, never whose it is. `version` is the found
    one of the vendor's program, `required` what is needed instead. `resets_us` is when `rate_limited` ends.
    `mark` tells the account from others, where its vendor names it (`account_mark`). `told_us` is when the
    windows were told; 0 is now.
    """

    state: BridgeState
    reason: str = ""
    action: Action | None = None
    verified: Verified = "none"
    account: str = ""
    version: str = ""
    required: str = ""
    resets_us: int = 0
    windows: tuple[Window, ...] = ()
    last_success_us: int = 0
    last_error: str = ""
    running: int = 0
    waiting: int = 0
    mark: str = ""
    told_us: int = 0


def account_mark(vendor: str, account: str) -> str:
    """Return what stands for a vendor's account, on whichever machine it is told; "" for none.

    Only for ids that nobody can guess: they cannot be found out from it.
    """
    return hashlib.sha256(f"{vendor}\0{account}".encode()).hexdigest()[:32] if account else ""


def window_name(minutes: int, usual: str) -> str:
    """Return what a window of so many minutes is called, and what it is `usual`ly where nobody says."""
    if minutes <= 0:
        return usual
    for size, word in ((1440, "days"), (60, "hours")):
        if minutes % size == 0:
            return f"{minutes // size} {word}"
    return f"{minutes} minutes"
