"""A bridge that says what a test wants it to, and the engine around it, on a clock of the test's."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import msgspec

from fakes import FakeClock
from llm_gateway.bridges.contract import Ask, LoginStep, Turn
from llm_gateway.bridges.engine import Bounds, BridgeEngine
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import BridgeModel, Health
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.abilities import Abilities
from llm_gateway.canonical.events import Finished, TextDelta
from llm_gateway.canonical.request import Request
from llm_gateway.dialects.bridge.stream import Decoder, Said
from llm_gateway.http.client import Patience
from llm_gateway.http.pool import Pool
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.answer import Answer
from llm_gateway.upstream.client import Upstream

__all__ = ["HELLO", "FakeBridge", "Stage", "played", "refusal", "whole"]

BODY = msgspec.json.encode(Request(()))
HELLO: list[Said] = [TextDelta("hi"), Finished("stop")]


class FakeBridge:
    """A bridge that says what a test wants it to; `wait` holds every turn before each of its events."""

    def __init__(self) -> None:
        self.says: list[Said | BridgeFault] = list(HELLO)
        self.state = Health("ok", verified="login_seen")
        self.wait: asyncio.Event | None = None
        self.stopped = 0
        self.asked: list[Ask] = []
        self.looks = 0
        self.closed = False

    async def health(self) -> Health:
        self.looks += 1
        return self.state

    async def models(self) -> tuple[BridgeModel, ...]:
        return (BridgeModel("m", context=10),)

    async def turn(self, ask: Ask) -> Turn:
        self.asked.append(ask)
        try:
            for each in self.says:
                if self.wait is not None:
                    await self.wait.wait()
                if isinstance(each, BridgeFault):
                    raise each
                yield each
        except (GeneratorExit, asyncio.CancelledError):
            self.stopped += 1
            raise

    async def login(self) -> AsyncIterator[LoginStep]:
        yield LoginStep("done", "you are")

    async def answered(self, step: str) -> None:
        raise BridgeFault("refused", "nothing was asked")

    async def logout(self) -> None:
        """Nothing is held."""

    async def close(self) -> None:
        self.closed = True


class Stage:
    """An engine around a fake bridge, on a clock of the test's."""

    def __init__(self, bounds: Bounds) -> None:
        self.bridge = FakeBridge()
        self.clock = FakeClock()
        self.failures: list[BaseException] = []
        self.tasks = Tasks(lambda _, error: self.failures.append(error))
        upstream = Upstream(Pool(connect_timeout=1.0, max_idle=1), Patience(1.0, 1.0, 1.0))
        self.around = Surroundings({}, self.clock, self.tasks, upstream, Path("unused"))
        self.opened = False
        self.engine = BridgeEngine("b", self._open, Abilities(), bounds, self.around)

    def _open(self) -> FakeBridge:
        self.opened = True
        return self.bridge

    def ask(self) -> Coroutine[object, object, Answer]:
        return self.engine.answer("turn", BODY, "m")


def played(scene: Callable[[Stage], Coroutine[object, object, None]], bounds: Bounds | None = None) -> None:
    async def play() -> None:
        stage = Stage(bounds or Bounds())
        async with asyncio.timeout(20):
            await scene(stage)
            await stage.engine.close()
            await stage.tasks.close()
        assert stage.bridge.closed is stage.opened
        assert not stage.failures

    asyncio.run(play())


async def whole(answer: Answer) -> list[Said]:
    decoder, heard = Decoder(), list[Said]()
    while data := await answer.read():
        heard += decoder.feed(data)
    answer.release()
    return heard


async def refusal(answer: Answer) -> tuple[int, str]:
    body = await answer.read()
    return answer.status, str(msgspec.json.decode(body)["error"]["kind"])
