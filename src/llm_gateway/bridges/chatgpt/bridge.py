"""The bridge to a ChatGPT plan by Sign in with ChatGPT: the public Responses API on a person's plan.

developers.openai.com, siwc/token-sharing-open-source: for open-source programs that people host themselves.
A registration is one person's; there is nothing to share.
"""

import asyncio
from collections.abc import AsyncGenerator

from llm_gateway.bridges.asking import Asking
from llm_gateway.bridges.chatgpt.accounts import Accounts
from llm_gateway.bridges.chatgpt.keeping import open_store
from llm_gateway.bridges.chatgpt.login import Login
from llm_gateway.bridges.chatgpt.models import Offer
from llm_gateway.bridges.chatgpt.places import places_of
from llm_gateway.bridges.chatgpt.reading import Reading
from llm_gateway.bridges.chatgpt.refusals import api_refused, failed, is_stale, limit_reached
from llm_gateway.bridges.chatgpt.request import encode_turn
from llm_gateway.bridges.chatgpt.session import Session
from llm_gateway.bridges.contract import Ask, LoginStep, Turn
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import Action, BridgeModel, Health
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.events import Failed, Finished
from llm_gateway.clock import Clock
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.dialects.bridge.stream import Lost
from llm_gateway.upstream.answer import Answer, is_event_stream
from llm_gateway.vault import Secret

__all__ = ["ChatgptBridge", "open_bridge"]

_EVENTS = b"text/event-stream"

_WHO = "OpenAI's API"
_HEALTH_WAITS = 1.5
_END_WAITS = 0.1
# The vendor does not say when a limit ends. For so long nobody asks, and for so long it is held to go on.
_ASKS_NOBODY = 30.0
_LIMIT_HOLDS = 900.0


def open_bridge(settings: BridgeSettings, around: Surroundings) -> "ChatgptBridge":
    """Return the bridge; nothing is asked or read yet. ConfigError for an address that is none."""
    places = places_of(around.environ)
    store = open_store(around.folder, around.environ)
    accounts = Accounts(places, around.upstream, around.clock)
    session = Session(store, accounts, around.clock, around.tasks)
    api = Asking(_WHO, around.upstream, places.api, settings.first_timeout)
    offer = Offer(api, session, around.clock, around.tasks)
    return ChatgptBridge(settings, api, session, offer, Login(store, accounts), around.clock)


