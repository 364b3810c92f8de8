"""The WebSocket form of OpenAI's Responses: each `response.create` is a request through the pipeline.

Requests of one connection are answered one after another. An answer made on a connection can be gone on
from by `previous_response_id`: the conversation is kept here and sent whole, because upstreams keep none.
Read: developers.openai.com, "WebSocket mode"; openai/codex, codex-api/src/endpoint/responses_websocket.rs.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from msgspec import Raw

from llm_gateway.dialects.contract import Path
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import Draining, GatewayError, MalformedRequest, UnknownResponse, UpgradeRefused
from llm_gateway.http.carrier import VERSION
from llm_gateway.http.exchange import Exchange, Memo
from llm_gateway.pipeline.handle import Gateway, handle
from llm_gateway.pipeline.relay import refuse
from llm_gateway.pipeline.sender import Sender, sender_of
from llm_gateway.server.conversation import Items, as_input, input_items, stands_alone
from llm_gateway.server.kept_responses import Admitting
from llm_gateway.server.routes import Answering
from llm_gateway.server.socket_memory import Memory
from llm_gateway.server.socket_turn import SocketTurn, error_message
from llm_gateway.wire.headers import Headers
from llm_gateway.wire.jsonedit import Document, MalformedJson

if TYPE_CHECKING:
    from llm_gateway.http.websocket import WebSocket

__all__ = ["ResponsesSocket", "responses_sockets"]

_MAX_ID = 256
_RESPONSES = DIALECTS["responses"]
_OPERATION = Path("responses")
# Of the envelope, not of the request.
_ENVELOPE = ("type", "generate", "previous_response_id", "stream_id")
# Of the handshake, or said anew for each request.
_NOT_OF_REQUESTS = frozenset((b"accept", b"content-type", b"content-encoding", b"expect"))
_HEADERS: Headers = [(b"content-type", b"application/json"), (b"accept", b"text/event-stream")]
_STREAM = b"true"
_NO_USAGE = {
    "input_tokens": 0,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 0,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 0,
}

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError)
_text = msgspec.json.Decoder(str)
_encode = msgspec.json.encode


def responses_sockets(gateway: Gateway, kept: Admitting) -> Mapping[bytes, Answering]:
    """Return who answers an upgrade on which path. `kept` are the responses that requests may go on from."""
    answer = ResponsesSocket(gateway, kept).answer
    return dict.fromkeys((b"/v1/responses", b"/responses", b"/v1/v1/responses"), answer)


class ResponsesSocket:
    """Answer upgrades to WebSockets that speak Responses."""

    def __init__(self, gateway: Gateway, kept: Admitting) -> None:
        self._gateway = gateway
        self._kept = kept

    async def answer(self, exchange: Exchange, _: str) -> None:
        """Accept an upgrade whose sender is known, and answer requests until either side closes."""
        gateway = self._gateway
        sender_of(exchange, gateway.keys, gateway.clock)
        try:
            socket = exchange.accept_websocket()
        except UpgradeRefused as error:
            gateway.metrics.refused(error.kind)
            refuse(exchange, _RESPONSES, error, b"sec-websocket-version: %b\r\n" % VERSION)
            return
        # What is longer could not be sent, either.
        talk = _Talk(gateway, self._kept, socket, exchange.headers, Memory(gateway.max_body))
        while (message := await socket.receive()) is not None:
            await talk.hear(message)
            if socket.blocked:  # who takes no answers gets no more of them
                await socket.drain()
        await socket.close(socket.farewell, "open another one to go on")


class _Talk:
    """What is said on one connection."""

    def __init__(
        self, gateway: Gateway, kept: Admitting, socket: "WebSocket", headers: Headers, memory: Memory
    ) -> None:
        self._gateway = gateway
        self._kept = kept
        self._socket = socket
        self._headers = _request_headers(headers)
        self._memo = Memo()
        self._memory = memory

    async def hear(self, message: bytes) -> None:
        """Answer one message."""
        lane = b""
        try:
            try:
                document = Document.parse(message)
            except MalformedJson as error:
                raise MalformedRequest(str(error)) from None
            fields = document.fields
            lane = _lane(fields.get("stream_id"))
            match _word(fields.get("type"), "type"):
                case "response.create":
                    await self._create(document, lane)
                case "response.steer":
                    self._socket.send(_unsteered(fields))
                case "response.processed":
                    pass  # Codex says that it has read an answer; nobody waits for a word on that
                case _:
                    raise MalformedRequest("`type` must be `response.create`", param="type")
        except GatewayError as error:
            self._gateway.metrics.refused(error.kind)
            self._socket.send(error_message(error, _RESPONSES, lane))

    async def _create(self, document: Document, lane: bytes) -> None:
        fields = document.fields
        previous = fields.get("previous_response_id")
        history = await self._history(previous, lane)
        items = (*history, *input_items(fields.get("input")))
        if bytes(fields.get("generate", b"")) == b"false":
            self._warm_up(fields, items, lane)
            return
        changes = {"stream": _STREAM}
        if history:
            changes["input"] = as_input(items)
        request = document.edit(changes, remove=_ENVELOPE)
        turn = SocketTurn(self._socket, _RESPONSES, request, self._headers, self._memo, lane)
        admit = partial(self._kept.admit, previous=previous if history else None)
        try:
            await handle(turn, self._gateway, _RESPONSES, _OPERATION, admit)
        except asyncio.CancelledError as why:
            if Draining.is_why(why) and not turn.started:
                self._socket.send(error_message(Draining.cut(), _RESPONSES, lane))
            raise
        if turn.response_id:
            stored = bytes(fields.get("store", b"")) != b"false"
            output = tuple(item for item in turn.output if stored or stands_alone(item))
            self._memory.keep(turn.response_id, items + output)

    async def _history(self, raw: Raw | None, lane: bytes) -> Items:
        """Return the conversation that a request goes on from: of this connection, else kept for the key."""
        if raw is None or bytes(raw) in (b"null", b'""'):
            return ()
        response_id = _word(raw, "previous_response_id")
        history = self._memory.recall(response_id)
        if history is None:
            history = await self._kept.history(self._sender(lane).caller.identity, response_id)
        if history is None:
            raise UnknownResponse(
                "`previous_response_id` names no answer of this connection, or one that had to be forgotten: "
                f"a connection keeps its last {self._memory.most} bytes of conversation and no other one's; "
                "send the whole input without it, or let the key keep its content",
                param="previous_response_id",
            )
        return history

    def _sender(self, lane: bytes) -> Sender:
        """Return who sends now: keys change while a connection is open."""
        turn = SocketTurn(self._socket, _RESPONSES, b"", self._headers, self._memo, lane)
        return sender_of(turn, self._gateway.keys, self._gateway.clock)

    def _warm_up(self, fields: dict[str, Raw], items: Items, lane: bytes) -> None:
        """Answer a request that is to generate nothing: there is nothing here to warm, only input to keep."""
        gateway = self._gateway
        turn = SocketTurn(self._socket, _RESPONSES, b"", self._headers, self._memo, lane)
        sender_of(turn, gateway.keys, gateway.clock)
        response = {
            "id": f"resp_{gateway.ledger.new_id()}",
            "object": "response",
            "created_at": gateway.clock.now_us() // 1_000_000,
            "status": "completed",
            "error": None,
            "incomplete_details": None,
            "model": _word(fields.get("model"), "model"),
            "output": [],
            "usage": _NO_USAGE,
        }
        self._memory.keep(str(response["id"]), items)
        turn.respond(200, b"", _encode(response))


def _request_headers(headers: Headers) -> Headers:
    """Return the headers that each request of a connection has: the handshake's, but for what opened it."""
    kept: Headers = []
    for name, value in headers:
        if name in _NOT_OF_REQUESTS or name.startswith(b"sec-websocket-"):
            continue
        if name == b"openai-beta":
            betas = [beta.strip() for beta in value.split(b",")]
            value = b", ".join(beta for beta in betas if not beta.startswith(b"responses_websockets"))
            if not value:
                continue
        kept.append((name, value))
    return kept + _HEADERS


def _word(raw: Raw | None, key: str) -> str:
    if raw is None:
        raise MalformedRequest(f"`{key}` is missing: it must be a string", param=key)
    try:
        return _text.decode(raw)
    except _UNREADABLE:
        raise MalformedRequest(f"`{key}` must be a string", param=key) from None


def _lane(raw: Raw | None) -> bytes:
    """Return the lane of a request as JSON text; lanes are told apart in answers, and not served at once."""
    if raw is None:
        return b""
    if not 0 < len(_word(raw, "stream_id")) <= _MAX_ID:
        raise MalformedRequest(
            f"`stream_id` must be a string of 1 to {_MAX_ID} characters", param="stream_id"
        )
    return bytes(raw)


def _unsteered(fields: dict[str, Raw]) -> bytes:
    """Return the message that input for a running answer cannot be taken, and give it back."""
    steer = {key: fields[key] for key in ("input", "previous_response_id") if key in fields}
    error = {
        "type": "invalid_request_error",
        "code": "steering_not_supported",
        "message": "an answer cannot be steered here; send the input with the next `response.create`",
    }
    event = {"type": "response.steer.failed", "sequence_number": 0, "steer": steer, "error": error}
    return _encode(event)
