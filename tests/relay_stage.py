"""Answers of the scripted upstream, relayed to a client that may stay or leave."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fakes import FakeIncoming
from llm_gateway.dialects.chat import CHAT
from llm_gateway.ledger.ledger import Durability
from llm_gateway.ledger.records import Settlement
from llm_gateway.pipeline.authenticate import Identity
from llm_gateway.pipeline.passage import Passage
from llm_gateway.pipeline.relay import Relayed, relay
from llm_gateway.pipeline.turn import Caller, Turn
from llm_gateway.upstream.answer import Answer
from llm_gateway.wire.headers import Headers
from pipeline_stage import Stage, call, on_stage, passages
from scripted import Script

__all__ = ["STREAM", "STRIPPED", "WHOLE", "Fields", "Relay", "error_of", "left", "relayed"]

Fields = dict[str, object]
WHOLE: Fields = {}
STREAM: Fields = {"stream": True, "stream_options": {"include_usage": True}}
"""A stream whose client asks for its usage, so that nothing is taken out of it."""
STRIPPED: Fields = {"stream": True}


class Relay:
    """One answer of the upstream, about to be relayed."""

    def __init__(self, stage: Stage, answer: Answer, passage: Passage, turn: Turn) -> None:
        self.stage = stage
        self.answer = answer
        self.passage = passage
        self.turn = turn
        self.incoming = stage.incoming(b"")

    @classmethod
    async def begin(cls, stage: Stage, script: Script, fields: Fields = WHOLE) -> "Relay":
        """Ask the scripted upstream, which answers with `script`."""
        stage.scripted.queue(script)
        asked = call(**fields)
        plan = stage.router.plan(asked.model, CHAT.name)
        turn = Turn(stage.ledger, stage.metrics, stage.clock, stage.spending)
        await turn.begin(Caller(Identity("key_1", "ada"), "codex-cli"), asked, CHAT.name, plan)
        answer, passage = await stage.dispatcher.dispatch(plan, passages(asked), turn)
        return cls(stage, answer, passage, turn)

    async def run(self) -> FakeIncoming:
        """Relay the whole answer."""
        await self.relay()
        assert self.incoming.done
        return self.incoming

    async def relay(self) -> None:
        """Relay the answer as it is now."""
        await relay(self.incoming, Relayed(self.answer, self.passage), CHAT, self.turn)

    async def leave_after(self, text: bytes) -> None:
        """Relay until the client has heard `text`, and let it leave then."""
        task = asyncio.create_task(self.relay())
        await self.incoming.heard(text)
        await self.cancel(task)

    async def cancel(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not self.incoming.done


def relayed(
    home: Path, script: Script, fields: Fields = WHOLE, *, durability: Durability = "process"
) -> tuple[FakeIncoming, Settlement]:
    """Return what the client heard of a scripted answer, and the end of its turn."""

    async def scene(stage: Stage) -> tuple[FakeIncoming, Settlement]:
        incoming = await (await Relay.begin(stage, script, fields)).run()
        return incoming, await stage.settlement()

    return on_stage(home, scene, durability=durability)


def error_of(event: bytes) -> dict[str, object]:
    error: dict[str, object] = json.loads(event.removeprefix(b"data: "))["error"]
    return error


class Watched:
    """An answer that notes what is true when it is let go for the first time."""

    def __init__(self, answer: Answer, watch: Callable[[], object]) -> None:
        self._answer = answer
        self._watch = watch
        self.released: list[object] = []
        self.status = answer.status
        self.headers: Headers = answer.headers

    async def read(self) -> bytes:
        return await self._answer.read()

    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        await self._answer.pour(sink)

    async def arrive(self) -> None:
        await self._answer.arrive()

    def take(self) -> bytes:
        return self._answer.take()

    @property
    def ended(self) -> bool:
        return self._answer.ended

    def release(self) -> None:
        self.released.append(self._watch())
        self._answer.release()


def left(home: Path, script: Script, fields: Fields, leave: Callable[[Relay], Awaitable[None]]) -> Settlement:
    """Return how a turn ended whose client left; its upstream was let go first of all."""

    async def scene(stage: Stage) -> Settlement:
        turn = await Relay.begin(stage, script, fields)
        watched = turn.answer = Watched(turn.answer, lambda: len(stage.settlements()))
        await leave(turn)
        assert watched.released[0] == 0, "the upstream stops working before anything is written down"
        connection = stage.scripted.wait_asked().connection
        await asyncio.to_thread(stage.scripted.wait_closed, connection)
        assert connection.ended_by == "peer"
        assert b"error" not in turn.incoming.sent, "nobody listens"
        end = await stage.settlement()
        assert (end.outcome, end.http_status, end.error_kind) == ("cancelled", 499, "cancelled")
        return end

    return on_stage(home, scene)
