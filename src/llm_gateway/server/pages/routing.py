"""Models and routing: what can be asked for, who serves it, and why a request would go where it goes.

Nothing is sent to anybody for it. What is chosen stands in the address: a word, a provider, a page, and the
request that is asked about.
"""

from collections.abc import Mapping

import msgspec

from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import GatewayError, MalformedRequest
from llm_gateway.ledger import queries
from llm_gateway.ledger.accounting import Basis
from llm_gateway.ledger.queries import ProviderSeen
from llm_gateway.ledger.spans import DAY_US
from llm_gateway.ledger.usage import Asked as Sums
from llm_gateway.ledger.usage import Dimension, Row, usage
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.providers.alias import Alias, AliasTarget
from llm_gateway.providers.names import candidates
from llm_gateway.server.explain import Explained, Explaining
from llm_gateway.server.pages.model_list import Fared, ModelsShown, Wanted, fared_of, models_shown
from llm_gateway.server.pages.page import Asked, Page
from llm_gateway.server.remembered import Remembered
from llm_gateway.server.views import ProviderView, provider_view
from llm_gateway.upstream.fleet import Fleet, Member

__all__ = [
    "AliasView",
    "ProviderRow",
    "Routing",
    "RoutingView",
    "TargetView",
    "Why",
    "Wrong",
    "helps_of",
    "presence_of",
]

_WEEK_DAYS = 7
_HOLDS_S = 30.0
_TIMES_HOLD_S = 300.0
_DIALECTS = tuple(DIALECTS)

_BY: tuple[Dimension, ...] = ("provider", "model")
_ROUTED: Mapping[Dimension, str] = {"source": "routed"}

_Figures = tuple[dict[tuple[str, str], Fared], dict[str, ProviderSeen]]

_PRESENCE = {
    "configured": "named in the configuration",
    "key found": "its key is in the environment",
    "found running": "found running on this machine",
    "built in": "part of the gateway",
    "bridge": "a bridge that comes with the gateway",
}
_PREFERS = {
    "order": "in the order written",
    "local": "local ones first",
    "subscription": "subscriptions first",
    "cheapest": "the cheapest first",
    "fastest": "the fastest first",
}


class TargetView(msgspec.Struct, frozen=True):
    """A target of an alias: how its provider is, whether that lists it, and on which terms it is asked."""

    name: str
    state: str
    listed: bool
    terms: str


class AliasView(msgspec.Struct, frozen=True):
    """An alias with its targets in order; `prefers` says which are asked first."""

    name: str
    prefers: str
    sticky: bool
    targets: list[TargetView]


class ProviderRow(msgspec.Struct, frozen=True):
    """A provider; `presence` says where it came from, `helps` what helps where it does not answer."""

    provider: ProviderView
    bridge: bool
    presence: str
    helps: str
    command: str
    ttft_ms: float | None


class Wrong(msgspec.Struct, frozen=True):
    """Why there is no answer, and the names that may have been meant."""

    message: str
    candidates: list[str]


class Why(msgspec.Struct, frozen=True):
    """The request that is asked about, and who would answer it."""

    model: str
    dialect: str
    tools: bool
    images: bool
    input_tokens: str
    explained: Explained | None = None
    wrong: Wrong | None = None


class RoutingView(msgspec.Struct, frozen=True):
    """What the page shows."""

    why: Why
    dialects: tuple[str, ...]
    aliases: list[AliasView]
    providers: list[ProviderRow]
    wanted: Wanted
    models: ModelsShown | None


