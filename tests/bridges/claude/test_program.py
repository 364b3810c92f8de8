"""The program: what it is asked, what it gets of our environment, what cannot be used."""

import stat
from pathlib import Path

import pytest

from bridges.claude.claude_stage import Stage, fault_of, played
from llm_gateway.bridges.claude.program import INSTALL, LEAST, Login, Program
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.config.bridges import BridgeSettings


def test_it_says_its_version_and_its_login(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        program = Program(BridgeSettings("claude", program=str(stage.program)), stage.around)
        assert program.found == ""
        assert await program.check() == program.found == "2.1.330"
        assert await program.login() == Login(True, "claude.ai", "max")
        stage.tell(login={"loggedIn": False, "authMethod": "none"})
        assert await program.login() == Login(False, "none")

    played(tmp_path, scene)


def test_whose_login_it_is_stays_with_it() -> None:
    assert set(Login.__struct_fields__) == {"logged_in", "auth_method", "subscription_type", "org_id"}
    assert Login(True, "claude.ai", "max").plan == "max"
    assert Login(True, "oauth_token").plan == "oauth_token"
    assert Login(False, "none").plan == ""


def test_a_new_version_is_noticed(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        program = Program(BridgeSettings("claude", program=str(stage.program)), stage.around)
        await program.version()
        stage.tell(version="2.1.400")
        assert await program.version() == "2.1.330", "the same file is not asked again"
        stage.program.touch()
        assert await program.version() == "2.1.400"

    played(tmp_path, scene)


@pytest.mark.fault("B2")
@pytest.mark.parametrize("version", ["2.1.247", "1.9.999", "", "nonsense"])
def test_too_old_is_told_with_what_is_needed(tmp_path: Path, version: str) -> None:
    async def scene(stage: Stage) -> None:
        stage.tell(version=version)
        program = Program(BridgeSettings("claude", program=str(stage.program)), stage.around)
        fault = await fault_of(program.check())
        assert fault.kind == "version_mismatch"
        assert LEAST in fault.message
        assert fault.action is not None
        assert fault.action.command == f"{stage.program} update"

    played(tmp_path, scene)


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        program = Program(BridgeSettings("claude", program=str(tmp_path / "nowhere")), stage.around)
        with pytest.raises(BridgeFault) as raised:
            program.find()
        assert raised.value.kind == "bridge_not_installed"
        assert raised.value.action == INSTALL

    played(tmp_path, scene)


def test_another_program_of_that_name(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        other = tmp_path / "other"
        other.write_text("#!/bin/sh\necho 9.9.9\n")
        other.chmod(other.stat().st_mode | stat.S_IXUSR)
        program = Program(BridgeSettings("claude", program=str(other)), stage.around)
        fault = await fault_of(program.login())
        assert "is it Claude Code?" in fault.message

    played(tmp_path, scene)


def test_sessions_stand_in_one_empty_folder_that_goes_with_the_bridge(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        program = Program(BridgeSettings("claude"), stage.around)
        place = program.place
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        assert not list(place.iterdir())
        assert program.place == place
        place.rmdir()
        assert program.place.is_dir(), "it is made again when somebody tidied up"
        place = program.place
        program.close()
        program.close()
        assert not place.exists()

    played(tmp_path, scene)


def test_it_gets_a_login_of_its_own_and_none_of_our_keys(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        usual = Program(BridgeSettings("claude"), stage.around)
        assert "CLAUDE_CONFIG_DIR" not in usual.environ
        assert not {"ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"} & usual.environ.keys()
        assert usual.environ["CLAUDE_AGENT_SDK_CLIENT_APP"].startswith("llm-gateway/")
        assert usual.command("auth", "login") == "claude auth login"
        own = Program(BridgeSettings("claude", home=str(tmp_path / "a b")), stage.around)
        assert own.environ["CLAUDE_CONFIG_DIR"] == str(tmp_path / "a b")
        assert own.command("auth", "login") == f"CLAUDE_CONFIG_DIR='{tmp_path / 'a b'}' claude auth login"

    played(tmp_path, scene)
