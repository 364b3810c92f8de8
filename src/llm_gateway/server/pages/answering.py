"""A question that a page asks a model: through the pipeline like any client's, accounted to the dashboard.

Who asks is known by the page's session, not by a key. What was asked and answered is kept nowhere here and is
in no log; what it used and cost is read back from the ledger.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from llm_gateway.canonical.events import Event, Failed, RefusalDelta, TextDelta, ThinkingDelta
from llm_gateway.canonical.parts import Refusal, Text, Thinking
from llm_gateway.clients.fingerprints import DASHBOARD_CLIENT
from llm_gateway.dialects.contract import Path
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import BodyTooLarge, GatewayError
from llm_gateway.http.exchange import Memo
from llm_gateway.ledger.queries import turn
from llm_gateway.ledger.records import Purpose
from llm_gateway.pipeline.authenticate import Credential, Identity
from llm_gateway.pipeline.handle import Gateway, handle
from llm_gateway.pipeline.sender import Sender
from llm_gateway.pipeline.turn import Caller
from llm_gateway.server.views import RequestView, request_view
from llm_gateway.wire.headers import Headers

__all__ = ["CALLER", "Answered", "Heard", "Question", "Said", "Sent", "Taking", "answer"]

CALLER = "dashboard"
"""To whom the questions of pages are accounted."""

_ID = b"x-llm-gateway-request-id: "
_HEADERS: Headers = [(b"content-type", b"application/json"), (b"accept", b"text/event-stream")]

Heard = Callable[[str, bool], None]
"""Hear a piece of an answer, and whether it is thinking."""


class Said(msgspec.Struct, frozen=True):
    """One thing that was said."""

    role: Literal["system", "user", "assistant"]
    content: str


class Question(msgspec.Struct, frozen=True):
    """What is asked of a model. `options` are further members of the request, such as `temperature`."""

    model: str
    messages: Sequence[Said]
    purpose: Purpose = "playground"
    stream: bool = True
    options: Mapping[str, bool | int | float | str] = {}


class Sent(msgspec.Struct, frozen=True):
    """A request as it is sent, in any dialect, such as one that was sent before."""

    body: bytes
    dialect: str = "chat"
    operation: str = "chat/completions"
    purpose: Purpose = "playground"
    label: str = ""


class Answered(msgspec.Struct, frozen=True):
    """What came of it. `error` is "" where all went well; `request` is its row, None where there is none."""

    text: str
    thinking: str
    status: int
    error: str
    request_id: str
    request: RequestView | None


class Taking(Protocol):
    """Whoever an answer is passed on to while it is made."""

    @property
    def blocked(self) -> bool:
        """Return whether they are slower than we are."""
        ...

    async def drain(self) -> None:
        """Wait until they take more."""
        ...


async def answer(
    gateway: Gateway, question: Question | Sent, heard: Heard | None = None, taking: Taking | None = None
) -> Answered:
    """Ask, and return the whole answer. `heard` gets each piece as it comes, `taking` may slow them down.

    Whoever waits for it no longer cancels it, and then the model is asked no longer either.
    """
    sent = question if isinstance(question, Sent) else Sent(_body(question), purpose=question.purpose)
    asking = _Asking(sent, _sender(gateway, sent), heard, taking)
    await handle(asking, gateway, DIALECTS[sent.dialect], Path(sent.operation))
    found = await gateway.ledger.read(turn, asking.request_id) if asking.request_id else None
    return Answered(
        "".join(asking.text),
        "".join(asking.thinking),
        asking.status,
        asking.error,
        asking.request_id,
        None if found is None else request_view(found),
    )


def _sender(gateway: Gateway, sent: Sent) -> Sender:
    identity = Identity("", CALLER, client=DASHBOARD_CLIENT)
    caller = Caller(identity, DASHBOARD_CLIENT, purpose=sent.purpose, told_by="session", label=sent.label)
    return Sender(caller, Credential(identity, b""), gateway.keys.changes, b"", b"")


def _body(question: Question) -> bytes:
    fields: dict[str, object] = dict(question.options)
    fields |= {"model": question.model, "messages": list(question.messages), "stream": question.stream}
    return msgspec.json.encode(fields)


class _Asking:
    """The question as a request, whose answer is read here."""

    def __init__(self, sent: Sent, sender: Sender, heard: Heard | None, taking: Taking | None) -> None:
        self._body = sent.body
        self._heard = heard
        self._taking = taking
        self._dialect = DIALECTS[sent.dialect]
        self._decoder = self._dialect.decoder()
        self.method = b"POST"
        self.target = f"/v1/{sent.operation}".encode()
        self.headers = _HEADERS
        self.memo = Memo()
        self.memo.sender = sender
        self.started = False
        self.bytes_out = 0
        self.ends_event = True
        self.keep_alive = False
        self.text: list[str] = []
        self.thinking: list[str] = []
        self.status = 0
        self.error = ""
        self.request_id = ""

    # the request

    def whole(self, limit: int) -> bytes | None:
        """Return the request if it is within `limit`."""
        return self._body if len(self._body) <= limit else None

    async def body(self, limit: int) -> bytes:
        """Return the request; BodyTooLarge when it is over `limit` bytes."""
        if len(self._body) > limit:
            raise BodyTooLarge(f"what is asked is over {limit} bytes (server.max_body_bytes)")
        return self._body

    # the answer

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        """Read a whole answer, or an error."""
        self._begin(status, headers)
        self.bytes_out += len(body)
        if status >= 300:
            failure = self._dialect.decode_error(status, body)
            self.error = failure.message or failure.code or f"it answered {status}"
            return
        try:
            read = self._dialect.decode_response(body)
        except GatewayError as error:
            self.error = error.message
            return
        for part in read.response.parts:
            match part:
                case Text() | Refusal():
                    self._take(part.text)
                case Thinking():
                    self._take(part.text, thinking=True)

    def begin(self, status: int, headers: bytes, first: bytes = b"") -> None:
        """Read the beginning of a stream."""
        self._begin(status, headers)
        self.write(first)

    def write(self, data: bytes) -> None:
        """Read on in a stream."""
        self.bytes_out += len(data)
        try:
            events = self._decoder.feed(data)
        except GatewayError as error:
            self.error = error.message
            return
        self._note(events)

    def end(self, data: bytes = b"") -> None:
        """Read the end of a stream."""
        self.write(data)
        self._note(self._decoder.close())

    def abandon(self) -> None:
        """Take note that the answer broke off."""
        self.error = self.error or "the answer broke off"

    @property
    def blocked(self) -> bool:
        """Whether whoever it is passed on to is slower than we are."""
        return self._taking is not None and self._taking.blocked

    async def drain(self) -> None:
        """Wait until more is taken."""
        if self._taking is not None:
            await self._taking.drain()

    # details

    def _begin(self, status: int, headers: bytes) -> None:
        self.started = True
        self.status = status
        for line in headers.split(b"\r\n"):
            if line.startswith(_ID):
                self.request_id = line.removeprefix(_ID).decode("latin-1")

    def _note(self, events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case TextDelta(text) | RefusalDelta(text):
                    self._take(text)
                case ThinkingDelta(text):
                    self._take(text, thinking=True)
                case Failed(message):
                    self.error = message or "the answer failed"
                case _:
                    pass

    def _take(self, text: str, *, thinking: bool = False) -> None:
        if text:
            (self.thinking if thinking else self.text).append(text)
            if self._heard is not None:
                self._heard(text, thinking)
