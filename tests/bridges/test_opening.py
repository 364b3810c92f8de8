"""Which bridges there are: the catalog's and agents of one's own, none imported before it is used."""

import subprocess
import sys

import pytest

from bridge_stage import Stage, played
from llm_gateway.bridges.opening import bridge_rows, open_bridges
from llm_gateway.clock import SystemClock
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.errors import ConfigError
from llm_gateway.providers.catalog import configured_row, load_catalog
from llm_gateway.upstream.fleet import Fleet

USUAL = {"codex", "claude", "chatgpt", "github-copilot", "m365-copilot"}


def test_those_of_the_catalog_are_there_and_agents_that_are_named() -> None:
    assert bridge_rows(()).keys() == USUAL
    rows = bridge_rows(
        [BridgeSettings("goose", command=("goose", "acp")), BridgeSettings("codex", parallel=2)]
    )
    assert rows.keys() == USUAL | {"goose"}
    row, settings = rows["goose"]
    assert row.bridge is not None and (row.bridge.kind, row.bridge.fidelity) == ("acp", "agent")
    assert row.bridge.terms and settings.command == ("goose", "acp")
    assert rows["codex"][1].parallel == 2


def test_a_name_that_is_none_is_an_error() -> None:
    with pytest.raises(ConfigError, match="there is no such bridge; there are codex, claude"):
        bridge_rows([BridgeSettings("codexx")])


def test_what_is_switched_off_is_not_there() -> None:
    async def scene(stage: Stage) -> None:
        off = [BridgeSettings("codex", enabled=False), BridgeSettings("claude", share_with=("ada",))]
        bridges = open_bridges(off, stage.around, lambda: fleet)
        fleet = Fleet(stage.around.upstream, SystemClock(), lambda: None)
        assert bridges.engines.keys() == bridges.rows.keys() == USUAL - {"codex"}
        assert bridges.engines["claude"].people == frozenset(("", "ada"))
        assert bridges.engines["chatgpt"].people == frozenset(("",))
        bridges.join(fleet)
        assert {name: member.state for name, member in fleet.members.items()} == dict.fromkeys(
            USUAL - {"codex"}, "starting"
        )

    played(scene)


def test_a_provider_of_its_name_takes_its_place() -> None:
    async def scene(stage: Stage) -> None:
        bridges = open_bridges((), stage.around, lambda: fleet)
        fleet = Fleet(stage.around.upstream, SystemClock(), lambda: None)
        row = next(row for row in load_catalog() if row.name == "ollama")
        fleet.add(row, (), presence="configured")
        bridges.join(fleet)
        assert fleet.members["ollama"].presence == "configured"
        assert fleet.members["codex"].presence == "bridge"
        elsewhere = configured_row("codex", "http://mac.local:9000/v1", (), "", load_catalog())
        fleet.add(elsewhere, (), presence="configured")
        assert bridges.engines_of(fleet).keys() == USUAL - {"codex"}
        fleet.told("codex", "auth_required", "said of the bridge here")
        assert fleet.members["codex"].state == "unknown"

    played(scene)


def test_who_shares_one_no_longer_does_not_from_then_on() -> None:
    async def scene(stage: Stage) -> None:
        shared = [BridgeSettings("claude", share_with=("ada",))]
        bridges = open_bridges(shared, stage.around, lambda: Fleet(stage.around.upstream, stage.clock, _none))
        bridges.share([BridgeSettings("codex", share_with=("bob",))])
        assert bridges.engines["claude"].people == frozenset(("",))
        assert bridges.engines["codex"].people == frozenset(("",)), (
            "the bridge itself may refuse to be shared"
        )
        bridges.share(shared)
        assert bridges.engines["claude"].people == frozenset(("", "ada"))

    played(scene)


def test_what_was_seen_of_a_bridge_is_said_to_a_fleet_that_has_it() -> None:
    async def scene(stage: Stage) -> None:
        bridges = open_bridges((), stage.around, lambda: before)
        before, after = (Fleet(stage.around.upstream, stage.clock, _none) for _ in range(2))
        bridges.join(before)
        bridges.join(after)
        await bridges.attending.look("m365-copilot")
        member = after.members["m365-copilot"]
        states = [member.state]
        bridges.join(after)
        assert [*states, member.state] == ["starting", "auth_required"]

    played(scene)


def _none() -> None:
    """Nobody plans here."""


def test_none_is_imported_before_it_is_used() -> None:
    code = (
        "import sys; import llm_gateway.bridges.opening as o; o.bridge_rows(()); "
        "print([m for m in sys.modules if m.startswith('llm_gateway.bridges.') and m.count('.') > 2])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
