"""What stands in the way of a turn, as a fault: refusals of the API, and failures that the program tells.

The program's own sentences are not passed on: they speak to whoever sits at it, and may hold what was said.
"""

from typing import assert_never

from llm_gateway.bridges.claude.frames import Ended, Quota, Retry, Spoken
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import Action

__all__ = ["LOG_IN", "fault_of", "no_login"]

LOG_IN = "log in with `llm-gateway login claude`"

_AGAIN = 60.0


def no_login(command: str) -> BridgeFault:
    """Return the fault of a program that nobody is logged in to, or whose login is refused."""
    return BridgeFault(
        "auth_required",
        f"the bridge's Claude Code is not logged in, or its login is no longer accepted; {LOG_IN}",
        action=Action(LOG_IN, command=command),
    )


def fault_of(
    frame: Retry | Spoken | Ended, quota: Quota | None, now_us: int, command: str
) -> BridgeFault | None:
    """Return the fault that a frame tells of; None where the program's own next try is worth waiting for.

    `quota` is the last that was told, `command` what logs in.
    """
    match frame:
        case Retry(401, attempt):
            # At the first one the program refreshes its login, which helps, and must not be stopped halfway:
            # a refresh token is good for one use.
            return no_login(command) if attempt > 1 else None
        case Retry(429, _, wait):
            return _limited(quota, now_us, wait)
        case Retry():
            return None
        case Spoken(error, status):
            return _spoken(error, status, quota, now_us, command)
        case Ended():
            return BridgeFault(
                "bridge_failed", "Claude Code gave up on the turn and did not say why; try it again"
            )
        case _:
            assert_never(frame)


def _spoken(error: str, status: int, quota: Quota | None, now_us: int, command: str) -> BridgeFault:
    match error:
        case "authentication_failed":
            return no_login(command)
        case "rate_limit":
            return _limited(quota, now_us, 0)
        case "billing_error":
            return BridgeFault(
                "not_entitled", "Claude refuses because of the account's billing; look at claude.ai, Settings"
            )
        case "oauth_org_not_allowed":
            return BridgeFault(
                "not_entitled",
                "this login's organization does not allow its subscription in Claude Code; ask its admin",
            )
        case "model_not_found":
            return BridgeFault(
                "refused",
                "Claude has no such model, or not for this login; `llm-gateway models` lists those there are",
                param="model",
            )
        case "invalid_request":
            return BridgeFault(
                "refused",
                "Claude does not take this request: too long, most likely, or media that it cannot read; "
                "shorten it, or name another model",
                param="messages",
            )
    if status in (403, 404):
        return BridgeFault("not_entitled", f"Claude refuses this login with status {status}; log in anew")
    told = f"with status {status}" if status else "without a status"
    return BridgeFault("bridge_failed", f"Claude failed {told} while Claude Code asked it; try it again")


def _limited(quota: Quota | None, now_us: int, wait: float) -> BridgeFault:
    """Return the fault of a quota that is used up, or of too much at a time when none is known to be."""
    resets_us = quota.resets_us if quota is not None and quota.rejected else 0
    if resets_us > now_us:
        seconds = (resets_us - now_us) / 1_000_000
        return BridgeFault(
            "rate_limited",
            f"the subscription's quota is used up; it begins anew in {_minutes(seconds)}",
            retry_after=seconds,
            resets_us=resets_us,
        )
    return BridgeFault(
        "rate_limited",
        "Claude takes no more of this subscription at the moment; try again in a minute",
        retry_after=wait or _AGAIN,
    )


def _minutes(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes} minutes" if minutes < 120 else f"{round(minutes / 60)} hours"
