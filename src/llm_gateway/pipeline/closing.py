"""The end of a turn as the ledger gets it: what was used, by whose count, and what that cost and was worth.

Not when a turn ends, or that it does so once (`turn.py`), and not the arithmetic (`ledger/accounting.py`).
Nothing is counted here beyond bytes: whoever counts better does so afterwards, from what is returned.
"""

import msgspec

from llm_gateway.canonical.loss import Loss
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Seen
from llm_gateway.ledger.accounting import Basis, Used, cached, has_lines, reckon
from llm_gateway.ledger.records import Attempt, Compressed, Counted, Intent, Outcome, Removed, Settlement
from llm_gateway.pipeline.cache import Entry
from llm_gateway.pipeline.compress import Compressing
from llm_gateway.pipeline.counting import Counting, Estimate, Extents, Missed, Shorter
from llm_gateway.pipeline.cut import used_in_vain, used_when_cut
from llm_gateway.pipeline.plan import Step
from llm_gateway.pipeline.spending import Spending

__all__ = ["Closed", "Course", "Ending", "close", "learn"]

_NOTHING = Usage()
_NO_BASIS = Basis()
# The kind of an error that the provider itself told inside of its answer: it has failed, and says so.
_SAID = "upstream_stream"
# How a provider fails that has begun to answer. What cannot be read is another matter: it has worked.
_BROKE_OFF = ("upstream_truncated", "upstream_timeout", _SAID)
# How far off a count may be of which a part is guessed from bytes as they usually are.
_GUESSED_PERMILLE = 1000


class Ending(msgspec.Struct, frozen=True, gc=False):
    """How a turn ended, as its client sees it."""

    outcome: Outcome
    http_status: int
    error_kind: str
    response_bytes: int
    latency_us: int


class Course(msgspec.Struct, frozen=True):
    """What a turn has been through when it ends.

    `status` and `upstream_id` are those of the target that answered. `asked`: the client left one that had
    its request and had not answered. `kept` is the answer where it came from
    the response cache. `removed` and `ours` are as in `ledger/accounting.py`. `free`: it costs no tokens.
    `estimates`: what nobody counted is guessed. `body` is the request as it was sent, in
    its client's dialect; `compressing` what compression did to it.
    """

    intent: Intent
    step: Step | None
    seen: Seen
    status: int
    upstream_id: str
    losses: tuple[Loss, ...]
    attempts: tuple[Attempt, ...]
    ttft_us: int
    kept: Entry | None
    removed: Removed | None
    ours: bool
    free: bool
    estimates: bool
    body: bytes
    asked: bool = False
    compressing: Compressing | None = None

    @property
    def sent_bytes(self) -> int:
        """Return the size of the body that was sent, as far as compression made it another one."""
        removed = self.compressing.bytes_removed if self.compressing is not None else 0
        return self.intent.request_bytes - removed


class Closed(msgspec.Struct, frozen=True):
    """The end of a turn, and at what it was reckoned."""

    settlement: Settlement
    basis: Basis


_Count = tuple[Usage | None, Counted, int | None]


def close(course: Course, ending: Ending, spending: Spending) -> Closed:
    """Return the end of a turn."""
    intent, step, seen = course.intent, course.step, course.seen
    usage, counted, error_permille = _used(course, ending, spending.counting)
    basis = _NO_BASIS
    if step is not None and usage is not None and not course.free:
        basis = spending.basis(step, intent.at_us, seen.tier, seen.model)
    attempts = _attempts(course, usage, ending, spending)
    saved = saved_nano = None
    counts = has_lines(ending.outcome, intent.purpose, counts=intent.counts)
    whole = counted == "provider" and ending.outcome == "ok"
    removed, compressed = _compressed(course, usage, spending, counted=whole)
    if course.kept is None:
        used = Used(usage or _NOTHING, counts, counted, removed, course.ours, _retried(attempts))
        cost, money = reckon(used, basis)
    else:
        cost, money = None if basis.tariff is None else 0, None
        if ending.outcome == "ok":
            saved = course.kept.usage or _estimate(course, course.kept.content_bytes, spending.counting).usage
            saved_nano = basis.tariff.cost(saved) if basis.tariff is not None and counts else None
            money = cached(saved_nano, saved, basis)
    settlement = Settlement(
        intent.id,
        ending.outcome,
        ending.http_status,
        ending.error_kind,
        step.provider if step is not None else "",
        step.model if step is not None else "",
        usage,
        ending.latency_us,
        course.ttft_us or None,
        ending.response_bytes,
        course.upstream_id,
        seen.response_id,
        seen.finish_reason,
        attempts,
        tuple([f"{loss.what}: {loss.why}" for loss in course.losses]) if course.losses else (),
        cost,
        "",
        course.kept.turn_id if course.kept is not None and saved is not None else "",
        saved,
        saved_nano,
        seen.tier,
        counted,
        error_permille,
        removed,
        money,
        compressed,
    )
    return Closed(settlement, basis)


