"""The Copilot CLI as a server: one process for all sessions, and who hears what of it.

`copilot --headless --stdio` is what GitHub's own SDKs run (github/copilot-sdk, python/copilot/client.py; its
methods are in schemas/api.schema.json of the CLI's package). It is spoken to without an SDK: of that we would
use a dozen methods, and it brings threads, 100,000 lines of types, and a download of a CLI of its own.
"""

import asyncio
from typing import Protocol, TypeVar

import msgspec
from msgspec import Raw

from llm_gateway import __version__
from llm_gateway.bridges.copilot.events import Event, Permission, read_event
from llm_gateway.bridges.copilot.files import STATE, Files
from llm_gateway.bridges.copilot.frames import Framed
from llm_gateway.bridges.copilot.program import CLI, Program
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import Action
from llm_gateway.bridges.process import Child
from llm_gateway.bridges.rpc import INTERNAL_ERROR, METHOD_NOT_FOUND, Asked, Rpc, RpcRefused
from llm_gateway.tasks import Tasks
from llm_gateway.wire.ready import ready

__all__ = ["PROTOCOL", "Listener", "Runtime"]

PROTOCOL = 3
"""The version of the server's protocol that is spoken here."""

_ARGUMENTS = ("--headless", "--stdio", "--no-auto-update", "--log-level", "none")
_START_TAKES = 60.0  # its first start unpacks 190 MB
_ASK_TAKES = 20.0
_FILES = "sessionFs."

T = TypeVar("T")


@ready
class _Connected(msgspec.Struct, frozen=True, rename="camel"):
    protocol_version: int | None = None
    version: str = ""


@ready
class _Told(msgspec.Struct, frozen=True):
    type: str
    data: Raw = Raw(b"{}")


@ready
class _SessionEvent(msgspec.Struct, frozen=True, rename="camel"):
    session_id: str
    event: _Told


@ready
class _OfSession(msgspec.Struct, frozen=True, rename="camel"):
    session_id: str = ""


class Listener(Protocol):
    """A session, as the server's process knows it."""

    files: Files

    def heard(self, event: Event) -> None:
        """Take an event; it must not wait."""
        ...

    def gone(self, fault: BridgeFault) -> None:
        """Learn that the process has ended."""
        ...


