"""What would answer a request for a model, in which order and why. Nothing is sent to anybody.

The answer is what the router plans and what the fleet knows; a name that nothing serves is refused in the
router's own words, as the request itself would be.
"""

import msgspec

from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import MalformedRequest
from llm_gateway.http.exchange import Exchange
from llm_gateway.pipeline.plan import Router, Step
from llm_gateway.providers.names import Target
from llm_gateway.server.edge import respond_json
from llm_gateway.server.query import query_values
from llm_gateway.server.routes import Route
from llm_gateway.upstream.fleet import Fleet

__all__ = ["Explained", "ExplainedTarget", "Explaining"]


class ExplainedTarget(msgspec.Struct, frozen=True):
    """One target. `order` is its place among those that would be asked, None for one that would not."""

    order: int | None
    provider: str
    model: str
    listed: bool
    state: str
    reason: str
    metered: bool
    address: str
    why: str


class Explained(msgspec.Struct, frozen=True):
    """Who would answer; `reading` says how the name was understood."""

    model: str
    dialect: str
    reading: str
    targets: list[ExplainedTarget]


class Explaining:
    """Answer what would become of a request."""

    def __init__(self, router: Router, fleet: Fleet) -> None:
        self._router = router
        self._fleet = fleet

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        summary = "Who would answer `?model=`, and why; nothing is sent"
        return (Route("GET", "/api/dashboard/explain", self.explain, summary, "dashboard"),)

    async def explain(self, exchange: Exchange, _: str) -> None:
        """Answer with the plan for a name."""
        model, dialect = _asked(exchange)
        await self._fleet.refresh(older_than=60)
        named = self._router.alias(model)
        resolved = self._router.resolve(model)
        steps = {(step.provider, step.model): step for step in self._router.plan(model, dialect).steps}
        order = {target: number for number, target in enumerate(steps, 1)}
        targets = [
            self._target(target, steps.get((target.provider, target.model)), order, dialect)
            for target in named or resolved
        ]
        reading = _reading(model, named, resolved)
        respond_json(exchange, msgspec.json.encode(Explained(model, dialect, reading, targets)))

    def _target(
        self, target: Target, step: Step | None, order: dict[tuple[str, str], int], dialect: str
    ) -> ExplainedTarget:
        place = order.get((target.provider, target.model))
        member = self._fleet.members.get(target.provider)
        return ExplainedTarget(
            order=place,
            provider=target.provider,
            model=target.model,
            listed=member is not None and target.model in member.models,
            state=member.state if member is not None else "not configured",
            reason=member.reason if member is not None else "",
            metered=member is not None and member.row.metered,
            address=_address(step),
            why=_why(place, step, dialect, configured=member is not None),
        )


def _asked(exchange: Exchange) -> tuple[str, str]:
    query = query_values(exchange.target)
    model, dialect = query.get("model", ""), query.get("dialect") or "chat"
    if not model:
        raise MalformedRequest("there is no `?model=` to explain", param="model")
    if dialect not in DIALECTS:
        known = ", ".join(DIALECTS)
        raise MalformedRequest(f"{dialect[:40]!r} is not a dialect: {known}", param="dialect")
    return model, dialect


def _reading(model: str, named: tuple[Target, ...], resolved: tuple[Target, ...]) -> str:
    if named:
        return f"an alias for {len(named)} target{'s' if len(named) > 1 else ''}"
    (target,) = resolved
    if str(target) == model:
        return "the name of a provider and, behind its first slash, of a model"
    if target.model == model:
        return f"a model that only {target.provider} lists"
    return f"a model that only {target.provider} lists, under the name {target.model}"


def _address(step: Step | None) -> str:
    if step is None:
        return ""
    return step.line.endpoint.url if step.line is not None else "inside the gateway"


def _why(place: int | None, step: Step | None, dialect: str, *, configured: bool) -> str:
    if place is None or step is None:
        lack = "it has nothing like this request" if configured else "no such provider is configured"
        return f"left out: {lack}"
    way = f", translated from `{dialect}` to `{step.dialect}`" if step.dialect != dialect else ""
    if place == 1:
        return f"asked first{way}"
    return f"asked when those before it fail or refuse for now (429, 5xx){way}"
