"""One session of the Copilot CLI: opened as a plain model, asked, answered with results, left.

Every tool of the agent is off, its system text is the client's, nothing of the user's own settings is in it:
what GitHub's SDKs call mode "empty" (github/copilot-sdk, python/copilot/_mode.py).
"""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import uuid4

import msgspec
from msgspec import Raw

from llm_gateway.bridges.copilot.events import Event
from llm_gateway.bridges.copilot.files import Files
from llm_gateway.bridges.copilot.plan import Prompt
from llm_gateway.bridges.copilot.runtime import Runtime
from llm_gateway.bridges.copilot.transcript import attachments, pictures, result_text
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.rpc import RpcRefused
from llm_gateway.canonical.parts import ToolResult
from llm_gateway.canonical.request import Format, FunctionTool
from llm_gateway.tasks import Tasks

__all__ = ["Manner", "Session", "new_id"]

_NO_SCHEMA = {"type": "object", "properties": {}}
_ANY_OBJECT = {"type": "object", "additionalProperties": True}

_OFF: Mapping[str, object] = {
    "toolFilterPrecedence": "excluded",
    "requestPermission": True,
    "requestElicitation": False,
    "requestExitPlanMode": False,
    "requestAutoModeSwitch": False,
    "streaming": True,
    "includeSubAgentStreamingEvents": False,
    "enableSessionTelemetry": False,
    "skipEmbeddingRetrieval": True,
    "memory": {"enabled": False},
    "enableOnDemandInstructionDiscovery": False,
    "enableFileHooks": False,
    "enableHostGitOperations": False,
    "enableSessionStore": False,
    "enableSkills": False,
    "customAgentsLocalOnly": True,
    "isExperimentalMode": False,
    "mcpOAuthTokenStorage": "in-memory",
    "embeddingCacheStorage": "in-memory",
    "envValueMode": "direct",
    "infiniteSessions": {"enabled": False},  # a conversation is its client's to shorten
    "disabledMcpServers": ["github-mcp-server"],
}
_OFF_LATER: Mapping[str, object] = {
    "skipCustomInstructions": True,
    "customAgentsLocalOnly": True,
    "coauthorEnabled": False,
    "manageScheduleEnabled": False,
    "installedPlugins": [],
    "includedBuiltinSkills": [],
}


class Manner(msgspec.Struct, frozen=True):
    """How a session answers: which model, as whom, with which tools, and how much it thinks."""

    model: str
    system: str
    tools: tuple[FunctionTool, ...] = ()
    effort: str = ""
    summary: str = ""


class Session:
    """A session. One turn at a time."""

    def __init__(self, session_id: str, runtime: Runtime, files: Files, tasks: Tasks) -> None:
        self.id = session_id
        self.files = files
        self.waiting: dict[str, str] = {}
        """The requests that wait for the result of a call, by the ids of the calls."""
        self._runtime = runtime
        self._tasks = tasks
        self._events: asyncio.Queue[Event | BridgeFault] = asyncio.Queue()
        self._ending: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls, runtime: Runtime, manner: Manner, tasks: Tasks, session_id: str = "", told: str = ""
    ) -> "Session":
        """Open a session; with `told` it goes on from what was written down under its id.

        RpcRefused or BridgeFault when there is none to be had.
        """
        session = cls(session_id or new_id(), runtime, Files(told), tasks)
        runtime.join(session.id, session)
        opening = {**_OFF, **_told_manner(manner), "sessionId": session.id, "clientName": "llm_gateway"}
        if told:
            opening |= {"disableResume": True, "continuePendingWork": True}
        try:
            await runtime.ask("session.resume" if told else "session.create", opening, Raw)
            await runtime.ask("session.options.update", {"sessionId": session.id, **_OFF_LATER}, Raw)
        except BaseException:
            session.end_soon()
            raise
        return session

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._runtime.alive and self._ending is None

    def heard(self, event: Event) -> None:
        """Keep an event for the turn."""
        self._events.put_nowait(event)

    def gone(self, fault: BridgeFault) -> None:
        """Tell the turn that nothing more will come."""
        self._events.put_nowait(fault)

    async def ask(self, prompt: Prompt, form: Format | None) -> None:
        """Begin a turn with what the user says."""
        self._forget()
        told: dict[str, object] = {"sessionId": self.id, "prompt": prompt.text}
        if prompt.images:
            told["attachments"] = attachments(prompt.images)
        if form is not None:
            told["responseFormat"] = _told_form(form)
        await self._runtime.ask("session.send", told, Raw)

    async def go_on(self, results: Sequence[ToolResult], waiting: Mapping[str, str]) -> None:
        """Go on with the turn that waits for these results."""
        self._forget()
        for result in results:
            request_id = waiting.get(result.call_id)
            if request_id is None:
                continue
            given: dict[str, object] = {
                "textResultForLlm": result_text(result),
                "resultType": "failure" if result.is_error else "success",
            }
            if found := pictures(result):
                given["binaryResultsForLlm"] = found
            told = {"sessionId": self.id, "requestId": request_id, "result": given}
            await self._runtime.ask("session.tools.handlePendingToolCall", told, Raw)

    async def next(self) -> Event:
        """Return what the turn says next; BridgeFault when the process has ended."""
        event = await self._events.get()
        if isinstance(event, BridgeFault):
            raise event.with_traceback(None)
        return event

    def end_soon(self) -> None:
        """Stop what it does and leave it, without waiting."""
        if self._ending is None:
            self._ending = self._tasks.start("leave a session of copilot", self._end())

    def _forget(self) -> None:
        """Forget what came after the last turn was over."""
        self.waiting = {}
        while not self._events.empty():
            event = self._events.get_nowait()
            if isinstance(event, BridgeFault):
                raise event.with_traceback(None)

    async def _end(self) -> None:
        try:
            await self._runtime.ask("session.abort", {"sessionId": self.id}, Raw)
            await self._runtime.ask("session.detach", {"sessionId": self.id}, Raw)
        except (RpcRefused, BridgeFault):
            pass  # it was never there, or is gone with its process
        finally:
            self._runtime.part(self.id)


def new_id() -> str:
    """Return an id for a session."""
    return str(uuid4())


def _told_manner(manner: Manner) -> dict[str, object]:
    told: dict[str, object] = {
        "model": manner.model,
        "systemMessage": {"mode": "replace", "content": manner.system},
        "tools": [_told_tool(tool) for tool in manner.tools],
        "availableTools": ["custom:*"] if manner.tools else [],
    }
    if manner.effort:
        told["reasoningEffort"] = manner.effort
    if manner.summary:
        told["reasoningSummary"] = manner.summary
    return told


def _told_tool(tool: FunctionTool) -> dict[str, object]:
    """Return a tool that the client runs: without a handler here, its calls wait.

    It may have the name of one of the agent's own, which is off.
    """
    return {
        "name": tool.name,
        "description": tool.description,
        "parameters": _NO_SCHEMA if tool.schema is None else tool.schema,
        "skipPermission": True,
        "overridesBuiltInTool": True,
    }


def _told_form(form: Format) -> dict[str, object]:
    schema: object = _ANY_OBJECT if form.schema is None else form.schema
    told: dict[str, object] = {"name": form.name or "answer", "schema": schema}
    if form.description:
        told["description"] = form.description
    if form.kind == "schema" and form.strict is not None:
        told["strict"] = form.strict
    return {"type": "json_schema", "jsonSchema": told}
