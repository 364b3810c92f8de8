"""What the readers of logs have in common: what they are given and give, and which program wrote a log.

Not where logs lie (`places.py`), and not a form of any (`lines.py`, `documents.py`, `tables.py`).
"""

import functools
from pathlib import Path
from typing import Protocol

import msgspec

from llm_gateway.clients.catalog import catalog
from llm_gateway.ledger.sightings import Sighting

__all__ = ["QUIET_US", "UNREADABLE", "Log", "Read", "Reader", "newer", "part"]

QUIET_US = 10 * 60 * 1_000_000
"""After this long without a change, what is not finished in a log will not be."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Log(msgspec.Struct, frozen=True):
    """A log that is read: whose it is, on which machine, and what time it is now."""

    path: Path
    client: str
    machine: str
    now_us: int


class Read(msgspec.Struct, frozen=True):
    """What a piece of a log said. `state` is what reading goes on from; `more` when there is more already.

    `problems` are in plain words, for a person; nothing of the log's content is in them.
    """

    sightings: list[Sighting]
    state: str
    problems: tuple[str, ...] = ()
    more: bool = False


class Reader(Protocol):
    """Read a piece of a log, of bounded size, from where `state` says; "" is the beginning.

    Raises OSError where the log cannot be read. Reading again from the beginning gives sightings with the
    same marks.
    """

    def __call__(self, log: Log, state: str) -> Read:
        """Return what the piece said."""
        ...


def newer(version: object, known: int) -> list[str]:
    """Return what there is to say of a log of this version: nothing of one that is known."""
    if isinstance(version, int) and known < version < 2**31:
        return [f"a log of form {version}, newer than what is known ({known}): some of it may be missing"]
    return []


@functools.lru_cache(maxsize=256)
def part(client: str, name: str) -> str:
    """Return the row of the program that names itself so in a client's log, or the client's own."""
    rows = catalog()
    if client not in rows or not name:
        return client
    told = f"{name.casefold()}/"
    found = [
        (len(word), row.id)
        for row in rows.values()
        if row.vendor == rows[client].vendor
        for word in (row.id, *row.agents)
        if told.startswith(word.casefold())
    ]
    return max(found)[1] if found else client