class ChatgptBridge:
    """One person's ChatGPT plan."""

    def __init__(
        self,
        settings: BridgeSettings,
        api: Asking,
        session: Session,
        offer: Offer,
        login: Login,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._api = api
        self._session = session
        self._offer = offer
        self._login = login
        self._clock = clock
        self._refused: Secret | None = None
        self._limit: BridgeFault | None = None
        self._limited_at = 0.0

    # how it is

    async def health(self) -> Health:
        """Look at the sign-in, and now and then whether the plan lists its models."""
        try:
            self._check_sharing()
            async with asyncio.timeout(_HEALTH_WAITS):
                await self._session.tokens(self._refused)
        except TimeoutError:
            return Health("unreachable", f"OpenAI did not renew the sign-in within {_HEALTH_WAITS:g} seconds")
        except BridgeFault as fault:
            return _unwell(fault)
        try:
            async with asyncio.timeout(_HEALTH_WAITS / 3):
                await self._offer.look()
        except TimeoutError:
            pass  # slow is not broken; it goes on, and what it finds is told the next time
        if (wrong := self._limit_now(_LIMIT_HOLDS) or self._offer.fault) is not None:
            return _unwell(wrong)
        return Health("ok", verified="login_seen", account="ChatGPT plan")

    async def models(self) -> tuple[BridgeModel, ...]:
        """Return what the plan offers, or what was configured."""
        if self._settings.models:
            return tuple(BridgeModel(name) for name in self._settings.models)
        try:
            async with asyncio.timeout(_HEALTH_WAITS):
                await self._offer.look()
        except TimeoutError:
            pass
        return self._offer.models

    # a turn

    async def turn(self, ask: Ask) -> Turn:
        """Ask, and tell what comes; it is complete when OpenAI says so."""
        self._check_sharing()
        if (limit := self._limit_now(_ASKS_NOBODY)) is not None:
            raise limit
        written = encode_turn(ask)
        reading = Reading(frozenset(tool.name for tool in ask.request.tools))
        answer = await self._ask(written.body)
        try:
            told = False
            while not reading.complete:
                data = await self._api.more(answer)
                for event in reading.feed(data) if data else reading.close():
                    if isinstance(event, Failed):
                        raise self._noted(failed(event.kind))
                    if isinstance(event, Finished):
                        await self._drain(answer)
                        for loss in reading.losses:
                            yield Lost(loss.what, loss.why)
                    yield event
                    if not told:
                        told = True
                        for loss in written.losses:
                            yield Lost(loss.what, loss.why)
        finally:
            answer.release()
        self._limit = None

    # its sign-in

    async def login(self) -> AsyncGenerator[LoginStep, None]:
        """Sign in with ChatGPT, in a browser."""
        async for step in self._login.begin():
            yield step
        self._begin_anew()

    async def logout(self) -> None:
        """Sign out; a second time, forget the registration as well."""
        self._begin_anew()
        await self._login.end()

    async def answered(self, step: str) -> None:
        """Take the address at which the browser ended."""
        self._login.answered(step)

    async def close(self) -> None:
        """Wait for a renewal that runs."""
        await self._session.close()

    # details

    async def _ask(self, body: bytes) -> Answer:
        """Ask; once more with new tokens when these are not accepted, before anything has come."""
        tokens = await self._session.tokens(self._refused)
        answer = await self._api.json("responses", tokens.access, body, _EVENTS)
        if answer.status == 401:
            reply = await self._api.read(answer)
            if not is_stale(reply):
                raise self._noted(api_refused(reply, self._now()))
            self._refused = tokens.access
            tokens = await self._session.tokens(tokens.access)
            answer = await self._api.json("responses", tokens.access, body, _EVENTS)
        if answer.status != 200:
            raise self._noted(api_refused(await self._api.read(answer), self._now()))
        if not is_event_stream(answer):
            answer.release()
            raise BridgeFault(
                "bridge_failed", "OpenAI answered in a form that is not known here; is there an update?"
            )
        return answer

    async def _drain(self, answer: Answer) -> None:
        """Read the end of an answer, so that its connection serves the next one."""
        try:
            async with asyncio.timeout(_END_WAITS):
                while await self._api.more(answer):
                    pass
        except (TimeoutError, BridgeFault):
            pass  # all that counts is there

    def _noted(self, fault: BridgeFault) -> BridgeFault:
        """Take note of a limit."""
        if fault.kind == "rate_limited":
            self._limit, self._limited_at = fault, self._clock.monotonic()
        return fault

    def _limit_now(self, holds: float) -> BridgeFault | None:
        """Return the limit that is held to be reached; when the vendor said until when, until then."""
        if self._limit is None:
            return None
        until_us = self._limit.resets_us
        if until_us:
            left = (until_us - self._clock.now_us()) / 1_000_000
        else:
            left = self._limited_at + holds - self._clock.monotonic()
        if left <= 0:
            return None
        return limit_reached(left if until_us else None, self._now())

    def _check_sharing(self) -> None:
        if self._settings.share_with:
            raise BridgeFault(
                "bridge_disabled",
                "a registration with ChatGPT is one person's and must not be shared: take `share_with` out "
                "of bridges.chatgpt",
                action=Action("Take `share_with` out of bridges.chatgpt in gateway.toml."),
            )

    def _begin_anew(self) -> None:
        self._refused, self._limit = None, None
        self._offer.forget()

    def _now(self) -> float:
        return self._clock.now_us() / 1_000_000


def _unwell(fault: BridgeFault) -> Health:
    return Health(
        fault.state or "degraded",
        fault.message,
        fault.action,
        verified="login_seen" if fault.state in (None, "rate_limited") else "none",
        resets_us=fault.resets_us,
    )
