"""The bridge to Microsoft 365 Copilot: by Microsoft Graph or Work IQ, with a person's own login.

MicrosoftDocs/m365copilot-docs, docs/api/ai-services/chat and docs/work-iq/rest. It is asked as the person,
finds what the person may see, and answers in text. It has one model, whose name is ours.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Literal

from llm_gateway.bridges.asking import Asking, Reply
from llm_gateway.bridges.contract import Ask, LoginStep, Turn
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import BridgeModel, Health
from llm_gateway.bridges.m365.access import CLIENT_ID, Access
from llm_gateway.bridges.m365.conversations import Conversations, Opened, Turns
from llm_gateway.bridges.m365.identity import Identity
from llm_gateway.bridges.m365.login import Login
from llm_gateway.bridges.m365.places import login_endpoint, place_of
from llm_gateway.bridges.m365.prompt import Words, time_zone, words_of
from llm_gateway.bridges.m365.refusals import Origin, service_refused
from llm_gateway.bridges.m365.snapshots import Telling
from llm_gateway.bridges.sealed import SealedFile
from llm_gateway.bridges.sessions import Kept, conversation
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.events import Finished, Measured, Started, TextDelta
from llm_gateway.canonical.parts import Text
from llm_gateway.canonical.request import Message
from llm_gateway.canonical.usage import Usage, estimate_tokens
from llm_gateway.clock import Clock
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.dialects.bridge.stream import Lost
from llm_gateway.errors import ConfigError
from llm_gateway.providers.endpoint import Endpoint
from llm_gateway.vault import load_master_key

__all__ = ["MODEL", "M365Bridge", "open_bridge"]

MODEL = "m365-copilot"

_MASTER = "LLM_GATEWAY_MASTER_KEY_FILE"
_LOGIN_WAITS = 10.0
_HEALTH_WAITS = 1.5
_KEPT = 64  # conversations are the service's; here is a name of each


def open_bridge(settings: BridgeSettings, around: Surroundings) -> "M365Bridge":
    """Return the bridge; nothing is asked or read yet. An address that is none is told by its state."""
    wrong, environ = "", around.environ
    try:
        place, login_at = place_of(settings.backend, environ), login_endpoint(environ)
    except ConfigError as error:
        wrong = str(error)
        place, login_at = place_of(settings.backend, {}), login_endpoint({})
    origin = Origin(place, settings.tenant, environ.get(CLIENT_ID, "").strip())
    service = Asking(place.label, around.upstream, place.endpoint, settings.first_timeout)
    access = Access(environ, _login(origin, login_at, around), around.clock, wrong)
    turns = Turns(time_zone(environ), settings.web)
    return M365Bridge(
        settings, origin, access, Conversations(service, origin, access, turns, around.clock), around.clock
    )


def _login(origin: Origin, at: Endpoint, around: Surroundings) -> Login | None:
    """Return the login of the app that is configured; its tokens rest in the bridge's own folder."""
    if not origin.client_id:
        return None
    who = "Microsoft's identity platform"
    asking = Asking(who, around.upstream, at, _LOGIN_WAITS)
    named = around.environ.get(_MASTER)
    file = SealedFile(
        around.folder / "login.sealed",
        "m365-copilot login",
        lambda: load_master_key(around.folder, Path(named) if named else None, make=True),
    )
    app = f"{origin.client_id} {origin.tenant} {origin.place.backend}"
    return Login(app, Identity(asking, origin, around.clock), file, around)


