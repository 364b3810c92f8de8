"""What was done to a machine to connect an application: enough to take every byte of it back.

A record is a file of the gateway's home for its owner alone. It holds the files as they were, so it may hold
whatever secrets these held; of the gateway's own key it holds the id. It is written before anything changes.
"""

import os
import re
from pathlib import Path

import msgspec

from llm_gateway.clients.catalog import Format
from llm_gateway.clients.connect.traces import Trace
from llm_gateway.errors import ConfigError
from llm_gateway.vault import write_private
from llm_gateway.wire.ready import ready

__all__ = [
    "Kept",
    "Made",
    "Record",
    "exports_path",
    "folder_of",
    "forget",
    "read_record",
    "records",
    "write_record",
]

_ID = re.compile(r"[a-z0-9][a-z0-9.-]*")
_ENDING = ".json"


class Made(msgspec.Struct, frozen=True):
    """A setting that was made: its place, whether it is an item of the list there, and its traces."""

    at: tuple[str, ...]
    append: bool = False
    traces: tuple[Trace, ...] = ()


class Kept(msgspec.Struct, frozen=True):
    """A file as it was, and as it was left.

    `original` is None where there was none. `wrote` is the digest of what was written, "" where the file was
    taken away. `folders` are those that were made for it, the outermost first.
    """

    path: str
    format: Format
    original: bytes | None
    mode: int
    wrote: str
    wrote_mode: int
    made: tuple[Made, ...] = ()
    folders: tuple[str, ...] = ()


@ready
class Record(msgspec.Struct, frozen=True):
    """A connection of an application: which way, which key, since when, and the files that have it."""

    client: str
    way: str
    key_id: str
    at_us: int
    files: tuple[Kept, ...]
    telemetry: bool = False


def folder_of(home: Path) -> Path:
    """Return the folder of the records."""
    return home / "connections"


def exports_path(home: Path, client: str) -> Path:
    """Return the file that a shell reads for an application's variables."""
    return folder_of(home) / f"{client}.sh"


def write_record(home: Path, record: Record) -> None:
    """Put a record in place, durably, over the one that is there."""
    write_private(_path(home, record.client), msgspec.json.encode(record))


def read_record(home: Path, client: str) -> Record | None:
    """Return the record of an application; ConfigError when it cannot be read."""
    return _read(_path(home, client)) if _ID.fullmatch(client) else None


def records(home: Path) -> list[Record]:
    """Return every record, by the name of its application."""
    try:
        names = sorted(name for name in os.listdir(folder_of(home)) if name.endswith(_ENDING))
    except FileNotFoundError:
        return []
    found = (_read(folder_of(home) / name) for name in names if _ID.fullmatch(name))
    return [each for each in found if each is not None]


def forget(home: Path, client: str) -> None:
    """Take a record away."""
    _path(home, client).unlink(missing_ok=True)


def _path(home: Path, client: str) -> Path:
    return folder_of(home) / f"{client}{_ENDING}"


def _read(path: Path) -> Record | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as the record of a connection: {error}") from None
