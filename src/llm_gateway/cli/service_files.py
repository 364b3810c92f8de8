"""The file of a service on the disk: what becomes of it is planned, done, put on record, and taken back.

As with the files of applications: the record of how it was is durable before anything is written, and a file
that somebody else has changed since is left alone.
"""

from pathlib import Path

import msgspec

from llm_gateway.clients.connect.files import (
    CannotChange,
    Change,
    digest,
    look,
    make_folders,
    missing_folders,
    remove_folders,
    write,
)
from llm_gateway.errors import ConfigError
from llm_gateway.vault import write_private
from llm_gateway.wire.ready import ready

__all__ = ["Installed", "apply", "planned", "read_installed", "take_back", "undoing"]


@ready
class Installed(msgspec.Struct, frozen=True):
    """A file that was written for a service, and how it was before: None where there was none.

    `stop` and `gone` are the commands that end the service before the file goes, and those that follow.
    """

    path: str
    original: bytes | None
    mode: int
    wrote: str
    folders: tuple[str, ...] = ()
    stop: tuple[tuple[str, ...], ...] = ()
    gone: tuple[tuple[str, ...], ...] = ()


def planned(path: Path, data: bytes) -> Change:
    """Return what becomes of a file; CannotChange where it cannot be looked at."""
    before, mode = look(path)
    return Change(path, before, data, mode, mode)


def apply(home: Path, name: str, change: Change, ends: Installed) -> None:
    """Write the file, after a record of it as it was before the first time. `ends` says how it ends."""
    known = read_installed(home, name)
    ours = known is not None and known.path == str(change.path)
    original, mode, folders = change.before, change.mode, missing_folders(change.path)
    if known is not None and ours and digest(change.before) in (known.wrote, digest(known.original)):
        original, mode, folders = known.original, known.mode, known.folders
    assert change.after is not None
    record = msgspec.structs.replace(
        ends,
        path=str(change.path),
        original=original,
        mode=mode,
        wrote=digest(change.after),
        folders=folders,
    )
    write_private(_path(home, name), msgspec.json.encode(record))
    if change.changes:
        make_folders(missing_folders(change.path))
        write(change)


def undoing(installed: Installed) -> Change:
    """Return what takes the file back; CannotChange where somebody has changed it since."""
    path = Path(installed.path)
    now, mode = look(path)
    if now is None:
        return Change(path, None, None, mode, mode)  # it was deleted since, and stays so
    if digest(now) not in (installed.wrote, digest(installed.original)):
        raise CannotChange(
            f"{path} was changed since it was installed; put it back (`llm-gateway service print` shows how "
            "it was) or delete it, and run the command again"
        )
    return Change(path, now, installed.original, mode, installed.mode)


def take_back(home: Path, name: str, installed: Installed, change: Change) -> None:
    """Put the file back as it was, and forget it."""
    if change.changes:
        write(change)
    remove_folders(installed.folders)
    _path(home, name).unlink(missing_ok=True)


def read_installed(home: Path, name: str) -> Installed | None:
    """Return what is on record of a service; ConfigError where that cannot be read."""
    path = _path(home, name)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Installed)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as the record of a service: {error}") from None


def _path(home: Path, name: str) -> Path:
    return home / "services" / f"{name}.json"
