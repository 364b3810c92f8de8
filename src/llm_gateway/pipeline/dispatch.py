"""Walk the plan until somebody answers. After the head of an answer came, nothing here runs again."""

import asyncio
from collections.abc import Coroutine

from llm_gateway.engines.prepared import PreparedAnswer
from llm_gateway.errors import ClientFault, LossRefused, UpstreamFault, UpstreamUnreachable
from llm_gateway.pipeline.passage import Passage, Passages
from llm_gateway.pipeline.plan import Plan, Step
from llm_gateway.pipeline.turn import Turn
from llm_gateway.upstream.answer import Answer
from llm_gateway.upstream.client import Upstream

__all__ = ["dispatch"]

# Another target may do better; a client's own mistake would be the same mistake there.
_ANOTHER_MAY_DO = frozenset((408, 429, 500, 502, 503, 504, 529))


async def dispatch(upstream: Upstream, plan: Plan, passages: Passages, turn: Turn) -> tuple[Answer, Passage]:
    """Return the first answer worth relaying, or whatever the last target answered, and its way back.

    Raises the UpstreamFault of the last target when that one gave no answer, or the ClientFault that keeps
    the request from being written for it; a target that cannot be written for is never asked.
    """
    last = len(plan.steps) - 1
    for number, step in enumerate(plan.steps):
        try:
            passage = _passage(passages, step, last=number == last)
            turn.attempt(step, passage)
        except ClientFault:
            if number == last:
                raise
            continue
        try:
            if passage.ready is not None:
                answer: Answer = PreparedAnswer.whole(200, passage.ready)
            else:
                answer = await _ask(upstream, step, passage)
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
            return answer, passage
        answer.release()
    raise UpstreamUnreachable(f"{plan.asked!r} has no targets")


def _passage(passages: Passages, step: Step, *, last: bool) -> Passage:
    passage = passages.last(step) if last else passages.to(step)
    if passages.strict and passage.losses:
        lost = ", ".join(f"{loss.what} ({loss.why})" for loss in passage.losses[:10])
        raise LossRefused(
            f"{step.provider} speaks `{step.dialect}`, in which this cannot be said: {lost}; leave it out, "
            "choose another model, or send the request without x-llm-gateway-strict"
        )
    return passage


def _ask(upstream: Upstream, step: Step, passage: Passage) -> Coroutine[object, object, Answer]:
    if step.line is None:
        assert step.engine is not None
        return step.engine.answer(passage.path, passage.body, step.model)
    return upstream.send(
        step.line, step.line.post(passage.path, passage.headers, len(passage.body)), passage.body
    )
