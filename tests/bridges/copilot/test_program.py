"""The Copilot CLI as a program: where it is, and what of our environment it gets."""

from pathlib import Path

import msgspec
import pytest

from bridges.copilot.copilot_stage import Stage, played
from bridges.copilot.fake_cli import Scene
from llm_gateway.bridges.copilot.program import Program
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.config.bridges import BridgeSettings


def test_it_gets_its_own_login_and_no_way_back_to_us(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        ours = {
            **stage.around.environ,
            "COPILOT_GITHUB_TOKEN": "t",
            "COPILOT_PROVIDER_BASE_URL": "http://127.0.0.1:4000/v1",
            "GITHUB_TOKEN": "g",
            "OPENAI_API_KEY": "k",
        }
        around = msgspec.structs.replace(stage.around, environ=ours)
        environ = Program(BridgeSettings("github-copilot"), around).environ
        assert environ == {**stage.scene.environ(), "COPILOT_GITHUB_TOKEN": "t"}

    played(Scene(tmp_path), play)


def test_a_login_of_its_own_is_in_a_folder_of_its_own(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        program = Program(BridgeSettings("github-copilot", home=str(tmp_path / "a b")), stage.around)
        assert program.environ["COPILOT_HOME"] == str(tmp_path / "a b")
        assert program.environ["COPILOT_DISABLE_KEYTAR"] == "1"
        assert program.command("login") == f"COPILOT_HOME='{tmp_path}/a b' copilot login"
        assert stage.program.command("login") == "copilot login"

    played(Scene(tmp_path), play)


def test_it_is_found_on_the_path_or_where_it_is_said_to_be(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        assert stage.program.find() == tmp_path / "copilot"
        gone = Program(BridgeSettings("github-copilot", program="/nowhere/copilot"), stage.around)
        with pytest.raises(BridgeFault, match="at /nowhere/copilot") as told:
            gone.find()
        assert told.value.kind == "bridge_not_installed"
        assert told.value.action is not None

    played(Scene(tmp_path), play)
