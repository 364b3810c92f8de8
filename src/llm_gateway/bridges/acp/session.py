"""One session of an agent: opened in an empty folder, asked, told to stop, left. One turn at a time."""

import asyncio
from typing import TypeAlias

import msgspec
from msgspec import Raw

from llm_gateway.bridges.acp.agent import Agent
from llm_gateway.bridges.acp.wire import Opened, PromptResult, TokenUsage, models_of, text_in
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.rpc import RpcRefused
from llm_gateway.tasks import Tasks

__all__ = ["Chunk", "Heard", "Session", "refusal_of"]

_OPEN_TAKES = 45.0  # it may start servers of its own
_STOPS_WITHIN = 5.0


class Chunk(msgspec.Struct, frozen=True):
    """A piece of what an agent says, or thinks."""

    text: str
    thought: bool


Heard: TypeAlias = Chunk | PromptResult | BridgeFault

_CHUNKS = {"agent_message_chunk": False, "agent_thought_chunk": True}


class Session:
    """A session of an agent."""

    def __init__(self, agent: Agent, opened: Opened, tasks: Tasks) -> None:
        self.id = opened.session_id
        self.used = TokenUsage()
        """What was used in all of its turns so far."""
        self._option, self._models = models_of(opened)
        self._agent = agent
        self._tasks = tasks
        self._heard: asyncio.Queue[Heard] = asyncio.Queue()
        self._prompting: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, agent: Agent, tasks: Tasks) -> "Session":
        """Open one; RpcRefused or BridgeFault when there is none to be had."""
        asked = {"cwd": agent.folder(), "mcpServers": []}
        session = cls(agent, await agent.ask("session/new", asked, Opened, within=_OPEN_TAKES), tasks)
        agent.join(session.id, session)
        return session

    @property
    def models(self) -> tuple[tuple[str, str], ...]:
        """Return the models that it can be switched to, by id and name."""
        return self._models

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._agent.alive and self._ending is None

    async def choose(self, model: str) -> None:
        """Have a model of its own answer from now on. RpcRefused when it does not switch."""
        if self._option:
            option = {"sessionId": self.id, "configId": self._option, "value": model}
            await self._agent.ask("session/set_config_option", option, Raw)
        else:
            await self._agent.ask("session/set_model", {"sessionId": self.id, "modelId": model}, Raw)

    def ask(self, prompt: list[dict[str, object]]) -> None:
        """Begin a turn."""
        while not self._heard.empty():
            self._heard.get_nowait()  # said after the last turn was over
        self._prompting = self._tasks.start("a turn of an agent", self._prompt(prompt))

    async def next(self) -> Chunk | PromptResult:
        """Return what the turn says next, its end at last; BridgeFault when it fails."""
        heard = await self._heard.get()
        if isinstance(heard, BridgeFault):
            raise heard.with_traceback(None)
        return heard

    def heard(self, kind: str, content: Raw) -> None:
        """Keep a piece of text; what the agent does with its own tools is not told."""
        thought = _CHUNKS.get(kind)
        if thought is not None and (text := text_in(content)):
            self._heard.put_nowait(Chunk(text, thought))

    def gone(self, fault: BridgeFault) -> None:
        """Tell the turn that nothing more will come."""
        self._heard.put_nowait(fault)

    def end_soon(self) -> None:
        """Stop what it does and leave it, without waiting."""
        if self._ending is None:
            self._ending = self._tasks.start("leave a session of an agent", self._end())

    async def _prompt(self, prompt: list[dict[str, object]]) -> None:
        asked = {"sessionId": self.id, "prompt": prompt}
        try:
            result: Heard = await self._agent.ask("session/prompt", asked, PromptResult, within=None)
        except RpcRefused as refused:
            result = refusal_of(refused)
        except BridgeFault as fault:
            result = fault
        self._heard.put_nowait(result)

    async def _end(self) -> None:
        try:
            if self._prompting is not None and not self._prompting.done():
                await self._agent.tell("session/cancel", {"sessionId": self.id})
                await asyncio.wait((self._prompting,), timeout=_STOPS_WITHIN)
                if not self._prompting.done():
                    self._agent.kill()
                    return
            if self._agent.told.closes:
                await self._agent.ask("session/close", {"sessionId": self.id}, Raw)
        except (RpcRefused, BridgeFault):
            pass  # it is gone
        finally:
            self._agent.part(self.id)


def refusal_of(refused: RpcRefused) -> BridgeFault:
    """Return what an agent's refusal means; its own words are not passed on."""
    match refused.code:
        case -32000 | 401:  # the protocol's "authentication required"
            return BridgeFault("auth_required", "the agent is not logged in; log in with it, then ask again")
        case 429:
            return BridgeFault("rate_limited", "the agent's vendor wants to be asked later", retry_after=60)
        case 403:
            return BridgeFault("not_entitled", "the agent's vendor does not allow that to this account")
        case _:
            return BridgeFault("bridge_failed", f"the agent refused `{refused.method}` with {refused.code}")
