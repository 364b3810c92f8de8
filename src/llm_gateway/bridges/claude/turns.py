"""Turns of the bridge: which session answers one, what of it is told, and what becomes of the session after.

A session is a process with its conversation. A turn goes on in the one that waits for it; else the stored
conversation is resumed in a new one, and where the program does not know that any more, told as one text.
"""

import asyncio
import os
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import assert_never

import msgspec

from llm_gateway.bridges.claude.answer import Answer
from llm_gateway.bridges.claude.faults import fault_of
from llm_gateway.bridges.claude.frames import (
    Ended,
    Frame,
    Opened,
    Piece,
    Quota,
    Ready,
    Request,
    Retry,
    Spoken,
)
from llm_gateway.bridges.claude.history import Told, answer_to, flattened, normal, tail, tell, transcript
from llm_gateway.bridges.claude.launch import Launch, launch_of
from llm_gateway.bridges.claude.pool import Pool
from llm_gateway.bridges.claude.program import Program
from llm_gateway.bridges.claude.session import NOT_RESUMED, Resume, Session
from llm_gateway.bridges.claude.tools import called, can_hand_over
from llm_gateway.bridges.contract import Ask, Turn
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import BridgeModel, Window
from llm_gateway.bridges.sessions import conversation
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.events import Failed
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import ToolResult
from llm_gateway.dialects.bridge.stream import Lost, Said
from llm_gateway.dialects.messages.members import Json

__all__ = ["Turns"]

_REMEMBERED = 8  # launches that new conversations began with
_BROKEN = "the connection to Claude broke in the middle of the answer; try it again"


class _Asked(msgspec.Struct, frozen=True):
    """A turn as it is worked on. `key` is of the conversation before it, `at` where what is new begins."""

    ask: Ask
    told: Told
    launch: Launch
    losses: Losses
    version: str
    key: str
    at: int


