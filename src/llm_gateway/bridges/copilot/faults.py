"""What the Copilot CLI's errors mean for whoever asked. Its own words are not passed on.

`session.error` and `model.call_failure` in schemas/session-events.schema.json of the CLI's package.
"""

from llm_gateway.bridges.copilot.events import Failing, Wrong
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import Action
from llm_gateway.bridges.rpc import RpcRefused

__all__ = [
    "LOGIN",
    "broken_off",
    "fault_of",
    "not_logged_in",
    "refused_session",
    "throttled",
    "unreachable",
]

LOGIN = Action("log in to GitHub Copilot", command="llm-gateway login github-copilot")

_SETTINGS = "https://github.com/settings/copilot"
_WEEK = "user_weekly_rate_limited"
_QUOTA = frozenset(("billing_not_configured", "quota_exceeded", "session_quota_exceeded"))


def not_logged_in() -> BridgeFault:
    """Return what is wrong when nobody is logged in, or the login is good no more."""
    return BridgeFault(
        "auth_required",
        "the Copilot CLI is not logged in to GitHub, or its login is good no more; "
        f"`{LOGIN.command}` logs in",
        action=LOGIN,
    )


def throttled(code: str | None) -> BridgeFault:
    """Return what is wrong when GitHub wants to be asked later, or not at all any more."""
    if code in _QUOTA:
        return BridgeFault(
            "rate_limited",
            "the AI credits of this Copilot subscription are used up; wait for the next month, or allow "
            "more in its settings",
            action=Action("see what is left, or allow more", url=_SETTINGS),
        )
    which = "the week's limit of this subscription is used up" if code == _WEEK else "it is asked too often"
    return BridgeFault(
        "rate_limited",
        f"GitHub Copilot answers no more for now: {which}; ask again later, or name a model of another "
        "provider",
        retry_after=60,
    )


def broken_off(failing: Failing) -> BridgeFault:
    """Return what is wrong when an answer ends in the middle."""
    where = f"with {failing.status_code}" if failing.status_code else "in transit"
    return BridgeFault(
        "bridge_disconnected", f"the answer of GitHub Copilot broke off {where} in the middle; ask again"
    )


def unreachable() -> BridgeFault:
    """Return what is wrong when GitHub's servers cannot be reached."""
    return BridgeFault(
        "bridge_unreachable",
        "the Copilot CLI did not reach GitHub's servers; look at this machine's network, then ask again",
    )


def fault_of(wrong: Wrong) -> BridgeFault:
    """Return what an error of a session means; `query` without a status says next to nothing."""
    match wrong.error_type:
        case "authentication":
            return not_logged_in()
        case "authorization" if wrong.status_code == 401:  # said of a token that is good no more
            return not_logged_in()
        case "authorization" | "policy":
            return BridgeFault(
                "not_entitled",
                "GitHub does not allow this model or use to the account that is logged in; its settings or "
                "its organisation decide that",
                action=Action("see what the account may use", url=_SETTINGS),
            )
        case "quota":
            return throttled("quota_exceeded")
        case "rate_limit":
            return throttled(wrong.error_code)
        case "context_limit":
            return BridgeFault(
                "refused", "the conversation is longer than this model takes; shorten it", param="messages"
            )
        case _:
            return _by_status(wrong.status_code)


def refused_session(refused: RpcRefused, model: str) -> BridgeFault:
    """Return what it means that a session was not opened, or not asked."""
    words = refused.message.lower()
    if "not available" in words:
        return BridgeFault(
            "refused",
            f"GitHub Copilot offers no model {model!r} to this account; `llm-gateway models` lists those "
            "that it does",
            param="model",
        )
    if "not authenticated" in words or "no github oauth token" in words:
        return not_logged_in()
    return BridgeFault(
        "bridge_failed", f"the Copilot CLI refused `{refused.method}`; is it newer than this gateway?"
    )


def _by_status(status: int | None) -> BridgeFault:
    match status:
        case 401:
            return not_logged_in()
        case 429:
            return throttled(None)
        case 403:
            return fault_of(Wrong("authorization"))
        case 400 | 404 | 413 | 422:
            return BridgeFault("refused", f"GitHub Copilot refused the request with {status}")
        case None | 0:
            return unreachable()
        case _:
            return BridgeFault("bridge_failed", f"GitHub Copilot failed with {status}; ask again")
