"""The bridge to GitHub Copilot: its CLI as a server, stripped to a plain model, with its user's own login.

docs.github.com, "Copilot SDK"; github/copilot-sdk. A conversation goes on in the session that it was in; when
that is gone, in a new one that is told all of it (`transcript.py`).
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from llm_gateway.bridges.contract import Ask, LoginStep, Turn
from llm_gateway.bridges.copilot.account import Account, Offer
from llm_gateway.bridges.copilot.answer import Telling
from llm_gateway.bridges.copilot.faults import not_logged_in, refused_session
from llm_gateway.bridges.copilot.login import log_in
from llm_gateway.bridges.copilot.plan import Plan, conversation_parts, plan_of, thinks
from llm_gateway.bridges.copilot.program import CLI, Program
from llm_gateway.bridges.copilot.runtime import Runtime
from llm_gateway.bridges.copilot.session import Manner, Session, new_id
from llm_gateway.bridges.copilot.transcript import request_id, written
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import BridgeModel, Health
from llm_gateway.bridges.resident import Resident
from llm_gateway.bridges.rpc import RpcRefused
from llm_gateway.bridges.sessions import Kept, conversation
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.events import Started
from llm_gateway.canonical.parts import Image, Text, ToolResult
from llm_gateway.canonical.request import Message, Reasoning, Request
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.dialects.bridge.stream import Lost

__all__ = ["CopilotBridge", "open_bridge"]

_START_SHOWS_AFTER = 0.5  # and a second for the quota: less than the two that whoever looks at it waits
_LOOKS = 30
_LOOKS_AGAIN = 15.0


def open_bridge(settings: BridgeSettings, around: Surroundings) -> "CopilotBridge":
    """Return the bridge; nothing is started yet."""
    return CopilotBridge(settings, around)


class CopilotBridge:
    """One person's GitHub Copilot; a login that is made by hand is looked for every so many seconds."""

    def __init__(
        self, settings: BridgeSettings, around: Surroundings, *, looks_every: float = _LOOKS_AGAIN
    ) -> None:
        self._models = settings.models
        self._looks_every = looks_every
        self._around = around
        self._program = Program(settings, around)
        self._server = Resident(CLI, self._start, around.tasks, around.clock)
        self._account = Account(around.clock)
        self._kept: Kept[Session] = Kept(around.clock, Session.end_soon)

    # how it is

    async def health(self) -> Health:
        """Ask the CLI, which is started for that; its start may take longer than one waits here."""
        try:
            async with asyncio.timeout(_START_SHOWS_AFTER):
                runtime = await self._server.get()
        except TimeoutError:
            return Health("starting", f"{CLI} is starting; the first time, that takes some seconds")
        try:
            try:
                health = await self._account.health(runtime)
            except BridgeFault:
                if runtime.alive:
                    raise
                health = await self._account.health(await self._server.get())  # a new one has taken its place
        except RpcRefused as refused:
            raise refused_session(refused, "") from None
        if health.state == "auth_required":
            self._server.renew_soon()
        return health

    async def models(self) -> tuple[BridgeModel, ...]:
        """Return what the account may use, or what is configured."""
        offers = await self._account.offers(await self._server.get())
        if not self._models:
            return tuple(offer.model for offer in offers)
        known = {offer.model.id: offer.model for offer in offers}
        return tuple(known.get(name) or BridgeModel(name) for name in self._models)

    # a turn

    async def turn(self, ask: Ask) -> Turn:
        """Answer one turn."""
        plan = plan_of(ask.request)
        manner, losses = _manner(ask, plan, self._account.offer(ask.model))
        runtime = await self._server.get()
        session, told = await self._begin(runtime, ask, plan, manner)
        telling, started, lasting = Telling(), False, False
        try:
            while not telling.over:
                for said in telling.take(await session.next()):
                    if not started:
                        started = True
                        yield Started(session.id, ask.model)
                        for loss in (*plan.losses, *losses, *told):
                            yield loss
                    yield said
            lasting = telling.lasting
        except BridgeFault as fault:
            raise await self._judged(fault, runtime) from None
        finally:
            if lasting:
                self._keep(ask, plan, telling, session)
            else:
                session.end_soon()

    # its login

    async def login(self) -> AsyncGenerator[LoginStep, None]:
        """Log in by a device code."""
        async with aclosing(log_in(self._program, self._around.tasks)) as steps:
            async for step in steps:
                if step.kind == "done":
                    await self._server.end()  # one that runs does not learn of it
                yield step
                if step.kind == "run":
                    await self._await_login()

    async def logout(self) -> None:
        """Have the CLI forget its login."""
        self._kept.clear()
        try:
            await self._account.log_out(await self._server.get())
        except RpcRefused:  # where there is no keychain, it fails to look for the login there
            await self._log_out_of_file()
        await self._server.end()

    async def answered(self, step: str) -> None:
        """Refuse: nothing is ever to be pasted here."""
        raise BridgeFault(
            "refused", "this login waits for its code at GitHub's page; there is nothing to paste"
        )

    async def close(self) -> None:
        """End the CLI and every session in it."""
        self._kept.clear()
        await self._server.close()

    # details

    async def _start(self) -> Runtime:
        return await Runtime.start(self._program, self._around.tasks)

    async def _await_login(self) -> None:
        """Wait until somebody has logged in by hand; BridgeFault when nobody does."""
        for _ in range(_LOOKS):
            await asyncio.sleep(self._looks_every)
            await self._server.end()
            if await self._account.logged_in(await self._server.get()):
                return
        raise not_logged_in()

    async def _log_out_of_file(self) -> None:
        runtime = await Runtime.start(self._program, self._around.tasks, keychain=False)
        try:
            await self._account.log_out(runtime)
        except RpcRefused:
            raise BridgeFault(
                "bridge_failed", f"{CLI} did not log out; `{self._program.command()}`, then /logout, does"
            ) from None
        finally:
            await runtime.close()

    async def _begin(
        self, runtime: Runtime, ask: Ask, plan: Plan, manner: Manner
    ) -> tuple[Session, tuple[Lost, ...]]:
        """Ask in the session that the conversation is in, or in one that is told all of it."""
        session = self._take(ask, plan)
        losses: tuple[Lost, ...] = ()
        try:
            if session is None:
                session = await self._open(runtime, plan, manner)
                losses = _forgotten(ask.request, plan)
            if plan.prompt is not None:
                await session.ask(plan.prompt, ask.request.format)
            else:
                await session.go_on(plan.results, session.waiting)
        except RpcRefused as refused:
            if session is not None:
                session.end_soon()
            raise refused_session(refused, ask.model) from None
        except BaseException:
            if session is not None:
                session.end_soon()
            raise
        return session, losses

    async def _open(self, runtime: Runtime, plan: Plan, manner: Manner) -> Session:
        if not plan.history:
            return await Session.open(runtime, manner, self._around.tasks)
        waiting = [result.call_id for result in plan.results]
        session_id = new_id()
        told = written(session_id, manner.model, plan.history, waiting, self._around.clock.now_us())
        session = await Session.open(runtime, manner, self._around.tasks, session_id, told)
        session.waiting = {call_id: request_id(call_id) for call_id in waiting}
        return session

    def _take(self, ask: Ask, plan: Plan) -> Session | None:
        """Return the session that the conversation is in, if it can go on as it is."""
        parts = conversation_parts(ask.request.messages)
        if parts is None:
            return None
        before, text, calls = parts
        session = self._kept.take(_key(ask, plan, before, text, calls))
        if session is None:
            return None
        results = {result.call_id for result in plan.results}
        if session.alive and session.waiting.keys() == results and _says_no_more(ask.request, plan):
            return session
        session.end_soon()
        return None

    def _keep(self, ask: Ask, plan: Plan, telling: Telling, session: Session) -> None:
        session.waiting = telling.waiting
        calls = tuple(sorted(telling.calls))
        self._kept.keep(_key(ask, plan, ask.request.messages, telling.text, calls), session)

    async def _judged(self, fault: BridgeFault, runtime: Runtime) -> BridgeFault:
        """Return the fault that it is: without a login, the CLI says nothing of it but that it failed."""
        if fault.kind != "bridge_unreachable" or not runtime.alive:
            return fault
        try:
            return fault if await self._account.logged_in(runtime) else not_logged_in()
        except (RpcRefused, BridgeFault):
            return fault


