"""One target asked, and several asked at a time: what became of each, and which of them the client gets.

Whom to ask, when, and what an answer means is decided elsewhere; here nothing is sent.
"""

import msgspec

from llm_gateway.canonical.usage import Usage
from llm_gateway.errors import LossRefused, UpstreamFault, UpstreamUnreachable
from llm_gateway.pipeline.cut import used_in_vain
from llm_gateway.pipeline.passage import Passage, Passages
from llm_gateway.pipeline.plan import Step
from llm_gateway.pipeline.turn import Try, Turn
from llm_gateway.upstream.answer import Answer
from llm_gateway.upstream.client import Sending
from llm_gateway.upstream.standing import Standing
from llm_gateway.upstream.verdict import Verdict

__all__ = ["GOOD", "Asking", "Race", "Tried"]

GOOD = Verdict("ok")
"""The verdict on every answer that is no error."""

# A request is held back no longer than this for the same target; who is told to wait longer is told so.
_LONGEST_WAIT = 5.0


class Asking(msgspec.Struct, frozen=True):
    """One target that is to be asked now; `alone`: the plan has no other, `last`: none is left after it."""

    step: Step
    passage: Passage
    attempt: Try
    turn: Turn
    alone: bool
    last: bool
    sending: Sending

    @property
    def in_vain(self) -> Usage | None:
        """Return what it may be billed for where the client gets nothing of it; None where nobody read it."""
        return used_in_vain(self.turn.intent.request_bytes) if self.sending.gone_out else None

    @classmethod
    def of(cls, step: Step, passages: Passages, turn: Turn, *, alone: bool, last: bool) -> "Asking":
        """Return it for a target; a ClientFault says why it cannot be asked."""
        passage = _passage(passages, step, last=last)
        sending = Sending()
        return cls(step, passage, turn.attempt(step, passage, sending), turn, alone, last, sending)

    @classmethod
    def again(cls, before: "Asking") -> "Asking":
        """Return it for a target that was asked before."""
        sending = Sending()
        attempt = before.turn.attempt(before.step, before.passage, sending)
        return cls(before.step, before.passage, attempt, before.turn, before.alone, True, sending)


class Tried(msgspec.Struct, frozen=True):
    """What became of asking one target: an answer, or an error in its place."""

    asking: Asking
    answer: Answer | None
    error: UpstreamFault | None
    verdict: Verdict
    standing: Standing

    @property
    def good(self) -> bool:
        """Return whether this is what the client gets, whoever else could be asked."""
        return self.answer is not None and not self.verdict.elsewhere

    @property
    def again(self) -> bool:
        """Return whether the same target may be asked once more; a login's own client does that by itself."""
        if self.asking.step.login:
            return False
        if self.error is not None:
            return isinstance(self.error, UpstreamUnreachable)
        return self.verdict.again and (self.verdict.retry_after or 0.0) <= _LONGEST_WAIT

    def told(self) -> None:
        """Let the turn be that of this attempt, whoever was asked beside it: the client gets what it brought.

        An answer that is no error is put on record by that: until then it may still be let go of.
        """
        turn, answer, attempt = self.asking.turn, self.answer, self.asking.attempt
        turn.standing = self.standing if answer is not None else None
        if answer is None:
            turn.adopt(attempt, 0, [])
        elif self.verdict is GOOD:
            turn.attempt_answered(answer.status, answer.headers, attempt)
        else:
            turn.adopt(attempt, answer.status, answer.headers)

    def let_go(self) -> None:
        """Give up what nobody waits for; an answer that is no error stands on record as cancelled."""
        self.release()
        if self.verdict is GOOD:
            self.asking.turn.attempt_cancelled(self.asking.attempt, self.asking.in_vain)

    def release(self) -> None:
        """Give the answer back, if there is one."""
        if self.answer is not None:
            self.answer.release()


class Race:
    """Targets that are asked at a time, until one of them has won or all have failed.

    Each hands in by itself what became of it. What comes when the race is over is let go of on the spot, even
    where it came in the very turn of the event loop that ended the race and can be cancelled no more.
    """

    def __init__(self) -> None:
        self._came: list[Tried] = []
        self._told: list[Tried] = []
        self._over = False

    def came(self, tried: Tried) -> None:
        """Take what became of a target, in the order in which they come."""
        if self._over:
            tried.let_go()
        else:
            self._came.append(tried)

    @property
    def won(self) -> bool:
        """Return whether there is an answer that the client may get."""
        return any(tried.good for tried in self._came)

    def decide(self) -> list[Tried]:
        """End the race; return who failed and, last of all, the first good answer, if there is one."""
        self.close()
        good = [tried for tried in self._came if tried.good]
        decided = [tried for tried in self._came if not tried.good] + good[:1]
        if decided:
            decided[-1].told()
        for surplus in good[1:]:
            surplus.let_go()
        self._came, self._told = [], decided[-1:]
        return decided

    def close(self) -> None:
        """End the race: nobody can win any more."""
        self._over = True

    def leave(self) -> None:
        """Let go of whatever came: the client has left, even if there was a winner."""
        for tried in self._came:
            tried.let_go()
        for tried in self._told:
            tried.release()


def _passage(passages: Passages, step: Step, *, last: bool) -> Passage:
    passage = passages.last(step) if last else passages.to(step)
    if passages.strict and passage.losses:
        lost = ", ".join(f"{loss.what} ({loss.why})" for loss in passage.losses[:10])
        raise LossRefused(
            f"{step.provider} speaks `{step.dialect}`, in which this cannot be said: {lost}; leave it out, "
            "choose another model, or send the request without x-llm-gateway-strict"
        )
    return passage
