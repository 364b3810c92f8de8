"""The bridge to any agent that speaks the Agent Client Protocol, as it is: with its own instructions.

agentclientprotocol.com. It is an agent that answers, not a plain model: its system text and its tools stay,
and what it wants to be allowed is rejected. So it is for chat, where there is no other way to a plan.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path

from msgspec import Raw

from llm_gateway.bridges.acp.agent import Agent
from llm_gateway.bridges.acp.prompt import Words, answer_before, prompt_of, words_of
from llm_gateway.bridges.acp.session import Chunk, Session, refusal_of
from llm_gateway.bridges.acp.vendors import Vendor, vendor_of
from llm_gateway.bridges.acp.ways import log_in_action, log_in_command
from llm_gateway.bridges.acp.wire import PromptResult, TokenUsage
from llm_gateway.bridges.contract import Ask, LoginStep, Turn
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import Action, BridgeModel, Health
from llm_gateway.bridges.process import find_program, scrubbed
from llm_gateway.bridges.resident import Resident
from llm_gateway.bridges.rpc import RpcRefused
from llm_gateway.bridges.sessions import Kept, conversation
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.counts import Told, normal, whole
from llm_gateway.canonical.events import Finish, Finished, Measured, Started, TextDelta, ThinkingDelta
from llm_gateway.canonical.parts import Text
from llm_gateway.canonical.request import Message
from llm_gateway.canonical.usage import Usage, estimate_tokens
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.dialects.bridge.stream import Said

__all__ = ["DEFAULT", "AcpBridge", "open_bridge"]

_Opened = Session | RpcRefused | BridgeFault

DEFAULT = "default"
"""The model that an agent answers with when it is not told another."""

_START_SHOWS_AFTER = 1.5
_LOOKS = 60
_LOOKS_AGAIN = 5.0

_FINISHES: dict[str, Finish] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "max_turn_requests": "other",
    "refusal": "refusal",
}


def open_bridge(settings: BridgeSettings, around: Surroundings) -> "AcpBridge":
    """Return the bridge; nothing is started yet."""
    return AcpBridge(settings, around)


class AcpBridge:
    """One person's agent; whether somebody has logged in with it is looked at every so many seconds."""

    def __init__(
        self, settings: BridgeSettings, around: Surroundings, *, looks_every: float = _LOOKS_AGAIN
    ) -> None:
        self._settings = settings
        self._looks_every = looks_every
        self._around = around
        self._name = settings.name
        self._agent = Resident(f"the agent {settings.name}", self._start, around.tasks, around.clock)
        self._kept: Kept[Session] = Kept(around.clock, Session.end_soon)
        self._ahead: asyncio.Task[_Opened] | None = None
        """A session that nobody uses yet."""
        self._models: tuple[tuple[str, str], ...] = ()
        self._running = 0
        self._last: Health | None = None

    # how it is

    async def health(self) -> Health:
        """Start the agent and open a session, which the next turn uses; a login shows there, if at all."""
        vendor = self._forbidding((*self._settings.command, self._settings.program))
        if vendor is not None:
            return self._disabled(vendor)
        try:
            async with asyncio.timeout(_START_SHOWS_AFTER):
                agent = await self._agent.get()
                self._last = await self._look(agent)
        except TimeoutError:
            starting = Health("starting", f"the agent {self._name} is starting; some take half a minute")
            return self._last or starting
        return self._last

    async def models(self) -> tuple[BridgeModel, ...]:
        """Return what is configured, else what the agent offers, else the one that it decides on."""
        if self._settings.models:
            return tuple(BridgeModel(name) for name in self._settings.models)
        offered = tuple(BridgeModel(name, label) for name, label in self._models)
        return offered or (BridgeModel(DEFAULT, f"whatever {self._name} decides on"),)

    # a turn

    async def turn(self, ask: Ask) -> Turn:
        """Answer one turn."""
        vendor = self._forbidding((*self._settings.command, self._settings.program))
        if vendor is not None:
            raise BridgeFault("bridge_disabled", self._disabled(vendor).reason)
        agent = await self._fresh()
        words = words_of(ask.request, sees=agent.told.sees)
        self._running += 1
        try:
            async with aclosing(self._tell(agent, ask, words)) as told:
                async for said in told:
                    yield said
        except BridgeFault as fault:
            raise self._explained(fault, agent) from None
        finally:
            self._running -= 1

    async def _tell(self, agent: Agent, ask: Ask, words: Words) -> Turn:
        session, fresh = await self._session(agent, ask, words)
        telling, lasting, started = _Telling(words), False, False
        try:
            prompt, losses = prompt_of(words, whole=fresh)
            session.ask(prompt)
            while not telling.over:
                for said in telling.take(await session.next(), session):
                    if not started:
                        started = True
                        yield Started(session.id, ask.model)
                        for loss in losses:
                            yield loss
                    yield said
            lasting = True
        finally:
            if lasting:
                answer = Message("assistant", (Text(telling.text.strip()),))
                self._kept.keep(_key(ask, (*ask.request.messages, answer)), session)
            else:
                session.end_soon()

    # its login

    async def login(self) -> AsyncGenerator[LoginStep, None]:
        """Have a person log in with the agent itself, and wait until a session opens."""
        agent = await self._agent.get()
        methods = agent.told.auth_methods or ()
        command = log_in_command(methods, self._settings.command)
        yield LoginStep("run", log_in_action(methods, self._settings.command).text, command=command)
        for _ in range(_LOOKS):
            await asyncio.sleep(self._looks_every)
            await self._end_all()
            if (await self._look(await self._agent.get())).state == "ok":
                yield LoginStep("done", f"{self._name} opens a session")
                return
        raise refusal_of(RpcRefused("session/new", -32000, ""))

    async def logout(self) -> None:
        """Have the agent forget its login, where it can be told to."""
        agent = await self._agent.get()
        if not agent.told.logs_out:
            raise BridgeFault(
                "refused", f"{self._name} cannot be told to log out; do so with the agent itself"
            )
        try:
            await agent.ask("logout", {}, Raw)
        except RpcRefused as refused:
            raise refusal_of(refused) from None
        await self._end_all()

    async def answered(self, step: str) -> None:
        """Refuse: nothing is ever to be pasted here."""
        raise BridgeFault("refused", "this login is made with the agent itself; there is nothing to paste")

    async def close(self) -> None:
        """End the agent and every session of it."""
        await self._end_all()
        await self._agent.close()

    # details

    async def _start(self) -> Agent:
        program, *arguments = self._settings.command or ("",)
        wanted = self._settings.program or program
        path: Path | None = find_program(wanted, self._around.environ)
        if path is None:
            raise BridgeFault(
                "bridge_not_installed",
                f"the bridge {self._name} needs the program `{wanted}`, which is not on the path; install "
                "it, or say where it is as `command` in its table",
            )
        environ = scrubbed(self._around.environ)
        agent = await Agent.start(self._name, path, arguments, environ, self._around.tasks)
        info = agent.told.agent_info
        vendor = self._forbidding((info.name,) if info is not None else ())
        if vendor is not None:
            await agent.close()
            raise BridgeFault("bridge_disabled", self._disabled(vendor).reason)
        return agent

    async def _fresh(self) -> Agent:
        """Return the agent, or another in its place when it holds too much that nobody uses."""
        agent = await self._agent.get()
        if agent.worn and not self._running:
            await self._end_all()
            agent = await self._agent.get()
        return agent

    def _explained(self, fault: BridgeFault, agent: Agent) -> BridgeFault:
        """Return a fault with what helps, where the agent says that."""
        if fault.kind != "auth_required":
            return fault
        action = log_in_action(agent.told.auth_methods or (), self._settings.command)
        return BridgeFault(fault.kind, fault.message, action=action)

    async def _end_all(self) -> None:
        self._kept.clear()
        self._ahead = None
        await self._agent.end()

    def _forbidding(self, words: Sequence[str]) -> Vendor | None:
        """Return the vendor who suspends accounts for this, unless the owner has said to use it."""
        vendor = vendor_of(words)
        return vendor if vendor is not None and vendor.suspends and not self._settings.enabled else None

    def _disabled(self, vendor: Vendor) -> Health:
        told = f"{vendor.label}: {vendor.stance}"
        action = Action(f"if you take that on yourself, say `enabled = true` in the table of {self._name}")
        return Health("disabled", told, action)

    async def _look(self, agent: Agent) -> Health:
        """Say how an agent is, by whether a session of it opens."""
        task = self._open_ahead(agent)
        await asyncio.wait((task,))
        opened = task.result()
        if isinstance(opened, Session):
            return Health("ok", version=agent.version)
        fault = refusal_of(opened) if isinstance(opened, RpcRefused) else opened
        action = None
        if fault.kind == "auth_required":
            action = log_in_action(agent.told.auth_methods or (), self._settings.command)
            self._agent.renew_soon()
        return Health(fault.state or "error", fault.message, action, version=agent.version)

    def _open_ahead(self, agent: Agent) -> asyncio.Task[_Opened]:
        """Return the session that nobody uses yet, or is being opened; a new one when there is none."""
        task = self._ahead
        if task is None or (task.done() and not _is_of_use(task.result())):
            task = self._ahead = self._around.tasks.start(
                f"open a session of {self._name}", self._open(agent)
            )
        return task

    async def _open(self, agent: Agent) -> _Opened:
        try:
            session = await Session.open(agent, self._around.tasks)
        except (RpcRefused, BridgeFault) as refused:
            return refused
        self._models = session.models or self._models
        return session

    async def _take_ahead(self, agent: Agent) -> Session:
        """Return a session that is the caller's; RpcRefused or BridgeFault when none opens."""
        while True:
            task = self._open_ahead(agent)
            await asyncio.wait((task,))
            if self._ahead is task:
                self._ahead = None
                opened = task.result()
                if isinstance(opened, Session):
                    return opened
                raise opened.with_traceback(None)

    async def _session(self, agent: Agent, ask: Ask, words: Words) -> tuple[Session, bool]:
        """Return the session of the conversation, or one that has to be told of it."""
        before = answer_before(ask.request.messages)
        if before is not None and words.history:
            said = Message("assistant", (Text(before[1].strip()),))
            kept = self._kept.take(_key(ask, (*before[0], said)))
            if kept is not None and kept.alive:
                return kept, False
        try:
            session = await self._take_ahead(agent)
            await self._choose(session, ask.model)
        except RpcRefused as refused:
            raise refusal_of(refused) from None
        return session, True

    async def _choose(self, session: Session, model: str) -> None:
        """Switch to the model that is asked for; BridgeFault when the agent has none of that name."""
        if model == DEFAULT or (not session.models and (model in self._settings.models)):
            return
        if model not in dict(session.models):
            session.end_soon()
            offered = ", ".join(dict(session.models)) or DEFAULT
            raise BridgeFault(
                "refused",
                f"the agent {self._name} has no model {model!r}; it has {offered[:500]}",
                param="model",
            )
        await session.choose(model)


