"""Whose Copilot it is, without who: whether somebody is logged in, the plan, what is used of it, the models.

Asked of the Copilot CLI, which knows most of it without a request. Its user's name and tokens are not read.
"""

import asyncio
from datetime import datetime

import msgspec
from msgspec import Raw

from llm_gateway.bridges.copilot.faults import LOGIN, not_logged_in
from llm_gateway.bridges.copilot.runtime import Runtime
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import BridgeModel, Health, Window
from llm_gateway.bridges.rpc import RpcRefused
from llm_gateway.clock import Clock
from llm_gateway.wire.ready import ready

__all__ = ["Account", "Offer"]

_QUOTA_TAKES = 1.0
_EVERYTHING = Raw(b"null")


@ready
class _Status(msgspec.Struct, frozen=True, rename="camel"):
    is_authenticated: bool = False


@ready
class _User(msgspec.Struct, frozen=True):
    copilot_plan: str | None = None


@ready
class _Authentication(msgspec.Struct, frozen=True, rename="camel"):
    copilot_user: _User = _User()


@ready
class _Current(msgspec.Struct, frozen=True, rename="camel"):
    auth_info: _Authentication = _Authentication()


@ready
class _Own(msgspec.Struct, frozen=True, rename="camel"):
    """The login as the CLI tells it, for being handed back to it."""

    auth_info: Raw = _EVERYTHING


@ready
class _Snapshot(msgspec.Struct, frozen=True, rename="camel"):
    remaining_percentage: float = 100.0
    is_unlimited_entitlement: bool = False
    usage_allowed_with_exhausted_quota: bool = False
    overage: float = 0.0
    reset_date: str | None = None


@ready
class _Quota(msgspec.Struct, frozen=True, rename="camel"):
    quota_snapshots: dict[str, _Snapshot] = {}


@ready
class _Limits(msgspec.Struct, frozen=True):
    max_context_window_tokens: int | None = None
    max_prompt_tokens: int | None = None


@ready
class _Supports(msgspec.Struct, frozen=True):
    vision: bool = False


@ready
class _Capabilities(msgspec.Struct, frozen=True):
    supports: _Supports | None = None
    limits: _Limits = _Limits()


@ready
class _Policy(msgspec.Struct, frozen=True):
    state: str = ""


@ready
class _Model(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    name: str = ""
    capabilities: _Capabilities = _Capabilities()
    policy: _Policy = _Policy()
    supported_reasoning_efforts: tuple[str, ...] | None = None


@ready
class _Models(msgspec.Struct, frozen=True):
    models: tuple[_Model, ...] = ()


class Offer(msgspec.Struct, frozen=True):
    """A model that the account may use. `sees` None and `efforts` None: that is not known."""

    model: BridgeModel
    sees: bool | None = None
    efforts: frozenset[str] | None = None


class Account:
    """The account, and what was seen of it last."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offers: dict[str, Offer] = {}
        self._windows: tuple[Window, ...] = ()
        self._told_us = 0

    def offer(self, model: str) -> Offer | None:
        """Return what is known of a model."""
        return self._offers.get(model)

    async def logged_in(self, runtime: Runtime) -> bool:
        """Whether somebody is logged in."""
        return (await runtime.ask("auth.getStatus", {}, _Status)).is_authenticated

    async def health(self, runtime: Runtime) -> Health:
        """Say how it is; BridgeFault or RpcRefused when the CLI cannot tell."""
        if not await self.logged_in(runtime):
            return Health("auth_required", not_logged_in().message, LOGIN, version=runtime.version)
        current = await runtime.ask("account.getCurrentAuth", {}, _Current)
        try:
            async with asyncio.timeout(_QUOTA_TAKES):
                quota = await runtime.ask("account.getQuota", {}, _Quota)
            self._windows = tuple(_window(name, told) for name, told in sorted(quota.quota_snapshots.items()))
            self._told_us = self._clock.now_us()
        except (TimeoutError, RpcRefused):
            pass  # what was seen last is shown
        return Health(
            "ok",
            verified="login_seen",
            account=current.auth_info.copilot_user.copilot_plan or "",
            version=runtime.version,
            windows=self._windows,
            told_us=self._told_us,
        )

    async def offers(self, runtime: Runtime) -> tuple[Offer, ...]:
        """Return the models that the account may use; none when GitHub does not tell them now."""
        try:
            told = await runtime.ask("models.list", {}, _Models)
        except (RpcRefused, BridgeFault):
            return ()
        found = tuple(_offer(model) for model in told.models if model.policy.state != "disabled")
        self._offers = {offer.model.id: offer for offer in found}
        return found

    async def log_out(self, runtime: Runtime) -> None:
        """Take the login back; nothing when there is none. RpcRefused when the CLI does not do it."""
        own = await runtime.ask("account.getCurrentAuth", {}, _Own)
        if bytes(own.auth_info) != b"null":
            await runtime.ask("account.logout", {"authInfo": own.auth_info}, Raw)


def _window(name: str, told: _Snapshot) -> Window:
    used = min(1.0, max(0.0, 1 - told.remaining_percentage / 100))
    status = ""
    if told.is_unlimited_entitlement:
        status, used = "unlimited", 0.0
    elif told.overage > 0:
        status = "overage"
    elif used >= 1 and not told.usage_allowed_with_exhausted_quota:
        status = "exhausted"
    return Window(name, round(used, 4), _microseconds(told.reset_date), status)


def _microseconds(told: str | None) -> int:
    try:
        return int(datetime.fromisoformat(told or "").timestamp()) * 1_000_000
    except ValueError:
        return 0


def _offer(model: _Model) -> Offer:
    supports, limits = model.capabilities.supports, model.capabilities.limits
    efforts = model.supported_reasoning_efforts
    context = limits.max_context_window_tokens or limits.max_prompt_tokens or 0
    return Offer(
        BridgeModel(model.id, model.name, context),
        None if supports is None else supports.vision,
        None if supports is None else frozenset(efforts or ()),
    )
