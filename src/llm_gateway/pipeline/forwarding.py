"""A request that no dialect knows, from door to ledger: passed on as it came, once, and accounted for.

It goes to the provider that serves the model which its body names, else to the one that the configuration
names for such requests. What it asks for is not understood here: nothing is translated, nothing is tried a
second time, and only the model's name may be written anew.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from llm_gateway.canonical.loss import Loss
from llm_gateway.dialects.contract import Dialect, Seen, StreamMeter
from llm_gateway.errors import GatewayError, MalformedRequest, NotFound, UnknownModel, UpstreamFault
from llm_gateway.http.decoding import decode_body
from llm_gateway.ledger.batches import batch_is_counted
from llm_gateway.pipeline.batches import Look, ResultsMeter, batch_of
from llm_gateway.pipeline.forwarded_answer import ByteMeter, EventMeter, read_answer
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.pipeline.incoming import Incoming
from llm_gateway.pipeline.plan import Plan, Router, Step
from llm_gateway.pipeline.relay import Relayed, refuse, refuse_turn, relay
from llm_gateway.pipeline.sender import Sender, sender_of
from llm_gateway.pipeline.spending import Held
from llm_gateway.pipeline.turn import Try, Turn
from llm_gateway.providers.names import Target
from llm_gateway.upstream.answer import Answer
from llm_gateway.upstream.client import Line
from llm_gateway.upstream.forward import returned
from llm_gateway.wire.form import FormField, MalformedForm, find_field
from llm_gateway.wire.headers import get
from llm_gateway.wire.jsonedit import Document, MalformedJson

__all__ = ["Forwarding", "Onward", "forward"]

_MAX_MODEL = 512
_MAX_OPERATION = 200

_text = msgspec.json.Decoder(str)
_encode = msgspec.json.encode


class Forwarding(msgspec.Struct, frozen=True):
    """What such requests meet: the gateway, and the provider for those that name no model, "" for none."""

    gateway: Gateway
    default_provider: str = ""
    looks: set[tuple[str, str]] = msgspec.field(default_factory=set)
    """Providers' batches that somebody looks at now."""


class Onward(msgspec.Struct, frozen=True):
    """Where a request goes below a provider's version path, and at the endpoints of which dialects.

    `dialects` are in order of preference; `lacking` is what to say where nobody can be asked.
    """

    path: str
    query: str
    dialects: tuple[str, ...]
    lacking: str = ""

    @property
    def names_object(self) -> bool:
        """Return whether it is about one thing that a provider keeps: ids have digits, operations none."""
        return any(character.isdigit() for character in self.path)


class _Body(msgspec.Struct, frozen=True):
    """A body, and where it names a model, if it does."""

    data: bytes
    model: str = ""
    document: Document | None = None
    field: FormField | None = None

    def addressed(self, model: str) -> bytes:
        """Return the body for a provider's own name of the model, every other byte as it came."""
        if model == self.model:
            return self.data
        if self.document is not None:
            return self.document.edit({"model": _encode(model)})
        assert self.field is not None
        return self.field.replaced(self.data, model.encode())


class _Asking(msgspec.Struct, frozen=True):
    """What goes on record of such a request."""

    operation: str
    model: str
    size: int
    stream: bool = False

    def __len__(self) -> int:
        return self.size


async def forward(incoming: Incoming, forwarding: Forwarding, dialect: Dialect, onward: Onward) -> None:
    """Pass a request on and account for it; errors of ours are told in `dialect`."""
    gateway = forwarding.gateway
    try:
        sender = sender_of(incoming, gateway.keys, gateway.clock)
        body = _read_body(await _whole(incoming, gateway.max_body, sender), incoming)
        login = sender.login
        step = (
            gateway.router.login_step(login.provider, body.model, onward.dialects)
            if login is not None
            else None
        )
        if step is None:
            targets = _targets(forwarding, onward, body.model, makes=incoming.method == b"POST")
            step = _step(gateway.router, targets, onward)
    except GatewayError as error:
        gateway.metrics.refused(error.kind)
        refuse(incoming, dialect, error)
        return
    turn = Turn(gateway.ledger, gateway.metrics, gateway.clock, gateway.spending)
    turn.estimates = False
    fields = sender.forwarded if login is None or not step.login else login.fields() + sender.forwarded
    passage = _Onwards(incoming.method, onward, body, step, (fields, dialect))
    async with _looking(forwarding, incoming.method, onward, step) as batch:
        if batch:
            passage.look = Look(batch, lambda model: _price(turn, passage, step, model))
        asking = _Asking(passage.operation, body.model, len(body.data))
        await _pass_on(incoming, gateway, (sender, asking), passage, turn)


