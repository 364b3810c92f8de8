"""Who is asked for a request: the plan for its model, narrowed down to this request and to how targets fare.

It only brings together what the choice is made from; the choice itself is in `choose.py`.
"""

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.config.routing import RoutingSettings
from llm_gateway.dialects.contract import Call
from llm_gateway.pipeline.choose import Choice, Standings, choose, refusal
from llm_gateway.pipeline.needs import NOTHING, Needs, needs_of
from llm_gateway.pipeline.plan import Plan, Step
from llm_gateway.pipeline.sticky import Sticky
from llm_gateway.wire.headers import Headers

__all__ = ["Routing"]


class Routing:
    """What requests are routed by beside the configuration: how targets fare, and who answered whom."""

    def __init__(self, standings: Standings, clock: Clock, settings: RoutingSettings) -> None:
        self._standings = standings
        self._monotonic = clock.monotonic
        self._sticky = Sticky(settings.sticky_ttl, settings.sticky_conversations)

    def use(self, settings: RoutingSettings) -> None:
        """Go by these settings from now on."""
        self._sticky.use(settings.sticky_ttl, settings.sticky_conversations)

    def chosen(self, plan: Plan, call: Call, headers: Headers, key: str, turn: str) -> Plan:
        """Return the plan for a request of a key: whom to ask, in order.

        Raises NoTarget or CoolingDown when nobody is to be asked; `turn` is the id of the request's turn.
        How one subscriber's login fares says nothing about another's: its vendor is asked whenever it comes.
        """
        if plan.fixed and (plan.login or self._may_all_be_asked(plan)):
            return plan
        needs = needs_of(plan.reads, call, headers, key)
        choice = self.choice(plan, needs, turn)
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
        now = self._monotonic()
        session = needs.session if plan.sticky else ""
        kept = self._sticky.target(_conversation(plan, session), now) if session else ""
        return choose(plan, needs, self._standings, now, session or turn, kept)

    def answered(self, plan: Plan, step: Step) -> None:
        """Take note that a target has answered: a conversation that stays stays there."""
        if plan.session:
            name = _conversation(plan, plan.session)
            self._sticky.answered(name, str(step.target), self._monotonic())


def _conversation(plan: Plan, session: str) -> str:
    """Return what a conversation is remembered by: with each alias it has a target of its own."""
    return f"{session} {plan.asked}"