class Runtime:
    """A running server. Hears what `Rpc` hears and hands it to the session it is for."""

    def __init__(self, child: Child, tasks: Tasks) -> None:
        self.version = ""
        self._child = child
        self._tasks = tasks
        self._sessions: dict[str, Listener] = {}
        self._replies: asyncio.Queue[tuple[Asked, object, bool]] = asyncio.Queue()
        self._rpc = Rpc(Framed(child), self, CLI, marked=True)
        self._errors = tasks.start("the errors of copilot", child.watch_errors())
        self._reader = tasks.start("the Copilot CLI", self._rpc.run())
        self._replying = tasks.start("answers to the Copilot CLI", self._reply())

    @classmethod
    async def start(cls, program: Program, tasks: Tasks, *, keychain: bool = True) -> "Runtime":
        """Start one; BridgeFault when it cannot be started, or is one that is not known here.

        Without the `keychain` it knows a login only that it keeps in a file.
        """
        environ = program.environ | ({} if keychain else {"COPILOT_DISABLE_KEYTAR": "1"})
        runtime = cls(await Child.start(program.find(), _ARGUMENTS, environ), tasks)
        try:
            await runtime._greet()
        except BaseException:
            await runtime.close()
            raise
        return runtime

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._rpc.fault is None

    @property
    def pid(self) -> int:
        """Return the id of its process."""
        return self._child.pid

    async def ask(self, method: str, params: object, kind: type[T]) -> T:
        """Ask; RpcRefused for an error, BridgeFault when it has ended or does not know the method."""
        try:
            return await self._rpc.ask(method, params, kind, within=_ASK_TAKES)
        except RpcRefused as refused:
            if refused.code == METHOD_NOT_FOUND or refused.message.startswith("Unhandled method"):
                raise self._mismatch(f"it does not know `{method}`") from None
            raise

    def join(self, session_id: str, listener: Listener) -> None:
        """Let a session hear what is told of it."""
        self._sessions[session_id] = listener

    def part(self, session_id: str) -> None:
        """Tell a session nothing any more."""
        self._sessions.pop(session_id, None)

    async def close(self) -> None:
        """End it and wait for its end."""
        await self._child.close()
        self._replying.cancel()
        await asyncio.wait((self._reader, self._errors, self._replying))

    # what it says by itself

    def notified(self, method: str, params: Raw) -> None:
        """Hand an event to its session."""
        if method != "session.event":
            return
        try:
            told = msgspec.json.decode(params, type=_SessionEvent)
            listener = self._sessions.get(told.session_id)
            event = read_event(told.event.type, told.event.data) if listener is not None else None
        except msgspec.DecodeError:
            return  # it says something that is said in another way by now: what matters has a deadline
        if isinstance(event, Permission):
            self._tasks.start("decline a permission", self._decline(told.session_id, event))
        elif listener is not None and event is not None:
            listener.heard(event)

    def asked(self, asked: Asked) -> None:
        """Do what it wants of a file of a session; decline anything else."""
        try:
            session_id = msgspec.json.decode(asked.params, type=_OfSession).session_id
            if not asked.method.startswith(_FILES):
                raise KeyError(asked.method)
            result = self._sessions[session_id].files.answer(asked.method, asked.params)
        except (KeyError, msgspec.DecodeError):
            self._replies.put_nowait((asked, None, False))
        else:
            self._replies.put_nowait((asked, result, True))

    def ended(self, fault: BridgeFault) -> None:
        """Tell every session."""
        for listener in tuple(self._sessions.values()):
            listener.gone(fault)

    # details

    async def _greet(self) -> None:
        """Say who we are, hear which version it is, and have the files of sessions for ourselves."""
        who = {"editorName": "llm_gateway", "editorVersion": __version__}
        greeting = {"supportedTaskKinds": [], "clientInfo": who}
        where = {"initialCwd": self._child.folder, "sessionStatePath": STATE, "conventions": "posix"}
        try:
            connected = await self._rpc.ask("connect", greeting, _Connected, within=_START_TAKES)
            self.version = connected.version
            if connected.protocol_version != PROTOCOL:
                raise self._mismatch(f"its server speaks version {connected.protocol_version}")
            await self.ask("sessionFs.setProvider", where, Raw)
        except RpcRefused as refused:
            raise self._mismatch(f"its server refuses `{refused.method}`") from None

    def _mismatch(self, why: str) -> BridgeFault:
        found = f" {self.version}" if self.version else ""
        return BridgeFault(
            "version_mismatch",
            f"{CLI}{found} is not one that this gateway knows: {why}; update whichever of them is older",
            action=Action("update the Copilot CLI", command="copilot update"),
        )

    async def _decline(self, session_id: str, wanted: Permission) -> None:
        told = {"sessionId": session_id, "requestId": wanted.request_id, "result": {"kind": "reject"}}
        try:
            await self.ask("session.permissions.handlePendingPermissionRequest", told, Raw)
        except (RpcRefused, BridgeFault):
            pass  # whatever it was, it is not allowed

    async def _reply(self) -> None:
        """Answer in the order in which was asked: it writes a file piece by piece."""
        try:
            while True:
                asked, result, known = await self._replies.get()
                if known:
                    await self._rpc.answer(asked, result)
                else:
                    code = INTERNAL_ERROR if asked.method.startswith(_FILES) else METHOD_NOT_FOUND
                    await self._rpc.decline(asked, code, "llm-gateway does nothing of that kind")
        except BridgeFault:
            pass  # it has ended; whoever waits for it is told
