"""How a bridge is: its state, why, what helps, and how much of its subscription is used. Values only."""

from typing import Literal

import msgspec

from llm_gateway.wire.ready import ready

__all__ = ["Action", "BridgeModel", "BridgeState", "Health", "Verified", "Window"]

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
