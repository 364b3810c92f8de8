"""The account of one request while it runs: begun once, settled once, whatever happens in between."""

import asyncio
from collections.abc import Coroutine

import msgspec

from llm_gateway.canonical.loss import Loss, named
from llm_gateway.canonical.usage import Usage
from llm_gateway.clock import Clock
from llm_gateway.dialects.contract import Seen
from llm_gateway.errors import (
    Draining,
    GatewayError,
    Internal,
    LedgerUnavailable,
    UpstreamFault,
    UpstreamTruncated,
    forget_frames,
)
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.money import dollars
from llm_gateway.ledger.records import Attempt, Intent, Outcome, Purpose, Removed
from llm_gateway.pipeline.asking import Asking, Losing, Sending, Watched
from llm_gateway.pipeline.authenticate import Identity
from llm_gateway.pipeline.cache import Entry
from llm_gateway.pipeline.closing import Course, Ending, close, learn
from llm_gateway.pipeline.compress import Compressing
from llm_gateway.pipeline.plan import Plan, Step
from llm_gateway.pipeline.spending import Held, Spending
from llm_gateway.pipeline.tally import tally
from llm_gateway.telemetry.metrics import Metrics
from llm_gateway.wire.headers import Headers, get

__all__ = ["Caller", "Try", "Turn"]

# Who sends the first one, Anthropic's, means it: its clients write it down. The other one is also a proxy's.
_REQUEST_IDS = (b"request-id", b"x-request-id")
_HEADERS = (
    b"x-llm-gateway-request-id: %b\r\n%bx-llm-gateway-attempts: %d\r\nserver-timing: upstream;dur=%.1f\r\n"
)
_NOTHING = Usage()
_NOBODY = Intent("", 0, "", "", "", "", "", "", "", "")


class Caller(msgspec.Struct, frozen=True):
    """Whom a turn is accounted to. `declared` is the caller's own word for itself, if it gave one.

    How its client was told, its conversation and the kind of background call are as in ledger/records.py.
    """

    identity: Identity
    client: str
    declared: str = ""
    purpose: Purpose = "request"
    told_by: str = ""
    session: str = ""
    label: str = ""

    @property
    def name(self) -> str:
        """Return the name to account to; what a caller says of itself is marked as such."""
        return f"{self.declared} (self-declared)" if self.declared else self.identity.caller


class Try(msgspec.Struct, frozen=True):
    """One target that is being asked, since when, and on which way; `sending` is the request going out."""

    step: Step
    losing: Losing
    started: float
    sending: Sending | None = None


class _Nothing:
    losses: tuple[Loss, ...] = ()


_NO_STEP = Step("", "", "", None, None, asks_usage=False, counts=True, headers=b"")
_NO_TRY = Try(_NO_STEP, _Nothing(), 0.0)