def learn(course: Course, closed: Closed, counting: Counting) -> None:
    """Tell whoever counts what the provider counted of a whole answer, or that it counted nothing.

    And what compression took out, where that is only guessed.
    """
    end, intent, seen = closed.settlement, course.intent, course.seen
    usage = end.usage
    if usage is None or course.kept is not None or course.free:
        return
    extents = _extents(course, seen.content_bytes)
    counted: Usage | None = None
    body = course.body
    if end.counted == "provider":
        counted = usage
        if end.outcome == "ok":
            counting.learn(extents, usage)
        if end.outcome != "ok" or not counting.curious(extents):
            body = b""
    elif seen.usage is not None:
        body = b""  # of a part the provider's count is known, which nobody has better
    shorter = _shorter(course, end)
    if body or shorter is not None:
        counts = has_lines(end.outcome, intent.purpose, counts=intent.counts)
        retried = end.money.retried_nano if end.money is not None else None
        of_turn = (intent.id, extents, intent.dialect, body, closed.basis, end.outcome, counts)
        counting.later(Missed(*of_turn, counted, end.removed, retried, shorter))


def _shorter(course: Course, end: Settlement) -> Shorter | None:
    """Return what compression took out, where that is not known better than by its bytes."""
    told, compressing = end.compressed, course.compressing
    if told is None or compressing is None or compressing.removal is None:
        return None
    return None if told.counted in ("", "tokenizer") else Shorter(compressing.removal, end)


def _compressed(
    course: Course, usage: Usage | None, spending: Spending, *, counted: bool
) -> tuple[Removed | None, Compressed | None]:
    """Return which tokens compression took out, and what else it did; nothing where nobody was asked."""
    if course.compressing is None or course.kept is not None:
        return course.removed, None
    extents = _extents(course, course.seen.content_bytes)
    return course.compressing.ended(extents, usage, spending.counting, counted=counted)


def _used(course: Course, ending: Ending, counting: Counting) -> _Count:
    """Return what was used, who counted it, and how far off that may be."""
    seen = course.seen
    usage = seen.usage
    if course.free or course.kept is not None:
        return _NOTHING, "", None
    if usage is None:
        if not course.estimates or not _was_probably_used(course, ending):
            return None, "", None
        estimate = _estimate(course, seen.content_bytes, counting)
        return estimate.usage, estimate.counted, estimate.error_permille
    if ending.outcome != "ok" and course.estimates:
        usage = used_when_cut(seen, course.sent_bytes)
    if usage.estimated:
        return usage, "bytes", _GUESSED_PERMILLE
    return usage, "provider", None


def _was_probably_used(course: Course, ending: Ending) -> bool:
    """Whether a provider worked: it answered, or the client left while it was at it.

    Not where it failed before it had brought anything: whether it bills that is told of the attempt alone.
    """
    return course.asked or (0 < course.status < 400 and not _failed_at_once(course, ending))


def _failed_at_once(course: Course, ending: Ending) -> bool:
    return ending.error_kind in _BROKE_OFF and not course.seen.content_bytes


def _attempts(course: Course, usage: Usage | None, ending: Ending, spending: Spending) -> tuple[Attempt, ...]:
    """Return the attempts; one that began to answer and broke off may be billed, though the turn is not."""
    attempts, step = course.attempts, course.step
    broke_off = ending.error_kind in _BROKE_OFF and ending.error_kind != _SAID
    if usage is not None or not broke_off or not 0 < course.status < 300 or step is None:
        return attempts
    if course.free or not course.estimates:
        return attempts
    used = used_in_vain(course.sent_bytes)
    tariff = spending.basis(step, course.intent.at_us).tariff
    nano, card = (None, "") if tariff is None else (tariff.cost(used), tariff.id)
    return tuple(
        msgspec.structs.replace(each, usage=used, cost_nano=nano, tariff=card)
        if each.status == course.status and not each.error_kind
        else each
        for each in attempts
    )


def _retried(attempts: tuple[Attempt, ...]) -> int | None:
    """Return what attempts cost whose answer nobody got, None where none of them is billed."""
    retried = None
    for attempt in attempts:
        if attempt.cost_nano is not None:
            retried = attempt.cost_nano + (retried or 0)
    return retried


def _estimate(course: Course, content_bytes: int, counting: Counting) -> Estimate:
    return counting.estimate(_extents(course, content_bytes))


def _extents(course: Course, content_bytes: int) -> Extents:
    step = course.step
    provider, model = (step.provider, step.model) if step is not None else ("", "")
    return Extents(provider, model, course.sent_bytes, content_bytes)
