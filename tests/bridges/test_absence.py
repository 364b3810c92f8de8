"""What shows of a bridge before it is used: that its program, its variables or its login are not there."""

from pathlib import Path

import msgspec
import pytest

from bridge_stage import Stage, played, refusal
from llm_gateway.bridges.absence import absence
from llm_gateway.bridges.health import Action, Health
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.providers.catalog import BridgeRow

VENDOR = BridgeRow("v", "", program="vendor", install="install vendor")
PLAIN = BridgeSettings("v")


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        around = msgspec.structs.replace(stage.around, environ={"PATH": str(tmp_path)})
        missing = absence(VENDOR, PLAIN, around)
        assert missing is not None and missing.state == "not_installed"
        assert missing.action is not None and missing.action.command == "install vendor"
        (tmp_path / "vendor").touch(0o755)
        assert absence(VENDOR, PLAIN, around) is None
        elsewhere = absence(VENDOR, BridgeSettings("v", program="/nowhere/vendor"), around)
        assert elsewhere is not None and "/nowhere/vendor" in elsewhere.reason
        agent = absence(BridgeRow("acp", ""), BridgeSettings("a", command=("goose", "acp")), around)
        assert agent is not None and "goose" in agent.reason

    played(scene)


@pytest.mark.parametrize("name", ["ONE", "TWO", "TWO_FILE"])
def test_variables_of_which_one_is_needed(name: str) -> None:
    row = BridgeRow("v", "", needs=("ONE", "TWO"))

    async def scene(stage: Stage) -> None:
        assert absence(row, PLAIN, stage.around) == Health(
            "auth_required", "Set ONE or TWO.", Action("Set ONE or TWO.")
        )
        there = msgspec.structs.replace(stage.around, environ={name: "x"})
        assert absence(row, PLAIN, there) is None

    played(scene)


def test_nobody_who_ever_logged_in(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        around = msgspec.structs.replace(stage.around, folder=tmp_path / "v")
        new = absence(BridgeRow("v", ""), PLAIN, around)
        assert new is not None and new.state == "auth_required"
        assert new.action is not None and new.action.command == "llm-gateway login v"
        (tmp_path / "v").mkdir()
        assert absence(BridgeRow("v", ""), PLAIN, around) is None

    played(scene)


def test_it_is_told_without_the_bridge() -> None:
    async def scene(stage: Stage) -> None:
        stage.engine.absence = lambda: Health("not_installed", "there is no program")
        assert (await stage.engine.look()).state == "not_installed"
        assert await refusal(await stage.ask()) == (502, "bridge_not_installed")
        stage.engine.absence = lambda: Health("auth_required", "nobody has logged in")
        assert await refusal(await stage.ask()) == (401, "auth_required")
        assert not stage.opened

    played(scene)