class M365Bridge:
    """One person's Microsoft 365 Copilot."""

    def __init__(
        self,
        settings: BridgeSettings,
        origin: Origin,
        access: Access,
        conversations: Conversations,
        clock: Clock,
    ) -> None:
        self._models = settings.models or (MODEL,)
        self._origin = origin
        self._access = access
        self._conversations = conversations
        self._clock = clock
        self._kept: Kept[str] = Kept(clock, lambda _: None, most=_KEPT)
        self._throttled: BridgeFault | None = None

    # how it is

    async def health(self) -> Health:
        """Look at the login; Microsoft is asked only when that has to be renewed."""
        try:
            self._check_throttled()
            async with asyncio.timeout(_HEALTH_WAITS):
                token = await self._access.token()
        except TimeoutError:
            reason = f"Microsoft's identity platform did not answer within {_HEALTH_WAITS:g} seconds"
            return Health("unreachable", reason)
        except BridgeFault as fault:
            verified: Literal["none", "login_seen"] = "login_seen" if fault.kind == "rate_limited" else "none"
            return Health(
                fault.state or "error",
                fault.message,
                fault.action,
                verified=verified,
                resets_us=fault.resets_us,
            )
        if self._origin.place.missing(token.scopes):
            lacking = service_refused(Reply(403, [], b""), self._origin, token.scopes, 0.0)
            return Health("not_entitled", lacking.message, lacking.action)
        until = f", access token until {token.until}" if token.until else ""
        account = f"Microsoft 365 Copilot ({self._origin.place.name}){until}"
        return Health("ok", verified="login_seen", account=account)

    async def models(self) -> tuple[BridgeModel, ...]:
        """Return the one model there is, or the names that were configured for it."""
        return tuple(BridgeModel(name, "Microsoft 365 Copilot") for name in self._models)

    # a turn

    async def turn(self, ask: Ask) -> Turn:
        """Ask Copilot, and tell what it says as it says it."""
        self._check_throttled()
        words = words_of(ask.request)
        kept = self._kept.take(conversation(ask.model, ask.request, words.before)) if words.history else None
        opened = await self._open(words, kept)
        telling = Telling(words.prompt, whole=not ask.request.stream)
        started = False
        try:
            async with aclosing(self._conversations.tell(opened, telling)) as pieces:
                async for told in pieces:
                    if not started:
                        started = True
                        yield Started(opened.name, ask.model)
                        if opened.anew and words.history:
                            yield Lost("messages", "it takes no history: what was said goes along as context")
                    # Without more text, a sign of life for who waits.
                    yield TextDelta(told) if told else Measured(_usage(words, telling))
        finally:
            opened.answer.release()
        rest, rewritten = telling.close()
        if not (telling.told or telling.disengaged):
            raise _mute()
        if rewritten:
            yield Lost(
                "content",
                "it wrote anew what was told already: the whole answer follows in a block of its own",
            )
        if rest:
            yield TextDelta(rest, new=rewritten)
        yield Measured(_usage(words, telling))
        if telling.disengaged:
            yield Finished("content_filter", native="disengagedForRai")
            return
        said = (*ask.request.messages, Message("assistant", (Text(telling.told),)))
        self._kept.keep(conversation(ask.model, ask.request, said), opened.name)
        yield Finished("stop")

    # its login

    async def login(self) -> AsyncGenerator[LoginStep, None]:
        """Log in by a device code."""
        async with aclosing(self._access.begin()) as steps:
            async for step in steps:
                yield step

    async def logout(self) -> None:
        """Forget the login."""
        self._kept.clear()
        self._access.end()

    async def answered(self, step: str) -> None:
        """Refuse: nothing is ever to be pasted here."""
        raise BridgeFault(
            "refused", "this login waits for its code at Microsoft's page; there is nothing to paste"
        )

    async def close(self) -> None:
        """Let go of the conversations, and wait for a login that is being renewed."""
        self._kept.clear()
        await self._access.close()

    # details

    async def _open(self, words: Words, kept: str | None) -> Opened:
        """Ask; take note of it when Copilot wants to be left alone for a while."""
        try:
            return await self._conversations.open(words, kept)
        except BridgeFault as fault:
            if fault.kind == "rate_limited" and fault.resets_us:
                self._throttled = fault
            raise

    def _check_throttled(self) -> None:
        """Ask nobody who has said when to ask again: each try before that makes it later."""
        fault = self._throttled
        if fault is None:
            return
        left = (fault.resets_us - self._clock.now_us()) / 1_000_000
        if left <= 0:
            self._throttled = None
            return
        told = f"Microsoft has asked for a pause; ask again in {left:.0f} seconds"
        raise BridgeFault("rate_limited", told, retry_after=left, resets_us=fault.resets_us)


def _usage(words: Words, telling: Telling) -> Usage:
    """Estimate: nobody counts. What went in is the conversation, whoever remembers it."""
    return Usage(uncached=estimate_tokens(words.size), output=estimate_tokens(telling.size), estimated=True)


def _mute() -> BridgeFault:
    return BridgeFault(
        "bridge_failed",
        "Microsoft 365 Copilot answered without a text; when its licence is new, half an hour may pass until "
        "it does",
    )
