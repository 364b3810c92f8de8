"""Everything that a desktop's companion is made of, put together from this machine's configuration.

What each part does is in its own module; the process around it is the command's.
"""

import importlib
import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from llm_gateway.bridges.opening import Bridges, open_bridges
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.clients.watching import Looking
from llm_gateway.clock import Clock
from llm_gateway.companion.caps import Caps, Counter
from llm_gateway.companion.hosting import Companion, Course, Progress
from llm_gateway.companion.journal import Journal
from llm_gateway.companion.reporting import Reporter
from llm_gateway.companion.serving import Served, Serving
from llm_gateway.companion.switch import Switch
from llm_gateway.config import Loaded
from llm_gateway.errors import ConfigError
from llm_gateway.ledger.folder import try_lock
from llm_gateway.providers.catalog import load_catalog
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.client import Upstream
from llm_gateway.upstream.fleet import Fleet

__all__ = ["Desktop", "alone", "desktop", "folder_of", "runs"]


class Desktop(msgspec.Struct, frozen=True):
    """A companion, the bridges that it hosts, what is put on record of them, and this machine's engines."""

    companion: Companion
    bridges: Bridges
    journal: Journal
    fleet: Fleet

    async def close(self) -> None:
        """Let turns end, then end every vendor's program."""
        await self.companion.close()
        for engine in self.bridges.engines.values():
            await engine.close()


def folder_of(home: Path) -> Path:
    """Return the companion's own folder."""
    return home / "companion"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only companion of this folder: two with one key would take turns at being thrown out."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(folder / "running.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not try_lock(file):
            raise ConfigError(f"{folder}: a companion runs already with this key; stop that one first")
        yield
    finally:
        os.close(file)


def runs(folder: Path) -> bool:
    """Whether a companion of this folder runs."""
    try:
        with alone(folder):
            return False
    except ConfigError:
        return True


def desktop(
    loaded: Loaded,
    environ: Mapping[str, str],
    course: Course,
    caps: Caps,
    owned: tuple[Tasks, Clock, Upstream],
    told: Callable[[Progress], None],
) -> Desktop:
    """Return the companion of this machine; ConfigError for a bridge that is not configured rightly."""
    tasks, clock, upstream = owned
    fleet = Fleet(upstream, clock, lambda: None)  # nobody plans here: what bridges say goes to the gateway
    around = Surroundings(environ, clock, tasks, upstream, loaded.home / "bridges")
    bridges = open_bridges(loaded.settings.bridges, around, lambda: fleet)
    journal = Journal(course.folder, clock)
    counter = Counter(caps, clock, journal.today())
    serving = Serving(_served(bridges), counter, journal, Switch(course.folder))
    reporter = _reporter(loaded, environ, course, clock)
    companion = Companion(course, serving, reporter, (tasks, clock), told, random.random)
    return Desktop(companion, bridges, journal, fleet)


def _served(bridges: Bridges) -> dict[str, Served]:
    known = {row.name for row in load_catalog() if row.bridge is not None}
    served = {}
    for name, engine in bridges.engines.items():
        row = bridges.rows[name].bridge
        assert row is not None
        others = tuple(sorted((engine.people or frozenset()) - {""}))
        served[name] = Served(name if name in known else row.kind, engine, others)
    return served


def _reporter(
    loaded: Loaded, environ: Mapping[str, str], course: Course, clock: Clock
) -> Callable[[str], Reporter] | None:
    if not loaded.settings.clients.detect:
        return None

    def looking() -> Looking:
        # What knows applications and their files takes long to load: it is for after the start.
        made: Looking = importlib.import_module("llm_gateway.clients.looking").machine_look(
            loaded, environ, lambda: course.url
        )
        return made

    return lambda machine: Reporter(looking, course.folder, clock, machine)