class Turn:
    """One request's account. `begin` comes first, `settle` or `fail` last; later ones change nothing."""

    __slots__ = (
        "_asked",
        "_attempts",
        "_clock",
        "_cost",
        "_ledger",
        "_metrics",
        "_monotonic",
        "_replayed",
        "_settled",
        "_spending",
        "_started",
        "_status",
        "_step",
        "_try",
        "_upstream_id",
        "body",
        "compressing",
        "estimates",
        "free",
        "held",
        "id",
        "intent",
        "label",
        "left",
        "ours",
        "rates",
        "recorded",
        "removed",
        "seen",
        "standing",
        "told",
        "ttft_us",
    )

    def __init__(self, ledger: Ledger, metrics: Metrics, clock: Clock, spending: Spending) -> None:
        self._ledger = ledger
        self._metrics = metrics
        self._clock = clock
        self._spending = spending
        self._cost: int | None = None
        self.held: Held | None = None
        self.recorded = True  # False while it is in memory alone: then nobody is asked who is to be paid
        self.rates = b""  # header lines about limits, where one of them refuses the request
        self.label = ""  # what kind of background call it is, by what its body holds
        self.body = b""  # what is asked, as its client sent it: counted afterwards where nobody counted
        self.removed: Removed | None = None  # what compression took out
        self.compressing: Compressing | None = None  # or what it did, of which that is to be reckoned yet
        self.ours = False  # whether the marks of the provider's cache are the gateway's
        self.told = b""  # what the response cache tells the client, as a header line
        self._replayed: Entry | None = None
        self._monotonic = clock.monotonic
        self._started = clock.monotonic()
        self.id = ledger.new_id()
        self._attempts: list[Attempt] = []
        self._step: Step | None = None
        self._try = _NO_TRY
        self.left = False  # the client has left, and its answer is read on
        self._asked = False  # whether what was asked last had gone out when it was let go of
        self.standing: Watched | None = None
        self._status = 0
        self._upstream_id = ""
        self.intent = _NOBODY
        self.seen = Seen()
        self._settled = True  # nothing is open before `begin`
        self.estimates = True  # whether what nobody counted is guessed from the bytes
        self.free = False  # an operation that costs no tokens, such as counting them
        self.ttft_us = 0

    async def begin(self, caller: Caller, call: Asking, dialect: str, plan: Plan | None) -> None:
        """Put the intent on record, durably; LedgerUnavailable when that cannot be.

        Where a target costs nothing the turn goes on all the same, not `recorded` yet. `plan` is None where
        nothing serves the model that was asked for. A turn that a demo may answer never counts, even if
        another target does in the end.
        """
        steps = () if plan is None else plan.steps
        step, counts, purpose = None, False, caller.purpose
        if steps:
            step = steps[0]
            counting = [each.counts for each in steps]
            counts = purpose == "request" and False not in counting
            if True not in counting:
                purpose = "demo"
        self.free = plan is not None and plan.kind == "count"
        intent = Intent(
            self.id,
            self._clock.now_us(),
            caller.identity.key_id,
            caller.name,
            caller.client,
            dialect,
            call.operation,
            call.model,
            step.provider if step is not None else "",
            step.model if step is not None else "",
            call.stream,
            counts,
            purpose,
            len(call),
            self.held.hold.claim.nano if self.held is not None else 0,
            caller.session,
            self.label or caller.label or ("count-tokens" if self.free else ""),
            caller.told_by,
        )
        try:
            self.recorded = await self._ledger.begin(intent, required=self._spending.all_paid(steps))
        except BaseException:
            self._spending.settle(self.held, None, None)
            raise
        self.intent = intent
        self._settled = False
        self._metrics.began()

    def is_settled(self) -> bool:
        """Whether the end is on record, or there is nothing to settle."""
        return self._settled

    @property
    def is_asking(self) -> bool:
        """Return whether a target may have the request, and there is an answer to wait for."""
        sending = self._try.sending
        return not self._settled and sending is not None and sending.gone_out

    # attempts

    @property
    def step(self) -> Step | None:
        """Return the target that was asked last."""
        return self._step

    def attempt(self, step: Step, losing: Losing, sending: Sending | None = None) -> Try:
        """Take note that a target is being asked, and on a way that may lose something.

        LimitReached when its provider has no room for it: then it is not asked. Two may be asked at a time;
        the turn is that of the one that was asked last, or that has answered.
        """
        if self.held is not None:
            self._spending.enter(self.held, step)
        attempt = self._try = Try(step, losing, self._monotonic(), sending)
        self._asked = False
        self._step = step
        self._status = 0
        self._upstream_id = ""
        return attempt

    def attempt_answered(self, status: int, headers: Headers, attempt: Try | None = None) -> None:
        """Take note that the head of an answer came."""
        attempt = attempt or self._try
        self.adopt(attempt, status, headers)
        self._note_attempt(attempt, status, "" if status < 400 else "upstream_status", self._upstream_id)

    def adopt(self, attempt: Try, status: int, headers: Headers) -> None:
        """Let the turn be that of this attempt, whoever was asked beside it; `status` 0 is no answer."""
        self._try = attempt
        self._step = attempt.step
        self._status = status
        self._upstream_id = ""
        for name in _REQUEST_IDS:
            if (value := get(headers, name)) is not None:
                self._upstream_id = value[:128].decode("latin-1")
                break

    def attempt_failed(
        self, error: UpstreamFault, attempt: Try | None = None, used: Usage | None = None
    ) -> None:
        """Take note that no answer came; `used` is what it may be billed for all the same."""
        forget_frames(error)
        self._note_attempt(attempt or self._try, 0, error.kind, used=used)

    def attempt_cancelled(self, attempt: Try | None = None, used: Usage | None = None) -> None:
        """Take note that the client left before an answer came, or that another target was faster.

        `used` is what it may be billed for all the same, None where its request had not gone out. Of the
        target that was asked last that is what the turn used, and nobody's else.
        """
        attempt = attempt or self._try
        if attempt is self._try:
            self._asked, used = used is not None, None
        self._note_attempt(attempt, 0, "cancelled", used=used)

    def replay(self, step: Step, kept: Entry) -> None:
        """Take note that the answer is one of this target's that was kept: nobody is asked for it."""
        self._replayed = kept
        self._step = step
        self._try = Try(step, kept, self._monotonic())
        self._status = kept.status
        names = kept.response_id, kept.model, kept.finish_reason
        self.seen = Seen(_NOTHING, *names, complete=True, tier=kept.tier)

    def first_byte(self) -> None:
        """Take note that the first byte of the answer's body came."""
        self.ttft_us = self._since(self._started)
        if self.intent.stream:
            self._ledger.follow(self.id, self.seen)
        if self.standing is not None and self.intent.stream:
            self.standing.measured(self._monotonic() - self._try.started)

    def headers(self) -> bytes:
        """Return the header lines that tell the client about its turn."""
        step = self._step
        if step is None:
            own = b"x-llm-gateway-request-id: %b\r\n" % self.intent.id.encode() if self.intent.id else b""
            return own + self.rates
        lines = _HEADERS % (
            self.intent.id.encode(),
            step.headers,
            len(self._attempts),
            self._since(self._try.started) / 1000,
        )
        if losses := self._try.losing.losses:
            lines = b"%bx-llm-gateway-losses: %b\r\n" % (lines, named(losses).encode("ascii", "replace"))
        if self._cost is not None:
            lines = b"%bx-llm-gateway-cost-usd: %b\r\n" % (lines, f"{dollars(self._cost):f}".encode())
        lines += self.told
        return lines + self.held.fields if self.held is not None else lines

    # the end

    def settle(self, outcome: Outcome, response_bytes: int) -> Coroutine[object, object, None]:
        """Put the end on record, before the client learns of it."""
        status = self._status if outcome != "cancelled" else 499
        kind = "" if outcome == "ok" else "cancelled" if outcome == "cancelled" else self._answered_kind()
        return self._settle(outcome, status, kind, response_bytes)

    def fail(self, error: GatewayError, response_bytes: int = 0) -> Coroutine[object, object, None]:
        """Put an end with an error on record."""
        forget_frames(error)
        outcome: Outcome = "truncated" if isinstance(error, UpstreamTruncated) else "error"
        if self.standing is not None and isinstance(error, UpstreamFault) and not self._settled:
            self.standing.broke_off(error.kind)
        return self._settle(outcome, error.status, error.kind, response_bytes)

    def abandon(self, why: BaseException, response_bytes: int = 0) -> Coroutine[object, object, None]:
        """Put on record that the client left, that the gateway stops, or that a defect of ours ended it."""
        if Draining.is_why(why):
            return self.fail(Draining.cut(), response_bytes)
        if isinstance(why, asyncio.CancelledError):
            return self.settle("cancelled", response_bytes)
        return self._settle("error", Internal.status, Internal.kind, response_bytes)

    async def _settle(self, outcome: Outcome, status: int, kind: str, response_bytes: int) -> None:
        if self._settled:
            return
        self._settled = True
        if self.left:
            outcome, status, kind = "cancelled", 499, "cancelled"
        course = self._course()
        ending = Ending(outcome, status, kind, response_bytes, self._since(self._started))
        closed = close(course, ending, self._spending)
        settlement = closed.settlement
        self._cost = settlement.cost_nano
        self._spending.settle(self.held, self._step, settlement.usage, self._cost, settlement.attempts)
        tally(self._metrics, self.intent.client, settlement)
        for card in self._spending.unnoted(settlement):
            self._ledger.add(card)  # before what was reckoned with it
        try:
            await self._ledger.settle(settlement)
        except LedgerUnavailable:
            pass  # the ledger keeps the end and has said so; the answer was given and is the client's
        learn(course, closed, self._spending.counting)

    # details

    def _course(self) -> Course:
        return Course(
            self.intent,
            self._step,
            self.seen,
            self._status,
            self._upstream_id,
            self._try.losing.losses,
            tuple(self._attempts),
            self.ttft_us,
            self._replayed,
            self.removed,
            self.ours,
            self.free,
            self.estimates,
            self.body,
            self._asked,
            self.compressing,
        )

    def _answered_kind(self) -> str:
        return "upstream_stream" if self.seen.error else "upstream_status"

    def _note_attempt(
        self, attempt: Try, status: int, kind: str, request_id: str = "", used: Usage | None = None
    ) -> None:
        step = attempt.step
        if kind:
            self._metrics.attempt_failed(step.provider, kind)
        tariff = self._spending.basis(step, self.intent.at_us).tariff if used is not None else None
        cost = tariff.cost(used) if tariff is not None and used is not None else None
        self._attempts.append(
            Attempt(
                step.provider,
                step.dialect,
                step.model,
                int((attempt.started - self._started) * 1e6),
                self._since(attempt.started),
                False,
                status,
                kind,
                request_id,
                step.why,
                used,
                cost,
                tariff.id if tariff is not None else "",
            )
        )

    def _since(self, start: float) -> int:
        return int((self._monotonic() - start) * 1e6)
