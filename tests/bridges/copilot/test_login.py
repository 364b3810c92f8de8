"""Logging in by a code: what is shown, what is not, and how it ends."""

from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from bridges.copilot.copilot_stage import Stage, played, until
from bridges.copilot.fake_cli import Scene
from llm_gateway.bridges.contract import LoginStep
from llm_gateway.bridges.copilot.login import log_in
from llm_gateway.bridges.faults import BridgeFault

CODE = "To authenticate, visit https://github.com/login/device and enter code ABCD-1234"


def _steps(tmp_path: Path, printed: Sequence[str], status: int) -> list[LoginStep]:
    steps: list[LoginStep] = []

    async def play(stage: Stage) -> None:
        stage.scene.environ(printed=printed, status=status)
        steps.extend([step async for step in log_in(stage.program, stage.tasks)])

    played(Scene(tmp_path), play)
    return steps


def test_address_and_code_are_shown_and_it_is_waited_for(tmp_path: Path) -> None:
    code, done = _steps(tmp_path, [CODE, "Waiting...", "Signed in successfully as octocat."], 0)
    assert (code.kind, code.url, code.code) == ("code", "https://github.com/login/device", "ABCD-1234")
    assert done.kind == "done"
    assert "octocat" not in done.text


def test_where_it_cannot_be_kept_it_is_made_by_hand(tmp_path: Path) -> None:
    lost = "Login succeeded, but the token was not saved. Install a system keychain."
    code, run, done = _steps(tmp_path, [CODE, lost], 1)
    assert (code.kind, run.kind, run.command, done.kind) == ("code", "run", "copilot login", "done")


def test_a_code_that_is_refused_is_told(tmp_path: Path) -> None:
    with pytest.raises(BridgeFault) as told:
        _steps(tmp_path, [CODE, "denied"], 1)
    assert told.value.kind == "auth_required"


def test_no_code_means_no_way_to_github(tmp_path: Path) -> None:
    with pytest.raises(BridgeFault) as told:
        _steps(tmp_path, ["Login failed: error sending request"], 1)
    assert told.value.kind == "bridge_unreachable"


def test_whoever_stops_reading_ends_it(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        steps = log_in(stage.program, stage.tasks)
        assert (await anext(steps)).kind == "code"
        await steps.aclose()
        await until(lambda: not psutil.Process().children())

    scene = Scene(tmp_path)
    scene.told["printed"] = [CODE]
    played(scene, play)