def _manner(ask: Ask, plan: Plan, offer: Offer | None) -> tuple[Manner, tuple[Lost, ...]]:
    """Return how the session is to answer, and what it cannot be told; BridgeFault for pictures in vain."""
    if offer is not None and offer.sees is False and _shows(ask.request.messages):
        raise BridgeFault(
            "refused",
            f"the model {ask.model} of GitHub Copilot sees no pictures; leave them out, or name another",
            param="images",
        )
    reasoning = ask.request.reasoning or Reasoning()
    losses = []
    effort = reasoning.effort or ""
    if effort and offer is not None and offer.efforts is not None and effort not in offer.efforts:
        losses.append(Lost("reasoning.effort", f"{ask.model} does not know the effort {effort}"))
        effort = ""
    if reasoning.budget is not None:
        losses.append(Lost("reasoning.budget", f"{CLI} decides that itself"))
    summary = {True: "detailed", False: "none", None: ""}[reasoning.shown]
    return Manner(ask.model, plan.system, plan.tools, effort, summary), tuple(losses)


def _forgotten(request: Request, plan: Plan) -> tuple[Lost, ...]:
    """Return what a session does not get that is told of a conversation instead of having been in it."""
    losses = []
    if thinks(plan.history):
        losses.append(Lost("messages.thinking", "the session is a new one: it is not told what was thought"))
    if plan.prompt is None and request.format is not None:
        losses.append(Lost("response_format", "the session is a new one: it goes on from results alone"))
    return tuple(losses)


def _shows(messages: Iterable[Message]) -> bool:
    for message in messages:
        for part in message.parts:
            inner = part.parts if isinstance(part, ToolResult) else (part,)
            if any(isinstance(each, Image) for each in inner):
                return True
    return False


def _says_no_more(request: Request, plan: Plan) -> bool:
    """Whether all that came after the model's answer is in the plan's prompt or results."""
    tail = 0
    for message in reversed(request.messages):
        if message.role != "user":
            break
        tail += len(message.parts)
    if plan.prompt is None:
        return tail == len(plan.results)
    return len(request.messages) > 1 and request.messages[-2].role == "assistant"


def _key(ask: Ask, plan: Plan, before: Iterable[Message], text: str, calls: tuple[str, ...]) -> str:
    """Return what tells a conversation after an answer: what was asked, and what was said and called.

    Whoever offers other tools is in another session, and blanks at the ends are nobody's.
    """
    offered = ",".join(sorted(tool.name for tool in plan.tools))
    answer = Message("assistant", (Text(text.strip()), *(Text(call) for call in calls), Text(offered)))
    return conversation(ask.model, ask.request, (*before, answer))
