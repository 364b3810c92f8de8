"""The logs that applications keep of what they used, read as far as they have grown.

`read_logs` gives what is new in batches, each with how far its log was read then: kept in one transaction,
nothing is lost or told twice whatever ends in between. Told twice does no harm either: marks are the same.
Nothing that was said is in a sighting, a state or a problem. Not where logs are (the catalog and the
machine), and not the ledger.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from llm_gateway.clients.logs.claude import claude
from llm_gateway.clients.logs.cline import cline
from llm_gateway.clients.logs.codex import codex
from llm_gateway.clients.logs.continue_dev import continue_dev
from llm_gateway.clients.logs.copilot import copilot
from llm_gateway.clients.logs.gemini import gemini
from llm_gateway.clients.logs.llm import llm
from llm_gateway.clients.logs.opencode import opencode
from llm_gateway.clients.logs.pi import pi
from llm_gateway.clients.logs.places import found
from llm_gateway.clients.logs.qwen import qwen
from llm_gateway.clients.logs.reading import Log, Read, Reader
from llm_gateway.ledger.sightings import LogPosition, Sighting

__all__ = ["READERS", "Batch", "Log", "Read", "Reader", "Whose", "read_logs"]

READERS: dict[str, Reader] = {
    "claude": claude,
    "cline": cline,
    "codex": codex,
    "continue": continue_dev,
    "copilot": copilot,
    "gemini": gemini,
    "llm": llm,
    "opencode": opencode,
    "pi": pi,
    "qwen": qwen,
}
"""By their names in the catalog."""


class Whose(msgspec.Struct, frozen=True):
    """Whose logs are read: a row of the catalog, on a machine; and what time it is now."""

    client: str
    machine: str
    now_us: int


class Batch(msgspec.Struct, frozen=True):
    """What a piece of a log said, and how far that log was read with it; no position where it was not.

    `problems` are in words for a person, without the log's path or content.
    """

    sightings: list[Sighting]
    position: LogPosition | None = None
    problems: tuple[str, ...] = ()


def read_logs(
    whose: Whose, places: Iterable[tuple[str, Path]], positions: Mapping[str, LogPosition]
) -> Iterator[Batch]:
    """Return what is new in a client's logs.

    `places` are readers' names with patterns of paths; `positions` are how far each path was read.
    """
    for name, pattern in places:
        denied: list[Path] = []
        for path in found(pattern, denied):
            known = positions.get(_key(path))
            log = Log(path, whose.client, whose.machine, whose.now_us)
            yield from _grown(READERS[name], log, known.state if known else "")
        if denied:
            yield Batch([], None, ("a folder of logs may not be listed by this user",))


def _grown(reader: Reader, log: Log, state: str) -> Iterator[Batch]:
    """Return what is new in one log."""
    more = True
    while more:
        try:
            read = reader(log, state)
        except FileNotFoundError:
            return  # deleted since it was found
        except OSError as error:
            yield Batch([], None, (_trouble(error),))
            return
        if read.state == state and not read.sightings:
            if read.problems:
                yield Batch([], None, read.problems)
            return
        state, more = read.state, read.more
        yield Batch(
            read.sightings, LogPosition(log.machine, _key(log.path), log.client, state), read.problems
        )


def _key(path: Path) -> str:
    """Return a path as text that can be kept: a file may have any bytes for its name."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _trouble(error: OSError) -> str:
    match error:
        case PermissionError():
            return "a log may not be read by this user"
        case IsADirectoryError():
            return "what stands where a log is looked for is no file"
    return f"a log cannot be read: {error.strerror}"
