"""What a request may use and cost, held before it leaves, and what it did, settled when it ends.

Limits are counted in `limits.py`, prices looked up in the ledger's price book; here a request's size becomes
a claim, and a usage becomes money. Where nothing is limited, a request passes without being looked at.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from llm_gateway.canonical.usage import Usage
from llm_gateway.clock import Clock
from llm_gateway.dialects.contract import Call, Kind
from llm_gateway.ledger.accounting import Basis
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.records import Attempt, Noted, Settlement
from llm_gateway.ledger.spending import Spent
from llm_gateway.ledger.tariff import Tariff
from llm_gateway.pipeline.counting import Counting, Extents, Unlearned
from llm_gateway.pipeline.extent import Extent, extent
from llm_gateway.pipeline.limits import Bounds, Claim, Hold, Limits, Scope, Standing
from llm_gateway.pipeline.plan import Plan, Step
from llm_gateway.pipeline.windows import PERIODS, Period

__all__ = ["Full", "Held", "Load", "Spending"]

_MINUTE_US = 60_000_000
# Text rarely has fewer bytes a token than this: what is held has to be enough.
_LEAST_BYTES = 2
# What a model may write where neither the request nor experience bounds it.
_USUAL_OUTPUT = 8192
_MOST_REMEMBERED = 10_000


class Load(msgspec.Struct, frozen=True):
    """What is known of a request to say what it may use: its bytes, and what it makes a model write."""

    size: int
    asked: Extent
    kind: Kind = "generate"


class Held(msgspec.Struct, frozen=True):
    """What a request holds.

    `entered` is what it holds at the providers that were asked, `load` what that follows from, None where it
    holds the same everywhere.
    """

    hold: Hold
    load: Load | None = None
    entered: dict[str, Hold] = {}

    @property
    def fields(self) -> bytes:
        """Return the header line that warns the client of limits of which much is used, if there are such."""
        warned = [each for hold in (self.hold, *self.entered.values()) for each in hold.warned]
        if not warned:
            return b""
        told = ", ".join(f"{each.scope[0]} {each.limit} {each.share:.0%}" for each in warned)
        return b"x-llm-gateway-limit-warning: %b\r\n" % told.encode("ascii", "replace")


class Full(msgspec.Struct, frozen=True):
    """Why a target gets no request of a kind before a time, infinity for never, by its provider's own limits.

    `until` is of the monotonic clock. `models`: it is not among those that may be asked for.
    """

    kind: Literal["limit", "budget", "models"]
    until: float
    why: str


class Spending:
    """The money and the room of this gateway.

    `on_warned` is told of a limit of which much is used, once until less of it is.
    """

    def __init__(self, clock: Clock, on_warned: Callable[[Standing], None] = lambda standing: None) -> None:
        self._clock = clock
        self._on_warned = on_warned
        self._warned: frozenset[tuple[Scope, str]] = frozenset()
        self._book = PriceBook({}, {})
        self._paid: frozenset[str] = frozenset()
        self._limits = Limits()
        self._bounded = False
        self._configured: Mapping[Scope, Bounds] = {}
        self._of_keys: Mapping[Scope, Bounds] = {}
        self.limits_providers = False
        self._bases: dict[tuple[str, str, str, int], Basis] = {}
        self._cards: dict[str, Tariff] = {}
        self._noted = {""}
        self.counting: Counting = Unlearned()
        self._longest: dict[tuple[str, str], int] = {}

    def use(self, book: PriceBook, paid: Collection[str], bounds: Mapping[Scope, Bounds]) -> None:
        """Go by these prices and limits from now on; `paid` are the providers that cost money."""
        self._book = book
        self._paid = frozenset(paid)
        self._bases = {}
        self._configured = bounds
        self._bind()

    def limit_keys(self, bounds: Mapping[Scope, Bounds]) -> None:
        """Hold keys to these limits from now on, beside those of the configuration: the stricter holds."""
        self._of_keys = bounds
        self._bind()

    @property
    def limits(self) -> Limits:
        """Return what is counted."""
        return self._limits

    def periods(self) -> tuple[Period, ...]:
        """Return the periods of which what was spent has to be known, and is not."""
        return PERIODS if self._limits.unremembered() else ()

    def remember(self, period: Period, spent: Iterable[Spent]) -> None:
        """Take over what the ledger says was spent in a period that is now."""
        sums: dict[Scope, int] = {}
        for each in spent:
            scopes: tuple[Scope, ...] = (
                ("global", ""),
                ("key", each.key),
                ("client", each.client),
                ("provider", each.provider),
            )
            for scope in scopes:
                sums[scope] = sums.get(scope, 0) + each.nano
        self._limits.remember(period, sums, self._clock.now_us())

    def all_paid(self, steps: Iterable[Step]) -> bool:
        """Return whether each of these targets costs money; False where there is none."""
        paid = False
        for step in steps:
            if step.provider not in self._paid:
                return False
            paid = True
        return paid

    def unpaid(self, plan: Plan) -> Plan:
        """Return the plan without the targets that cost money."""
        steps = tuple(step for step in plan.steps if step.provider not in self._paid)
        return plan if len(steps) == len(plan.steps) else msgspec.structs.replace(plan, steps=steps)

    def standing(self) -> list[Standing]:
        """Return how every limit stands."""
        return self._limits.standing(self._clock.now_us())

    def hold(self, key: str, client: str, call: Call, plan: Plan, *, free: bool = False) -> Held | None:
        """Take the room for a request; None where nothing limits it.

        One that is `free`, because nobody will be asked, takes room as a request and no tokens or money.
        Raises LimitReached, BudgetReached or Forbidden, and then holds nothing.
        """
        if not self._bounded:
            return None
        scopes = self._limits.bounded((("global", ""), ("key", key), ("client", client)))
        providers = self._limits.bounded(("provider", step.provider) for step in plan.steps)
        if not scopes and not providers:
            return None
        now_us = self._clock.now_us()
        money = self._limits.costs((*scopes, *providers))
        load = None if free else Load(len(call), extent(call), plan.kind)
        claim = self._claim(load, plan.steps, money=money) if load is not None else Claim()
        names = (call.model, *(f"{step.provider}/{step.model}" for step in plan.steps))
        hold = self._limits.hold(scopes, claim, names, now_us)
        self._warn(hold)
        return Held(hold, load)

    def hold_unread(self, key: str, client: str, size: int, step: Step) -> Held | None:
        """Take the room for a request of so many bytes that is passed on without being understood."""
        scopes = self._limits.bounded((("global", ""), ("key", key), ("client", client)))
        if not scopes and not self._limits.bounded((("provider", step.provider),)):
            return None
        claim = Claim(nano=self._most(step, -(-size // _LEAST_BYTES), 0))
        names = (f"{step.provider}/{step.model}",) if step.model else ()
        hold = self._limits.hold(scopes, claim, names, self._clock.now_us())
        self._warn(hold)
        return Held(hold)

    def enter(self, held: Held, step: Step) -> None:
        """Take the room at a provider that is about to be asked; LimitReached when it has none.

        A provider that is asked again holds what it held.
        """
        scopes = self._limits.bounded((("provider", step.provider),))
        if scopes and step.provider not in held.entered:
            claim = held.hold.claim
            if held.load is not None:
                claim = self._claim(held.load, (step,), money=self._limits.costs(scopes))
            now_us = self._clock.now_us()
            hold = self._limits.hold(scopes, claim, (str(step.target),), now_us)
            held.entered[step.provider] = hold
            self._warn(hold)

    def full(self, steps: Iterable[Step], load: Load) -> dict[tuple[str, str], Full]:
        """Return the targets, by provider and model, whose providers have no room for a request now.

        What `enter` would refuse, at this instant: nothing is held.
        """
        full: dict[tuple[str, str], Full] = {}
        now_us, now = self._clock.now_us(), self._clock.monotonic()
        for step in steps:
            scope: Scope = ("provider", step.provider)
            if not self._limits.bounded((scope,)):
                continue
            name = (step.provider, step.model)
            if forbidden := self._limits.forbidden(scope, (str(step.target),)):
                full[name] = Full("models", math.inf, forbidden)
                continue
            claim = self._claim(load, (step,), money=self._limits.costs((scope,)))
            if (reached := self._limits.reached(scope, claim, now_us)) is not None:
                kind: Literal["budget", "limit"] = "budget" if reached.money else "limit"
                full[name] = Full(kind, now + reached.wait, reached.told)
        return full

    def rate_fields(self, key: str, client: str) -> bytes:
        """Return the header lines by which OpenAI's and Anthropic's clients learn of limits by the minute.

        developers.openai.com, "Rate limits"; docs.claude.com, "Rate limits".
        """
        scopes = self._limits.bounded((("global", ""), ("key", key), ("client", client)))
        now_us = self._clock.now_us()
        lines: list[str] = []
        for each in self._limits.rates(scopes, now_us):
            at = datetime.fromtimestamp(math.ceil(now_us / 1e6 + each.resets_in), UTC)
            resets = at.strftime("%Y-%m-%dT%H:%M:%SZ")  # whole seconds, and none too early
            lines += (
                f"x-ratelimit-limit-{each.kind}: {each.most}",
                f"x-ratelimit-remaining-{each.kind}: {each.left}",
                f"x-ratelimit-reset-{each.kind}: {math.ceil(each.resets_in)}s",
                f"anthropic-ratelimit-{each.kind}-limit: {each.most}",
                f"anthropic-ratelimit-{each.kind}-remaining: {each.left}",
                f"anthropic-ratelimit-{each.kind}-reset: {resets}",
            )
        return "".join(f"{line}\r\n" for line in lines).encode()

    def settle(
        self,
        held: Held | None,
        step: Step | None,
        usage: Usage | None,
        nano: int | None = None,
        attempts: Sequence[Attempt] = (),
    ) -> None:
        """Give back what was held, and count what was used and paid.

        What other attempts used counts, too: with their own providers, and with whoever asked.
        """
        if held is None:
            return
        now_us = self._clock.now_us()
        tokens, paid = usage.total if usage is not None else 0, nano or 0
        by_provider = {step.provider: (tokens, paid)} if step is not None else {}
        for each in attempts:
            if each.usage is not None:
                more, owed = each.usage.total, each.cost_nano or 0
                before = by_provider.get(each.provider, (0, 0))
                by_provider[each.provider] = (before[0] + more, before[1] + owed)
                tokens, paid = tokens + more, paid + owed
        self._limits.settle(held.hold, tokens, paid, now_us)
        for provider, hold in held.entered.items():
            self._limits.settle(hold, *by_provider.get(provider, (0, 0)), now_us)
        if step is not None and usage is not None:
            self._remember(step, usage.output)

    def basis(self, step: Step, at_us: int, tier: str = "", told: str = "") -> Basis:
        """Return at what the tokens of a target are reckoned: a price where it is to be paid, or a worth.

        `told` is what the answer calls its model: it counts where the name that was asked for has no price,
        as with a vendor's nicknames.
        """
        found = self._remembered(step.provider, step.model, at_us, tier)
        if told and told != step.model and not found.is_known:
            other = self._remembered(step.provider, told, at_us, tier)
            return other if other.is_known else found
        return found

    def basis_of(self, provider: str, model: str, at_us: int) -> Basis:
        """Return the same for a turn of which no more is known."""
        return self._remembered(provider, model, at_us, "")

    def unnoted(self, end: Settlement) -> list[Noted]:
        """Return the cards that an end was reckoned with and that this process has not put on record yet."""
        money, noted = end.money, self._noted
        if money is None:
            return []
        if money.tariff in noted and money.reference in noted and money.retried_nano is None:
            return []
        ids = {money.tariff, money.reference, *(each.tariff for each in end.attempts)} - noted
        noted |= ids
        return [Noted(each, self._cards[each].text) for each in ids if each]

    # details

    def _bind(self) -> None:
        bounds = dict(self._configured)
        for scope, each in self._of_keys.items():
            bounds[scope] = bounds[scope].within(each) if scope in bounds else each
        self._bounded = bool(bounds)
        self.limits_providers = any(kept == "provider" for kept, _ in bounds)
        self._limits.configure(bounds)

    def _warn(self, hold: Hold) -> None:
        """Tell of limits that were not warned of the last time; forget those that are not now."""
        if not hold.warned and not self._warned:
            return
        close = {(each.scope, each.limit): each for each in hold.warned}
        for name, standing in close.items():
            if name not in self._warned:
                self._on_warned(standing)
        others = {name for name in self._warned if name[0] not in hold.scopes}
        self._warned = frozenset(others | close.keys())

    def _claim(self, load: Load, steps: Collection[Step], *, money: bool) -> Claim:
        if load.kind == "count":
            return Claim()
        longest = max((self._longest.get((step.provider, step.model), 0) for step in steps), default=0)
        asked = load.asked
        each = asked.tokens if asked.tokens is not None else max(2 * longest, _USUAL_OUTPUT)
        output = each * asked.answers if load.kind != "embed" else 0
        estimate = max((self._estimate(step, load.size) for step in steps), default=0) + output
        if not money:
            return Claim(estimate)
        size = -(-load.size // _LEAST_BYTES)
        return Claim(estimate, max((self._most(step, size, output, asked.tier) for step in steps), default=0))

    def _estimate(self, step: Step, size: int) -> int:
        return self.counting.estimate(Extents(step.provider, step.model, size, 0)).usage.total

    def _most(self, step: Step, size: int, output: int, tier: str = "") -> int:
        """Return the most that a request can cost; who is asked for a tier may answer in the usual one."""
        now_us = self._clock.now_us()
        tariffs = {self.basis(step, now_us, each).tariff for each in ("", tier)}
        window = self._book.window(step.provider, step.model) if tariffs != {None} else None
        size = min(size, window) if window else size
        return max((tariff.most(size, output) for tariff in tariffs if tariff is not None), default=0)

    def _remembered(self, provider: str, model: str, at_us: int, tier: str) -> Basis:
        name = (provider, model, tier, at_us // _MINUTE_US)
        found = self._bases.get(name)
        if found is None:
            if len(self._bases) >= _MOST_REMEMBERED:
                self._bases.clear()
            found = self._bases[name] = self._basis(provider, model, at_us, tier)
        return found

    def _basis(self, provider: str, model: str, at_us: int, tier: str) -> Basis:
        if provider in self._paid:
            tariff = self._book.tariff(provider, model, at_us, tier) or self._book.assumed(provider, model)
            self._cards[tariff.id] = tariff
            return Basis(tariff)
        reference, chosen = self._book.reference(provider, model, at_us)
        if reference is not None:
            self._cards[reference.id] = reference
        return Basis(None, reference, chosen)

    def _remember(self, step: Step, output: int) -> None:
        """Learn how much a model writes: what it wrote once, it may write again."""
        name = (step.provider, step.model)
        if output > self._longest.get(name, 0) and len(self._longest) < _MOST_REMEMBERED:
            self._longest[name] = output