async def _pass_on(
    incoming: Incoming, gateway: Gateway, asked: tuple[Sender, _Asking], passage: "_Onwards", turn: Turn
) -> None:
    """Ask, and bring the answer back."""
    sender, asking = asked
    step, dialect = passage.step, passage.dialect
    try:
        turn.held = _held(gateway, sender, len(asking), step)
        await turn.begin(sender.caller, asking, step.dialect, Plan(asking.model, (step,), "native"))
        answer = await _ask(gateway, step, passage, turn)
    except GatewayError as error:
        if turn.is_settled():  # it never began: there is nothing to account for
            gateway.metrics.refused(error.kind)
        await turn.fail(error)
        refuse_turn(incoming, dialect, error, turn)
    except BaseException as error:
        await turn.abandon(error)
        raise
    else:
        await relay(incoming, Relayed(answer, passage), dialect, turn)


@asynccontextmanager
async def _looking(forwarding: Forwarding, method: bytes, onward: Onward, step: Step) -> AsyncIterator[str]:
    """Give the batch whose use this look at it counts, "" where it is none: one look at a time may count."""
    batch = batch_of(onward.path) if method == b"GET" else ""
    look = (step.provider, batch)
    if not batch or look in forwarding.looks:
        yield ""
        return
    forwarding.looks.add(look)
    try:
        yield "" if await forwarding.gateway.ledger.read(batch_is_counted, *look) else batch
    finally:
        forwarding.looks.discard(look)


def _price(turn: Turn, passage: "_Onwards", step: Step, model: str) -> None:
    """Account a turn to a model that only its answer names."""
    named = msgspec.structs.replace(step, model=model)
    answer, attempt = passage.answer, passage.attempt
    assert answer is not None and attempt is not None
    turn.adopt(Try(named, passage, attempt.started), answer.status, answer.headers)


def _held(gateway: Gateway, sender: Sender, size: int, step: Step) -> Held | None:
    caller = sender.caller
    return gateway.spending.hold_unread(caller.identity.caller, caller.client, size, step)


async def _whole(incoming: Incoming, limit: int, sender: Sender) -> bytes:
    body = incoming.whole(limit)
    if body is None:
        body = await incoming.body(limit)
    return decode_body(body, sender.coding, limit) if sender.coding else body


async def _ask(gateway: Gateway, step: Step, passage: "_Onwards", turn: Turn) -> Answer:
    line = step.line
    assert line is not None
    passage.attempt = turn.attempt(step, passage)
    try:
        answer = await gateway.upstream.send(line, passage.head(line), passage.body)
    except UpstreamFault as error:
        turn.attempt_failed(error)
        raise
    except asyncio.CancelledError:
        turn.attempt_cancelled()
        raise
    turn.attempt_answered(answer.status, answer.headers)
    passage.answer = answer
    return answer


# where it goes


def _targets(forwarding: Forwarding, onward: Onward, model: str, *, makes: bool) -> tuple[Target, ...]:
    """Return who may answer; UnknownModel or NotFound with the way out when nobody may.

    Only what makes something anew goes by its model. With anything else a caller could reach, by naming a
    model, what others keep at that provider.
    """
    default = forwarding.default_provider
    named: tuple[Target, ...] = ()
    unknown = ""
    if model:
        try:
            named = forwarding.gateway.router.resolve(model)
        except UnknownModel as error:
            unknown = error.message
    if makes and not onward.names_object:
        if named:
            return named
    else:
        named = tuple(target for target in named if target.provider == default)[:1]
        unknown = ""
    if default:
        return named or (Target(default, model),)
    if unknown:
        raise UnknownModel(f"{unknown}; {_SETTING}", param="model")
    raise NotFound(
        onward.lacking
        or f"/v1/{onward.path[:100]} is nothing that this gateway answers itself, and no model in it says "
        f"whose it is; {_SETTING}"
    )


