"""Walk the plan until somebody answers. After the head of an answer came, nothing here runs again.

Another target is asked when it may do better; the same one a second time only for what passes by itself,
within a budget and a deadline. What an error means is judged in `upstream/verdict.py`, how targets fare is
kept in `upstream/standing.py`.
"""

import asyncio
from collections.abc import Callable, Coroutine

from llm_gateway.clock import Clock
from llm_gateway.config.routing import RoutingSettings
from llm_gateway.engines.prepared import PreparedAnswer
from llm_gateway.errors import ClientFault, UpstreamFault, UpstreamUnreachable, forget_frames
from llm_gateway.pipeline.leaving import Leaving
from llm_gateway.pipeline.passage import Passage, Passages
from llm_gateway.pipeline.plan import Plan, Step
from llm_gateway.pipeline.race import GOOD, Asking, Race, Tried
from llm_gateway.pipeline.retries import Budget, backoff, not_before
from llm_gateway.pipeline.turn import Turn
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.answer import MAX_ANSWER, Answer, is_coded, read_error, read_whole
from llm_gateway.upstream.client import Upstream
from llm_gateway.upstream.standing import Standing, Standings
from llm_gateway.upstream.verdict import Verdict, judge

__all__ = ["Dispatcher"]

# An error answer is kept and looked at where what follows depends on it.
_TELLING = frozenset((402, 408, 429))
_FAILED = Verdict("failed")
# How long a target whose credential or quota is not good comes last.
_COMES_LAST = 60.0


