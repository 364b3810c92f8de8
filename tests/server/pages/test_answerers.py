"""Who can answer: green only where something has answered, and what is not there comes last."""

import msgspec

from llm_gateway.bridges.health import Health
from llm_gateway.providers.catalog import load_catalog
from llm_gateway.server.bridges_api import bridge_view
from llm_gateway.server.pages.answerers import Answerer, answerers
from llm_gateway.server.pages.glance import Strip
from llm_gateway.upstream.fleet import Member, Presence, State

ROWS = {row.name: row for row in load_catalog()}
BRIDGE = next(row for row in ROWS.values() if row.bridge is not None)
DEMO = msgspec.structs.replace(next(iter(ROWS.values())), name="demo", kind="builtin")
HOSTED = next(row for row in ROWS.values() if row.api_key_env and row.kind == "hosted")


def one(health: Health, machine: str = "") -> Answerer:
    shown = bridge_view(BRIDGE, health, ("m",), machine)
    (found,) = answerers([Member(BRIDGE, "bridge")], [shown], {})
    return found


def test_a_bridge_is_green_only_after_a_turn() -> None:
    known = one(Health("ok", verified="login_seen", account="Pro"), "mac")
    assert (known.state, known.tone, known.login) == ("ready", "none", "logged in, Pro")
    assert (known.detail, known.machine, known.models) == ("no turn was answered yet", "mac", 1)
    proven = one(Health("ok", verified="turn_succeeded"))
    assert (proven.state, proven.tone, proven.login) == ("ok", "good", "logged in")


def test_a_bridge_says_what_is_wrong() -> None:
    found = one(Health("auth_required", "nobody has logged in"))
    assert (found.state, found.tone, found.login, found.detail) == (
        "auth required",
        "warn",
        "needed",
        "nobody has logged in",
    )
    assert one(Health("unreachable", "refused")).tone == "bad"
    assert one(Health("not_installed")).login == ""


def provider(state: State, presence: Presence) -> Member:
    return Member(HOSTED, presence, fixed=("a", "b"), state=state, reason="why" if state != "ok" else "")


def test_a_provider_says_whether_its_key_is_taken() -> None:
    known: list[tuple[State, Presence]] = [
        ("ok", "key found"),
        ("auth_required", "configured"),
        ("ok", "found running"),
    ]
    found = [answerers([provider(*each)], [], {})[0] for each in known]
    assert [(each.tone, each.login) for each in found] == [
        ("good", "key found"),
        ("warn", "key refused or missing"),
        ("good", "not needed"),
    ]
    assert found[0].models == 2 and found[1].detail == "why"


def test_what_is_wrong_comes_first_and_the_demo_after_the_others() -> None:
    day = Strip(("ok",) * 24, 24, 0, 0)
    bridged = bridge_view(BRIDGE, Health("not_installed"), ())
    members = [Member(DEMO, "built in", state="ok"), Member(BRIDGE, "bridge"), provider("ok", "key found")]
    away = Member(msgspec.structs.replace(HOSTED, name="away"), "configured", state="unreachable")
    found = answerers([*members, away], [bridged], {HOSTED.name: day})
    assert [each.name for each in found] == ["away", HOSTED.name, "demo", BRIDGE.name]
    assert found[1].day is day and set(found[0].day.hours) == {"none"}
