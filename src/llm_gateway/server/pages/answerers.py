"""Who can answer, in a table: bridges and providers, how each is, its login, and its last 24 hours."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from llm_gateway.server.bridges_api import BridgeView
from llm_gateway.server.pages.glance import Strip
from llm_gateway.server.pages.todo import Tone
from llm_gateway.upstream.fleet import Member

__all__ = ["Answerer", "answerers"]

_TONES: Mapping[str, Tone] = {
    "ok": "good",
    "busy": "good",
    "auth_required": "warn",
    "consent_required": "warn",
    "rate_limited": "warn",
    "degraded": "warn",
    "unreachable": "bad",
    "error": "bad",
    "version_mismatch": "bad",
    "not_entitled": "bad",
}
_LOGINS = {"auth_required": "needed", "consent_required": "waits for consent"}
_NEVER = Strip(("none",) * 24, 0, 0, 0)


class Answerer(msgspec.Struct, frozen=True):
    """A bridge or a provider. `state` is in words, `login` says whether it may ask; `detail` why it is so."""

    name: str
    label: str
    kind: str
    machine: str
    state: str
    tone: Tone
    detail: str
    login: str
    models: int
    day: Strip


def answerers(
    members: Iterable[Member], bridges: Sequence[BridgeView], days: Mapping[str, Strip]
) -> list[Answerer]:
    """Return everything that could answer; what was only looked for and is not there comes last."""
    bridged = {each.name: each for each in bridges}
    found = [
        _bridge(bridged[member.row.name], days) if member.row.name in bridged else _provider(member, days)
        for member in members
    ]
    order = ("bad", "warn", "good", "none")
    return sorted(found, key=lambda each: (order.index(each.tone), each.name == "demo", each.name))


def _bridge(each: BridgeView, days: Mapping[str, Strip]) -> Answerer:
    state, tone, detail = each.state.replace("_", " "), _TONES.get(each.state, "none"), each.reason
    if each.state == "ok" and each.verified != "turn_succeeded":
        # Only a turn proves that a bridge works.
        tone, state, detail = "none", "ready", detail or "no turn was answered yet"
    login = _LOGINS.get(each.state, "")
    if not login:
        login = f"logged in{f', {each.account}' if each.account else ''}" if each.verified != "none" else ""
    return Answerer(
        each.name,
        each.label,
        "bridge",
        each.machine,
        state,
        tone,
        detail,
        login,
        len(each.models),
        days.get(each.name, _NEVER),
    )


def _provider(member: Member, days: Mapping[str, Strip]) -> Answerer:
    row = member.row
    detail = member.reason or ", ".join(dict.fromkeys(each.url for each in member.endpoints))
    login = {"key found": "key found", "configured": ""}.get(member.presence, "not needed")
    if member.state == "auth_required":
        login = "key refused or missing"
    return Answerer(
        row.name,
        row.label,
        row.kind,
        "",
        member.state.replace("_", " "),
        _TONES.get(member.state, "none"),
        detail,
        login,
        len(member.models),
        days.get(row.name, _NEVER),
    )