class _Telling:
    """Tells one turn."""

    def __init__(self, words: Words) -> None:
        self.over = False
        self._words = words
        self._said: list[str] = []
        self._thought = 0

    @property
    def text(self) -> str:
        """What was said so far."""
        return "".join(self._said)

    def take(self, heard: Chunk | PromptResult, session: Session) -> Sequence[Said]:
        """Return what a piece says, or the end; BridgeFault for an end without an answer."""
        if isinstance(heard, PromptResult):
            return self._end(heard, session)
        if heard.thought:
            self._thought += len(heard.text.encode())
            return (ThinkingDelta(heard.text),)
        self._said.append(heard.text)
        return (TextDelta(heard.text),)

    def _end(self, result: PromptResult, session: Session) -> Sequence[Said]:
        finish = _FINISHES.get(result.stop_reason)
        if finish is None:
            raise BridgeFault("bridge_disconnected", "the agent was stopped before its answer was complete")
        self.over = True
        return Measured(self._usage(result.used, session)), Finished(finish, native=result.stop_reason)

    def _usage(self, told: TokenUsage | None, session: Session) -> Usage:
        """Return what this turn used: the agent counts all turns of a session together, if it counts."""
        if told is None:
            output = estimate_tokens(len(self.text.encode()) + self._thought)
            return Usage(uncached=estimate_tokens(self._words.size), output=output, estimated=True)
        before, session.used = session.used, told
        if told.input_tokens < before.input_tokens or told.output_tokens < before.output_tokens:
            before = TokenUsage()  # this one counts each turn for itself
        read = (told.cached_read_tokens or 0) - (before.cached_read_tokens or 0)
        written = (told.cached_write_tokens or 0) - (before.cached_write_tokens or 0)
        counts = Told(
            sent=whole(told.input_tokens - before.input_tokens),
            made=whole(told.output_tokens - before.output_tokens),
            read=whole(read),
            write=whole(written),
            reasoning=whole((told.thought_tokens or 0) - (before.thought_tokens or 0)),
        )
        return normal(counts, caching="inside", reasoning="inside")


def _is_of_use(opened: _Opened) -> bool:
    return isinstance(opened, Session) and opened.alive


def _key(ask: Ask, messages: Sequence[Message]) -> str:
    return conversation(ask.model, ask.request, tuple(messages))
