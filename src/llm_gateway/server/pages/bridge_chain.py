"""How far a bridge can be reached, step by step: from the vendor's program to a turn that was answered.

Pure: what a bridge says of itself, put into the order in which one thing needs the other. Which step a state
stops at stands in one table, and so does what helps where the bridge does not say it.
"""

import shlex
from collections.abc import Mapping
from typing import Literal

import msgspec

from llm_gateway.bridges.health import Action
from llm_gateway.server.bridges_api import BridgeView

__all__ = ["ChainStep", "Mark", "Said", "Tone", "chain_of", "helps_of", "said_of"]

Mark = Literal["done", "fails", "waits", "open"]
"""`done`: it is so; `fails`: it is what is wrong; `waits`: it is being found out or will pass by itself;
`open`: nobody knows."""

Tone = Literal["good", "warn", "bad", "none"]


class ChainStep(msgspec.Struct, frozen=True):
    """A step: what it is called, whether it is done, and what is known of it."""

    name: str
    mark: Mark
    text: str


class Said(msgspec.Struct, frozen=True):
    """A state in words, its tone, and what has to be added to it."""

    words: str
    tone: Tone
    note: str = ""


_FOUND, _PROCESS, _LINK, _LOGIN, _MODELS, _TURN = range(6)
_NAMES = ("Installed", "Process", "Link", "Login", "Models", "Turn answered")

# Where each state stops, and whether that passes by itself.
_STOPS: Mapping[str, tuple[int, Mark]] = {
    "disabled": (_PROCESS, "fails"),
    "not_installed": (_FOUND, "fails"),
    "starting": (_PROCESS, "waits"),
    "auth_required": (_LOGIN, "fails"),
    "consent_required": (_LOGIN, "fails"),
    "not_entitled": (_LOGIN, "fails"),
    "rate_limited": (_TURN, "waits"),
    "degraded": (_TURN, "fails"),
    "busy": (_TURN, "waits"),
    "unreachable": (_LINK, "fails"),
    "version_mismatch": (_FOUND, "fails"),
    "error": (_PROCESS, "fails"),
}
_SAID: Mapping[str, Said] = {
    "disabled": Said("paused", "none"),
    "not_installed": Said("not installed", "none"),
    "starting": Said("starting", "none"),
    "auth_required": Said("login needed", "warn"),
    "consent_required": Said("consent needed", "warn"),
    "not_entitled": Said("the account has no such plan", "bad"),
    "rate_limited": Said("quota used up", "warn"),
    "degraded": Said("turns fail", "bad"),
    "busy": Said("busy", "warn"),
    "unreachable": Said("not reachable", "bad"),
    "version_mismatch": Said("wrong version", "bad"),
    "error": Said("failed", "bad"),
}


def said_of(bridge: BridgeView) -> Said:
    """Return a bridge's state in words. Only an answered turn makes it good without anything to add."""
    if bridge.state != "ok":
        return _SAID.get(bridge.state) or Said(bridge.state, "bad")
    if bridge.verified == "turn_succeeded":
        return Said("answers", "good")
    if bridge.verified == "login_seen":
        return Said("ready, not proven", "none", "somebody is logged in, but no turn has been answered yet")
    return Said(
        "ready, not proven", "none", "nothing is known of its login, and no turn has been answered yet"
    )


def chain_of(bridge: BridgeView) -> list[ChainStep]:
    """Return the steps. What comes before the one that fails is done, what comes behind it nobody knows."""
    stops, mark = _STOPS.get(bridge.state, (len(_NAMES), "open"))
    away = bridge.machine != "" and bridge.state == "unreachable"
    steps = []
    for number, name in enumerate(_NAMES):
        if number == stops:
            steps.append(ChainStep(name, mark, bridge.reason or said_of(bridge).words))
        elif number > stops or away:
            steps.append(_beyond(number, name, bridge))
        else:
            steps.append(ChainStep(name, *_before(number, bridge)))
    return steps


def helps_of(bridge: BridgeView) -> Action | None:
    """Return the one thing that helps: what the bridge says itself, else what goes with its state."""
    action = bridge.action
    if action is not None and (action.command or action.url):
        return action
    command = _command(bridge)
    if command:
        return Action(action.text if action is not None else "", command)
    return action


def _command(bridge: BridgeView) -> str:
    name = shlex.quote(bridge.name.partition("@")[0] if bridge.machine else bridge.name)
    match bridge.state:
        case "disabled":
            return f"llm-gateway bridges resume {name}"
        case "auth_required" | "not_entitled" if not bridge.reason.startswith("Set "):
            return f"llm-gateway login {name}"
        case "unreachable" if bridge.machine:
            return "llm-gateway companion"
        case "unreachable" | "degraded" | "error" | "starting":
            return "llm-gateway bridges check"
        case "ok" if bridge.verified != "turn_succeeded" and bridge.models:
            return f"llm-gateway smoke {shlex.quote(f'{bridge.name}/{bridge.models[0]}')}"
    return ""


def _before(number: int, bridge: BridgeView) -> tuple[Mark, str]:
    """Return how a step is that nothing has failed at."""
    match number:
        case 0:
            version = f" {bridge.version}" if bridge.version else ""
            return "done", f"{bridge.program}{version}" if bridge.program else "it needs no program"
        case 1:
            return "done", "started when it is needed" if bridge.program else "part of the gateway"
        case 2:
            return "done", f"the companion on {bridge.machine}" if bridge.machine else "on this machine"
        case 3:
            return _login(bridge)
        case 4:
            count = len(bridge.models)
            return (
                ("done", f"{count} {'model' if count == 1 else 'models'}")
                if count
                else ("open", "none listed")
            )
    if bridge.verified == "turn_succeeded":
        return "done", "the latest turn was answered" if bridge.last_success_at else "a turn was answered"
    return "open", "not proven yet"


def _login(bridge: BridgeView) -> tuple[Mark, str]:
    if bridge.verified == "none":
        return "open", "nothing is known of it"
    return "done", bridge.account or "somebody is logged in"


def _beyond(number: int, name: str, bridge: BridgeView) -> ChainStep:
    """Return how a step is behind the one that fails: what was seen before still stands."""
    if number == _MODELS and bridge.models:
        return ChainStep(name, "open", f"{len(bridge.models)} when it was last asked")
    if number == _TURN and bridge.last_success_at:
        return ChainStep(name, "open", "the last one was answered before this")
    return ChainStep(name, "open", "")
