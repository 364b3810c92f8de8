"""A request from door to ledger, in the order in which it happens. Read this file first.

authenticate → read the call → identify the client → plan → record the intent durably → dispatch →
relay, settling the turn before the client gets the end of its answer.
"""

import msgspec

from llm_gateway.clients.fingerprints import SMOKE_CLIENT, declared_name, identify
from llm_gateway.clock import Clock
from llm_gateway.dialects.contract import Call, Dialect
from llm_gateway.errors import GatewayError, UnknownModel
from llm_gateway.http.decoding import decode_body
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.records import Purpose
from llm_gateway.pipeline.authenticate import Identity, KeyRing
from llm_gateway.pipeline.dispatch import dispatch
from llm_gateway.pipeline.incoming import Incoming
from llm_gateway.pipeline.plan import Plan, Router
from llm_gateway.pipeline.relay import refuse, relay
from llm_gateway.pipeline.turn import Caller, Turn
from llm_gateway.telemetry.metrics import Metrics
from llm_gateway.upstream.client import Upstream
from llm_gateway.upstream.forward import forwarded
from llm_gateway.wire.headers import get

__all__ = ["Gateway", "handle", "read_body"]


class Gateway(msgspec.Struct, frozen=True):
    """What a request meets on its way; made once, by the wiring."""

    keys: KeyRing
    router: Router
    ledger: Ledger
    upstream: Upstream
    metrics: Metrics
    clock: Clock
    max_body: int


async def handle(incoming: Incoming, gateway: Gateway, dialect: Dialect, operation: str) -> None:
    """Answer one request for a model and account for it."""
    try:
        identity = gateway.keys.authenticate(incoming.headers)
        call = dialect.read_call(await read_body(incoming, gateway.max_body), operation)
    except GatewayError as error:
        gateway.metrics.refused(error.kind)
        refuse(incoming, dialect, error)
        return
    turn = Turn(gateway.ledger, gateway.metrics, gateway.clock)
    try:
        plan = await _begin(gateway, turn, identity, call, dialect, incoming)
        answer = await dispatch(gateway.upstream, plan, call, dialect, turn, forwarded(incoming.headers))
    except GatewayError as error:
        if turn.is_settled():  # it never began: there is nothing to account for
            gateway.metrics.refused(error.kind)
        await turn.fail(error)
        refuse(incoming, dialect, error, turn.headers())
    except BaseException as error:
        await turn.abandon(error)
        raise
    else:
        await relay(incoming, answer, dialect, turn)


async def read_body(incoming: Incoming, limit: int) -> bytes:
    """Return the decoded body; BodyTooLarge when it is over `limit` bytes either way."""
    body = await incoming.body(limit)
    coding = get(incoming.headers, b"content-encoding")
    return body if coding is None else decode_body(body, coding, limit)


async def _begin(
    gateway: Gateway, turn: Turn, identity: Identity, call: Call, dialect: Dialect, incoming: Incoming
) -> Plan:
    """Plan and put the intent on record; a name that nothing serves is on record too, and raised."""
    declared = get(incoming.headers, b"x-llm-gateway-caller")
    client = identify(incoming.headers)
    who = Caller(identity, client, "" if declared is None else declared_name(declared), _purpose(client))
    try:
        plan = gateway.router.plan(call.model, dialect.name)
    except UnknownModel:
        await turn.begin(who, call, dialect.name, None)
        raise
    await turn.begin(who, call, dialect.name, plan)
    return plan


def _purpose(client: str) -> Purpose:
    return "smoke" if client == SMOKE_CLIENT else "request"
