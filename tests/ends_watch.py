"""How far an answer has been passed on: what a test waits for before it cuts a stream at one event."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from llm_gateway.dialects.contract import Seen
from llm_gateway.pipeline.dispatch import Dispatcher
from llm_gateway.pipeline.passage import Passage, Passages
from llm_gateway.pipeline.plan import Plan
from llm_gateway.pipeline.turn import Turn
from llm_gateway.upstream.answer import Answer
from llm_gateway.wire.headers import Headers

__all__ = ["PATIENCE_S", "Fed", "Watching"]

PATIENCE_S = 10.0
"""How long a test waits for what has to come."""


@dataclass
class Fed:
    """What a turn's answer has brought so far, and the turn itself."""

    turn: Turn | None = None
    begun: bool = False
    size: int = 0
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def fed(self, data: bytes) -> None:
        self.size += len(data)
        self.more.set()

    async def until(self, size: int) -> Seen:
        """Wait until so many bytes have been looked at."""
        async with asyncio.timeout(PATIENCE_S):
            while self.size < size or not self.begun:
                self.more.clear()
                await self.more.wait()
        assert self.turn is not None
        return self.turn.seen

    async def left(self) -> None:
        """Wait until it is known that the client has left, where anything is gone on with."""
        assert self.turn is not None
        async with asyncio.timeout(PATIENCE_S):
            while not self.turn.left and not self.turn.is_settled():  # noqa: ASYNC110
                await asyncio.sleep(0.001)


class _Counted:
    """An answer that says how much of it has been passed on."""

    def __init__(self, answer: Answer, fed: Fed) -> None:
        self._answer = answer
        self._fed = fed
        self.status = answer.status
        self.headers: Headers = answer.headers

    async def read(self) -> bytes:
        data = await self._answer.read()
        self._fed.fed(data)
        return data

    async def arrive(self) -> None:
        await self._answer.arrive()

    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        def counting(data: bytes) -> bool:
            more = sink(data)
            self._fed.fed(data)
            return more

        await self._answer.pour(counting)

    def take(self) -> bytes:
        data = self._answer.take()
        self._fed.fed(data)
        return data

    @property
    def ended(self) -> bool:
        return self._answer.ended

    def release(self) -> None:
        self._answer.release()


class Watching(Dispatcher):
    """The dispatcher, whose answers are counted."""

    latest: Fed

    async def dispatch(self, plan: Plan, passages: Passages, turn: Turn) -> tuple[Answer, Passage]:
        fed = self.latest
        fed.turn = turn
        answer, passage = await super().dispatch(plan, passages, turn)
        fed.begun = True
        fed.more.set()
        return _Counted(answer, fed), passage
