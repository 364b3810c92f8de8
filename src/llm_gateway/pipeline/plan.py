"""From a model name to the targets that may answer, in order: a pure look-up, no sockets, no clock."""

from collections.abc import Iterable, Mapping

import msgspec

from llm_gateway.dialects.contract import Dialect, Kind
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.dialects.translate import can_translate
from llm_gateway.engines.contract import Engine
from llm_gateway.engines.counting import Counting
from llm_gateway.errors import UnknownModel
from llm_gateway.providers.names import Directory, Target, resolve
from llm_gateway.upstream.client import Line

__all__ = ["Plan", "Router", "Step"]

_ENGINES_SPEAK = "chat"


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


class Plan(msgspec.Struct, frozen=True):
    """The targets for one request, the first to be asked first; never empty."""

    asked: str
    steps: tuple[Step, ...]
    kind: Kind = "generate"


class Router:
    """What is configured, and the plans that follow from it."""

    def __init__(self) -> None:
        self._directory = Directory({})
        self._lines: Mapping[tuple[str, str], Line] = {}
        self._engines: Mapping[str, Engine] = {}
        self._plans: dict[tuple[str, str, str], Plan] = {}

    def replace(
        self,
        directory: Directory,
        lines: Mapping[tuple[str, str], Line],
        engines: Mapping[str, Engine],
    ) -> None:
        """Plan by this from now on. `lines` are keyed by provider and dialect."""
        self._directory = directory
        self._lines = lines
        self._engines = engines
        self._plans = {}

    @property
    def aliases(self) -> tuple[str, ...]:
        """Return the names of the aliases."""
        return tuple(self._directory.aliases)

    def alias(self, name: str) -> tuple[Target, ...]:
        """Return what an alias stands for, configured or not; nothing for a name that is none."""
        return self._directory.aliases.get(name, ())

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

    @property
    def providers(self) -> tuple[str, ...]:
        """Return the names of the providers that can be asked."""
        return tuple(self._directory.providers)

    def onward(self, target: Target, dialects: Iterable[str]) -> Step | None:
        """Return the way to a target for a request that passes as it came, in the first dialect it speaks."""
        for dialect in dialects:
            line = self._lines.get((target.provider, dialect))
            if line is not None:
                return Step(target.provider, target.model, dialect, line, None, False, True, _headers(target))
        return None

    def _make(self, model: str, client: Dialect, operation: str) -> Plan:
        steps: list[Step] = []
        deaf: list[str] = []
        for target in resolve(model, self._directory):
            step = self._step(target, client, operation)
            if step is None:
                deaf.append(target.provider)
            else:
                steps.append(step)
        if not steps:
            raise UnknownModel(
                f"{model!r} is served by {', '.join(deaf)}, which has nothing like the `{client.name}` "
                f"dialect's {operation or 'requests'}",
                param="model",
            )
        kind = client.kind(operation) if operation else "generate"
        return Plan(asked=model, steps=tuple(steps), kind=kind)

    def _step(self, target: Target, client: Dialect, operation: str) -> Step | None:
        """Return the way to a target: in the client's own dialect where it speaks that, else translated."""
        engine = self._engines.get(target.provider)
        line: Line | None = None
        dialect = client.name
        if engine is not None:
            dialect = _ENGINES_SPEAK
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


def _translatable(client: Dialect, dialect: str, operation: str) -> bool:
    target = DIALECTS.get(dialect)
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
