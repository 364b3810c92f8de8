"""Who is asked for a request: the plan for its model, narrowed down to this request and to how targets fare.

It only brings together what the choice is made from; the choice itself is in `choose.py`.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec

from llm_gateway.canonical.usage import BYTES_PER_TOKEN
from llm_gateway.clock import Clock
from llm_gateway.config.routing import RoutingSettings
from llm_gateway.dialects.contract import Call
from llm_gateway.pipeline.choose import Blocked, Choice, Standing, Standings, choose, refusal
from llm_gateway.pipeline.extent import Extent, extent
from llm_gateway.pipeline.needs import NOTHING, Needs, needs_of
from llm_gateway.pipeline.plan import Plan, Step
from llm_gateway.pipeline.spending import Full, Load
from llm_gateway.pipeline.sticky import Sticky
from llm_gateway.wire.headers import Headers

__all__ = ["Room", "Routing"]

_Full = Mapping[tuple[str, str], Full]
_NOBODY: _Full = {}


class Room(Protocol):
    """Who knows how much may be asked of providers."""

    @property
    def limits_providers(self) -> bool:
        """Return whether any provider has limits."""
        ...

    def full(self, steps: Iterable[Step], load: Load) -> _Full:
        """Return the targets that have no room for a request now, by provider and model."""
        ...


class Routing:
    """What requests are routed by beside the configuration: how targets fare, and who answered whom."""

    def __init__(self, standings: Standings, clock: Clock, settings: RoutingSettings, room: Room) -> None:
        self._standings = standings
        self._room = room
        self._monotonic = clock.monotonic
        self._sticky = Sticky(settings.sticky_ttl, settings.sticky_conversations)

    def use(self, settings: RoutingSettings) -> None:
        """Go by these settings from now on."""
        self._sticky.use(settings.sticky_ttl, settings.sticky_conversations)

    def chosen(self, plan: Plan, call: Call, headers: Headers, key: str, turn: str) -> Plan:
        """Return the plan for a request of a key: whom to ask, in order.

        Raises what `refusal` says when nobody is to be asked; `turn` is the id of the request's turn.
        How one subscriber's login fares says nothing about another's: its vendor is asked whenever it comes.
        """
        full = _NOBODY
        if self._room.limits_providers and not plan.login:
            full = self._room.full(plan.steps, Load(len(call), extent(call), plan.kind))
        if plan.fixed and (plan.login or (not full and self._may_all_be_asked(plan))):
            return plan
        needs = needs_of(plan.reads, call, headers, key)
        choice = self._choice(plan, needs, turn, full)
        if not choice.steps:
            raise refusal(plan, choice)
        return msgspec.structs.replace(plan, steps=choice.reasoned, session=needs.session)

    def _may_all_be_asked(self, plan: Plan) -> bool:
        now = self._monotonic()
        for step in plan.steps:
            if self._standings.of(step.provider, step.dialect, step.model).blocked(now) is not None:
                return False
        return True

    def choice(self, plan: Plan, needs: Needs = NOTHING, turn: str = "") -> Choice:
        """Return who would be asked for a request that needs this, and why."""
        full = _NOBODY
        if self._room.limits_providers:
            asked = Extent(needs.output_tokens or None)
            full = self._room.full(plan.steps, Load(needs.input_tokens * BYTES_PER_TOKEN, asked, plan.kind))
        return self._choice(plan, needs, turn, full)

    def _choice(self, plan: Plan, needs: Needs, turn: str, full: _Full) -> Choice:
        now = self._monotonic()
        session = needs.session if plan.sticky else ""
        kept = self._sticky.target(_conversation(plan, session), now) if session else ""
        standings = _Limited(self._standings, full) if full else self._standings
        return choose(plan, needs, standings, now, session or turn, kept)

    def answered(self, plan: Plan, step: Step) -> None:
        """Take note that a target has answered: a conversation that stays stays there."""
        if plan.session:
            name = _conversation(plan, plan.session)
            self._sticky.answered(name, str(step.target), self._monotonic())


def _conversation(plan: Plan, session: str) -> str:
    """Return what a conversation is remembered by: with each alias it has a target of its own."""
    return f"{session} {plan.asked}"


class _Limited(msgspec.Struct, frozen=True):
    """How targets fare, some of whose providers have no room."""

    standings: Standings
    full: _Full

    def of(self, provider: str, dialect: str, model: str) -> Standing:
        standing = self.standings.of(provider, dialect, model)
        full = self.full.get((provider, model))
        return standing if full is None else _WithoutRoom(standing, full)


class _WithoutRoom(msgspec.Struct, frozen=True):
    """How a target fares that has no room, whatever else there is."""

    standing: Standing
    full: Full

    def blocked(self, now: float) -> Blocked:
        blocked = self.standing.blocked(now)
        if blocked is not None and blocked.kind == "cooling" and blocked.until > self.full.until:
            return blocked
        return self.full

    @property
    def ttft(self) -> float | None:
        return self.standing.ttft
