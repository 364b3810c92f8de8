"""A bridge as a provider of the pipeline: slots, a bounded queue, deadlines, its state after each turn."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from llm_gateway.bridges.answer import Deadlines, TurnAnswer, TurnRun
from llm_gateway.bridges.contract import Ask, Bridge
from llm_gateway.bridges.faults import BridgeFault, FaultKind, answer_of
from llm_gateway.bridges.health import BridgeModel, Health, Verified
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.abilities import Abilities
from llm_gateway.dialects.bridge import BRIDGE
from llm_gateway.dialects.bridge.request import decode_request
from llm_gateway.engines.prepared import PreparedAnswer
from llm_gateway.errors import ConfigError
from llm_gateway.upstream.answer import Answer

__all__ = ["Bounds", "BridgeEngine"]

_HEALTH_HOLDS = 15.0
_HEALTH_TAKES = 2.0
_LOOK_TAKES = 4.5  # for its health and its models, whatever it does when it is to stop
_DEGRADED_AFTER = 3  # turns in a row that failed
_LAPSE = 60.0  # how long a fault of a turn counts for more than what the bridge says of itself


class Bounds(msgspec.Struct, frozen=True):
    """How much a bridge does at a time, and for how long: turns, turns that wait, seconds."""

    parallel: int = 4
    queue: int = 16
    wait: float = 30.0
    first: float = 60.0
    between: float = 120.0
    total: float = 1800.0


class BridgeEngine:
    """The engine behind one bridge; `name` is that of its provider.

    `opened` makes the vendor's bridge, when it is first needed; `absence` tells what keeps it from answering
    before.
    """

    counts = True
    dialect = BRIDGE.name

    def __init__(
        self,
        name: str,
        opened: Callable[[], Bridge],
        abilities: Abilities,
        bounds: Bounds,
        around: Surroundings,
    ) -> None:
        self.name = name
        self.abilities: Abilities | None = abilities
        self.people: frozenset[str] | None = frozenset(("",))
        self.absence: Callable[[], Health | None] = _nothing
        self._opened = opened
        self._bridge: Bridge | None = None
        self._bounds = bounds
        self._deadlines = Deadlines(bounds.first, bounds.between, bounds.total)
        self._clock = around.clock
        self._tasks = around.tasks
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._offered: tuple[BridgeModel, ...] = ()
        self._seen = Health("starting")
        self._seen_at = -_HEALTH_HOLDS
        self._looking = asyncio.Lock()
        self._looks = 0
        self._verified: Verified = "none"
        self._failures = 0
        self._last_fault: BridgeFault | None = None
        self._fault_at = 0.0
        self._last_success_us = 0
        self._paused = False
        self._doubted = False

    @property
    def bridge(self) -> Bridge:
        """The vendor's bridge; BridgeFault when its settings do not allow to open it."""
        if self._bridge is None:
            try:
                self._bridge = self._opened()
            except ConfigError as error:
                raise BridgeFault("bridge_failed", f"{self.name} cannot be opened: {error}") from None
        return self._bridge

    @property
    def doubted(self) -> bool:
        """Whether a turn has failed since it was last looked at, or its program was starting then."""
        return self._doubted or self._seen.state == "starting"

    @property
    def models(self) -> Sequence[str]:
        """The names of its models, as far as they are known."""
        return tuple(model.id for model in self._offered)

    @property
    def offered(self) -> tuple[BridgeModel, ...]:
        """What it offered when it was last looked at."""
        return self._offered

    @property
    def seen(self) -> Health:
        """Return how it was when it was looked at last, with what became of its turns since."""
        return self._judged()

    def pause(self, *, paused: bool) -> None:
        """Take no turn any more, or take them again; those that run go on."""
        self._paused = paused
        self._seen_at = -_HEALTH_HOLDS

    def renewed(self) -> None:
        """Forget what was wrong with it: somebody has logged in since."""
        self._last_fault, self._failures = None, 0
        self._seen_at = -_HEALTH_HOLDS

    async def look(self, *, fresh: bool = False) -> Health:
        """Return how the bridge is; asked of it again after 15 seconds, or when it has to be `fresh`.

        Whoever waits shares the next look that begins.
        """
        seen = self._looks + self._looking.locked()  # by a look that has begun already
        async with self._looking:
            fresh = fresh and self._looks <= seen
            if fresh or self._clock.monotonic() - self._seen_at >= _HEALTH_HOLDS:
                await self._look()
                self._looks += 1
        return self._judged()

    async def answer(self, operation: str, body: bytes, model: str) -> Answer:
        """Answer a turn of the bridges' language; the answer is there when its first event is."""
        ask = Ask(model, decode_request(body))
        try:
            if self._paused:
                raise BridgeFault(
                    "bridge_disabled",
                    f"the bridge {self.name} is paused by its owner; "
                    f"`llm-gateway bridges resume {self.name}` ends that",
                )
            self._require()
            bridge = self.bridge
            await self._enter()
        except BridgeFault as fault:
            return _refused(fault)
        run = TurnRun(bridge.turn(ask), self._deadlines, self._note)
        task = self._tasks.start(f"a turn of {self.name}", run.run())
        task.add_done_callback(lambda _: self._give())
        try:
            await run.heard()
        except BaseException:
            task.cancel()
            raise
        if not run.begun:
            return _refused(run.fault or BridgeFault("bridge_failed", f"the bridge {self.name} said nothing"))
        return TurnAnswer(run, lambda: _stop(task))

    async def close(self) -> None:
        """End what the bridge runs."""
        while self._waiting:
            self._waiting.popleft().cancel()
        if self._bridge is not None:
            await self._bridge.close()

    def _require(self) -> None:
        """Raise what keeps the bridge from answering, as far as that shows without it."""
        if self._bridge is None and (absent := self.absence()) is not None:
            kind: FaultKind = "bridge_not_installed" if absent.state == "not_installed" else "auth_required"
            raise BridgeFault(kind, f"{self.name}: {absent.reason}", action=absent.action)

    # slots

    async def _enter(self) -> None:
        """Take a slot, or wait for one; BridgeFault when too many wait."""
        bounds = self._bounds
        if self._running < bounds.parallel and not self._waiting:
            self._running += 1
            return
        if len(self._waiting) >= bounds.queue:
            raise self._busy(f"{len(self._waiting)} wait for it already")
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            async with asyncio.timeout(bounds.wait):
                await place
        except TimeoutError:
            if place.done() and not place.cancelled():
                return  # it became free in the very moment
            # Who has waited as long is not asked to wait here again: the client is, or another target.
            raise self._busy(f"no turn of it ended within {bounds.wait:g} seconds", 10) from None
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._give()
            raise
        finally:
            if place in self._waiting:
                self._waiting.remove(place)

    def _busy(self, why: str, retry_after: float = 1) -> BridgeFault:
        parallel = self._bounds.parallel
        return BridgeFault(
            "bridge_busy",
            f"the bridge {self.name} answers {parallel} turns at a time and {why}; try again in a moment",
            retry_after=retry_after,
        )

    def _give(self) -> None:
        """Hand a slot to whoever waits longest, or keep it free."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._running -= 1

    def _note(self, run: TurnRun) -> None:
        """Take note of what a turn that is over says of the bridge."""
        if run.complete:
            self._verified, self._failures, self._last_fault = "turn_succeeded", 0, None
            self._last_success_us = self._clock.now_us()
        elif run.fault is not None and run.fault.kind != "refused":
            self._failures += 1
            self._last_fault, self._fault_at = run.fault, self._clock.monotonic()
            if run.fault.state == "auth_required":
                self._verified = "none"
            self._seen_at = -_HEALTH_HOLDS
            self._doubted = True

    # its state

    async def _look(self) -> None:
        self._doubted = False
        self._seen_at = self._clock.monotonic()
        if self._bridge is None and (absent := self.absence()) is not None:
            self._seen = absent
            return
        # A task of its own: a defect of one vendor's bridge is logged, and is no end of whoever looks at all.
        asking = self._tasks.start(f"look at {self.name}", self._ask())
        try:
            await asyncio.wait({asking}, timeout=_LOOK_TAKES)
        finally:
            asking.cancel()
        if not asking.done():  # it was told to stop, and did not
            self._seen = Health("unreachable", f"it did not say how it is within {_LOOK_TAKES:g} seconds")
        elif not asking.cancelled() and asking.exception() is not None:
            self._seen = Health("error", "a defect kept it from saying how it is; the log has it")
        self._seen_at = self._clock.monotonic()

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(_HEALTH_TAKES):
                self._seen = await self.bridge.health()
        except BridgeFault as fault:
            self._seen = Health(
                fault.state or "error", fault.message, fault.action, resets_us=fault.resets_us
            )
        except TimeoutError:
            self._seen = Health("unreachable", f"it did not say how it is within {_HEALTH_TAKES:g} seconds")
        if self._seen.state == "ok":
            try:
                async with asyncio.timeout(_HEALTH_TAKES):
                    self._offered = await self.bridge.models() or self._offered
            except (TimeoutError, BridgeFault):
                pass  # those of before are still the best that is known

    def _judged(self) -> Health:
        """Return what the bridge said of itself, corrected by what became of its latest turns."""
        seen, fault = self._seen, self._last_fault
        verified = self._verified if self._verified != "none" else seen.verified
        state, reason, action, resets = seen.state, seen.reason, seen.action, seen.resets_us
        if self._paused:
            state, reason = "disabled", "it is paused by its owner"
        elif state == "ok" and fault is not None and self._counts(fault):
            state = fault.state or ("degraded" if self._failures >= _DEGRADED_AFTER else state)
            reason, action, resets = fault.message, fault.action, fault.resets_us
        elif state == "ok" and self._running >= self._bounds.parallel and self._waiting:
            state, reason = "busy", f"{self._running} turns run and {len(self._waiting)} wait"
        return msgspec.structs.replace(
            seen,
            state=state,
            reason="" if state == "ok" else reason,
            action=None if state == "ok" else action,
            resets_us=resets,
            verified=verified if state in ("ok", "busy", "degraded", "rate_limited") else "none",
            last_success_us=self._last_success_us,
            last_error=fault.message if fault is not None else "",
            running=self._running,
            waiting=len(self._waiting),
        )

    def _counts(self, fault: BridgeFault) -> bool:
        """Whether a fault still says something: a quota until it begins anew, the rest for a minute."""
        if fault.resets_us:
            return self._clock.now_us() < fault.resets_us
        return self._clock.monotonic() - self._fault_at < _LAPSE


def _nothing() -> None:
    return None


def _refused(fault: BridgeFault) -> PreparedAnswer:
    status, headers, body = answer_of(fault)
    return PreparedAnswer(status, headers, [body])


def _stop(task: asyncio.Task[None]) -> None:
    if not task.done():
        task.cancel()
