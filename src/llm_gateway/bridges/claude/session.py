"""One running `claude`: opened, asked turn by turn, parked while its client runs tools, interrupted, ended.

It speaks the program's control protocol (claude-agent-sdk, `_internal/query.py`). Whatever the program asks
to be allowed is declined; calls of the client's tools are all that is answered.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from llm_gateway.bridges.claude.frames import Ended, Frame, Opened, Piece, Quota, Ready, Request, read_frame
from llm_gateway.bridges.claude.launch import RESUMING, Launch
from llm_gateway.bridges.claude.program import Program
from llm_gateway.bridges.claude.tools import Call, read_call, serve, told_result
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.process import Child
from llm_gateway.canonical.parts import ToolResult
from llm_gateway.dialects.messages.members import Json
from llm_gateway.tasks import Tasks

__all__ = ["NOT_RESUMED", "Resume", "Session"]

_encode = msgspec.json.encode

_MOST_WAITING = 256  # frames that the turn has not taken yet; then the program is not read, either
_INTERRUPT = 1.0
_SETTLE = 1.0
NOT_RESUMED = Ended(failed=True, turns=0, structured=b"")
"""What a session says that does not know the stored one: nobody was asked."""

_GONE = "Claude Code ended in the middle of the turn; try it again"


class Resume(msgspec.Struct, frozen=True):
    """A stored session to go on with, by its id. `alone`: without a prompt, as results of tools end it."""

    path: Path
    session: str
    alone: bool


class Session:
    """A process of the program with its conversation. One turn at a time."""

    def __init__(
        self, child: Child, launch: Launch, tasks: Tasks, heard: Callable[[Quota | Opened], None]
    ) -> None:
        self.launch = launch
        self.waits: frozenset[str] = frozenset()
        """The ids of the calls whose results the turn waits for, once it is left with any."""
        self._child = child
        self._tasks = tasks
        self._heard = heard
        self._resume: Resume | None = None
        self._opened = False
        self._over = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._queue: asyncio.Queue[Frame | None] | None = None
        self._early: list[Request] = []
        self._calls: dict[str, tuple[str, Call]] = {}
        self._results: dict[str, ToolResult] = {}
        self._sent = 0
        self._gone: list[Callable[[Session], None]] = []
        self._ending: asyncio.Task[None] | None = None
        self._errors = tasks.start("the errors of claude", child.watch_errors())
        self._reader = tasks.start("a session of claude", self._read())

    @classmethod
    async def start(
        cls,
        launch: Launch,
        program: Program,
        tasks: Tasks,
        heard: Callable[[Quota | Opened], None],
        resume: Resume | None = None,
    ) -> "Session":
        """Start one, to be opened; `heard` is told of models and of quotas. BridgeFault when it cannot be."""
        environ = program.environ | (RESUMING if resume is not None and resume.alone else {})
        arguments = launch.arguments(resume.path if resume is not None else None)
        child = await Child.start(program.find(), arguments, environ, program.place)
        session = cls(child, launch, tasks, heard)
        if resume is not None:
            session._resume = resume
            if resume.alone:
                session._listen()
        return session

    async def open(self) -> None:
        """Open its control channel: the first thing there is to do with it."""
        try:
            await self._request(self.launch.opening())
        except BaseException:
            self.end_soon()
            raise

    @property
    def alive(self) -> bool:
        """Whether it can be asked, once its turn is over."""
        return not self._over and self._ending is None and self._child.running

    @property
    def pid(self) -> int:
        """Return the id of its process."""
        return self._child.pid

    # a turn

    async def settle(self) -> bool:
        """Wait until its last turn is over; return whether it can be asked."""
        try:
            async with asyncio.timeout(_SETTLE):
                await self._idle.wait()
        except TimeoutError:
            return False
        return self.alive

    async def ask(self, prompt: Sequence[Json]) -> None:
        """Begin a turn with a prompt, which is taken as it is written."""
        self._listen()
        message = {"role": "user", "content": prompt}
        told = {"type": "user", "message": message, "parent_tool_use_id": None, "client_composed": True}
        await self._send(told)

    async def go_on(self, results: Mapping[str, ToolResult]) -> None:
        """Go on with the turn that waits for these results of tools, by the ids of their calls."""
        self._listen()
        self._results.update(results)
        for call_id in tuple(self._calls):
            await self._give(call_id)

    async def next(self) -> Frame:
        """Return what the turn says next; BridgeFault when the program has ended."""
        assert self._queue is not None
        frame = await self._queue.get()
        if frame is None:
            raise BridgeFault("bridge_failed", _GONE)
        return frame

    def leave(self, calls: frozenset[str] = frozenset()) -> None:
        """Take no more of a turn: it is over, or waits for the results of these calls."""
        self._queue = None
        self.waits = calls

    # its end

    def on_end(self, told: Callable[["Session"], None]) -> None:
        """Have somebody told when its process is gone."""
        self._gone.append(told)

    def end_soon(self) -> None:
        """Interrupt what it does and end it, without waiting."""
        if self._ending is not None:
            return
        queue, self._queue = self._queue, None
        if queue is not None:
            while not queue.empty():  # whoever reads the program may wait for room
                queue.get_nowait()
            queue.put_nowait(None)
        self._ending = self._tasks.start("end a session of claude", self._end())
        self._ending.add_done_callback(self._ended)

    async def close(self) -> None:
        """End it, and wait for its end."""
        self.end_soon()
        assert self._ending is not None
        await asyncio.shield(self._ending)

    def _ended(self, _: asyncio.Task[None]) -> None:
        for told in self._gone:
            told(self)

    async def _end(self) -> None:
        # The interrupt closes the connection to the API at once; a signal alone does so 1.5 s later.
        try:
            if self._opened and not self._idle.is_set():
                await self._interrupt()
            await self._child.close()
        except asyncio.CancelledError:
            self._child.kill()
            raise
        self._reader.cancel()
        await asyncio.wait((self._reader, self._errors))
        self._forget_history()

    async def _interrupt(self) -> None:
        try:
            async with asyncio.timeout(_INTERRUPT):
                await self._request({"subtype": "interrupt"})
                await self._idle.wait()
        except (TimeoutError, BridgeFault):
            pass

    # what it says

    async def _read(self) -> None:
        try:
            while line := await self._child.line():
                frame = read_frame(line)
                if frame is not None:
                    await self._hear(frame)
        except BridgeFault:
            pass  # it has ended while it was answered
        self._over = True
        self._idle.set()
        if self._queue is not None:
            await self._queue.put(None)
        self._tasks.start("a session of claude that is gone", self.close())

    async def _hear(self, frame: Frame) -> None:
        match frame:
            case Request():
                await self._answer(frame)
                return
            case Opened():
                self._heard(frame)
                await self._open()
                return
            case Quota():
                self._heard(frame)
                return
            case Ready(session):
                resume = self._forget_history()
                if resume is None or resume.session == session:
                    return
                # Some versions take the file for a word to search for, and begin anew without a word of it.
                frame = NOT_RESUMED
            case Piece() if self._queue is None:
                self.end_soon()  # it goes on by itself, and nobody asked for that
            case Ended():
                self._idle.set()
        if self._queue is not None:
            await self._queue.put(frame)

    async def _open(self) -> None:
        self._opened = True
        early, self._early = self._early, []
        for request in early:
            await self._answer(request)

    async def _answer(self, request: Request) -> None:
        """Answer what the program asks: as the client's tools, and with a refusal to anything else."""
        if request.kind != "mcp_message":
            await self._respond(request.id, None)
            return
        if not self._opened:  # a resumed turn begins as soon as it has its tools, and needs the opening, too
            self._early.append(request)
            return
        call = read_call(request.message)
        if call is None:
            await self._respond(request.id, serve(request.message, self.launch.tools))
            return
        self._calls[call.id] = request.id, call
        await self._give(call.id)

    async def _give(self, call_id: str) -> None:
        """Answer a call when its result is there and the program has asked for it."""
        if call_id in self._calls and call_id in self._results:
            request_id, call = self._calls.pop(call_id)
            await self._respond(request_id, told_result(call, self._results.pop(call_id)))

    # what it is told

    def _listen(self) -> None:
        self._idle.clear()
        self._queue = asyncio.Queue(_MOST_WAITING)

    async def _request(self, request: Json) -> None:
        self._sent += 1
        await self._send({"type": "control_request", "request_id": f"lgw-{self._sent}", "request": request})

    async def _respond(self, request_id: str, answer: Json | None) -> None:
        response: dict[str, object] = {"subtype": "success", "request_id": request_id}
        if answer is not None:
            response["response"] = {"mcp_response": answer}
        else:
            response |= {"subtype": "error", "error": "llm-gateway allows nothing of that kind"}
        await self._send({"type": "control_response", "response": response})

    async def _send(self, told: Json) -> None:
        await self._child.write(_encode(told) + b"\n")

    def _forget_history(self) -> Resume | None:
        resume, self._resume = self._resume, None
        if resume is not None:
            resume.path.unlink(missing_ok=True)
        return resume
