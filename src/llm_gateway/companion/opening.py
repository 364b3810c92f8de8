"""The companions of a gateway: who may come, who is there, and what they bring to the fleet."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import cache

import msgspec

from llm_gateway.bridges.notices import Notices
from llm_gateway.bridges.opening import Bridges, agent_row
from llm_gateway.canonical.abilities import Abilities
from llm_gateway.clock import Clock
from llm_gateway.companion.enrolment import Registry
from llm_gateway.companion.hub import Hub, Party
from llm_gateway.companion.remote import RemoteEngine
from llm_gateway.companion.reporting import Reports
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.sightings import Sighting
from llm_gateway.providers.catalog import ProviderRow, load_catalog
from llm_gateway.providers.discovery import ModelEntry
from llm_gateway.tasks import Tasks
from llm_gateway.telemetry.log import Log
from llm_gateway.upstream.fleet import Fleet

__all__ = ["Companions", "Home", "Received", "abilities_of"]


Received = Callable[[Sequence[Sighting]], Awaitable[None]]
"""Keep what applications used, as telemetry tells it."""


class Home(msgspec.Struct, frozen=True):
    """What companions come to: the ledger, what keys are digested with, time, tasks and the log."""

    ledger: Ledger
    pepper: bytes
    clock: Clock
    tasks: Tasks
    log: Log


class Companions:
    """Who may come and who is there, and their bridges as members of the fleet that `fleet` returns.

    `received` keeps what companions report; `changed` is called when others answer than before.
    """

    def __init__(
        self,
        home: Home,
        bridges: Bridges,
        received: Received,
        fleet: Callable[[], Fleet],
        changed: Callable[[], None],
    ) -> None:
        self._bridges = bridges
        self._fleet = fleet
        self._plan_anew = changed
        self._notices = Notices(home.log)
        bridges.noticed = self._notices.heard  # owners are told of all bridges in one place
        self.registry = Registry(home.ledger, home.pepper, home.clock)
        self.hub = Hub(
            Party(
                self.registry,
                abilities_of,
                self._taken,
                self._changed,
                Reports(received, home.ledger, home.clock).take,
                home.tasks,
                home.clock,
                home.log,
            )
        )

    @property
    def engines(self) -> Mapping[str, RemoteEngine]:
        """Return the bridges of all companions by their providers' names."""
        return self.hub.engines

    def engines_of(self, fleet: Fleet) -> dict[str, RemoteEngine]:
        """Return those that answer for a member of a fleet: not where a provider has the name."""
        members = fleet.members
        return {
            name: engine
            for name, engine in self.hub.engines.items()
            if name in members and members[name].row.bridge is not None
        }

    def bridges(self) -> list[tuple[ProviderRow, RemoteEngine]]:
        """Return the bridges of all companions, with the rows that they have in the fleet."""
        return [(_row(name, engine), engine) for name, engine in self.hub.engines.items()]

    def join(self, fleet: Fleet) -> None:
        """Make the bridges of companions members of a fleet, with what is known of them now."""
        for name, engine in self.hub.engines.items():
            member = fleet.members.get(name)
            if member is not None and member.row.bridge is None:
                continue  # somebody configured a provider of this name
            if member is None or member.presence == "bridge":
                fleet.add(_row(name, engine), (), presence="configured")
            health = engine.health
            entries = tuple(ModelEntry(m.id, context_length=m.context, label=m.label) for m in engine.offered)
            fleet.told(name, health.state, health.reason, entries)
            self._notices.heard(name, health, in_use=False)

    def reloaded(self, configured: Collection[BridgeSettings]) -> None:
        """Go by what the configuration says now of who uses bridges, and by the names that it takes."""
        self._bridges.share(configured)
        self.hub.rearrange()

    def _taken(self) -> frozenset[str]:
        """Return the names that no companion's bridge gets: what is asked of them is not for a desktop."""
        members = self._fleet().members
        providers = (name for name, member in members.items() if member.row.bridge is None)
        return self._bridges.here() | _providers() | frozenset(providers)

    def _changed(self) -> None:
        fleet, ours = self._fleet(), self._bridges.rows
        for name, member in tuple(fleet.members.items()):
            row = member.row
            if row.bridge is not None and row is not ours.get(name) and name not in self.hub.engines:
                fleet.leave(name)
        self._bridges.join(fleet)
        self.join(fleet)
        self._plan_anew()


def abilities_of(kind: str) -> Abilities:
    """Return what a bridge of a kind can be told at most."""
    row = _catalog_row(kind)
    assert row.bridge is not None
    return row.bridge.abilities


def _row(name: str, engine: RemoteEngine) -> ProviderRow:
    row = _catalog_row(engine.kind)
    if row.bridge is not None and row.bridge.kind == "acp":
        row = agent_row(engine.bridge)  # its owner's name for it says more than the protocol's
    return msgspec.structs.replace(row, name=name, label=f"{row.label}, on {engine.companion.machine}")


@cache
def _providers() -> frozenset[str]:
    """Return the names of all providers that are no bridges, configured or not."""
    return frozenset(row.name for row in load_catalog() if row.bridge is None)


def _catalog_row(kind: str) -> ProviderRow:
    """Return the row of a bridge; one that is not in the catalog is somebody's agent."""
    found = (row for row in load_catalog() if row.name == kind and row.bridge is not None)
    return next(found, None) or agent_row(kind)
