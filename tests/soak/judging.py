"""Whether what a client saw follows from what the upstreams did for its order. Pure.

First a reply is given a name by what is in it alone (`seen`), then that name is held against the names that
the record of the upstreams allows (`allowed`). What is not allowed is unexplained, and fails the soak.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from rawhttp import Reply
from soak.answers import RETRY_AFTER_S, STATUSES, Fault, whole
from soak.connections import Ended
from soak.orders import GONE, REFUSALS, Order, targets_of
from soak.upstreams import Play

__all__ = ["Outcome", "Verdict", "allowed", "judge", "seen"]

# How long after a provider's word to wait somebody may still be told of it: a tenth more by chance, and the
# way from the upstream's record to the gateway on a machine that is busy.
_COOLED_S = RETRY_AFTER_S * 1.1 + 2.0
_RIGHT: Collection[Fault] = ("", "drip")
# Where a whole answer breaks inside, the gateway can say so, or has passed on the half that came.
_BROKEN_INSIDE: Collection[Fault] = ("inside", "wrong length")
_BROKEN_STREAMS: Collection[Fault] = ("inside", "hang inside", "no end")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a client saw of its order. `at` is of `time.monotonic`, `seconds` count from when it was due."""

    order: Order
    reply: Reply | None
    ended: Ended
    at: float
    seconds: float

    @property
    def request_id(self) -> str:
        """Return the id that the gateway gave it, "" where it said none."""
        said = self.reply.header("x-llm-gateway-request-id") if self.reply is not None else None
        return said or ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was seen, by its name, and why that cannot be, "" where it can."""

    seen: str
    unexplained: str = ""


def judge(outcome: Outcome, plays: Sequence[Play], told_to_wait: Mapping[str, float]) -> Verdict:
    """Return the verdict on one outcome."""
    order, name = outcome.order, seen(outcome)
    may_be = allowed(order, plays, _cooling(outcome, told_to_wait))
    if name in may_be:
        return Verdict(name)
    reply = outcome.reply
    said = "nothing" if reply is None else f"{reply.status} {reply.headers} ...{reply.body[-600:]!r}"
    done = [f"{play.provider}: {play.fault or 'right'}" for play in plays]
    return Verdict(name, f"{name}, not {sorted(may_be)}; {order}; upstreams: {done}; {outcome.ended}: {said}")


def seen(outcome: Outcome) -> str:
    """Return the name of what a client saw."""
    order, reply, ended = outcome.order, outcome.reply, outcome.ended
    if ended in ("late", "nothing"):
        return ended
    if ended == "left" and (reply is None or order.text.startswith(order.asking.text(reply))):
        return "left"
    assert reply is not None
    asking = order.asking
    if reply.status >= 400:
        return f"error {reply.status}" if asking.error(reply) else f"{reply.status} without a message"
    text = asking.text(reply)
    if reply.status != 200 or not order.text.startswith(text):
        return "wrong answer"
    if asking.ends_well(reply):
        return "right answer" if text == order.text else "too short an answer"
    if order.stream and reply.whole:
        return "broken off" if asking.error(reply) else "without an end"
    return "truncated" if _is_truncated(order, reply) else "cut"


def allowed(order: Order, plays: Sequence[Play], cooling: bool) -> set[str]:
    """Return the names of what a client may see, after this was done for its order."""
    if order.behaviour in REFUSALS:
        return set() if plays else {f"error {REFUSALS[order.behaviour]}"}
    if order.behaviour == "breaks off":
        return set() if plays else {"left"}
    may_be = {"left"} if order.behaviour == "leaves" else set()
    targets = targets_of(order.model)
    if cooling:
        may_be.add("error 429")
    if GONE in targets:
        may_be.add("error 502")  # who is refused may have been asked last
    if not plays:
        return may_be
    if any(not _fails_over(play, order) for play in plays[:-1]):
        return set()
    return may_be | _allowed_by(plays[-1], order)


def _fails_over(play: Play, order: Order) -> bool:
    """Whether somebody may be asked after this: nothing of it can have reached the client."""
    if play.fault in _RIGHT:
        return False
    return play.fault not in ("truncated JSON", "malformed event", *(_BROKEN_STREAMS if order.stream else ()))


def _allowed_by(play: Play, order: Order) -> set[str]:
    same, fault = play.provider == order.dialect, play.fault
    if fault in STATUSES:
        return {f"error {STATUSES[fault]}"}
    if fault in _RIGHT:
        return {"right answer"}
    if order.stream and fault in _BROKEN_STREAMS:
        return {"broken off"}
    if fault in _BROKEN_INSIDE:
        return {"error 502", "cut"} if same else {"error 502"}
    match fault:
        case "reset":
            return {"error 502"}
        case "hang":
            return {"error 504"}
        case "truncated JSON":
            return {"truncated"} if same else {"error 502"}
        case "malformed event":
            return {"right answer"} if same else {"broken off"}
    return set()


def _cooling(outcome: Outcome, told_to_wait: Mapping[str, float]) -> bool:
    """Whether every target had said, not long before, that it wants to be left alone."""
    targets = [target for target in targets_of(outcome.order.model) if target != GONE]
    return bool(targets) and all(
        outcome.at - told_to_wait.get(target, float("-inf")) < _COOLED_S for target in targets
    )


def _is_truncated(order: Order, reply: Reply) -> bool:
    """Whether it is the beginning of the right answer, as an upstream of the client's dialect gives it."""
    right = whole(order.dialect, order)
    return reply.whole and bool(reply.body) and right.startswith(reply.body) and len(reply.body) < len(right)