class Dispatcher:
    """Who asks the targets. `chance` returns numbers from 0 to 1."""

    free = False

    def __init__(
        self,
        upstream: Upstream,
        standings: Standings,
        clock: Clock,
        settings: RoutingSettings,
        chance: Callable[[], float],
        tasks: Tasks,
    ) -> None:
        self._tasks = tasks
        self._upstream = upstream
        self._standings = standings
        self._clock = clock
        self._monotonic = clock.monotonic
        self._chance = chance
        self._budget = Budget()
        self.leaving = Leaving(tasks)
        self.use(settings)

    def use(self, settings: RoutingSettings) -> None:
        """Go by these settings from now on."""
        self._settings = settings
        self.leaving.use(settings)
        self._patience = self._upstream.hurried(settings.next_target_after)

    async def dispatch(self, plan: Plan, passages: Passages, turn: Turn) -> tuple[Answer, Passage]:
        """Return the first answer worth relaying, or whatever the last target answered, and its way back.

        Raises the UpstreamFault of the last target when that one gave no answer, or the ClientFault that
        keeps the request from being written for it; a target that cannot be written for is never asked.
        """
        self._budget.earn()
        began = self._monotonic()
        tried: list[Tried] = []
        left = list(plan.steps)
        alone = len(left) == 1
        while left:
            _wanted(turn)
            try:
                asking = Asking.of(left.pop(0), passages, turn, alone=alone, last=not left)
            except ClientFault:
                if not left and not tried:
                    raise
                continue
            if self._settings.hedge_after and left:
                tried += await self._hedge(asking, left, passages)
            else:
                tried.append(await self._ask(asking))
            if tried[-1].good:
                return _outcome(plan, tried)
        while (again := self._next(tried, began)) is not None:
            one, wait = again
            await asyncio.sleep(wait)
            _wanted(turn)
            tried.append(await self._ask(Asking.again(one.asking)))
            if tried[-1].good:
                break
        return _outcome(plan, tried)

    async def _hedge(self, asking: Asking, left: list[Step], passages: Passages) -> list[Tried]:
        """Ask a target, and the next one beside it when it says nothing for a while; the first head wins.

        Who is slower is let go of, and stands on record as cancelled. The last of what is returned is the
        answer, if there was one.
        """
        race = Race()
        try:
            return await self._raced(race, asking, left, passages)
        except BaseException:
            race.leave()
            raise

    async def _raced(self, race: Race, asking: Asking, left: list[Step], passages: Passages) -> list[Tried]:
        """Let a race begin and end; nobody runs any more when this returns."""
        first = self._tasks.start("ask a target", self._run(asking, race))
        running = {first}
        try:
            await asyncio.wait(running, timeout=self._settings.hedge_after)
            if not first.done() and not asking.turn.left:
                try:
                    other = Asking.of(left[0], passages, asking.turn, alone=False, last=len(left) == 1)
                except ClientFault:
                    pass  # it stays in its place, and is found out about when its turn comes
                else:
                    del left[0]
                    running.add(self._tasks.start("ask another target", self._run(other, race)))
            while running and not race.won:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for each in done:
                    each.result()
            return race.decide()
        finally:
            race.close()
            for each in running:
                each.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    # details

    async def _run(self, asking: Asking, race: Race) -> None:
        """Ask one target in a race."""
        race.came(await self._tried(asking))

    async def _ask(self, asking: Asking) -> Tried:
        """Ask one target, nobody else beside it."""
        tried = await self._tried(asking)
        if tried.verdict is GOOD:
            tried.told()
        return tried

    async def _tried(self, asking: Asking) -> Tried:
        """Ask one target and judge what comes; a good answer is not on record yet."""
        step, turn, attempt = asking.step, asking.turn, asking.attempt
        standing = self._standings.of(step.provider, step.dialect, step.model)
        trial = standing.circuit.asked(self._monotonic())
        try:
            answer = await self._send(asking)
            asking.sending.came_through()
            if not asking.last and step.line is not None and answer.status < 300:
                answer = await _secured(answer, asking.passage)
        except UpstreamFault as error:
            turn.attempt_failed(error, attempt, asking.in_vain)
            turn.standing = None  # whoever was asked before it has no part in that
            standing.circuit.failed(self._monotonic(), error.kind)
            return Tried(asking, None, error, _FAILED, standing)
        except asyncio.CancelledError:
            turn.attempt_cancelled(attempt, asking.in_vain)
            standing.circuit.left(trial=trial)
            raise
        if answer.status < 400:
            standing.circuit.answered()
            return Tried(asking, answer, None, GOOD, standing)
        turn.attempt_answered(answer.status, answer.headers, attempt)
        turn.standing = standing
        return await self._judged(asking, answer, standing)

    async def _judged(self, asking: Asking, answer: Answer, standing: Standing) -> Tried:
        """Judge an answer that is an error; what it says is kept, to be passed on as it came."""
        status, body = answer.status, b""
        if not asking.alone or status in _TELLING or status >= 500:
            try:
                body = await read_error(answer)
            except UpstreamFault as error:
                forget_frames(error)
                standing.circuit.failed(self._monotonic(), error.kind)
                return Tried(asking, None, error, _FAILED, standing)
            except asyncio.CancelledError:
                standing.circuit.left(trial=True)
                raise
            finally:
                answer.release()
            answer = PreparedAnswer(status, answer.headers, [body])
        verdict = judge(status, answer.headers, body, self._clock.now_us() / 1e6)
        self._note(standing, verdict, f"it answered {status}")
        return Tried(asking, answer, None, verdict, standing)

    def _note(self, standing: Standing, verdict: Verdict, why: str) -> None:
        """Let all other requests know what an answer means for them."""
        now, circuit = self._monotonic(), standing.circuit
        if verdict.kind in ("failed", "overloaded"):
            circuit.failed(now, why)
        else:
            circuit.answered()
        if verdict.retry_after is not None:
            wait = min(not_before(verdict.retry_after, self._chance), self._settings.longest_cool_down)
            standing.cool(now, wait, why, provider=verdict.kind == "quota")
        elif verdict.kind in ("quota", "auth"):
            circuit.open(now, _COMES_LAST, why)

    def _send(self, asking: Asking) -> Coroutine[object, object, Answer]:
        step, passage = asking.step, asking.passage
        if passage.ready is not None:
            return _ready(passage.ready)
        if step.line is None:
            assert step.engine is not None
            asking.sending.came_through()
            return step.engine.answer(passage.path, passage.body, step.model)
        head = step.line.post(passage.path, passage.headers, len(passage.body))
        hurried = not asking.last and asking.turn.intent.stream
        patience = self._patience if hurried else None
        return self._upstream.send(step.line, head, passage.body, patience, asking.sending)

    def _next(self, tried: list[Tried], began: float) -> tuple[Tried, float] | None:
        """Return whom to ask once more and after how many seconds, None when nobody."""
        targets = {str(one.asking.step.target): one for one in tried}
        rounds = len(tried) - len(targets)
        if rounds >= self._settings.retries:
            return None
        waits = [
            (self._wait(rounds, one.verdict.retry_after), number, one)
            for number, one in enumerate(targets.values())
            if one.again
        ]
        if not waits:
            return None
        wait, _, one = min(waits, key=lambda each: each[:2])
        if self._monotonic() - began + wait > self._settings.deadline or not self._budget.take():
            return None
        return one, wait

    def _wait(self, rounds: int, told: float | None) -> float:
        """Return in how many seconds to come back after so many rounds to a target that told this."""
        wait = backoff(rounds, self._chance)
        return wait if told is None else max(wait, not_before(told, self._chance))


def _wanted(turn: Turn) -> None:
    """Ask nobody anew for a client that has left."""
    if turn.left:
        raise asyncio.CancelledError


async def _secured(answer: Answer, passage: Passage) -> Answer:
    """Read what may still break without anybody's having a byte of it: all, or a stream's first piece."""
    try:
        if passage.is_stream(answer) and not is_coded(answer):
            await answer.arrive()
            return answer
        body = await read_whole(answer, MAX_ANSWER)
    except BaseException:
        answer.release()
        raise
    answer.release()
    return PreparedAnswer(answer.status, answer.headers, [body])


async def _ready(body: bytes) -> Answer:
    return PreparedAnswer.whole(200, body)


def _outcome(plan: Plan, tried: list[Tried]) -> tuple[Answer, Passage]:
    """Return what the last target said, or raise what it did instead."""
    if not tried:
        raise UpstreamUnreachable(f"{plan.asked!r} has no targets")
    last = tried[-1]
    if last.answer is None:
        assert last.error is not None
        raise last.error
    return last.answer, last.asking.passage
