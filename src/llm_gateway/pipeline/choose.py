"""Which targets of a plan are asked for one request, in which order and why: pure, and told in words.

A request and whoever asks for an explanation call the same function. Nothing is read off a request here
(`needs.py`), nothing is remembered (`sticky.py`) or counted (`limits.py`): how targets fare is looked at.
"""

import math
from collections.abc import Sequence
from hashlib import blake2b
from typing import Literal, Protocol, assert_never

import msgspec

from llm_gateway.config.routing import Prefer
from llm_gateway.errors import BudgetReached, CoolingDown, Forbidden, GatewayError, LimitReached, NoTarget
from llm_gateway.pipeline.needs import Needs
from llm_gateway.pipeline.plan import Nature, Plan, Step, Traits
from llm_gateway.providers.names import Target

__all__ = ["Block", "Blocked", "Candidate", "Choice", "Standing", "Standings", "choose", "refusal"]

Block = Literal["cooling", "open", "limit", "budget", "models"]
"""Why a target should not be asked. `cooling`: it said so itself; `open`: it failed. The others are limits of
its provider: `limit`, of requests and tokens; `budget`, of money; `models`, of what may be asked for."""

_LOCAL: tuple[Nature, ...] = ("local", "subscription", "hosted")
_SUBSCRIPTION: tuple[Nature, ...] = ("subscription", "local", "hosted")
_TOLD: dict[Nature, str] = {
    "local": "it is local",
    "subscription": "a subscription pays",
    "hosted": "every request is paid for",
}


class Blocked(Protocol):
    """Why a target should not be asked before a time."""

    @property
    def kind(self) -> Block:
        """Return which kind of reason it is."""
        ...

    @property
    def until(self) -> float:
        """Return when that ends, by the same clock as `now`; infinity for never."""
        ...

    @property
    def why(self) -> str:
        """Return it in words."""
        ...


class Standing(Protocol):
    """How a target fares."""

    def blocked(self, now: float) -> Blocked | None:
        """Return why it should not be asked now, None when it may be."""
        ...

    @property
    def ttft(self) -> float | None:
        """Return the seconds to the first byte of its answers, None while nobody has measured them."""
        ...


class Standings(Protocol):
    """How all targets fare."""

    def of(self, provider: str, dialect: str, model: str) -> Standing:
        """Return how a target fares."""
        ...


class Candidate(msgspec.Struct, frozen=True):
    """A target of a plan. `order` is its place among those that are asked, None when it is left out."""

    place: int
    target: Target
    step: Step | None
    order: int | None
    why: str
    """Why it is asked at this place, "" where that is just the order; or why it is left out."""


class _Weighed(msgspec.Struct, gc=False):
    """What is found out about one target: why it is left out, or where it comes and why."""

    step: Step
    out: str = ""
    block: Block | None = None
    wait: float = 0
    late: bool = False
    kept: bool = False
    rank: tuple[int, float] = (0, 0)
    draw: float = 0
    why: str = ""


class Choice(msgspec.Struct, frozen=True):
    """Who is asked, and what was found out about every target of the plan."""

    steps: tuple[Step, ...]
    plan: Plan
    weighed: tuple[_Weighed, ...]

    @property
    def reasoned(self) -> tuple[Step, ...]:
        """Return who is asked, each with why, where there is a reason."""
        why = {each.step.traits.place: each.why for each in self.weighed if each.why}
        if not why:
            return self.steps
        places = ((step, why.get(step.traits.place, "")) for step in self.steps)
        return tuple([msgspec.structs.replace(step, why=each) if each else step for step, each in places])

    @property
    def told(self) -> tuple[Candidate, ...]:
        """Return every target of the plan, in the order in which it is written."""
        orders = {step.traits.place: order for order, step in enumerate(self.steps, 1)}
        told = [Candidate(each.place, each.target, None, None, each.why) for each in self.plan.left]
        for each in self.weighed:
            place, step = each.step.traits.place, each.step
            told.append(Candidate(place, step.target, step, orders.get(place), each.out or each.why))
        told.sort(key=lambda candidate: candidate.place)
        return tuple(told)

    @property
    def retry_after(self) -> float | None:
        """Return in how many seconds the first of them may be asked again, where none may be now."""
        waits = [each.wait for each in self.weighed if 0 < each.wait < math.inf]
        return min(waits) if waits and not self.steps else None

    @property
    def blocks(self) -> frozenset[Block | None]:
        """Return the kinds of reasons for which targets are left out for a while."""
        return frozenset(each.block for each in self.weighed)


def choose(plan: Plan, needs: Needs, standings: Standings, now: float, draw: str, kept: str = "") -> Choice:
    """Return who of a plan is asked for a request that needs this.

    `draw` decides where weights do; without it the heaviest come first. `kept` is the target, by its name,
    that answered this conversation last, "" for none.
    """
    weighed = [_Weighed(step, _unfit(step, needs)) for step in plan.steps]
    if needs.input_tokens:
        _leave_small([each for each in weighed if not each.out], needs)
    for each in weighed:
        if not each.out:
            step = each.step
            standing = standings.of(step.provider, step.dialect, step.model)
            _rank(each, plan, standing, draw)
            _keep(each, kept)
            _hold_back(each, standing.blocked(now), now)
    asked = [each for each in weighed if not each.out]
    if len(asked) > 1:
        asked.sort(key=_key)
    return Choice(tuple([each.step for each in asked]), plan, tuple(weighed))


