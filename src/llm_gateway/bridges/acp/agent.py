"""A running agent: greeted without files or terminals for it, its sessions told apart, its wishes declined.

agentclientprotocol.com: JSON-RPC, a message a line, over stdio. Not what a session says: that is its own.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec
from msgspec import Raw

from llm_gateway import __version__
from llm_gateway.bridges.acp.wire import VERSION, Initialized, PermissionWanted, Update
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.process import Child
from llm_gateway.bridges.rpc import METHOD_NOT_FOUND, Asked, Rpc, RpcRefused
from llm_gateway.tasks import Tasks

__all__ = ["Agent", "Listener"]

_START_TAKES = 60.0
_PERMISSION = "session/request_permission"
_MOST_SESSIONS = 50  # of an agent that cannot close one

_GREETING = {
    "protocolVersion": VERSION,
    "clientCapabilities": {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False},
    "clientInfo": {"name": "llm_gateway", "title": "LLM Gateway", "version": __version__},
}

T = TypeVar("T")


class Listener(Protocol):
    """A session, as the agent's process knows it."""

    def heard(self, kind: str, content: Raw) -> None:
        """Take something that is said of it; it must not wait."""
        ...

    def gone(self, fault: BridgeFault) -> None:
        """Learn that the process has ended."""
        ...


class Agent:
    """An agent's process. Hears what `Rpc` hears and hands it to the session it is for."""

    def __init__(self, name: str, child: Child, tasks: Tasks) -> None:
        self.told = Initialized()
        self._child = child
        self._tasks = tasks
        self._sessions: dict[str, Listener] = {}
        self._folders = 0
        self._rpc = Rpc(child, self, f"the agent {name}", marked=True)
        self._errors = tasks.start(f"the errors of {name}", child.watch_errors())
        self._reader = tasks.start(f"the agent {name}", self._rpc.run())

    @classmethod
    async def start(
        cls, name: str, program: Path, arguments: Sequence[str], environ: dict[str, str], tasks: Tasks
    ) -> "Agent":
        """Start one and greet it; BridgeFault when it cannot be started, or speaks another version."""
        agent = cls(name, await Child.start(program, arguments, environ), tasks)
        try:
            agent.told = await agent._rpc.ask("initialize", _GREETING, Initialized, within=_START_TAKES)
            if agent.told.protocol_version != VERSION:
                raise BridgeFault(
                    "version_mismatch",
                    f"the agent {name} speaks version {agent.told.protocol_version} of the Agent Client "
                    f"Protocol, and this gateway version {VERSION}; update whichever of them is older",
                )
        except RpcRefused:
            await agent.close()
            raise BridgeFault("version_mismatch", f"the agent {name} refuses to be greeted") from None
        except BaseException:
            await agent.close()
            raise
        return agent

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._rpc.fault is None

    @property
    def pid(self) -> int:
        """Return the id of its process."""
        return self._child.pid

    @property
    def version(self) -> str:
        """Return its version, as far as it tells that."""
        return (self.told.agent_info.version or "") if self.told.agent_info is not None else ""

    @property
    def worn(self) -> bool:
        """Whether it holds so many sessions that nobody uses that another one had better take its place."""
        return not self.told.closes and self._folders >= _MOST_SESSIONS

    def folder(self) -> str:
        """Return a new empty folder for a session; it goes with the process."""
        self._folders += 1
        return tempfile.mkdtemp(dir=self._child.folder)

    async def ask(self, method: str, params: object, kind: type[T], *, within: float | None = 20.0) -> T:
        """Ask; RpcRefused for an error, BridgeFault when it has ended."""
        return await self._rpc.ask(method, params, kind, within=within)

    async def tell(self, method: str, params: object) -> None:
        """Notify it; BridgeFault when it has ended."""
        await self._rpc.tell(method, params)

    def join(self, session_id: str, listener: Listener) -> None:
        """Let a session hear what is said of it."""
        self._sessions[session_id] = listener

    def part(self, session_id: str) -> None:
        """Tell a session nothing any more."""
        self._sessions.pop(session_id, None)

    def kill(self) -> None:
        """End it at once: it does not do what it is told."""
        self._child.kill()

    async def close(self) -> None:
        """End it and wait for its end."""
        await self._child.close()
        await asyncio.wait((self._reader, self._errors))

    # what it says by itself

    def notified(self, method: str, params: Raw) -> None:
        """Hand what is said of a session to it."""
        if method != "session/update":
            return
        try:
            update = msgspec.json.decode(params, type=Update)
        except msgspec.DecodeError:
            return
        listener = self._sessions.get(update.session_id)
        if listener is not None:
            listener.heard(update.update.session_update, update.update.content)

    def asked(self, asked: Asked) -> None:
        """Reject what it wants to be allowed, and do nothing else for it."""
        self._tasks.start("decline what an agent wants", self._decline(asked))

    def ended(self, fault: BridgeFault) -> None:
        """Tell every session."""
        for listener in tuple(self._sessions.values()):
            listener.gone(fault)

    async def _decline(self, asked: Asked) -> None:
        try:
            if asked.method == _PERMISSION:
                await self._rpc.answer(asked, {"outcome": _rejection(asked.params)})
            else:
                await self._rpc.decline(asked, METHOD_NOT_FOUND, "llm-gateway does nothing of that kind")
        except BridgeFault:
            pass  # it has ended


def _rejection(params: Raw) -> dict[str, str]:
    """Return the answer that says no: as one of the options, or without one."""
    try:
        wanted = msgspec.json.decode(params, type=PermissionWanted)
    except msgspec.DecodeError:
        return {"outcome": "cancelled"}
    for option in wanted.options:
        if option.kind.startswith("reject"):
            return {"outcome": "selected", "optionId": option.option_id}
    return {"outcome": "cancelled"}
