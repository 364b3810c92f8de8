"""Responses that are kept, by this gateway for keys that keep content, and requests that go on from one.

Upstreams get a conversation whole, so what is kept here can be gone on from over any of them. What is not may
be with the default provider. All callers ask a provider with one key: what it keeps for one it would show to
any, so the configuration has to name it.
"""

import sys
from collections.abc import Coroutine
from functools import partial
from typing import Protocol

import msgspec
from msgspec import Raw

from llm_gateway.content.content import Content
from llm_gateway.dialects.contract import Call
from llm_gateway.errors import BodyTooLarge, MalformedRequest, UnknownResponse
from llm_gateway.pipeline.authenticate import Identity
from llm_gateway.pipeline.handle import Admitted, Gateway
from llm_gateway.pipeline.sender import Sender
from llm_gateway.providers.names import Target
from llm_gateway.server.answered import Answered, read_response
from llm_gateway.server.conversation import Items, as_input, input_items
from llm_gateway.server.references import ids_of, looked_up, refers
from llm_gateway.wire.jsonedit import Document, MalformedJson
from llm_gateway.wire.sse import SseSplitter, event_data

__all__ = ["KIND", "Admitting", "KeptResponse", "KeptResponses", "not_kept", "read_kept"]

KIND = "response"
"""What responses are called among content."""

_MAX_ID = 256
_OPERATION = "responses"
_PREVIOUS = "previous_response_id"
_TURN_ON = "`llm-gateway keys keep NAME DAYS` keeps those of a key from then on"
_OPENED = (
    "Those that a provider keeps are reached when `server.default_provider` names one that speaks `responses`"
)

_text = msgspec.json.Decoder(str)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError)


class KeptResponse(msgspec.Struct, frozen=True, array_like=True):
    """A response object as the client got it, and the conversation that led to it as the list of an input."""

    response: bytes
    input: bytes

    def conversation(self) -> Items:
        """Return the whole conversation, the answer included."""
        return input_items(Raw(self.input)) + self.output()

    def output(self) -> Items:
        """Return the items of the answer."""
        response = read_response(self.response)
        return tuple(map(bytes, response.output)) if response is not None else ()


_kept = msgspec.msgpack.Decoder(KeptResponse)


def read_kept(payload: bytes) -> KeptResponse:
    """Read what was kept."""
    return _kept.decode(payload)


def not_kept(identity: Identity) -> str:
    """Return what to say to whoever asks for a response by an id that is not kept for it.

    Whether it never was, is no longer, or is another key's, is not told apart.
    """
    if identity.keep_days:
        return "no response of this id is kept for this key: it never was, was deleted, or its time is over"
    return (
        "responses are not kept for this key, so none can be fetched, deleted or cancelled by its id: send "
        f"the whole conversation in `input`. {_TURN_ON}. {_OPENED}"
    )


class Admitting(Protocol):
    """What a WebSocket needs of those who keep responses."""

    def admit(
        self, call: Call, sender: Sender, previous: Raw | None = None
    ) -> Coroutine[object, object, Admitted] | None:
        """Look at a request; `previous` names the answer that its input goes on from already."""
        ...

    async def history(self, identity: Identity, response_id: str) -> Items | None:
        """Return the conversation up to an answer and with it, None when it is not kept for this caller."""
        ...