class Turns:
    """The sessions of a bridge, and what they have said of the subscription."""

    def __init__(self, program: Program, around: Surroundings) -> None:
        self._program = program
        self._around = around
        self._pool = Pool(around.clock, around.tasks)
        self._sessions: set[Session] = set()
        self._begun: deque[str] = deque(maxlen=_REMEMBERED)
        self._unresumed: set[str] = set()  # versions that did not know a stored conversation
        self._swept = self._closed = False
        self._preparing: asyncio.Task[None] | None = None
        self._quota: Quota | None = None
        self.told_us = 0
        """When the windows were told last."""
        self.models: tuple[BridgeModel, ...] = ()
        """What the program said that this login may use; nothing before it was asked first."""

    @property
    def windows(self) -> tuple[Window, ...]:
        """Return how much of the subscription is used, as it was told last."""
        return self._quota.windows if self._quota is not None else ()

    async def turn(self, ask: Ask) -> Turn:
        """Answer one turn."""
        asked = await self._asked(ask)
        answer = Answer(ask.request, called(tool.name for tool in ask.request.tools))
        session, frame = await self._begin(asked)
        losses = [Lost(loss.what, loss.why) for loss in asked.losses.found()]
        left = False
        try:
            while answer.over is None:
                for said in self._said(frame or await session.next(), answer):
                    yield said
                    while losses:  # after the first event: before it, a fault still has a status of its own
                        yield losses.pop(0)
                frame = None
            left = self._leave(session, asked, answer)
            if not left:
                session.end_soon()
            yield answer.over
        except BridgeFault as fault:
            if fault.kind == "auth_required":
                self.forget()  # what waits has the same login
            raise
        finally:
            if not left:
                session.end_soon()

    def forget(self) -> None:
        """End the sessions that wait."""
        self._pool.clear()

    async def close(self) -> None:
        """End every session."""
        self._closed = True
        self.forget()
        if self._preparing is not None:
            await asyncio.wait((self._preparing,))
        while self._sessions:
            await next(iter(self._sessions)).close()
            await asyncio.sleep(0)

    # which session

    async def _asked(self, ask: Ask) -> _Asked:
        version = await self._program.check()
        losses = Losses()
        told = tell(ask.request, losses)
        launch = launch_of(ask.model, told.system, ask.request, losses)
        at = tail(ask.request.messages)
        key = conversation(ask.model, ask.request, normal(ask.request.messages[:at]))
        return _Asked(ask, told, launch, losses, version, key, at)

    async def _begin(self, asked: _Asked) -> tuple[Session, Frame | None]:
        """Return a session that answers the turn, and what it said first, where that had to be waited for."""
        if not asked.told.before:
            return await self._fresh(asked), None
        if (going_on := await self._going_on(asked)) is not None:
            return going_on
        forgotten = asked.told.called and not asked.launch.tools  # the API takes no calls of tools it has not
        if asked.version not in self._unresumed and not forgotten:
            session = await self._resumed(asked)
            try:
                first = await session.next()
            except BaseException:
                session.end_soon()
                raise
            if first != NOT_RESUMED:
                return session, first
            session.end_soon()
            self._unresumed.add(asked.version)
        asked.losses.add("messages", "the conversation is told as one text")
        return await _asked_of(await self._start(asked.launch), flattened(asked.told)), None

    async def _fresh(self, asked: _Asked) -> Session:
        key = asked.launch.key
        session = self._pool.take_fresh(key) or await self._start(asked.launch)
        assert asked.told.prompt is not None
        return await _asked_of(session, asked.told.prompt)

    async def _going_on(self, asked: _Asked) -> tuple[Session, Frame] | None:
        """Return the session that waits for this turn, and what it said first; None when there is none."""
        results, alone = _results(asked)
        session = self._pool.take_parked(asked.key) if results else self._pool.take(asked.key)
        if session is None:
            return None
        prompt = asked.told.prompt
        fits = alone and session.waits == results.keys() if results else prompt is not None
        try:
            if fits and session.launch == asked.launch and (results or await session.settle()):
                await (session.go_on(results) if prompt is None else session.ask(prompt))
                return session, await session.next()
        except BridgeFault:
            pass  # it has just ended, and another one is started
        except BaseException:
            session.end_soon()
            raise
        session.end_soon()
        return None

    async def _resumed(self, asked: _Asked) -> Session:
        told = asked.told
        stored = str(uuid.uuid4())
        written = transcript(told.before, stored, asked.version, self._around.clock.now_us())
        path = self._stored(f"{stored}.jsonl", written)
        try:
            session = await self._start(asked.launch, Resume(path, stored, told.prompt is None))
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return session if told.prompt is None else await _asked_of(session, told.prompt)

    async def _start(self, launch: Launch, resume: Resume | None = None) -> Session:
        session = await Session.start(launch, self._program, self._around.tasks, self._hear, resume)
        self._sessions.add(session)
        session.on_end(self._sessions.discard)
        if self._closed:
            session.end_soon()
            raise BridgeFault("bridge_failed", "the bridge to Claude is closing; ask again in a moment")
        await session.open()
        return session

    def _stored(self, name: str, data: bytes) -> Path:
        """Write a conversation to a file that nobody else can read; its session removes it later."""
        folder = self._around.folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._swept:
            for left in folder.glob("*.jsonl"):  # of a gateway that ended in the middle
                left.unlink(missing_ok=True)
            self._swept = True
        path = folder / name
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        return path

    # what it says

    def _hear(self, said: Quota | Opened) -> None:
        match said:
            case Quota(windows=()) if self._quota is not None:
                self._quota = msgspec.structs.replace(said, windows=self._quota.windows)
            case Quota():
                self._quota, self.told_us = said, self._around.clock.now_us()
            case Opened():
                self.models = said.models
            case _:
                assert_never(said)

    def _said(self, frame: Frame, answer: Answer) -> Iterator[Said]:
        """Yield what a frame adds to the answer; BridgeFault when it ends it."""
        match frame:
            case Piece(event, broken):
                if broken:
                    raise BridgeFault("bridge_failed", _BROKEN)
                for said in answer.feed(event):
                    if isinstance(said, Failed):
                        raise BridgeFault("bridge_failed", _BROKEN)
                    yield said
            case Ended(failed=False, structured=structured) if structured:
                yield from answer.end(structured)
            case Retry() if answer.midway:
                raise BridgeFault("bridge_failed", _BROKEN)
            case Retry() | Spoken() | Ended():
                now_us = self._around.clock.now_us()
                fault = fault_of(frame, self._quota, now_us, self._program.command("auth", "login"))
                if fault is not None:
                    raise fault
            case Opened() | Ready() | Quota() | Request():
                pass  # the session has seen to them
            case _:
                assert_never(frame)

    # what becomes of it

    def _leave(self, session: Session, asked: _Asked, answer: Answer) -> bool:
        """Keep a session for the turn that may follow; return whether it was kept."""
        assert answer.over is not None
        request = asked.ask.request
        parts = answer.folding.response().parts
        key = conversation(asked.ask.model, request, (*normal(request.messages), answer_to(parts)))
        match answer.over.reason:
            case "tool_calls":
                session.leave(answer.calls)
                self._pool.park(key, session)
            case "stop":
                session.leave()
                self._pool.keep(key, session)
                if not asked.told.before:
                    self._make_ready(asked.launch)
            case _:  # the program would go on by itself, after an answer cut off or refused
                return False
        return True

    def _make_ready(self, launch: Launch) -> None:
        """Start a session for the next new conversation of a kind that begins again and again."""
        if launch.key not in self._begun:
            self._begun.append(launch.key)
        elif self._preparing is None or self._preparing.done():
            self._preparing = self._around.tasks.start("a fresh session of claude", self._keep_fresh(launch))

    async def _keep_fresh(self, launch: Launch) -> None:
        try:
            session = self._pool.take_fresh(launch.key) or await self._start(launch)
        except BridgeFault:
            return  # whoever needs one next is told
        self._pool.keep_fresh(launch.key, session)


async def _asked_of(session: Session, prompt: Sequence[Json]) -> Session:
    """Ask a session; one that cannot be asked, or whose client has left, ends."""
    try:
        await session.ask(prompt)
    except BaseException:
        session.end_soon()
        raise
    return session


def _results(asked: _Asked) -> tuple[dict[str, ToolResult], bool]:
    """Return the results of tools that are new, and whether they are all that is, and can be handed over."""
    results: dict[str, ToolResult] = {}
    alone = True
    for message in asked.ask.request.messages[asked.at :]:
        for part in message.parts:
            if isinstance(part, ToolResult):
                results[part.call_id] = part
                alone = alone and can_hand_over(part)
            else:
                alone = False
    return results, alone
