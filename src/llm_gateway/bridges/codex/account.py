"""How Codex is, by what it says of its login and its plan. Values only; nobody's name is read."""

from collections.abc import Iterator

import msgspec

from llm_gateway.bridges.codex.protocol import AccountRead, Credits, Limits
from llm_gateway.bridges.codex.refusals import UNREACHABLE, login_again, resets_us, status_in
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import Action, Health, Window, window_name
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
    """Yield the windows of the plan's quota, what one person may spend, and the credits that are left."""
    for usual, window in (("short", limits.primary), ("long", limits.secondary)):
        if window is not None:
            yield Window(
                window_name(window.window_duration_mins or 0, usual),
                min(1.0, max(0.0, window.used_percent / 100)),
                (window.resets_at or 0) * 1_000_000,
            )

    if (spending := limits.individual_limit) is not None:
        used = min(1.0, max(0.0, 1 - spending.remaining_percent / 100))
        yield Window("spend limit", round(used, 4), (spending.resets_at or 0) * 1_000_000)
    if limits.credits is not None and (status := _credits(limits.credits)):
        yield Window("credits", 0.0, status=status)


def _credits(credits_: Credits) -> str:
    """Return what is left of what was paid for beyond the plan, in words; "" for nothing."""
    if credits_.unlimited:
        return "unlimited"
    if not credits_.has_credits:
        return ""
    return f"{credits_.balance[:20]} left" if credits_.balance else "some left"
