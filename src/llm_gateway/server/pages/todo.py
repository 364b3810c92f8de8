"""What needs somebody, the most important first: what it is, why, and the way out of it.

Pure: made from what the other parts say of themselves. Nothing is looked at here, and what nobody has to do
anything about is not in it.
"""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal
from urllib.parse import quote

import msgspec

from llm_gateway.pipeline.quotas import Quota
from llm_gateway.server.advice import Advice
from llm_gateway.server.bridges_api import BridgeView
from llm_gateway.server.client_views import ClientView
from llm_gateway.server.limit_views import LimitView
from llm_gateway.server.views import HealthView
from llm_gateway.upstream.fleet import Member

__all__ = ["Known", "Todo", "Tone", "is_gap", "todos"]

Tone = Literal["good", "warn", "bad", "none"]

_CLOSE = 0.8
"""From this share on a window of a subscription is close to its end."""

_COMMAND = "llm-gateway "
# Full for a moment is what limits by the minute are for.
_PASSING = ("minute", "running")
_LOUD = ("unreachable", "error", "version_mismatch", "not_entitled")
_BRIDGES: dict[str, tuple[str, str]] = {
    "auth_required": ("needs a login", "llm-gateway login {0}"),
    "consent_required": ("waits for its terms to be accepted", "llm-gateway login {0}"),
    "unreachable": ("cannot be reached", "llm-gateway bridges check {0}"),
    "error": ("fails", "llm-gateway bridges check {0}"),
    "version_mismatch": ("needs another version of its program", ""),
    "not_entitled": ("has a login whose plan does not include this", ""),
    "degraded": ("works, and not all of it", "llm-gateway bridges check {0}"),
}
_PROVIDERS = {
    "auth_required": ("has no key that it takes", "set its key again"),
    "unreachable": ("cannot be reached", "start it, or correct its base_url"),
    "error": ("fails", "look at what it says"),
    "degraded": ("answers with errors", "look at what it says"),
}


class Todo(msgspec.Struct, frozen=True):
    """One thing to do. `command` is what to run, `help` what to do in words; `link` is a page of ours."""

    kind: str
    tone: Tone
    title: str
    why: str
    help: str
    command: str
    link: str
    link_text: str


class Known(msgspec.Struct, frozen=True):
    """What is known of everything that may need somebody. `exposure` says what is wrong with it, if so."""

    health: HealthView
    exposure: str = ""
    clients: Sequence[ClientView] = ()
    bridges: Sequence[BridgeView] = ()
    members: Sequence[Member] = ()
    limits: Sequence[LimitView] = ()
    quotas: Sequence[Quota] = ()
    advice: Sequence[Advice] = ()


def todos(known: Known) -> list[Todo]:
    """Return everything that needs somebody, the most important first."""
    found = [
        *_storage(known.health),
        *_exposure(known.exposure),
        *_configuration(known.health),
        *_clients(known.clients),
        *_providers(known.members),
        *_bridges(known.bridges, {member.row.name: member for member in known.members}),
        *_limits(known.limits),
        *_windows(known.quotas),
        *_prices(known.advice),
    ]
    order = ("bad", "warn", "none")
    return sorted(found, key=lambda each: order.index(each.tone))


def is_gap(client: ClientView) -> bool:
    """Return whether an application runs, could go through the gateway, and does not or not wholly."""
    return client.status in ("live", "running") and client.coverage.verdict not in ("captured", "cannot")


def _storage(health: HealthView) -> Iterator[Todo]:
    if health.database != "connected":
        waiting = f"; {health.unrecorded:,} records are in memory alone" if health.unrecorded else ""
        why = f"{health.database}{waiting}"
        yield Todo(
            "storage", "bad", "The ledger takes nothing", why, health.advice, "", "/settings", "Doctor"
        )


def _exposure(why: str) -> Iterator[Todo]:
    if why:
        told = "set server.host to 127.0.0.1, or give it all that it lacks"
        yield Todo(
            "exposure",
            "bad",
            "The gateway may not listen where it is told to",
            why,
            told,
            "",
            "/settings",
            "Doctor",
        )


def _configuration(health: HealthView) -> Iterator[Todo]:
    if health.configuration:
        yield Todo(
            "configuration",
            "bad",
            "The configuration's file is not in use, the last good one is",
            health.configuration,
            "",
            "llm-gateway config check",
            "/settings",
            "Settings",
        )


