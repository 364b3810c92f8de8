"""A small program that speaks JSON-RPC by lines as a test tells it, and who hears it."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

from msgspec import Raw

from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.process import Child
from llm_gateway.bridges.rpc import Asked, Rpc
from llm_gateway.tasks import Tasks

__all__ = ["Heard", "Line", "played"]

_HEAD = """
import json, sys
def say(**message): print(json.dumps(message), flush=True)
def lines():
    for line in sys.stdin:
        yield json.loads(line)
"""


class Heard:
    """What the other side said by itself."""

    def __init__(self) -> None:
        self.notices: list[tuple[str, bytes]] = []
        self.requests: list[Asked] = []
        self.fault: BridgeFault | None = None
        self.changed = asyncio.Event()

    def notified(self, method: str, params: Raw) -> None:
        self.notices.append((method, bytes(params)))
        self.changed.set()

    def asked(self, asked: Asked) -> None:
        self.requests.append(asked)
        self.changed.set()

    def ended(self, fault: BridgeFault) -> None:
        self.fault = fault
        self.changed.set()

    async def until(self, true: Callable[["Heard"], bool]) -> None:
        while not true(self):
            self.changed.clear()
            await self.changed.wait()


class Line:
    """Both ends of a line: ours, and the program's."""

    def __init__(self, child: Child, tasks: Tasks, *, marked: bool) -> None:
        self.child = child
        self.tasks = tasks
        self.heard = Heard()
        self.rpc = Rpc(child, self.heard, "the vendor's program", marked=marked)
        self.reading = tasks.start("reading", self.rpc.run())


def played(
    program: str, scene: Callable[[Line], Coroutine[object, object, None]], *, marked: bool = False
) -> None:
    """Play a scene with a program in Python, which has `say` and `lines`."""

    async def play() -> None:
        failures: list[BaseException] = []
        tasks = Tasks(lambda _, error: failures.append(error))
        child = await Child.start(Path(sys.executable), ("-c", _HEAD + program), {"PATH": os.environ["PATH"]})
        try:
            async with asyncio.timeout(20):
                await scene(Line(child, tasks, marked=marked))
        finally:
            await child.close()
            await tasks.close()
        assert not failures

    asyncio.run(play())
