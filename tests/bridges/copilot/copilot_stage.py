"""The bridge to GitHub Copilot with the small program in place of the CLI, and what it says."""

import asyncio
from collections.abc import Callable, Coroutine

import msgspec

from bridges.copilot.fake_cli import Scene
from fakes import FakeClock
from llm_gateway.bridges.contract import Ask
from llm_gateway.bridges.copilot.bridge import CopilotBridge, open_bridge
from llm_gateway.bridges.copilot.program import Program
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.parts import Part, Text
from llm_gateway.canonical.request import Message, Request
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.dialects.bridge.stream import Said
from llm_gateway.http.client import Patience
from llm_gateway.http.pool import Pool
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.client import Upstream

__all__ = ["Stage", "played", "until", "user"]


def user(*parts: Part | str) -> Message:
    """Return what the user says."""
    return Message("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


async def until(true: Callable[[], object]) -> None:
    """Wait until something is true; fail when it does not become so."""
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that")


class Stage:
    """What a scene plays with."""

    def __init__(self, scene: Scene, settings: BridgeSettings) -> None:
        self.failures: list[BaseException] = []
        self.scene = scene
        self.clock = FakeClock()
        self.tasks = Tasks(lambda _, error: self.failures.append(error))
        upstream = Upstream(Pool(connect_timeout=1.0, max_idle=1), Patience(1.0, 1.0, 1.0))
        environ = scene.environ()
        self.around = Surroundings(environ, self.clock, self.tasks, upstream, scene.home / "bridge")
        self.program = Program(settings, self.around)
        self.bridge: CopilotBridge = open_bridge(settings, self.around)

    async def hear(self, request: Request | str, model: str = "m") -> list[Said]:
        """Ask, and return all that is said."""
        asked = Request((user(request),)) if isinstance(request, str) else request
        return [said async for said in self.bridge.turn(Ask(model, asked))]


def played(
    scene: Scene,
    play: Callable[[Stage], Coroutine[object, object, None]],
    **settings: object,
) -> None:
    """Play a scene with the bridge; `settings` are those that differ from the usual."""

    async def run() -> None:
        usual = BridgeSettings("github-copilot")
        stage = Stage(scene, msgspec.structs.replace(usual, **settings))
        try:
            async with asyncio.timeout(20):
                await play(stage)
        finally:
            await stage.bridge.close()
            await stage.tasks.close()
        assert not stage.failures, stage.failures

    asyncio.run(run())
