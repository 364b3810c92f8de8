"""The companions of a gateway: who may come, who is there, and what they bring to the fleet."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from llm_gateway.bridges.notices import Notices
from llm_gateway.bridges.opening import Bridges, agent_row
from llm_gateway.canonical.abilities import Abilities
from llm_gateway.clock import Clock
from llm_gateway.companion.enrolment import Registry
from llm_gateway.companion.hub import Hub, Party
from llm_gateway.companion.remote import RemoteEngine
from llm_gateway.companion.reporting import Reports
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
        self._named: tuple[str, ...] = ()
        self._notices = Notices(home.log)
        bridges.noticed = self._notices.heard  # owners are told of all bridges in one place
        self.registry = Registry(home.ledger, home.pepper, home.clock)
        self.hub = Hub(
            Party(
                self.registry,
                abilities_of,
                bridges.here,
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

    def _changed(self) -> None:
        fleet, names = self._fleet(), tuple(self.hub.engines)
        for name in self._named:
            if name not in names:
                fleet.leave(name)
                self._bridges.join(fleet)
        self._named = names
        self.join(fleet)
        self._plan_anew()


def abilities_of(kind: str) -> Abilities:
    """Return what a bridge of a kind can be told at most."""
    row = _catalog_row(kind)
    assert row.bridge is not None
    return row.bridge.abilities


def _row(name: str, engine: RemoteEngine) -> ProviderRow:
    row = _catalog_row(engine.kind)
    return msgspec.structs.replace(row, name=name, label=f"{row.label}, on {engine.companion.machine}")


def _catalog_row(kind: str) -> ProviderRow:
    """Return the row of a bridge; one that is not in the catalog is somebody's agent."""
    found = (row for row in load_catalog() if row.name == kind and row.bridge is not None)
    return next(found, None) or agent_row(kind)
