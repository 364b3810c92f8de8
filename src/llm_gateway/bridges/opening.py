"""Which bridges there are by this configuration, as engines; none is imported before it is used.

A vendor's bridge is imported when it is first looked at or asked: most gateways use one or two.
"""

import importlib
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial

import msgspec

from llm_gateway.bridges.absence import absence
from llm_gateway.bridges.attending import Attending
from llm_gateway.bridges.contract import Bridge
from llm_gateway.bridges.engine import Bounds, BridgeEngine
from llm_gateway.bridges.health import Health
from llm_gateway.bridges.logins import Logins
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.abilities import Abilities
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.errors import ConfigError
from llm_gateway.providers.catalog import BridgeRow, ProviderRow, Speaks, load_catalog
from llm_gateway.providers.discovery import ModelEntry
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.fleet import Fleet

__all__ = ["Bridges", "agent_row", "bridge_rows", "open_bridges"]

_OWNER = ""
_AGENT_TERMS = (
    "an agent's vendor decides whether its plan may be used through another program; read its terms first"
)


def bridge_rows(configured: Iterable[BridgeSettings]) -> dict[str, tuple[ProviderRow, BridgeSettings]]:
    """Return every bridge there is by name: those of the catalog, and agents that the configuration names.

    ConfigError for a name that is no bridge's.
    """
    rows = {row.name: row for row in load_catalog() if row.bridge is not None}
    settings = {each.name: each for each in configured}
    for name, each in settings.items():
        if each.command and name not in rows:
            rows[name] = agent_row(name)
        elif name not in rows:
            known = ", ".join(rows)
            raise ConfigError(
                f"bridges.{name}: there is no such bridge; there are {known}, and an agent of your own "
                "needs its `command`"
            )
    return {name: (row, settings.get(name) or BridgeSettings(name)) for name, row in rows.items()}


class Bridges:
    """The bridges in use: their rows, their engines, and who looks after them.

    `named` are those that the configuration speaks of.
    """

    def __init__(
        self,
        rows: dict[str, ProviderRow],
        engines: Mapping[str, BridgeEngine],
        named: Collection[str],
        tasks: Tasks,
        fleet: Callable[[], Fleet],
    ) -> None:
        self.rows = rows
        self.engines = engines
        self._named = named
        self._fleet = fleet
        self._shared = {name: engine.people or frozenset() for name, engine in engines.items()}
        self._here = frozenset(
            name for name, each in engines.items() if name in named or each.absence() is None
        )
        self.attending = Attending(engines, self._told)
        self.logins = Logins(engines, tasks)
        self.noticed: Callable[[str, Health, bool], None] = lambda name, health, named: None
        """Called after each look, with whether the configuration speaks of the bridge."""

    def join(self, fleet: Fleet) -> None:
        """Make every bridge a member of a fleet, with what is known of it by now."""
        for name, row in self.rows.items():
            if name not in fleet.members:
                fleet.add(row, (), presence="configured" if name in self._named else "bridge")
            elif fleet.members[name].row is not row:
                continue  # a provider of this name is configured, or a companion has it: it runs elsewhere
            health = self.attending.last(name)
            if health is not None:
                fleet.told(name, health.state, health.reason, _entries(self.engines[name]))

    def share(self, configured: Collection[BridgeSettings]) -> None:
        """Let nobody use a bridge any more who does not stand in these settings.

        Somebody new waits for the next start: whether it may be shared at all is its own business.
        """
        shared = {each.name: each.share_with for each in configured}
        for name, engine in self.engines.items():
            engine.people = self._shared[name] & {_OWNER, *shared.get(name, ())}

    def engines_of(self, fleet: Fleet) -> dict[str, BridgeEngine]:
        """Return those that answer for a member of a fleet: not where a provider has taken the name."""
        return {
            name: engine
            for name, engine in self.engines.items()
            if name in fleet.members and fleet.members[name].row.bridge is not None
        }

    def here(self) -> frozenset[str]:
        """Return the names that are this machine's own: of bridges that are configured, or could answer.

        As it was at the start: nobody's requests go to another subscription because a program is installed.
        """
        return self._here

    def _told(self, name: str, engine: BridgeEngine, health: Health) -> None:
        fleet = self._fleet()
        member = fleet.members.get(name)
        if member is not None and member.row is self.rows[name]:  # else a companion has the name
            fleet.told(name, health.state, health.reason, _entries(engine))
        self.noticed(name, health, name in self._named)


def open_bridges(
    configured: Collection[BridgeSettings], around: Surroundings, fleet: Callable[[], Fleet]
) -> Bridges:
    """Return the bridges that are in use; the folder of `around` is that of all of them.

    `fleet` returns the fleet that hears of them. ConfigError for a name that is no bridge's.
    """
    rows: dict[str, ProviderRow] = {}
    engines: dict[str, BridgeEngine] = {}
    for name, (row, settings) in bridge_rows(configured).items():
        assert row.bridge is not None
        if settings.enabled is False or (row.bridge.disabled and not settings.enabled):
            continue
        rows[name] = row
        own = msgspec.structs.replace(around, folder=around.folder / name)
        engines[name] = _engine(name, row.bridge, settings, own)
    return Bridges(rows, engines, {each.name for each in configured}, around.tasks, fleet)


def _entries(engine: BridgeEngine) -> tuple[ModelEntry, ...]:
    return tuple(
        ModelEntry(each.id, context_length=each.context, label=each.label) for each in engine.offered
    )


def _engine(name: str, row: BridgeRow, settings: BridgeSettings, around: Surroundings) -> BridgeEngine:
    bounds = Bounds(
        settings.parallel,
        settings.queue,
        settings.queue_timeout,
        settings.first_timeout,
        settings.idle_timeout,
        settings.total_timeout,
    )
    engine = BridgeEngine(name, _opener(row.kind, settings, around), row.abilities, bounds, around)
    engine.absence = partial(absence, row, settings, around)
    engine.people = frozenset((_OWNER, *settings.share_with))
    return engine


def _opener(kind: str, settings: BridgeSettings, around: Surroundings) -> Callable[[], Bridge]:
    def opened() -> Bridge:
        made: Bridge = importlib.import_module(f"llm_gateway.bridges.{kind}.bridge").open_bridge(
            settings, around
        )
        return made

    return opened


def agent_row(name: str) -> ProviderRow:
    """Return the row of an agent that the configuration names."""
    abilities = Abilities(images=True, system=False)  # an agent that takes no pictures refuses them itself
    bridge = BridgeRow("acp", _AGENT_TERMS, abilities=abilities, fidelity="agent")
    return ProviderRow(
        name, f"{name} (agent)", "subscription", {"bridge": Speaks(auth="none")}, bridge=bridge
    )
