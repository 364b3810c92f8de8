"""Walk the plan until somebody answers. After the head of an answer came, nothing here runs again."""

import asyncio
from collections.abc import Coroutine

from llm_gateway.dialects.contract import Call, Dialect
from llm_gateway.errors import UpstreamFault, UpstreamUnreachable
from llm_gateway.pipeline.plan import Plan, Step
from llm_gateway.pipeline.turn import Turn
from llm_gateway.upstream.answer import Answer
from llm_gateway.upstream.client import Upstream

__all__ = ["dispatch"]

# Another target may do better; a client's own mistake would be the same mistake there.
_ANOTHER_MAY_DO = frozenset((408, 429, 500, 502, 503, 504, 529))


async def dispatch(
    upstream: Upstream, plan: Plan, call: Call, dialect: Dialect, turn: Turn, forwarded: bytes
) -> Answer:
    """Return the first answer worth relaying, or whatever the last target answered.

    Raises the UpstreamFault of the last target when that one gave no answer.
    """
    last = len(plan.steps) - 1
    for number, step in enumerate(plan.steps):
        turn.attempt(step, strips_usage=step.asks_usage and call.stream and not call.wants_usage)
        try:
            answer = await _ask(upstream, step, call, dialect, forwarded)
        except UpstreamFault as error:
            turn.attempt_failed(error)
            if number == last:
                raise
            continue
        except asyncio.CancelledError:
            turn.attempt_cancelled()
            raise
        turn.attempt_answered(answer.status, answer.headers)
        if number == last or answer.status not in _ANOTHER_MAY_DO:
            return answer
        answer.release()
    raise UpstreamUnreachable(f"{plan.asked!r} has no targets")


def _ask(
    upstream: Upstream, step: Step, call: Call, dialect: Dialect, forwarded: bytes
) -> Coroutine[object, object, Answer]:
    body = dialect.address(call, step.model, ask_usage=step.asks_usage)
    if step.line is None:
        assert step.engine is not None
        return step.engine.answer(call.operation, body, step.model)
    return upstream.send(step.line, step.line.post(call.operation, forwarded, len(body)), body)
