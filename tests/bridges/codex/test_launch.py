"""Finding the program: which one, whether it fits, and what of it is remembered."""

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bridges.codex.codex_stage import around, settings
from bridges.codex.fake_codex import SCHEMA, Scene
from fakes import FakeClock
from llm_gateway.bridges.codex.catalogue import ENDLESS
from llm_gateway.bridges.codex.launch import Launch, environment, find, prepare
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.tasks import Tasks

NOWHERE = Path()
POORER = SCHEMA.read_text().replace('"environments"', '"surroundings"')


def prepared(scene: Scene, times: int = 1, between: Callable[[], object] = lambda: None) -> Launch:
    scene.place()

    async def play() -> Launch:
        tasks = Tasks(lambda name, error: None)
        clock = FakeClock()
        try:
            for _ in range(times - 1):
                await prepare(settings(scene), around(tasks, scene.home, clock))
                between()
            return await prepare(settings(scene), around(tasks, scene.home, clock))
        finally:
            await tasks.close()

    return asyncio.run(play())


def test_a_program_that_fits_gets_its_edited_catalogue(tmp_path: Path) -> None:
    launch = prepared(Scene(tmp_path))
    assert (launch.version, launch.program.name) == ("0.169.0", "codex")
    assert launch.models["gpt-6"].context == 272_000
    assert json.loads(launch.catalogue.read_text())["models"][0]["context_window"] == ENDLESS
    folder = tmp_path / "bridge"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in folder.iterdir()) == ["catalogue-0.169.0.json", "models-0.169.0.json"]


def test_what_was_found_out_is_asked_once_a_day(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    kept = tmp_path / "bridge" / "models-0.169.0.json"

    def age() -> None:
        """Let what is kept be of now, and then of the day before yesterday."""
        seconds = FakeClock().now_us() / 1_000_000 - 86_401 * (len(scene.runs()) > 3)
        os.utime(kept, (seconds, seconds))

    prepared(scene, times=3, between=age)
    said = [run[0] for run in scene.runs()]
    assert said.count("--version") == 3
    assert said.count("debug") == said.count("app-server") == 2, "asked again when it was a day old"


def test_without_the_vendor_it_is_what_came_with_the_program(tmp_path: Path) -> None:
    scene = Scene(tmp_path, online=False)
    assert prepared(scene).models["gpt-6"].context == 272_000
    assert ["debug", "models", "--bundled"] in scene.runs()


@pytest.mark.fault("B2")
@pytest.mark.parametrize(
    ("scene", "told"),
    [
        (Scene(NOWHERE, version="codex-cli 0.162.9"), "codex 0.162.9 is too old: 0.163.0 or newer is needed"),
        (Scene(NOWHERE, version="something else"), "does not say its version"),
        (Scene(NOWHERE, models="[]"), "codex prints its models in a form"),
        (Scene(NOWHERE, schema=POORER), r"without thread/start\.environments,"),
        (Scene(NOWHERE, schema="{}"), "without the schema itself"),
        (Scene(NOWHERE, schema=None), "without the schema itself"),
        (Scene(NOWHERE, schema='{"definitions": {}}'), "without account/login/cancel, .* and 39 more, which"),
    ],
)
def test_a_program_that_does_not_fit_is_not_asked(tmp_path: Path, scene: Scene, told: str) -> None:
    with pytest.raises(BridgeFault, match=told) as fault:
        prepared(replace(scene, home=tmp_path))
    assert fault.value.kind == "version_mismatch"
    assert fault.value.action is not None
    assert not (tmp_path / "bridge" / "catalogue-0.169.0.json").exists()


async def alone(folder: Path) -> Surroundings:
    return around(Tasks(lambda name, error: None), folder)


def test_there_is_no_program(tmp_path: Path) -> None:
    surroundings = asyncio.run(alone(tmp_path))
    with pytest.raises(BridgeFault, match="there is no program codex-beta on") as fault:
        find(BridgeSettings("codex", program="codex-beta"), surroundings)
    assert fault.value.kind == "bridge_not_installed"


def test_its_environment_is_where_its_login_is(tmp_path: Path) -> None:
    surroundings = asyncio.run(alone(tmp_path))
    assert "CODEX_HOME" not in environment(BridgeSettings("codex"), surroundings)
    home = tmp_path / "a" / "b"
    assert environment(BridgeSettings("codex", home=str(home)), surroundings)["CODEX_HOME"] == str(home)
    assert home.stat().st_mode & 0o777 == 0o700
