"""What would answer a request for a model, in which order and why. Nothing is sent to anybody.

The answer is what the router plans and the choice that a request itself would get; a name that nothing serves
is refused in the router's own words.
"""

from collections.abc import Mapping

import msgspec

from llm_gateway.dialects.bridge import BRIDGE
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import MalformedRequest
from llm_gateway.http.exchange import Exchange
from llm_gateway.pipeline.choose import Candidate, refusal
from llm_gateway.pipeline.needs import Needs, conversation_named
from llm_gateway.pipeline.plan import Router, Step
from llm_gateway.pipeline.routing import Routing
from llm_gateway.providers.names import Target
from llm_gateway.server.edge import respond_json
from llm_gateway.server.query import query_values
from llm_gateway.server.routes import Route
from llm_gateway.upstream.fleet import Fleet

__all__ = ["Explained", "ExplainedTarget", "Explaining"]

_YES, _NO = ("1", "true", "yes"), ("", "0", "false", "no")
_MOST_TOKENS = 10**9
# What a bridge may not take, in words.
_TAKEN = {"tools": "tools", "images": "images", "documents": "files", "schema": "JSON schemas"}


class ExplainedTarget(msgspec.Struct, frozen=True):
    """One target. `order` is its place among those that would be asked, None for one that would not.

    `losses` says what of a request does not get through to it, as far as that is known before there is one.
    """

    order: int | None
    provider: str
    model: str
    listed: bool
    state: str
    reason: str
    metered: bool
    address: str
    why: str
    losses: str = ""


class Explained(msgspec.Struct, frozen=True):
    """Who would answer; `reading` says how the name was understood, `refused` what the client would be told.

    `prefer` and `sticky` are those of an alias.
    """

    model: str
    dialect: str
    reading: str
    prefer: str
    sticky: bool
    refused: str
    targets: list[ExplainedTarget]


class Explaining:
    """Answer what would become of a request."""

    def __init__(self, router: Router, routing: Routing, fleet: Fleet) -> None:
        self._router = router
        self._routing = routing
        self._fleet = fleet

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        summary = (
            "Who would answer `?model=`, and why; nothing is sent. Of the request may be said: `dialect`, "
            "`tools`, `images`, `input_tokens`, `output_tokens`, `session`, and its id as `request`"
        )
        return (Route("GET", "/api/dashboard/explain", self.explain, summary, "dashboard"),)

    async def explain(self, exchange: Exchange, _: str) -> None:
        """Answer with the choice for a name."""
        query = query_values(exchange.target)
        _asked(query)
        _needs(query)
        await self._fleet.refresh(older_than=60)
        respond_json(exchange, msgspec.json.encode(self.explained(query)))

    def explained(self, query: Mapping[str, str]) -> Explained:
        """Return the choice for a name, by what is known of providers now; UnknownModel where it is none."""
        model, dialect = _asked(query)
        needs = _needs(query)
        named = self._router.alias(model)
        resolved = self._router.resolve(model)
        plan = self._router.plan(model, dialect)
        choice = self._routing.choice(plan, needs, query.get("request", ""))
        return Explained(
            model,
            dialect,
            _reading(model, named, resolved),
            plan.prefer,
            plan.sticky,
            "" if choice.steps else refusal(plan, choice).message,
            [self._target(candidate, dialect) for candidate in choice.told],
        )

    def _target(self, candidate: Candidate, dialect: str) -> ExplainedTarget:
        target = candidate.target
        member = self._fleet.members.get(target.provider)
        return ExplainedTarget(
            order=candidate.order,
            provider=target.provider,
            model=target.model,
            listed=member is not None and target.model in member.models,
            state=member.state if member is not None else "not configured",
            reason=member.reason if member is not None else "",
            metered=member is not None and member.row.metered,
            address=_address(candidate.step),
            why=_why(candidate, dialect),
            losses=_losses(candidate.step, dialect),
        )


def _asked(query: Mapping[str, str]) -> tuple[str, str]:
    model, dialect = query.get("model", ""), query.get("dialect") or "chat"
    if not model:
        raise MalformedRequest("there is no `?model=` to explain", param="model")
    if dialect not in DIALECTS:
        known = ", ".join(DIALECTS)
        raise MalformedRequest(f"{dialect[:40]!r} is not a dialect: {known}", param="dialect")
    return model, dialect


def _needs(query: Mapping[str, str]) -> Needs:
    """Return what the request that is asked about needs."""
    session = query.get("session", "")
    return Needs(
        tools=_flag(query, "tools"),
        images=_flag(query, "images"),
        input_tokens=_tokens(query, "input_tokens"),
        output_tokens=_tokens(query, "output_tokens"),
        session=conversation_named(session) if session else "",
    )


def _flag(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "").lower()
    if text not in (*_YES, *_NO):
        raise MalformedRequest(f"{name}={text[:20]!r} is neither 1 nor 0", param=name)
    return text in _YES


def _tokens(query: Mapping[str, str], name: str) -> int:
    text = query.get(name) or "0"
    if not text.isdecimal() or len(text) > 10 or int(text) > _MOST_TOKENS:
        raise MalformedRequest(f"{name}={text[:20]!r} is not a number of tokens", param=name)
    return int(text)


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
    if step.line is not None:
        return step.line.endpoint.url
    bridged = step.engine is not None and step.engine.dialect == BRIDGE.name
    return "by a bridge" if bridged else "inside the gateway"


def _losses(step: Step | None, dialect: str) -> str:
    """Return what a translation loses: a bridge says what it takes, of the others tables tell it."""
    if step is None or step.dialect == dialect:
        return ""
    able = step.engine.abilities if step.engine is not None else None
    if step.dialect != BRIDGE.name or able is None:
        return f"translated: docs/losses.md says what is lost from `{dialect}` to `{step.dialect}`"
    lost = ["temperature, max_tokens, stop, seed and the like"]
    lost += ["how much to think"] if not able.effort else []
    refused = [word for name, word in _TAKEN.items() if not getattr(able, name)]
    return f"lost: {', '.join(lost)}" + (f"; refused: {', '.join(refused)}" if refused else "")


def _why(candidate: Candidate, dialect: str) -> str:
    step, why = candidate.step, candidate.why
    if candidate.order is None or step is None:
        return f"left out: {why}"
    way = f", translated from `{dialect}` to `{step.dialect}`" if step.dialect != dialect else ""
    because = f": {why}" if why else ""
    if candidate.order == 1:
        return f"asked first{way}{because}"
    return f"asked when those before it fail or refuse for now (429, 5xx){way}{because}"