def refusal(plan: Plan, choice: Choice) -> GatewayError:
    """Return the error for a request that nobody is asked for."""
    reasons = "; ".join(f"{each.target}: {each.why}" for each in choice.told)
    blocks, wait = choice.blocks, choice.retry_after
    told = f"{plan.asked!r} cannot be asked now: {reasons}"
    if "cooling" in blocks:
        return CoolingDown(told, retry_after=wait)
    if "limit" in blocks:
        return LimitReached(told, retry_after=wait)
    if "budget" in blocks:
        return BudgetReached(told, retry_after=wait)
    if "models" in blocks:
        return Forbidden(f"{plan.asked!r} may not be asked for: {reasons}")
    return NoTarget(
        f"{plan.asked!r} has no target for this request: {reasons}; change the request, or what the "
        f"configuration says of `aliases.{plan.asked}`",
        param="model",
    )


# what keeps a target from being asked


def _unfit(step: Step, needs: Needs) -> str:
    if needs.tools and not step.traits.tools:
        return "it gets no requests that offer tools"
    if needs.images and not step.traits.images:
        return "it gets no requests that hold images"
    return ""


def _leave_small(fit: Sequence[_Weighed], needs: Needs) -> None:
    """Leave out what such a request does not fit into; where it fits nowhere, the largest answers for it."""
    small = {each.step.traits.place: why for each in fit if (why := _too_small(each.step.traits, needs))}
    if small and len(small) == len(fit):
        largest = max(fit, key=lambda each: _room(each.step.traits))
        largest.why = f"{small.pop(largest.step.traits.place)}; no other target takes more"
    for each in fit:
        each.out = small.get(each.step.traits.place, "")


def _too_small(traits: Traits, needs: Needs) -> str:
    told = f"about {needs.input_tokens} tokens go in"
    if traits.most_input and needs.input_tokens > traits.most_input:
        return f"{told}, and it gets at most {traits.most_input}"
    if traits.window and needs.input_tokens + needs.output_tokens > traits.window:
        return f"{told} and {needs.output_tokens} come out, and its window holds {traits.window}"
    return ""


def _room(traits: Traits) -> int:
    rooms = [room for room in (traits.most_input, traits.window) if room]
    return min(rooms, default=0)


def _hold_back(each: _Weighed, blocked: Blocked | None, now: float) -> None:
    if blocked is None:
        return
    wait = max(blocked.until - now, 0.0)
    match blocked.kind:
        case "cooling":
            each.block, each.wait = blocked.kind, wait
            each.out = f"it cools down for {wait:.1f} s more: {blocked.why}"
        case "limit" | "budget":
            each.block, each.wait = blocked.kind, wait
            again = f"has room again in {_told(wait)}" if wait < math.inf else "never has that much room"
            each.out = f"it {again}: {blocked.why}"
        case "models":
            each.block, each.out = blocked.kind, blocked.why
        case "open":
            each.late = True
            each.why = f"its circuit is open for {wait:.1f} s more ({blocked.why})"
        case _:
            assert_never(blocked.kind)


def _told(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


# where a target comes


def _rank(each: _Weighed, plan: Plan, standing: Standing, draw: str) -> None:
    each.rank, why = _preference(plan.prefer, each.step.traits, standing)
    if each.step.traits.weight:
        each.draw, why = _drawn(each.step, plan, draw)
    each.why = each.why or why


def _preference(prefer: Prefer, traits: Traits, standing: Standing) -> tuple[tuple[int, float], str]:
    """Return what to sort a target by, and that in words."""
    match prefer:
        case "order":
            return (0, 0), ""
        case "local":
            return (_LOCAL.index(traits.nature), 0), _TOLD[traits.nature]
        case "subscription":
            return (_SUBSCRIPTION.index(traits.nature), 0), _TOLD[traits.nature]
        case "cheapest":
            if traits.price is None:
                return (1, 0), "its price is not known"
            return (0, float(traits.price)), f"{traits.price:f} US dollars for a million tokens"
        case "fastest":
            # Whoever was never measured comes first, or it never would be.
            if (ttft := standing.ttft) is None:
                return (0, 0), "nobody has measured it yet"
            return (1, ttft), f"its answers begin after {ttft:.2f} s"
        case _:
            assert_never(prefer)


def _drawn(step: Step, plan: Plan, draw: str) -> tuple[float, str]:
    """Return a target's lot in its group, the least of which wins, and its share in words.

    Every target draws on its own, from an exponential distribution of its weight's rate: the first is each
    with the probability of its share, and who drops out takes no other's requests along.
    """
    weight = step.traits.weight
    total = sum(each.traits.weight for each in plan.steps if each.traits.group == step.traits.group)
    if not draw:
        return -float(weight), f"weight {weight} of {total}"
    digest = blake2b(f"{draw}\0{step.provider}/{step.model}".encode(), digest_size=8).digest()
    uniform = (int.from_bytes(digest, "big") + 1) / (1 << 64)
    return -math.log(uniform) / weight, f"weight {weight} of {total}"


def _keep(each: _Weighed, kept: str) -> None:
    if kept and f"{each.step.provider}/{each.step.model}" == kept:
        each.kept = True
        each.why = "it answered this conversation last"


def _key(each: _Weighed) -> tuple[bool, bool, tuple[int, float], int, float, int]:
    traits = each.step.traits
    group = traits.group if traits.weight else traits.place
    return each.late, not each.kept, each.rank, group, each.draw, traits.place
