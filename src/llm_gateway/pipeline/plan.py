"""From a model name to the targets that may answer: a pure look-up, no sockets, no clock.

All that follows from the configuration alone is found out here, once. Which of them is asked for one request,
and in which order, is chosen in `choose.py`.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Literal, Protocol

import msgspec

from llm_gateway.config.routing import Prefer
from llm_gateway.dialects.contract import Dialect, Kind
from llm_gateway.dialects.registry import DIALECTS, TARGETS
from llm_gateway.dialects.translate import can_translate
from llm_gateway.engines.contract import Engine
from llm_gateway.engines.counting import Counting
from llm_gateway.errors import Forbidden, UnknownModel
from llm_gateway.providers.alias import Alias, AliasTarget, in_order
from llm_gateway.providers.names import Directory, Target, resolve
from llm_gateway.upstream.client import Line

__all__ = ["Knowledge", "Left", "Nature", "Plan", "Reading", "Router", "Step", "Traits"]

Nature = Literal["local", "subscription", "hosted"]
"""Who pays for a provider's tokens: nobody, a subscription that is paid for anyway, or every request."""

Reading = Literal["tools", "images", "size", "session"]
"""What has to be known of a request to choose among a plan's targets."""

_NOT_CONFIGURED = "no such provider is configured"
_DEAF = "it has nothing like this request"


class Knowledge(Protocol):
    """What is known of providers and their models beside how they are reached."""

    def nature(self, provider: str) -> Nature:
        """Return who pays for a provider's tokens."""
        ...

    def window(self, provider: str, model: str) -> int:
        """Return how many tokens a model takes, in and out; 0 where that is not known."""
        ...

    def price(self, provider: str, model: str) -> Decimal | None:
        """Return US dollars for a million tokens, three quarters of them going in; None if not known."""
        ...


class _Nothing:
    """Knowledge of nothing."""

    def nature(self, provider: str) -> Nature:
        return "hosted"

    def window(self, provider: str, model: str) -> int:
        return 0

    def price(self, provider: str, model: str) -> Decimal | None:
        return None


class Traits(msgspec.Struct, frozen=True):
    """What there is to choose a target by. `place` is where it stands among those of its alias.

    Neighbours that have a weight share a `group`, which is the place of its first.
    """

    place: int = 0
    group: int = 0
    weight: int = 0
    tools: bool = True
    images: bool = True
    most_input: int = 0
    window: int = 0
    price: Decimal | None = None
    nature: Nature = "hosted"


class Step(msgspec.Struct, frozen=True):
    """One target: a model of a provider, and the line or the engine of ours that answers for it.

    `dialect` is what that one speaks, which need not be the client's.
    """

    provider: str
    model: str
    dialect: str
    line: Line | None
    engine: Engine | None
    asks_usage: bool
    counts: bool
    headers: bytes
    """The header lines that tell a client who answered: the same for every request."""
    traits: Traits = Traits()
    why: str = ""
    """Why it is asked where it comes, in a plan that was chosen for a request."""
    login: bool = False
    """Whether the client's own login goes there, in place of a credential of ours."""

    @property
    def target(self) -> Target:
        """Return the target by its name."""
        return Target(self.provider, self.model)

    @property
    def people(self) -> frozenset[str] | None:
        """Return whose keys may ask it, "" for the gateway's owner; None: everybody's."""
        return self.engine.people if self.engine is not None else None


class Left(msgspec.Struct, frozen=True):
    """A target that no such request can go to, and why."""

    place: int
    target: Target
    why: str


class Plan(msgspec.Struct, frozen=True):
    """The targets for one request. Once it is chosen among them, the first is asked first, and there is one.

    `reads` is what has to be known of a request to choose. `fixed`: the order is that of the steps, whatever
    the request, as long as none of them is blocked. `session` is the conversation that a chosen plan is for,
    where that stays with the target that answers.
    """

    asked: str
    steps: tuple[Step, ...]
    kind: Kind = "generate"
    prefer: Prefer = "order"
    sticky: bool = False
    reads: frozenset[Reading] = frozenset()
    fixed: bool = False
    left: tuple[Left, ...] = ()
    session: str = ""
    owned: bool = False
    """Whether a step of it is for some people alone."""

    @property
    def login(self) -> bool:
        """Return whether it is for a client's own login: then nobody else can be asked."""
        return bool(self.steps) and self.steps[0].login


