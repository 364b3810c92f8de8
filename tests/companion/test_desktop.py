"""A desktop's companion has the bridges that its machine is configured for, and is alone with its key."""

import asyncio
from pathlib import Path

import pytest

from llm_gateway.clock import SystemClock
from llm_gateway.companion.caps import Caps
from llm_gateway.companion.desktop import Desktop, alone, desktop, folder_of, runs
from llm_gateway.companion.hosting import Course
from llm_gateway.config import load
from llm_gateway.config.settings import UpstreamSettings
from llm_gateway.errors import ConfigError
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.opening import open_upstream

CONFIG = """
[[bridges]]
name = "codex"
enabled = false

[[bridges]]
name = "mine"
command = ["an-agent", "--acp"]
share_with = ["anna"]
"""


def test_the_bridges_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(CONFIG)
    (tmp_path / "an-agent").write_text("#!/bin/sh\n")
    (tmp_path / "an-agent").chmod(0o755)
    environ = {"LLM_GATEWAY_HOME": str(tmp_path), "PATH": str(tmp_path), "HOME": str(tmp_path)}
    loaded = load(flags={}, environ=environ)

    async def run() -> None:
        failures: list[BaseException] = []
        tasks = Tasks(lambda _, error: failures.append(error))
        upstream = open_upstream(UpstreamSettings())
        owned = tasks, SystemClock(), upstream
        course = Course(folder_of(loaded.home))
        made = desktop(loaded, environ, course, Caps(), owned, lambda progress: None)
        assert isinstance(made, Desktop)
        assert "codex" not in made.bridges.engines and {"claude", "mine"} <= set(made.bridges.engines)
        news = await made.companion.serving.news()
        offers = {each.bridge: each for each in news.offers}
        assert (offers["mine"].kind, offers["mine"].share_with) == ("acp", ("anna",))
        assert offers.keys() == {"mine"}, "what nobody here has ever used is not offered"
        assert "claude" not in await made.companion.serving.present()
        with pytest.raises(ConfigError, match="llm-gateway enroll"):
            await made.companion.run()
        await made.close()
        upstream.close()
        await tasks.close()
        assert not failures

    asyncio.run(run())


def test_one_companion_for_one_key(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    with alone(folder):
        assert runs(folder)
        with pytest.raises(ConfigError, match="runs already"), alone(folder):
            pass
        assert folder.stat().st_mode & 0o777 == 0o700
    with alone(folder):
        pass
    assert not runs(folder)