class KeptResponses:
    """Who keeps responses: `content`, for the keys that say so, and the default provider."""

    def __init__(self, gateway: Gateway, content: Content | None = None, default_provider: str = "") -> None:
        self._gateway = gateway
        self._content = content
        self._default = default_provider

    async def find(self, identity: Identity, response_id: str) -> KeptResponse | None:
        """Return a response that is kept for a caller, None where there is none of this id."""
        if self._content is None or len(response_id) > _MAX_ID:
            return None
        payload = await self._content.fetch(identity.kept_under, KIND, response_id)
        return None if payload is None else read_kept(payload)

    async def history(self, identity: Identity, response_id: str) -> Items | None:
        """Return the conversation up to an answer and with it, None when it is not kept for this caller."""
        kept = await self.find(identity, response_id)
        return None if kept is None else kept.conversation()

    async def delete(self, identity: Identity, response_id: str) -> bool:
        """Delete a response of a caller; False where there is none of this id."""
        if self._content is None or len(response_id) > _MAX_ID:
            return False
        return await self._content.delete(identity.kept_under, KIND, response_id)

    def admit(
        self, call: Call, sender: Sender, previous: Raw | None = None
    ) -> Coroutine[object, object, Admitted] | None:
        """Look at a request: one that goes on from a kept answer gets its conversation, some are kept.

        `previous` names the answer that its input goes on from already, where it does.
        """
        fields = call.document.fields
        if _is_given(fields.get("conversation")):
            if self._is_with_provider():
                return None
            raise MalformedRequest(
                "`conversation` names what is not kept here: send its items in `input`, or go on from an "
                f"answer by `{_PREVIOUS}`. {_OPENED}",
                param="conversation",
            )
        may_keep = bool(sender.caller.identity.keep_days) and self._content is not None
        keeps = may_keep and _is_stored(call)
        if (
            not keeps
            and not _is_given(fields.get(_PREVIOUS))
            and not (may_keep and refers(fields.get("input")))
        ):
            return None
        return self._admitted(call, sender.caller.identity, previous, keeps=keeps)

    async def _admitted(
        self, call: Call, identity: Identity, previous: Raw | None, *, keeps: bool
    ) -> Admitted:
        fields = call.document.fields
        items = before = input_items(fields.get("input"))
        if identity.keep_days and refers(fields.get("input")):
            items = await looked_up(items, partial(self._beside, identity))
        named = fields.get(_PREVIOUS)
        document = call.document
        if named is not None and _is_given(named):
            history = await self.history(identity, _word(named))
            if history is None:
                if self._is_with_provider():
                    return call, None  # what led to its answer is not known here, so that is not kept
                raise _unknown(identity)
            items = history + items
            previous = named
        if items != before:
            document = self._expanded(document, items)
        said: dict[str, Raw] = {_PREVIOUS: previous} if previous is not None else {}
        if keeps:
            said["store"] = Raw(b"true")
        witness = _Keeping(self._content, identity, items, previous) if keeps and self._content else None
        return msgspec.structs.replace(call, document=document, said=said), witness

    async def _beside(self, identity: Identity, item_id: str) -> Items:
        """Return the items of the kept answer that has one of this id."""
        if self._content is None:
            return ()
        payload = await self._content.fetch_named(identity.kept_under, KIND, item_id)
        return () if payload is None else read_kept(payload).output()

    def _expanded(self, document: Document, items: Items) -> Document:
        most = self._gateway.max_body
        body = document.edit({"input": as_input(items)}, remove=(_PREVIOUS,))
        if len(body) > most:
            raise BodyTooLarge(
                f"the request with the conversation that it goes on from is over {most} bytes "
                "(server.max_body_bytes)"
            )
        return Document.parse(body)

    def _is_with_provider(self) -> bool:
        """Whether the default provider can be asked for what is not kept here."""
        default = self._default
        return bool(default) and self._gateway.router.onward(Target(default, ""), ("responses",)) is not None


class _Keeping:
    """Keep one answer with the conversation that led to it, before its client has its end."""

    def __init__(self, content: Content, identity: Identity, items: Items, previous: Raw | None) -> None:
        self._content = content
        self._identity = identity
        self._items = items
        self._previous = previous
        self._answered = Answered()
        self._splitter = SseSplitter(sys.maxsize)  # the meter before it has a bound for events

    def whole(self, body: bytes) -> None:
        """See an answer in one piece, which holds events where a stream was asked for and none came."""
        if body.lstrip().startswith(b"{"):
            self._answered.whole(body)
        else:
            self.piece(body)

    def piece(self, data: bytes) -> None:
        """See the next piece of a stream."""
        splitter = self._splitter
        for event in (data,) if splitter.is_event(data) else splitter.feed(data):
            self._note(event)

    def _note(self, event: bytes) -> None:
        if b".delta" not in event[:80] and (text := event_data(event)).startswith(b"{"):
            self._answered.note(text)

    async def ended(self) -> None:
        """Keep the answer, if it is one that can be gone on from."""
        answered, identity = self._answered, self._identity
        self._note(self._splitter.close())  # a last event without the blank line that ends it
        if not 0 < len(answered.response_id) <= _MAX_ID:
            return
        try:
            document = Document.parse(answered.response)
        except MalformedJson:
            return
        # Its provider knows nothing of what is kept here; the client has the answer as the provider gave it.
        changes = {_PREVIOUS: bytes(self._previous or b"null"), "store": b"true"}
        if answered.output and bytes(document.fields.get("output", b"")) in (b"", b"[]", b"null"):
            changes["output"] = as_input(tuple(answered.output))
        kept = KeptResponse(document.edit(changes), as_input(self._items))
        payload = msgspec.msgpack.encode(kept)
        names = ids_of(answered.output)
        await self._content.keep(
            identity.kept_under, KIND, answered.response_id, payload, identity.keep_days, names
        )


def _unknown(identity: Identity) -> MalformedRequest | UnknownResponse:
    if identity.keep_days:
        return UnknownResponse(
            f"`{_PREVIOUS}`: {not_kept(identity)}; send the whole conversation in `input`", param=_PREVIOUS
        )
    return MalformedRequest(
        f"`{_PREVIOUS}` goes on from what is not kept here: send the conversation in `input`. {_TURN_ON}. "
        f"{_OPENED}",
        param=_PREVIOUS,
    )


def _is_given(raw: Raw | None) -> bool:
    return raw is not None and bytes(raw) not in (b"null", b'""')


def _is_stored(call: Call) -> bool:
    return call.operation == _OPERATION and bytes(call.document.fields.get("store", b"")) != b"false"


def _word(raw: Raw) -> str:
    try:
        return _text.decode(raw)
    except _UNREADABLE:
        raise MalformedRequest(f"`{_PREVIOUS}` must be a string", param=_PREVIOUS) from None