class Router:
    """What is configured, and the plans that follow from it."""

    def __init__(self) -> None:
        self._directory = Directory({})
        self._lines: Mapping[tuple[str, str], Line] = {}
        self._engines: Mapping[str, Engine] = {}
        self._aliases: Mapping[str, Alias] = {}
        self._known: Knowledge = _Nothing()
        self._logins: Mapping[tuple[str, str], Line] = {}
        self._plans: dict[tuple[str, str, str], Plan] = {}

    def replace(
        self,
        directory: Directory,
        lines: Mapping[tuple[str, str], Line],
        engines: Mapping[str, Engine],
        aliases: Mapping[str, Alias] | None = None,
        known: Knowledge | None = None,
        logins: Mapping[tuple[str, str], Line] | None = None,
    ) -> None:
        """Plan by this from now on. `lines` are keyed by provider and dialect, and so are those of `logins`.

        An alias of the directory that is not among `aliases` is asked in order, without terms.
        """
        self._directory = directory
        self._lines = lines
        self._engines = engines
        self._aliases = aliases or {}
        self._known = known or _Nothing()
        self._logins = logins or {}
        self._plans = {}

    @property
    def directory(self) -> Directory:
        """Return what there is to name."""
        return self._directory

    def alias(self, name: str) -> tuple[Target, ...]:
        """Return what an alias stands for, configured or not; nothing for a name that is none."""
        return self._directory.aliases.get(name, ())

    def terms(self, name: str) -> Alias:
        """Return an alias with its terms; without targets for a name that is none."""
        return self._aliases.get(name) or in_order(self.alias(name))

    def window(self, provider: str, model: str) -> int:
        """Return how many tokens a model takes, in and out; 0 where that is not known."""
        return self._known.window(provider, model)

    def resolve(self, model: str) -> tuple[Target, ...]:
        """Return the targets of a model name, whatever dialect they speak; UnknownModel without any."""
        return resolve(model, self._directory)

    def plan(self, model: str, dialect: str, operation: str = "") -> Plan:
        """Return the plan for a model name and an operation of the client's dialect; "" is its usual one.

        UnknownModel says what is there instead.
        """
        plan = self._plans.get((model, dialect, operation))
        if plan is None:
            plan = self._make(model, DIALECTS[dialect], operation)
            if len(self._plans) < 10_000:  # names come from clients: bounded
                self._plans[model, dialect, operation] = plan
        return plan

    def login_plan(self, provider: str, model: str, dialect: str, operation: str) -> Plan | None:
        """Return the plan for a request that brings a login of a provider's; None where it names another one.

        An alias and `provider/model` are meant as they are written: the login stays here then.
        """
        explicit = model in self._directory.aliases or model.partition("/")[0] in self._directory.providers
        if explicit and model:
            return None
        step = self.login_step(provider, model, (dialect,))
        if step is None:
            spoken = ", ".join(f"`{known}`" for name, known in self._logins if name == provider)
            told = spoken or "nothing"
            raise Forbidden(f"a login is passed on as it comes: {provider} speaks {told}, not `{dialect}`")
        return Plan(model, (step,), DIALECTS[dialect].kind(operation), fixed=True)

    def login_step(self, provider: str, model: str, dialects: Iterable[str]) -> Step | None:
        """Return the way of a login to its vendor, in the first of these dialects; None where it has none."""
        for dialect in dialects:
            line = self._logins.get((provider, dialect))
            if line is not None:
                headers = _headers(Target(provider, model))
                return Step(provider, model, dialect, line, None, False, True, headers, login=True)
        return None

    def people(self, provider: str) -> frozenset[str] | None:
        """Return whose keys may ask a provider; None: everybody's."""
        engine = self._engines.get(provider)
        return engine.people if engine is not None else None

    def onward(self, target: Target, dialects: Iterable[str]) -> Step | None:
        """Return the way to a target for a request that passes as it came, in the first dialect it speaks."""
        for dialect in dialects:
            line = self._lines.get((target.provider, dialect))
            if line is not None:
                return Step(target.provider, target.model, dialect, line, None, False, True, _headers(target))
        return None

    def _make(self, model: str, client: Dialect, operation: str) -> Plan:
        resolved = resolve(model, self._directory)
        alias = self._aliases.get(model) or in_order(self._directory.aliases.get(model) or resolved)
        steps: list[Step] = []
        left: list[Left] = []
        for each, traits in self._terms(alias):
            made = self._step(each.target, client, operation) or _DEAF
            if each.target.provider not in self._directory.providers:
                made = _NOT_CONFIGURED
            elif isinstance(made, Step):
                made = _refused(each, traits, client) or msgspec.structs.replace(made, traits=traits)
            if isinstance(made, Step):
                steps.append(made)
            else:
                left.append(Left(traits.place, each.target, made))
        if all(each.why in (_DEAF, _NOT_CONFIGURED) for each in left) and not steps:
            deaf = ", ".join(each.target.provider for each in left if each.why == _DEAF)
            raise UnknownModel(
                f"{model!r} is served by {deaf}, which has nothing like the `{client.name}` "
                f"dialect's {operation or 'requests'}",
                param="model",
            )
        kind = client.kind(operation) if operation else "generate"
        # A count and an embedding are of no conversation: they leave nothing in a prompt cache.
        sticky = alias.sticky and len(steps) > 1 and kind not in ("count", "embed")
        reads = _reads(steps, sticky=sticky)
        single = len(steps) == 1
        in_order_always = alias.prefer == "order" and not any(step.traits.weight for step in steps)
        return Plan(
            asked=model,
            steps=tuple(steps),
            kind=kind,
            prefer=alias.prefer,
            sticky=sticky,
            reads=reads,
            fixed=not reads and (single or in_order_always),
            left=tuple(left),
            owned=any(step.people is not None for step in steps),
        )

    def _terms(self, alias: Alias) -> Iterable[tuple[AliasTarget, Traits]]:
        """Yield each target with what there is to choose it by, as far as that is needed."""
        group = 0
        priced = alias.prefer == "cheapest"
        for place, each in enumerate(alias.targets):
            if place == 0 or not each.weight or not alias.targets[place - 1].weight:
                group = place
            provider, model = each.target.provider, each.target.model
            yield (
                each,
                Traits(
                    place,
                    group,
                    each.weight,
                    each.tools,
                    each.images,
                    each.max_input_tokens,
                    self._known.window(provider, model) if len(alias.targets) > 1 else 0,
                    self._known.price(provider, model) if priced or each.max_price is not None else None,
                    self._known.nature(provider),
                ),
            )

    def _step(self, target: Target, client: Dialect, operation: str) -> Step | None:
        """Return the way to a target: in the client's own dialect where it speaks that, else translated."""
        engine = self._engines.get(target.provider)
        line: Line | None = None
        dialect = client.name
        if engine is not None:
            dialect = engine.dialect
            if dialect != client.name and not _translatable(client, dialect, operation):
                engine = None
        else:
            line = self._lines.get((target.provider, dialect)) or self._other_line(target, client, operation)
            dialect = line.endpoint.dialect if line is not None else dialect
        if engine is None and line is None:
            if operation and client.kind(operation) == "count":
                return _counted(target, client)
            return None
        return Step(
            provider=target.provider,
            model=target.model,
            dialect=dialect,
            line=line,
            engine=engine,
            asks_usage=line is None or line.endpoint.asks_usage,
            counts=engine is None or engine.counts,
            headers=_headers(target),
        )

    def _other_line(self, target: Target, client: Dialect, operation: str) -> Line | None:
        """Return the first line, in the provider's own order of preference, that a translation can use."""
        for (provider, dialect), line in self._lines.items():
            if provider == target.provider and _translatable(client, dialect, operation):
                return line
        return None