class Routing:
    """Make the page."""

    def __init__(self, gateway: Gateway, fleet: Fleet, explaining: Explaining) -> None:
        self._gateway = gateway
        self._fleet = fleet
        self._explaining = explaining
        self._times: Remembered[str, list[Row]] = Remembered(gateway.clock, _TIMES_HOLD_S, self._week)
        self._figures: Remembered[str, _Figures] = Remembered(gateway.clock, _HOLDS_S, self._read)

    def pages(self) -> tuple[Page, ...]:
        """Return the page."""
        summary = "Models and routing: who serves what, and why a request would go where it goes"
        return (Page("/routing", "routing", self.make, summary),)

    async def make(self, asked: Asked) -> RoutingView:
        """Return what is asked for; with `?fresh=1` providers are asked for their models first."""
        query = asked.query
        if query.get("fresh", "") == "1":
            await self._fleet.refresh(older_than=5)
        wanted = _wanted(query)
        fared, seen = await self._figures.get("")
        members = self._fleet.members
        models = None
        if wanted.text or wanted.provider:
            models = models_shown(members, wanted, fared, self._basis, self._gateway.router.window)
        return RoutingView(
            self._why(query),
            _DIALECTS,
            self._aliases(),
            [_provider(member, seen.get(name), fared) for name, member in sorted(members.items())],
            wanted,
            models,
        )

    # details

    async def _week(self, _: str) -> list[Row]:
        """Return how long the answers of models took in seven days: dear to add up, and slow to change."""
        now = self._gateway.clock.now_us()
        since = max(now // DAY_US * DAY_US - (_WEEK_DAYS - 1) * DAY_US, 0)
        return await self._gateway.ledger.read(usage, Sums(since, by=_BY, where=_ROUTED))

    async def _read(self, _: str) -> _Figures:
        """Return how models fared in seven days and in 24 hours, and providers in these."""
        since = max(self._gateway.clock.now_us() - DAY_US, 0)
        read = self._gateway.ledger.read
        day = await read(usage, Sums(since, by=_BY, where=_ROUTED, spreads=False))
        seen = await read(queries.providers, since)
        return fared_of(await self._times.get(""), day), {each.provider: each for each in seen}

    def _basis(self, provider: str, model: str) -> Basis:
        gateway = self._gateway
        return gateway.spending.basis_of(provider, model, gateway.clock.now_us())

    def _aliases(self) -> list[AliasView]:
        router = self._gateway.router
        return [self._alias(name, router.terms(name)) for name in router.directory.aliases]

    def _alias(self, name: str, alias: Alias) -> AliasView:
        targets = []
        for each in alias.targets:
            member = self._fleet.members.get(each.target.provider)
            state = member.state if member is not None else "not configured"
            listed = member is not None and each.target.model in member.models
            targets.append(TargetView(str(each.target), state, listed, _terms(each)))
        return AliasView(name, _PREFERS[alias.prefer], alias.sticky and len(targets) > 1, targets)

    def _why(self, query: Mapping[str, str]) -> Why:
        why = Why(
            query.get("model", "").strip(),
            query.get("dialect", "chat"),
            query.get("tools", "") == "1",
            query.get("images", "") == "1",
            query.get("input_tokens", ""),
        )
        if not why.model:
            return why
        try:
            explained = self._explaining.explained({**query, "model": why.model})
        except GatewayError as error:
            names = candidates(why.model, self._gateway.router.directory)
            near = [] if isinstance(error, MalformedRequest) else list(names)
            return msgspec.structs.replace(why, wrong=Wrong(error.message, near))
        return msgspec.structs.replace(why, explained=explained)


def presence_of(member: Member) -> str:
    """Return in words where a provider came from."""
    return _PRESENCE[member.presence]


def helps_of(member: Member) -> tuple[str, str]:
    """Return what helps where a provider does not answer, and the command for it, "" where there is none."""
    row, command = member.row, "llm-gateway doctor"
    if row.bridge is not None:
        return ("", "") if member.state == "ok" else ("what helps stands with its bridge", "")
    match member.state:
        case "auth_required":
            names = " or ".join(row.api_key_env) or "the variable that its `api_key_env` names"
            return f"set its key as {names} where the gateway runs, and start it anew", command
        case "unreachable":
            what = "start it" if row.kind == "local" else "see whether its address can be reached from here"
            return what, command
        case "degraded":
            return "it answers otherwise than is known: see its reason", command
    return "", ""


def _provider(
    member: Member, seen: ProviderSeen | None, fared: Mapping[tuple[str, str], Fared]
) -> ProviderRow:
    helps, command = helps_of(member)
    times = [
        (each.requests, each.ttft_ms)
        for (name, _), each in fared.items()
        if name == member.row.name and each.ttft_ms is not None
    ]
    # Of the model that is asked most: a median of medians would be no median.
    ttft = max(times)[1] if times else None
    view = provider_view(member, seen)
    return ProviderRow(view, member.row.bridge is not None, presence_of(member), helps, command, ttft)


def _terms(each: AliasTarget) -> str:
    told = [f"weight {each.weight}"] if each.weight else []
    told += [] if each.tools else ["no tools"]
    told += [] if each.images else ["no images"]
    told += [f"at most {each.max_input_tokens:,} tokens in"] if each.max_input_tokens else []
    told += [f"for {', '.join(each.dialects)} alone"] if each.dialects else []
    told += (
        [f"at most ${each.max_price.normalize():f} for a million tokens"]
        if each.max_price is not None
        else []
    )
    return ", ".join(told)


def _wanted(query: Mapping[str, str]) -> Wanted:
    text = query.get("page", "") or "1"
    if not text.isdecimal() or len(text) > 6:
        raise MalformedRequest(f"page={text[:20]!r} is not the number of a page", param="page")
    return Wanted(query.get("q", "").strip(), query.get("provider", ""), int(text))