def _clients(clients: Iterable[ClientView]) -> Iterator[Todo]:
    for each in clients:
        if is_gap(each):
            verdict = each.coverage.verdict
            words = {"bypassing": "bypasses the gateway", "partly": "goes only partly through the gateway"}
            how = words.get(verdict, "runs, and nothing of it has come through")
            yield Todo(
                "client",
                "bad" if verdict == "bypassing" else "warn",
                f"{each.label} {how}{_on(each.machine)}",
                each.reason,
                *_way_out(each.fix),
                f"/clients?client={quote(each.id, safe='')}",
                "The client",
            )


def _providers(members: Iterable[Member]) -> Iterator[Todo]:
    for each in members:
        if each.row.bridge is not None or each.state not in _PROVIDERS:
            continue
        what, way_out = _PROVIDERS[each.state]
        if each.state == "auth_required" and each.row.api_key_env:
            way_out = f"set {each.row.api_key_env[0]} where the gateway is started, and start it again"
        yield Todo(
            "provider",
            "bad" if each.state == "auth_required" else "warn",
            f"{each.row.label or each.row.name} {what}",
            each.reason,
            way_out,
            "",
            f"/routing#provider-{quote(each.row.name, safe='')}",
            "The provider",
        )


def _bridges(bridges: Iterable[BridgeView], members: dict[str, Member]) -> Iterator[Todo]:
    for each in bridges:
        if each.state not in _BRIDGES:
            continue
        what, command = _BRIDGES[each.state]
        action, here = each.action, not each.machine
        member = members.get(each.name)
        # Nobody said that a bridge should answer that was only found; one that has answered is missed.
        wanted = each.last_success_at is not None or member is None or member.presence != "bridge"
        yield Todo(
            "bridge",
            ("bad" if each.state in _LOUD else "warn") if wanted else "none",
            f"The bridge {each.name} {what}{_on(each.machine)}",
            each.reason or each.last_error,
            action.text if action is not None and action.text != each.reason else "",
            # Where what helps is no command, none may stand beside it as if it did.
            action.command if action is not None else command.format(shlex.quote(each.name)) if here else "",
            f"/bridges#{quote(each.name, safe='')}",
            "The bridge",
        )


def _limits(limits: Iterable[LimitView]) -> Iterator[Todo]:
    for each in limits:
        full = each.share >= 1
        if not (full or each.warned) or any(word in each.limit for word in _PASSING):
            continue
        of = f"{each.scope} {each.name}".strip()
        resets = f"; it begins anew at {each.resets_at}" if each.resets_at else ""
        yield Todo(
            "limit",
            "bad" if full else "warn",
            f"The limit {each.limit} of {of} is {'reached' if full else 'close'}",
            f"{each.used:,.6g} of {each.most:,.6g} is used ({each.share:.0%}){resets}",
            "raise it, or wait until it begins anew" if each.resets_at else "raise it",
            "",
            "/limits",
            "Limits",
        )


def _windows(quotas: Iterable[Quota]) -> Iterator[Todo]:
    for each in quotas:
        fullest = max(each.windows, key=lambda window: window.share, default=None)
        if fullest is None or fullest.share < _CLOSE:
            continue
        full = fullest.share >= 1
        whose = f"{each.label or each.provider}{f' of {each.caller}' if each.caller else ''}"
        yield Todo(
            "subscription",
            "bad" if full else "warn",
            f"The subscription {whose} is {'used up' if full else 'nearly used up'}",
            f"{fullest.share:.0%} of its window {fullest.window} is used",
            "another target of the alias answers meanwhile, if it has one",
            "",
            "/subscriptions",
            "Subscriptions",
        )


_PRICES = {
    "price_unknown": ("warn", "The price of {0} is not known"),
    "cache_never_read": ("warn", "{0} pays for a cache that it hardly reads"),
    "no_reference": ("none", "Nobody has said what answers of {0} are worth"),
}


def _prices(found: Iterable[Advice]) -> Iterator[Todo]:
    """Yield one for each kind: the first by name, and how many others there are."""
    by_kind: dict[str, list[Advice]] = {}
    for each in found:
        by_kind.setdefault(each.kind, []).append(each)
    for kind, (tone, title) in _PRICES.items():
        if kind not in by_kind:
            continue
        first, *others = by_kind[kind]
        more = f" and of {len(others)} more" if others else ""
        yield Todo(
            kind,
            "warn" if tone == "warn" else "none",
            title.format(f"{first.of}{more}" if kind != "cache_never_read" else first.of),
            first.told,
            first.helps,
            "",
            "/usage",
            "Usage",
        )


def _way_out(fix: str) -> tuple[str, str]:
    """Return what helps in words, and as a command, one of which is empty."""
    return ("", fix) if fix.startswith(_COMMAND) else (fix, "")


def _on(machine: str | None) -> str:
    return f" on {machine}" if machine else ""