def _refused(each: AliasTarget, traits: Traits, client: Dialect) -> str:
    """Return why the terms of a target keep all requests of a dialect from it, "" when they do not."""
    if each.dialects and client.name not in each.dialects:
        return f"it is for clients that speak {' or '.join(f'`{name}`' for name in each.dialects)}"
    if each.max_price is None:
        return ""
    allowed = f"at most {each.max_price:f} US dollars for a million tokens are allowed"
    if traits.price is None:
        return f"its price is not known, and {allowed}"
    return f"it costs {traits.price:f}, and {allowed}" if traits.price > each.max_price else ""


def _reads(steps: list[Step], *, sticky: bool) -> frozenset[Reading]:
    """Return what has to be known of a request to choose among these."""
    traits = [step.traits for step in steps]
    reads: set[Reading] = set()
    if not all(each.tools for each in traits):
        reads.add("tools")
    if not all(each.images for each in traits):
        reads.add("images")
    if any(each.most_input for each in traits) or (len(traits) > 1 and any(each.window for each in traits)):
        reads.add("size")
    if sticky:
        reads.add("session")
    return frozenset(reads)


def _translatable(client: Dialect, dialect: str, operation: str) -> bool:
    target = TARGETS.get(dialect)
    return target is not None and (not operation or can_translate(client, target, operation))


def _counted(target: Target, client: Dialect) -> Step:
    """Return the way to a count of our own, for a target whose upstream does not count."""
    return Step(
        provider=target.provider,
        model=target.model,
        dialect=client.name,
        line=None,
        engine=Counting(client),
        asks_usage=False,
        counts=False,
        headers=_headers(target),
    )


def _headers(target: Target) -> bytes:
    # A model's name comes from the client: what no header can carry is replaced.
    model = f"x-llm-gateway-model: {target.model}\r\n" if target.model else ""
    return f"x-llm-gateway-provider: {target.provider}\r\n{model}".encode("ascii", "replace")
