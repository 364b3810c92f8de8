"""The bridge to Codex with the small program in place of the real one, on a clock of the test's."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path

import msgspec
from msgspec import Raw

from bridges.codex.fake_codex import Scene
from fakes import FakeClock
from llm_gateway.bridges.codex.bridge import CodexBridge
from llm_gateway.bridges.codex.launch import prepare
from llm_gateway.bridges.codex.server import AppServer
from llm_gateway.bridges.contract import Ask
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.parts import Part, Text
from llm_gateway.canonical.request import Message, Request
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.dialects.bridge.stream import Said
from llm_gateway.http.client import Patience
from llm_gateway.http.pool import Pool
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.client import Upstream

__all__ = ["Stage", "around", "asks", "played", "settings", "until"]


def asks(*said: str | tuple[Part, ...], model: str = "gpt-6", **more: object) -> Ask:
    """Return a turn: what the user and the assistant said in turn."""
    parts = [(Text(each),) if isinstance(each, str) else each for each in said]
    talk = tuple(Message("assistant" if place % 2 else "user", each) for place, each in enumerate(parts))
    return Ask(model, msgspec.structs.replace(Request(talk), **more))


async def until(true: Callable[[], object]) -> None:
    """Wait until something is true; fail when it does not become so."""
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that")


def settings(scene: Scene) -> BridgeSettings:
    """Return the settings of a bridge with the scene's program and home."""
    return BridgeSettings("codex", program=str(scene.program), home=str(scene.home))


def around(tasks: Tasks, folder: Path, clock: FakeClock | None = None) -> Surroundings:
    """Return what a bridge is given to work with."""
    upstream = Upstream(Pool(connect_timeout=1.0, max_idle=1), Patience(1.0, 1.0, 1.0))
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "OPENAI_API_KEY": "not-for-it"}
    return Surroundings(environ, clock or FakeClock(), tasks, upstream, folder / "bridge")


class Stage:
    """What a scene plays with."""

    def __init__(self, scene: Scene, idle: float, looks: float) -> None:
        self.scene = scene
        self.failures: list[BaseException] = []
        self.tasks = Tasks(lambda _, error: self.failures.append(error))
        self.clock = FakeClock()
        self.around = around(self.tasks, scene.home, self.clock)
        self.server = AppServer(settings(scene), self.around, prepare, idle=idle)
        self.bridge = CodexBridge(settings(scene), self.around, self.server, looks=looks)

    @staticmethod
    def notice(told: dict[str, object]) -> Raw:
        """Return the parameters of a notification as they come."""
        return Raw(msgspec.json.encode(told["params"]))

    async def hear(self, ask: Ask | str) -> list[Said]:
        """Ask, and return all that is said."""
        turn = self.bridge.turn(asks(ask) if isinstance(ask, str) else ask)
        return [said async for said in turn]


def played(
    scene: Scene,
    act: Callable[[Stage], Coroutine[object, object, None]],
    *,
    idle: float = 600.0,
    looks: float = 15.0,
) -> None:
    """Put the program where it is found, and play with it."""
    scene.place()

    async def play() -> None:
        stage = Stage(scene, idle, looks)
        try:
            async with asyncio.timeout(20):
                await act(stage)
        finally:
            await stage.bridge.close()
            await stage.tasks.close()
        assert not stage.failures, stage.failures

    asyncio.run(play())