def _step(router: Router, targets: tuple[Target, ...], onward: Onward) -> Step:
    """Return the way to the first target that has an endpoint for this; NotFound when none has."""
    for target in targets:
        step = router.onward(target, onward.dialects)
        if step is not None:
            return step
    names = ", ".join(dict.fromkeys(target.provider for target in targets))
    if targets[0].provider not in router.directory.providers:
        there = ", ".join(router.directory.providers) or "none"
        raise NotFound(f"server.default_provider is {names}, which is not there now (there are: {there})")
    raise NotFound(onward.lacking or f"{names} has no endpoint that could answer /v1/{onward.path[:100]}")


_SETTING = (
    "`server.default_provider` names the provider that gets such requests, and lets everybody who has a "
    "gateway key reach what is kept there"
)


# what is sent


def _read_body(data: bytes, incoming: Incoming) -> _Body:
    """Find the model that a body names: a member of its JSON object, or a field of its form."""
    content_type = get(incoming.headers, b"content-type") or b""
    if content_type[:19].lower() == b"multipart/form-data":
        try:
            field = find_field(data, content_type, "model")
        except MalformedForm as error:
            raise MalformedRequest(str(error), param="model") from None
        model = _named(field.value.decode("utf-8", "replace")) if field is not None else ""
        return _Body(data, model, field=field)
    if not data.lstrip().startswith(b"{"):
        return _Body(data)
    try:
        document = Document.parse(data)
        model = _named(_text.decode(document.fields["model"]))
    except (KeyError, MalformedJson, msgspec.DecodeError, UnicodeDecodeError):
        return _Body(data)  # whatever it is, it is for the upstream to judge
    return _Body(data, model, document=document)


def _named(model: str) -> str:
    """Return the name of a model, "" for a text that can be none: names go into headers and on screens."""
    model = model.strip()
    return model if model.isprintable() and len(model) <= _MAX_MODEL else ""


class _Onwards:
    """The way of such a request to its provider and back: bytes pass."""

    losses: tuple[Loss, ...] = ()

    ready: bytes | None = None

    def __init__(
        self, method: bytes, onward: Onward, body: _Body, step: Step, passed: tuple[bytes, Dialect]
    ) -> None:
        self.headers, self.dialect = passed
        self.step = step
        # The answer to a HEAD has the fields of the answer to a GET; whoever asked gets it without its body.
        self._method = b"GET" if method == b"HEAD" else method
        self._bodiless = method == b"HEAD"
        self._events = False
        self.look: Look | None = None
        self.attempt: Try | None = None
        self.answer: Answer | None = None
        self.path = f"{onward.path}?{onward.query}" if onward.query else onward.path
        self.body = body.addressed(step.model)
        shown = onward.path if method == b"POST" else f"{method.decode('ascii')} {onward.path}"
        self.operation = shown[:_MAX_OPERATION]

    def head(self, line: Line) -> bytes:
        """Return the head of the request."""
        return line.request(self._method, self.path, self.headers, len(self.body))

    def is_stream(self, answer: Answer) -> bool:
        """Whether it passes piece by piece: all but JSON does, which is read to its end for its usage."""
        kind = (get(answer.headers, b"content-type") or b"").partition(b";")[0].strip().lower()
        self._events = kind == b"text/event-stream"
        whole = not kind or kind == b"application/json" or kind.endswith(b"+json")
        return not (whole or self._bodiless or answer.status in (204, 205))

    def meter(self) -> StreamMeter:
        """Return what watches such a stream."""
        if self.look is not None and self.answer is not None and self.answer.status == 200:
            return ResultsMeter(self.look)  # a range of the results (206) is not all that was used
        return EventMeter(self.dialect) if self._events else ByteMeter()

    def whole(self, answer: Answer, body: bytes) -> tuple[bytes, Seen]:
        """Return the answer as it came. Only a POST has used anything: a GET tells what others have.

        What the requests of a batch have used is told by nothing else, so that one look at it counts.
        """
        if self.look is not None:
            return body, self.look.read(body)
        return body, read_answer(body) if self._method == b"POST" else Seen(complete=True)

    def failed(self, answer: Answer, body: bytes) -> bytes:
        """Return an error as it came."""
        return body

    def fields(self, answer: Answer) -> bytes:
        """Return the header lines of the answer that go to the client."""
        return returned(answer.headers)
