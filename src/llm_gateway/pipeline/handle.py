"""A request from door to ledger, in the order in which it happens. Read this file first.

authenticate and identify the sender → read the call → plan → choose whom to ask, or find an answer that was
kept → hold what it may use and cost → record the intent durably → compress → dispatch → relay, settling the
turn before the client gets the end of its answer.
"""

import asyncio
from collections.abc import Callable, Coroutine

import msgspec

from llm_gateway.clients.fingerprints import background
from llm_gateway.clock import Clock
from llm_gateway.dialects.contract import Call, Dialect, Path
from llm_gateway.errors import ClientFault, GatewayError
from llm_gateway.http.decoding import decode_body
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.pipeline.authenticate import KeyRing
from llm_gateway.pipeline.compress import Compression, Request
from llm_gateway.pipeline.compression_terms import Asker
from llm_gateway.pipeline.dispatch import Dispatcher
from llm_gateway.pipeline.incoming import Incoming
from llm_gateway.pipeline.owners import for_person
from llm_gateway.pipeline.passage import Passages
from llm_gateway.pipeline.plan import Plan, Router
from llm_gateway.pipeline.quotas import Quotas
from llm_gateway.pipeline.relay import Relayed, refuse, refuse_turn, relay
from llm_gateway.pipeline.replay import Dispatching, Replays
from llm_gateway.pipeline.routing import Routing
from llm_gateway.pipeline.sender import Sender, sender_of
from llm_gateway.pipeline.spending import Spending
from llm_gateway.pipeline.turn import Turn
from llm_gateway.pipeline.witness import Witness, Witnessed
from llm_gateway.telemetry.metrics import Metrics
from llm_gateway.upstream.client import Upstream

__all__ = ["Admit", "Admitted", "Gateway", "handle"]


class Gateway(msgspec.Struct, frozen=True):
    """What a request meets on its way; made once, by the wiring."""

    keys: KeyRing
    router: Router
    routing: Routing
    ledger: Ledger
    upstream: Upstream
    dispatcher: Dispatcher
    metrics: Metrics
    clock: Clock
    spending: Spending
    max_body: int
    replays: Replays
    quotas: Quotas
    compression: Compression | None = None


Admitted = tuple[Call, Witness | None]
"""A request as it goes on, and who sees its answer."""

Admit = Callable[[Call, Sender], Coroutine[object, object, Admitted] | None]
"""Look at a request that was read; raise a ClientFault for one that is not to be asked for here.

None lets it go on as it is; else what is returned has to be awaited, and may raise any GatewayError.
"""


async def handle(
    incoming: Incoming, gateway: Gateway, dialect: Dialect, path: Path, admit: Admit | None = None
) -> None:
    """Answer one request for a model and account for it."""
    try:
        sender = sender_of(incoming, gateway.keys, gateway.clock, keys_in_url=dialect.keys_in_url)
        body = incoming.whole(gateway.max_body)
        if body is None:
            body = await incoming.body(gateway.max_body)
        if sender.coding:
            body = decode_body(body, sender.coding, gateway.max_body)
        call = dialect.read_call(body, path)
        witness: Witness | None = None
        if admit is not None and (admitting := admit(call, sender)) is not None:
            call, witness = await admitting
    except GatewayError as error:
        gateway.metrics.refused(error.kind)
        refuse(incoming, dialect, error)
        return
    turn = Turn(gateway.ledger, gateway.metrics, gateway.clock, gateway.spending)
    answering = _answer(incoming, gateway, dialect, sender, (call, witness), turn)
    leaving = gateway.dispatcher.leaving
    await (leaving.see_off(answering, turn) if leaving.finishes else answering)


async def _answer(
    incoming: Incoming, gateway: Gateway, dialect: Dialect, sender: Sender, admitted: Admitted, turn: Turn
) -> None:
    """Answer a request that was read, and settle its turn whatever becomes of it."""
    call, witness = admitted
    try:
        plan, dispatcher = await _begin(gateway, turn, sender, call, dialect, incoming)
        began, clock = turn.intent.at_us // 1_000_000, gateway.clock.now_us
        compression = gateway.compression
        if compression is not None and compression.active and not dispatcher.free:
            call = await _compressed(compression, sender, call, dialect, plan, turn)
        passages = Passages(dialect, call, sender, turn.intent.id, began, clock)
        answer, passage = await dispatcher.dispatch(plan, passages, turn)
        if plan.login and sender.login is not None:
            told = (sender.login, sender.caller.identity, call.document.fields, answer.headers)
            asyncio.get_running_loop().call_soon(gateway.quotas.told, *told)  # nobody waits for that
        if plan.session and answer.status < 400 and turn.step is not None:
            gateway.routing.answered(plan, turn.step)
    except GatewayError as error:
        if turn.is_settled():  # it never began: there is nothing to account for
            gateway.metrics.refused(error.kind)
        await turn.fail(error)
        refuse_turn(incoming, dialect, error, turn)
    except BaseException as error:
        await turn.abandon(error)
        raise
    else:
        seen_by = passage if witness is None else Witnessed(passage, witness)
        await relay(incoming, Relayed(answer, seen_by, witness), dialect, turn)


async def _compressed(
    compression: Compression, sender: Sender, call: Call, dialect: Dialect, plan: Plan, turn: Turn
) -> Call:
    """Return the request as it is sent, and have the turn know what was done to it."""
    caller = sender.caller
    models = (call.model, *(f"{step.provider}/{step.model}" for step in plan.steps))
    asker = Asker(caller.identity.caller, caller.client, models, sender.compression, plan.login)
    request = Request(asker, caller.identity.key_id, call, dialect, plan, turn.intent.at_us)
    call, turn.compressing = await compression.of(request)
    if turn.compressing is not None:
        turn.body = call.document.body
        turn.told += turn.compressing.header
    return call


async def _begin(
    gateway: Gateway, turn: Turn, sender: Sender, call: Call, dialect: Dialect, incoming: Incoming
) -> tuple[Plan, Dispatching]:
    """Plan, choose whom to ask, hold what the request may use, and put the intent on record.

    Returned with the plan is who gets the answer: the cache, where one was kept or is to be. A name that
    nothing serves, targets that cannot be asked and a limit that is reached are on record too, and raised.
    """
    caller = sender.caller
    turn.body = call.document.body
    turn.label = background(caller.client, call.operation, call.stream, call.document.fields)
    plan: Plan | None = None
    try:
        login = sender.login
        if login is not None:
            plan = gateway.router.login_plan(login.provider, call.model, dialect.name, call.operation)
        plan = plan or gateway.router.plan(call.model, dialect.name, call.operation)
        if plan.owned:
            plan = for_person(plan, caller.identity.person)
        plan = gateway.routing.chosen(plan, call, incoming.headers, caller.identity.key_id, turn.id)
        kept = gateway.replays.consult(sender, call, dialect, plan)
        free = kept is not None and kept.free
        turn.held = gateway.spending.hold(caller.identity.caller, caller.client, call, plan, free=free)
    except ClientFault:
        turn.rates = gateway.spending.rate_fields(caller.identity.caller, caller.client)
        await turn.begin(caller, call, dialect.name, plan)
        raise
    await turn.begin(caller, call, dialect.name, plan)
    return plan if turn.recorded else gateway.spending.unpaid(plan), kept or gateway.dispatcher
