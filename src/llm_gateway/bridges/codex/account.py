"""How Codex is, by what it says of its login and its plan. Values only; nobody's name is read."""

from collections.abc import Iterator

import msgspec

from llm_gateway.bridges.codex.protocol import AccountRead, Limits, LimitWindow
from llm_gateway.bridges.codex.refusals import UNREACHABLE, login_again, resets_us, status_in
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import Action, Health, Window
from llm_gateway.bridges.rpc import RpcRefused

__all__ = ["health_of", "health_of_fault", "health_of_refusal", "windows_of"]

_PLANS = {"apiKey": "API key", "amazonBedrock": "Amazon Bedrock", "gcp": "Google Cloud"}
_SPENT = ("workspace_owner_credits_depleted", "workspace_member_credits_depleted")


def health_of(read: AccountRead, limits: Limits, version: str, now_us: int, name: str) -> Health:
    """Return how it is by its account and the limits of its plan."""
    account = read.account
    if account is None and read.requires_openai_auth:
        action = Action("log in", f"llm-gateway login {name}")
        return Health("auth_required", "nobody is logged in to Codex", action, version=version)
    told = "provider of one's own" if account is None else _PLANS.get(account.type, account.plan_type or "")
    health = Health(
        "ok",
        verified="none" if account is None else "login_seen",
        account=told,
        version=version,
        windows=tuple(windows_of(limits)),
    )
    if limits.rate_limit_reached_type is None:
        return health
    spent = limits.rate_limit_reached_type in _SPENT
    return msgspec.structs.replace(
        health,
        state="rate_limited",
        reason="the plan's credits are used up" if spent else "the plan's quota is used up",
        resets_us=resets_us(limits, now_us),
    )


def health_of_refusal(refusal: RpcRefused, version: str, name: str) -> Health:
    """Return how it is when it cannot say who is logged in, or how much of the plan is used."""
    status = status_in(refusal.message)
    if status == 401:
        return health_of_fault(login_again(name), version)
    if status == 403:
        return Health("not_entitled", "the vendor does not let this account use Codex", version=version)
    if status == 429:
        return Health("rate_limited", "the vendor lets no more requests through for now", version=version)
    if status is not None:
        return Health("degraded", f"the vendor's service fails with {status}", version=version)
    return Health("unreachable", UNREACHABLE, version=version)


def health_of_fault(fault: BridgeFault, version: str = "", required: str = "") -> Health:
    """Return how it is by what it cannot do."""
    state = fault.state or ("unreachable" if fault.kind == "upstream_timeout" else "error")
    return Health(
        state,
        fault.message,
        fault.action,
        version=version,
        required=required,
        resets_us=fault.resets_us,
    )


def windows_of(limits: Limits) -> Iterator[Window]:
    """Yield the windows of the plan's quota."""
    for usual, window in (("short", limits.primary), ("long", limits.secondary)):
        if window is not None:
            yield Window(
                _name(window, usual),
                min(1.0, max(0.0, window.used_percent / 100)),
                (window.resets_at or 0) * 1_000_000,
            )


def _name(window: LimitWindow, usual: str) -> str:
    minutes = window.window_duration_mins
    if not minutes:
        return usual
    for size, word in ((1440, "days"), (60, "hours")):
        if minutes % size == 0:
            return f"{minutes // size} {word}"
    return f"{minutes} minutes"
