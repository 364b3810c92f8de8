"""How much may be asked for, and by whom: held before a request leaves, settled when its end is known.

Counters only, of one event loop: holding is one step that nothing interrupts, so many requests at once
cannot spend the same room twice. Who is asked, and what a token costs, is decided elsewhere. What money was
spent comes from the ledger at the start; the counters of a minute begin empty.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from llm_gateway.errors import BudgetReached, Forbidden, GatewayError, LimitReached
from llm_gateway.ledger.money import dollars
from llm_gateway.pipeline.windows import PERIODS, Minute, Period, span

__all__ = ["NO_BOUNDS", "Bounds", "Claim", "Hold", "Kept", "Limits", "Rated", "Reached", "Scope", "Standing"]

Kept = Literal["global", "key", "client", "provider"]
"""Whom a limit is for."""

Scope = tuple[Kept, str]
"""Whom, and which one: the key's id, the client's or the provider's name; "" for everybody."""

_PARALLEL_AGAIN = 1.0
# What requests that run hold comes back when they end, whenever that is: a budget is not spent by it.
_HELD_AGAIN = 1.0


class Bounds(msgspec.Struct, frozen=True):
    """The limits of one scope; None is no limit. Money is in nanodollars."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    parallel: int | None = None
    per_day: int | None = None
    per_week: int | None = None
    per_month: int | None = None
    models: tuple[str, ...] = ()
    """Patterns of names that may be asked for; none means all."""
    also: tuple[str, ...] = ()
    """Patterns of which such a name has to match one, too; none means all."""
    warn_at: float = 0.8
    """The share of a limit from which it is warned of."""

    @property
    def costs(self) -> bool:
        """Return whether money is bounded."""
        return any(self.money(period) is not None for period in PERIODS)

    def money(self, period: Period) -> int | None:
        """Return the most that may be spent in a period."""
        match period:
            case "day":
                return self.per_day
            case "week":
                return self.per_week
            case "month":
                return self.per_month

    def within(self, other: "Bounds") -> "Bounds":
        """Return the stricter of these and others, limit by limit; they are warned of as these."""
        return Bounds(
            _least(self.requests_per_minute, other.requests_per_minute),
            _least(self.tokens_per_minute, other.tokens_per_minute),
            _least(self.parallel, other.parallel),
            _least(self.per_day, other.per_day),
            _least(self.per_week, other.per_week),
            _least(self.per_month, other.per_month),
            self.models or other.models,
            other.models if self.models else (),
            self.warn_at,
        )


NO_BOUNDS = Bounds()


class Claim(msgspec.Struct, frozen=True):
    """What a request may use at most, as far as that is known before: tokens, and nanodollars."""

    tokens: int = 0
    nano: int = 0


class Hold(msgspec.Struct, frozen=True):
    """Room that a request has; it is given back by `Limits.settle`."""

    scopes: tuple[Scope, ...]
    claim: Claim
    at_us: int
    warned: "tuple[Standing, ...]" = ()


class Standing(msgspec.Struct, frozen=True):
    """How one limit stands now. Money is in nanodollars; `resets_us` is 0 where nothing resets by itself."""

    scope: Scope
    limit: str
    most: int
    used: int
    resets_us: int = 0
    warn_at: float = 1.0

    @property
    def share(self) -> float:
        """Return which part is used; of nothing, all of it is."""
        return self.used / self.most if self.most else 1.0

    @property
    def warned(self) -> bool:
        """Return whether so much is used that it is warned of."""
        return self.share >= self.warn_at


class Reached(msgspec.Struct, frozen=True):
    """A limit that has no room for a request; `wait` is in how many seconds it has, infinity for never.

    `held`: there would be room, were there no requests that run: what they do not use comes back.
    """

    scope: Scope
    limit: str
    used: str
    wait: float
    money: bool = False
    held: bool = False

    @property
    def told(self) -> str:
        """Return it in words."""
        how = "has no room now under" if self.held else "has reached"
        return f"{_whose(self.scope)} {how} its limit of {self.limit}: {self.used}"

    @property
    def error(self) -> GatewayError:
        """Return it as the error for the client."""
        again, wait = "it is more than the limit by itself", None
        if self.wait < math.inf:
            again, wait = f"try again in {max(math.ceil(self.wait), 1)} seconds", self.wait
        error = BudgetReached if self.money else LimitReached
        return error(f"{self.told}; {again}", retry_after=wait)


class Rated(msgspec.Struct, frozen=True):
    """How a limit by the minute stands: what is left, and in how many seconds all of it is."""

    kind: str
    most: int
    left: int
    resets_in: float


class _Spent:
    """The money of one scope in one period: settled, and still held."""

    __slots__ = ("held", "settled", "start")

    def __init__(self, start: int, settled: int = 0) -> None:
        self.start = start
        self.settled = settled
        self.held = 0


class _Counters:
    """What is counted for one scope."""

    __slots__ = ("money", "parallel", "requests", "tokens")

    def __init__(self) -> None:
        self.requests = Minute()
        self.tokens = Minute()
        self.parallel = 0
        self.money: dict[Period, _Spent] = {}

    def spent(self, period: Period, now_us: int) -> _Spent:
        """Return what was spent in the period that is now; a new one begins empty."""
        spent = self.money.get(period)
        start = span(period, now_us).start
        if spent is None or start > spent.start:
            held = spent.held if spent is not None else 0
            spent = self.money[period] = _Spent(start)
            spent.held = held
        return spent


class Limits:
    """The limits that are configured, and what is counted against them."""

    def __init__(self) -> None:
        self._bounds: Mapping[Scope, Bounds] = {}
        self._counters: dict[Scope, _Counters] = {}
        self._known: set[Scope] = set()

    def configure(self, bounds: Mapping[Scope, Bounds]) -> None:
        """Count against these limits from now on; what was counted stays."""
        self._bounds = bounds
        self._known &= bounds.keys()

    def unremembered(self) -> list[Scope]:
        """Return the scopes whose money is limited and was not counted until now."""
        return [scope for scope, each in self._bounds.items() if each.costs and scope not in self._known]

    def remember(self, period: Period, sums: Mapping[Scope, int], now_us: int) -> None:
        """Take over what was spent before, as the ledger has it, where it was not counted here."""
        for scope in self.unremembered():
            self._of(scope).spent(period, now_us).settled = sums.get(scope, 0)
        if period == PERIODS[-1]:
            self._known.update(self.unremembered())

    def bounded(self, scopes: Iterable[Scope]) -> tuple[Scope, ...]:
        """Return those of the scopes that have limits."""
        bounds = self._bounds
        return tuple(scope for scope in scopes if scope in bounds) if bounds else ()

    def costs(self, scopes: Iterable[Scope]) -> bool:
        """Whether money is bounded in any of the scopes: then a request's price has to be known."""
        return any(self._bounds[scope].costs for scope in scopes)

    def hold(self, scopes: tuple[Scope, ...], claim: Claim, names: Sequence[str], now_us: int) -> Hold:
        """Take the room that a request may need in all of the scopes, or none of it.

        `names` are those that the model is known by. Raises Forbidden for a model that is not allowed, and
        LimitReached with the time from which it is worth trying again.
        """
        reached: list[Reached] = []
        for scope in scopes:
            if forbidden := self.forbidden(scope, names):
                raise Forbidden(forbidden)
            reached += self._reached(scope, claim, now_us)
        if reached:
            raise max(reached, key=_wait).error
        warned: list[Standing] = []
        for scope in scopes:
            counters = self._of(scope)
            counters.requests.add(1, now_us)
            counters.tokens.add(claim.tokens, now_us)
            counters.parallel += 1
            for period in PERIODS:
                counters.spent(period, now_us).held += claim.nano
            warned += [each for each in self._standing(scope, now_us) if each.warned]
        return Hold(scopes, claim, now_us, tuple(warned))

    def forbidden(self, scope: Scope, names: Sequence[str]) -> str:
        """Return why a scope may not ask for a model of these names, "" where it may."""
        bounds = self._bounds.get(scope, NO_BOUNDS)
        for models in (bounds.models, bounds.also):
            if models and names and not any(fnmatchcase(name, each) for name in names for each in models):
                return f"{_whose(scope)} may not ask for {names[0]!r}; {_may(models)}"
        return ""

    def reached(self, scope: Scope, claim: Claim, now_us: int) -> Reached | None:
        """Return which limit of a scope keeps such a request waiting now, and longest; None for none."""
        return max(self._reached(scope, claim, now_us), key=_wait, default=None)

    def settle(self, hold: Hold, tokens: int, nano: int, now_us: int) -> None:
        """Give back what was held and count what was used; money counts in the period that held it."""
        for scope in hold.scopes:
            counters = self._of(scope)
            counters.parallel -= 1
            if tokens != hold.claim.tokens:
                counters.tokens.add(tokens - hold.claim.tokens, now_us)
            for period in PERIODS:
                spent = counters.spent(period, now_us)
                spent.held -= hold.claim.nano
                if span(period, hold.at_us).start == spent.start:
                    spent.settled += nano

    def standing(self, now_us: int) -> list[Standing]:
        """Return how every limit stands."""
        return [each for scope in self._bounds for each in self._standing(scope, now_us)]

    def rates(self, scopes: Iterable[Scope], now_us: int) -> Iterator[Rated]:
        """Return how the limits by the minute stand, of each kind the one with the least room."""
        kinds: dict[str, Rated] = {}
        for scope in scopes:
            bounds, counters = self._bounds[scope], self._of(scope)
            for kind, most, minute in (
                ("requests", bounds.requests_per_minute, counters.requests),
                ("tokens", bounds.tokens_per_minute, counters.tokens),
            ):
                if most is None:
                    continue
                left = max(most - minute.at(now_us), 0)
                if kind not in kinds or left < kinds[kind].left:
                    kinds[kind] = Rated(kind, most, left, minute.room_in(most, most, now_us))
        yield from kinds.values()

    # details

    def _of(self, scope: Scope) -> _Counters:
        counters = self._counters.get(scope)
        if counters is None:
            counters = self._counters[scope] = _Counters()
        return counters

    def _reached(self, scope: Scope, claim: Claim, now_us: int) -> Iterator[Reached]:
        """Yield the limits of a scope that have no room for such a request now."""
        bounds, counters = self._bounds.get(scope, NO_BOUNDS), self._of(scope)
        for minute, limit, amount, what in (
            (counters.requests, bounds.requests_per_minute, 1, "requests per minute"),
            (counters.tokens, bounds.tokens_per_minute, claim.tokens, "tokens per minute"),
        ):
            if limit is not None and (wait := minute.room_in(amount, limit, now_us)):
                used = f"{minute.at(now_us)} are used and this one needs {amount}"
                yield Reached(scope, f"{limit} {what}", used, wait if wait > 0 else math.inf)
        if bounds.parallel is not None and counters.parallel >= bounds.parallel:
            used = f"{counters.parallel} run now"
            yield Reached(scope, f"{bounds.parallel} requests at a time", used, _PARALLEL_AGAIN)
        for period in PERIODS:
            if (most := bounds.money(period)) is not None:
                spent = counters.spent(period, now_us)
                if not claim.nano or spent.settled + spent.held + claim.nano <= most:
                    continue
                used = (
                    f"${_shown(spent.settled)} are spent, ${_shown(spent.held)} held for requests that run, "
                    f"and this one may cost ${_shown(claim.nano)}"
                )
                held = spent.settled + claim.nano <= most
                wait = _HELD_AGAIN if held else (span(period, now_us).end - now_us) / 1e6
                if claim.nano > most:
                    wait = math.inf
                yield Reached(scope, f"${_shown(most)} per {period}", used, wait, money=True, held=held)

    def _standing(self, scope: Scope, now_us: int) -> Iterator[Standing]:
        bounds, counters = self._bounds[scope], self._of(scope)
        for limit, most, used in (
            ("requests_per_minute", bounds.requests_per_minute, counters.requests.at(now_us)),
            ("tokens_per_minute", bounds.tokens_per_minute, counters.tokens.at(now_us)),
            ("parallel", bounds.parallel, counters.parallel),
        ):
            if most is not None:
                yield Standing(scope, limit, most, used, warn_at=bounds.warn_at)
        for period in PERIODS:
            if (most := bounds.money(period)) is not None:
                spent = counters.spent(period, now_us)
                used, end = spent.settled + spent.held, span(period, now_us).end
                yield Standing(scope, f"usd_per_{period}", most, used, end, bounds.warn_at)


def _least(one: int | None, other: int | None) -> int | None:
    limits = [each for each in (one, other) if each is not None]
    return min(limits, default=None)


def _wait(reached: Reached) -> float:
    return reached.wait


def _whose(scope: Scope) -> str:
    kept, name = scope
    match kept:
        case "global":
            return "this gateway"
        case "key":
            return "this key"
        case "client":
            return f"the client {name}"
        case "provider":
            return f"the provider {name}"


def _may(models: tuple[str, ...]) -> str:
    return f"it may ask for {', '.join(models[:10])}"


def _shown(amount: int) -> str:
    return f"{dollars(amount):.4f}"
