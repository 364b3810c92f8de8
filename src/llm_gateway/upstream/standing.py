"""How each target fares: whether it failed too often of late, asked to be left alone, how fast it is.

A state machine with injected time and chance. A circuit belongs to an endpoint (a provider in one dialect);
it opens when calls fail, lets one call try it out after a while, and closes when that one is answered. A
cool-down is what a provider itself asked for, for one model or for all. Who is asked is decided elsewhere.
"""

from collections.abc import Callable
from typing import Literal

import msgspec

from llm_gateway.clock import Clock

__all__ = ["Blocked", "Circuit", "Standing", "Standings"]

_MOST = 10_000
_IN_A_ROW = 5
_SHARE = 0.5
_ENOUGH = 10
_SPAN = 30.0
_FIRST_REST = 5.0
_LONGEST_REST = 60.0
# A call that tries an open circuit out and says nothing for so long is not waited for by others.
_TRIAL = 60.0
_TTFT_HOLDS = 600.0
_WEIGHT = 0.2


class Blocked(msgspec.Struct, frozen=True):
    """Why a target should not be asked before a time. `cooling`: it said so itself; `open`: it failed."""

    kind: Literal["cooling", "open"]
    until: float
    why: str


class Circuit:
    """The circuit of one endpoint. Times are of one monotonic clock, in seconds."""

    __slots__ = ("_asked", "_chance", "_failed", "_in_a_row", "_since", "_trial", "opened", "until", "why")

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._in_a_row = 0
        self._since = 0.0
        self._asked = 0
        self._failed = 0
        self.opened = 0
        self._trial = 0.0
        self.until = 0.0
        self.why = ""

    def blocked(self, now: float) -> Blocked | None:
        """Return why the endpoint should not be asked now."""
        if not self.opened:
            return None
        if now < self.until:
            return Blocked("open", self.until, self.why)
        if self._trial and now - self._trial < _TRIAL:
            return Blocked("open", self._trial + _TRIAL, f"one request tries it out after {self.why}")
        return None

    @property
    def is_open(self) -> bool:
        """Return whether it is open, or being tried out."""
        return self.opened > 0

    def asked(self, now: float) -> bool:
        """Take note that the endpoint is being asked; return whether that tries an open circuit out."""
        if self.opened and now >= self.until:
            self._trial = now
            return True
        return False

    def answered(self) -> None:
        """Take note that it has answered, whatever it said: it is there."""
        self._asked += 1
        self._in_a_row = 0
        if self.opened:
            self.opened = 0
            self._trial = 0.0
            self._asked = self._failed = 0

    def left(self, *, trial: bool) -> None:
        """Take note that whoever asked has gone before there was an answer: that says nothing.

        `trial`: it was trying the circuit out; then another one may.
        """
        if trial:
            self._trial = 0.0

    def failed(self, now: float, why: str) -> None:
        """Take note that it has failed, and open when that is too often."""
        if now - self._since > _SPAN:
            self._since, self._asked, self._failed = now, 0, 0
        self._asked += 1
        self._failed += 1
        self._in_a_row += 1
        often = self._asked >= _ENOUGH and self._failed >= _SHARE * self._asked
        if (self.opened and now >= self.until) or (
            not self.opened and (self._in_a_row >= _IN_A_ROW or often)
        ):
            self.opened += 1
            rest = min(_FIRST_REST * 2.0 ** min(self.opened - 1, 10), _LONGEST_REST)
            self.open(now, rest * (0.8 + 0.4 * self._chance()), why)

    def open(self, now: float, seconds: float, why: str) -> None:
        """Open for so long."""
        self.opened = max(self.opened, 1)
        self._trial = 0.0
        self.until = now + seconds
        self.why = why


class Standing:
    """How one model of a provider fares at one of its endpoints."""

    __slots__ = ("_clock", "_cooling", "_measured", "_provider", "_ttft", "circuit")

    def __init__(self, circuit: Circuit, provider: "_Cooling", clock: Callable[[], float]) -> None:
        self.circuit = circuit
        self._provider = provider
        self._cooling = _Cooling()
        self._clock = clock
        self._ttft = 0.0
        self._measured = -_TTFT_HOLDS

    def blocked(self, now: float) -> Blocked | None:
        """Return why this target should not be asked now, None when it may be."""
        circuit = self.circuit
        if now >= self._cooling.until and now >= self._provider.until and not circuit.opened:
            return None  # nearly always; every request asks
        return self._cooling.blocked(now) or self._provider.blocked(now) or circuit.blocked(now)

    @property
    def ttft(self) -> float | None:
        """Return the seconds to the first byte of a stream, lately; None while that is not known."""
        return self._ttft if self._clock() - self._measured < _TTFT_HOLDS else None

    def measured(self, seconds: float) -> None:
        """Take note of the time to the first byte of a stream."""
        now = self._clock()
        known = now - self._measured < _TTFT_HOLDS
        self._ttft = self._ttft + _WEIGHT * (seconds - self._ttft) if known else seconds
        self._measured = now

    def broke_off(self, why: str) -> None:
        """Take note that an answer of it, once begun, did not come to its end."""
        self.circuit.failed(self._clock(), why)

    def cool(self, now: float, seconds: float, why: str, *, provider: bool = False) -> None:
        """Leave it alone for so long, or all models of its provider."""
        (self._provider if provider else self._cooling).extend(now + seconds, why)


class Standings:
    """How all targets fare, known to all requests. `chance` returns numbers from 0 to 1."""

    def __init__(self, clock: Clock, chance: Callable[[], float]) -> None:
        self._monotonic = clock.monotonic
        self._chance = chance
        self._known: dict[tuple[str, str, str], Standing] = {}
        self._circuits: dict[tuple[str, str], Circuit] = {}
        self._providers: dict[str, _Cooling] = {}

    def of(self, provider: str, dialect: str, model: str) -> Standing:
        """Return how a target fares."""
        standing = self._known.get((provider, dialect, model))
        return standing if standing is not None else self._new(provider, dialect, model)

    def gauges(self) -> dict[str, Callable[[], dict[str, float]]]:
        """Return what is measured: which circuits are open."""
        return {"llm_gateway_circuit_open": self.open_circuits}

    def open_circuits(self) -> dict[str, float]:
        """Return 1 for every endpoint whose circuit is open and 0 for the others, by provider and dialect."""
        return {f"{name} {dialect}": float(each.is_open) for (name, dialect), each in self._circuits.items()}

    def _new(self, provider: str, dialect: str, model: str) -> Standing:
        if len(self._known) >= _MOST:  # names come from clients: bounded
            self._known.clear()
        circuit = self._circuits.setdefault((provider, dialect), Circuit(self._chance))
        cooling = self._providers.setdefault(provider, _Cooling())
        standing = self._known[provider, dialect, model] = Standing(circuit, cooling, self._monotonic)
        return standing


class _Cooling:
    """What asked to be left alone, and until when."""

    __slots__ = ("_why", "until")

    def __init__(self) -> None:
        self.until = 0.0
        self._why = ""

    def blocked(self, now: float) -> Blocked | None:
        return Blocked("cooling", self.until, self._why) if now < self.until else None

    def extend(self, until: float, why: str) -> None:
        if until > self.until:
            self.until, self._why = until, why
