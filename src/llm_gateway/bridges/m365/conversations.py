"""Conversations with Copilot over HTTP: begun, gone on with, and read as they are answered."""

import asyncio
from collections.abc import AsyncGenerator
from urllib.parse import quote

import msgspec

from llm_gateway.bridges.asking import Asking, Reply
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.m365.access import Access, Token
from llm_gateway.bridges.m365.prompt import Words, body_of
from llm_gateway.bridges.m365.refusals import Origin, service_refused
from llm_gateway.bridges.m365.snapshots import Conversation, Telling, payload, read_conversation
from llm_gateway.clock import Clock
from llm_gateway.upstream.answer import Answer, is_event_stream
from llm_gateway.wire.sse import EventTooLarge, SseSplitter

__all__ = ["Conversations", "Opened", "Turns"]

_JSON = b"application/json"
_STREAM = b"text/event-stream"
_LINGERS = 2.0  # for the end of a stream whose answer is complete
_TOO_MUCH = ("toomanyrequests", "activitylimitreached")


class Turns(msgspec.Struct, frozen=True):
    """What every turn says beside its words: the time zone, and whether the web may be searched."""

    zone: str
    web: bool


class Opened(msgspec.Struct, frozen=True):
    """A turn that is being answered; `anew` when the conversation did not exist before. To be released."""

    name: str
    answer: Answer
    anew: bool
    token: Token


class Conversations:
    """The conversations of one login."""

    def __init__(self, service: Asking, origin: Origin, access: Access, turns: Turns, clock: Clock) -> None:
        self._service = service
        self._origin = origin
        self._access = access
        self._turns = turns
        self._clock = clock

    async def open(self, words: Words, kept: str | None) -> Opened:
        """Ask in the kept conversation, or in a new one; a token that is refused is renewed, once."""
        token = await self._access.token()
        try:
            return await self._open(words, kept, token)
        except BridgeFault as fault:
            if fault.kind != "auth_required":
                raise
        return await self._open(words, kept, await self._access.token(token.secret))

    async def tell(self, opened: Opened, telling: Telling) -> AsyncGenerator[str, None]:
        """Read the answer; yield for each snapshot what is new in it, if anything is."""
        splitter, more = SseSplitter(), True
        while more:
            try:
                async with asyncio.timeout(_LINGERS if telling.complete else None):
                    data = await self._service.more(opened.answer)
                more = bool(data)
                events = splitter.feed(data) if more else [splitter.close()]
            except TimeoutError:
                break
            except EventTooLarge:
                raise _strange() from None
            except BridgeFault:
                if telling.complete:  # what broke was only the connection's end
                    break
                raise
            for event in events:
                if text := payload(event):
                    yield telling.feed(self._understood(text, opened.token))
        if not (telling.complete or telling.disengaged):
            raise BridgeFault(
                "bridge_disconnected",
                f"{self._origin.place.label} ended its answer before it was complete; ask again",
            )

    # details

    async def _open(self, words: Words, kept: str | None, token: Token) -> Opened:
        if kept is not None:
            answer = await self._ask(kept, words, token, history=False)
            if answer.status != 404:
                return Opened(kept, await self._checked(answer, token), anew=False, token=token)
            answer.release()  # the service does not know it any more: what was said goes along
        name = await self._begin(token)
        answer = await self._ask(name, words, token, history=True)
        return Opened(name, await self._checked(answer, token), anew=True, token=token)

    async def _begin(self, token: Token) -> str:
        """Begin a conversation; return its name."""
        path = self._origin.place.conversations
        reply = await self._service.read(await self._service.json(path, token.secret, b"{}", _JSON))
        if reply.status not in (200, 201):
            raise self._refused(reply, token)
        made = read_conversation(reply.body)
        if made is None or not made.id:
            raise _strange()
        return made.id

    async def _ask(self, name: str, words: Words, token: Token, *, history: bool) -> Answer:
        path = f"{self._origin.place.conversations}/{quote(name, safe='')}/chatOverStream"
        body = body_of(words, self._turns.zone, web=self._turns.web, history=history)
        return await self._service.json(path, token.secret, body, _STREAM)

    async def _checked(self, answer: Answer, token: Token) -> Answer:
        """Return an answer that is a stream; a fault for anything else."""
        if answer.status == 200 and is_event_stream(answer):
            return answer
        reply = await self._service.read(answer)
        if reply.status < 400:
            raise _strange()
        raise self._refused(reply, token)

    def _understood(self, text: bytes, token: Token) -> Conversation:
        """Read a snapshot; a fault when it is an error, or something that is not known here."""
        read = read_conversation(text)
        if read is None:
            raise _strange()
        if read.error is not None:
            status = 429 if (read.error.code or "").lower() in _TOO_MUCH else 500
            raise self._refused(Reply(status, [], text), token)
        return read

    def _refused(self, reply: Reply, token: Token) -> BridgeFault:
        now = self._clock.now_us() / 1_000_000
        return service_refused(reply, self._origin, token.scopes, now)


def _strange() -> BridgeFault:
    return BridgeFault(
        "bridge_failed",
        "Microsoft 365 Copilot answered in a form that is not known here; is there an update of the gateway?",
    )
