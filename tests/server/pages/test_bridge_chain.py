"""The steps to a bridge: which one each state stops at, and what helps there."""

import shlex

import msgspec
import pytest

from llm_gateway.bridges.health import Action, Health
from llm_gateway.providers.catalog import BridgeRow, ProviderRow
from llm_gateway.server.bridges_api import BridgeView, bridge_view
from llm_gateway.server.pages.bridge_chain import chain_of, helps_of, said_of

ROW = ProviderRow("b", "B", "subscription", {}, bridge=BridgeRow("b", "its owner's alone", program="b-cli"))


def seen(health: Health, *models: str, machine: str = "") -> BridgeView:
    return bridge_view(ROW, health, models, machine)


def marks(bridge: BridgeView) -> list[str]:
    return [step.mark for step in chain_of(bridge)]


STOPS = (
    ("not_installed", 0, "fails", "not installed", "none"),
    ("version_mismatch", 0, "fails", "wrong version", "bad"),
    ("disabled", 1, "fails", "paused", "none"),
    ("starting", 1, "waits", "starting", "none"),
    ("error", 1, "fails", "failed", "bad"),
    ("unreachable", 2, "fails", "not reachable", "bad"),
    ("auth_required", 3, "fails", "login needed", "warn"),
    ("consent_required", 3, "fails", "consent needed", "warn"),
    ("not_entitled", 3, "fails", "the account has no such plan", "bad"),
    ("rate_limited", 5, "waits", "quota used up", "warn"),
    ("degraded", 5, "fails", "turns fail", "bad"),
    ("busy", 5, "waits", "busy", "warn"),
)


@pytest.mark.parametrize(("state", "stops", "mark", "words", "tone"), STOPS)
def test_each_state_stops_at_its_step(state: str, stops: int, mark: str, words: str, tone: str) -> None:
    health = msgspec.convert({"state": state, "reason": "so it is", "verified": "login_seen"}, Health)
    bridge = seen(health, "m")
    steps = chain_of(bridge)
    assert (steps[stops].mark, steps[stops].text) == (mark, "so it is")
    assert all(step.mark == "done" for step in steps[:stops])
    assert all(step.mark == "open" for step in steps[stops + 1 :])
    assert (said_of(bridge).words, said_of(bridge).tone) == (words, tone)


@pytest.mark.parametrize(
    ("verified", "tone", "note", "chain"),
    [
        ("turn_succeeded", "good", False, ["done"] * 6),
        ("login_seen", "none", True, ["done"] * 5 + ["open"]),
        ("none", "none", True, ["done"] * 3 + ["open", "done", "open"]),
    ],
)
def test_only_an_answered_turn_is_good_without_a_note(
    verified: str, tone: str, note: bool, chain: list[str]
) -> None:
    bridge = seen(msgspec.convert({"state": "ok", "verified": verified}, Health), "m")
    said = said_of(bridge)
    assert (said.tone, bool(said.note)) == (tone, note)
    assert marks(bridge) == chain


def test_a_state_that_nobody_knows_is_shown_as_it_is() -> None:
    bridge = msgspec.structs.replace(seen(Health("ok")), state="sleeping")
    assert (said_of(bridge).words, said_of(bridge).tone) == ("sleeping", "bad")
    assert len(chain_of(bridge)) == 6


def test_of_a_companion_that_is_away_only_that_is_known() -> None:
    bridge = seen(Health("unreachable", "not connected", last_success_us=1), "m", "n", machine="mac")
    assert marks(bridge) == ["open", "open", "fails", "open", "open", "open"]
    assert chain_of(bridge)[4].text == "2 when it was last asked"
    assert "before" in chain_of(bridge)[5].text


def test_without_models_or_a_program_it_says_so() -> None:
    bare = ProviderRow("b", "B", "subscription", {}, bridge=BridgeRow("b", "terms"))
    steps = chain_of(bridge_view(bare, Health("ok", verified="turn_succeeded", account="Pro"), (), "mac"))
    assert [step.text for step in steps[:5]] == [
        "it needs no program",
        "part of the gateway",
        "the companion on mac",
        "Pro",
        "none listed",
    ]


@pytest.mark.parametrize(
    ("health", "machine", "command"),
    [
        (Health("auth_required", "nobody"), "", "llm-gateway login b"),
        (
            Health("auth_required", "nobody", Action("log in", "llm-gateway login b")),
            "",
            "llm-gateway login b",
        ),
        (Health("disabled", "paused"), "", "llm-gateway bridges resume b"),
        (Health("unreachable", "away"), "mac", "llm-gateway companion"),
        (Health("error", "broken"), "", "llm-gateway bridges check"),
        (Health("ok"), "", "llm-gateway smoke b/m"),
        (Health("ok", verified="turn_succeeded"), "", ""),
        (Health("auth_required", "Set X or Y.", Action("Set X or Y.")), "", ""),
        (Health("rate_limited", "used up"), "", ""),
    ],
)
def test_one_command_helps_where_one_does(health: Health, machine: str, command: str) -> None:
    helps = helps_of(seen(health, "m", machine=machine))
    assert (helps.command if helps is not None else "") == command


def test_a_models_name_is_one_word_of_a_command() -> None:
    """Models of a bridge on another machine are called what that machine says."""
    hostile = "m; touch /tmp/x $(id) `id` 'q'"
    helps = helps_of(seen(Health("ok"), hostile))
    assert helps is not None and shlex.split(helps.command) == ["llm-gateway", "smoke", f"b/{hostile}"]
    elsewhere = msgspec.structs.replace(seen(Health("disabled"), machine="mac"), name="$(id)@mac")
    helps = helps_of(elsewhere)
    assert helps is not None and shlex.split(helps.command)[-1] == "$(id)"
