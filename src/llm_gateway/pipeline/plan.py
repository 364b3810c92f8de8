"""From a model name to the targets that may answer, in order: a pure look-up, no sockets, no clock."""

from collections.abc import Mapping

import msgspec

from llm_gateway.engines.contract import Engine
from llm_gateway.errors import UnknownModel
from llm_gateway.providers.names import Directory, Target, resolve
from llm_gateway.upstream.client import Line

__all__ = ["Plan", "Router", "Step"]


class Step(msgspec.Struct, frozen=True):
    """One target: a model of a provider, and the line or the engine of ours that answers for it."""

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


class Router:
    """What is configured, and the plans that follow from it."""

    def __init__(self) -> None:
        self._directory = Directory({})
        self._lines: Mapping[tuple[str, str], Line] = {}
        self._engines: Mapping[str, Engine] = {}
        self._plans: dict[tuple[str, str], Plan] = {}

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

    def plan(self, model: str, dialect: str) -> Plan:
        """Return the plan for a model name; UnknownModel says what is there instead."""
        plan = self._plans.get((model, dialect))
        if plan is None:
            plan = self._make(model, dialect)
            if len(self._plans) < 10_000:  # names come from clients: bounded
                self._plans[model, dialect] = plan
        return plan

    def _make(self, model: str, dialect: str) -> Plan:
        steps: list[Step] = []
        deaf: list[str] = []
        for target in resolve(model, self._directory):
            engine = self._engines.get(target.provider)
            line = self._lines.get((target.provider, dialect))
            if engine is None and line is None:
                deaf.append(target.provider)
                continue
            steps.append(
                Step(
                    provider=target.provider,
                    model=target.model,
                    dialect=dialect,
                    line=line,
                    engine=engine,
                    asks_usage=line is None or line.endpoint.asks_usage,
                    counts=engine is None or engine.counts,
                    headers=_headers(target),
                )
            )
        if not steps:
            raise UnknownModel(
                f"{model!r} is served by {', '.join(deaf)}, which does not speak the `{dialect}` dialect",
                param="model",
            )
        return Plan(asked=model, steps=tuple(steps))


def _headers(target: Target) -> bytes:
    # A model's name comes from the client: what no header can carry is replaced.
    lines = f"x-llm-gateway-provider: {target.provider}\r\nx-llm-gateway-model: {target.model}\r\n"
    return lines.encode("ascii", "replace")
