"""Files of settings on the disk: how one is now, how one is written, and that nobody wrote it in between.

A file is replaced as a whole or not at all. A link stays a link: what it leads to is replaced. Its owner
stays the owner. Nothing here knows what is in a file.
"""

import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path

import msgspec

__all__ = [
    "PRIVATE",
    "CannotChange",
    "Change",
    "digest",
    "look",
    "make_folders",
    "missing_folders",
    "remove_folders",
    "write",
]

PRIVATE = 0o600
_NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_CREATING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | getattr(os, "O_BINARY", 0)
_HAS_MODES = os.name == "posix"


class CannotChange(Exception):
    """A file that cannot be changed now; the message says which, why, and what helps."""


class Change(msgspec.Struct, frozen=True):
    """A file and what becomes of it; None where there is no such file, or will be none.

    `path` is the file itself, where links lead to it.
    """

    path: Path
    before: bytes | None
    after: bytes | None
    mode: int
    after_mode: int

    @property
    def changes(self) -> bool:
        """Return whether anything changes at all."""
        return self.before != self.after or (self.after is not None and self.mode != self.after_mode)


def look(path: Path) -> tuple[bytes | None, int]:
    """Return what is in a file, None where none is, and its mode; CannotChange for one that is closed."""
    try:
        data = path.read_bytes()
        mode = stat.S_IMODE(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None, PRIVATE
    except OSError as error:
        raise CannotChange(f"{path} cannot be read: {error.strerror}") from None
    return data, mode if _HAS_MODES else PRIVATE


def write(change: Change) -> None:
    """Make one change; CannotChange when the file is not as it was looked at, or cannot be written."""
    now, _ = look(change.path)
    if now != change.before:
        raise CannotChange(
            f"{change.path} was written by somebody else meanwhile, and not by this; run the command again"
        )
    try:
        if change.after is None:
            change.path.unlink(missing_ok=True)
        else:
            _replace(change.path, change.after, change.after_mode)
        _sync(change.path.parent)
    except OSError as error:
        raise CannotChange(f"{change.path} cannot be written: {error.strerror}") from None


def digest(data: bytes | None) -> str:
    """Return what a file's content is known again by; "" for no file."""
    return "" if data is None else hashlib.sha256(data).hexdigest()


def missing_folders(path: Path) -> tuple[str, ...]:
    """Return the folders that a file needs and that are not there, the outermost first."""
    missing = [str(folder) for folder in path.parents if not folder.exists()]
    return tuple(reversed(missing))


def make_folders(folders: Sequence[str]) -> None:
    """Make folders, for the owner of what they are in, alone."""
    for folder in folders:
        try:
            os.mkdir(folder, 0o700)
            if _HAS_MODES and os.geteuid() == 0:
                above = os.stat(Path(folder).parent)
                os.chown(folder, above.st_uid, above.st_gid)
        except FileExistsError:
            pass
        except OSError as error:
            raise CannotChange(f"{folder} cannot be made: {error.strerror}") from None


def remove_folders(folders: Sequence[str]) -> None:
    """Remove folders that were made for a file, as far as nothing else is in them by now."""
    for folder in reversed(folders):
        try:
            os.rmdir(folder)
        except OSError:
            return


def _replace(path: Path, data: bytes, mode: int) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(6).hex()}")
    handle = os.open(temporary, _CREATING, PRIVATE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if _HAS_MODES:
                _keep_owner(path, handle)
                os.fchmod(handle, mode)
            file.flush()
            os.fsync(handle)
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _keep_owner(path: Path, handle: int) -> None:
    """Give a file that replaces another its owner; one that is new has that of its folder, if that can be."""
    own = os.fstat(handle)
    there = path.exists()
    wanted = os.stat(path if there else path.parent)
    if (wanted.st_uid, wanted.st_gid) != (own.st_uid, own.st_gid) and (there or os.geteuid() == 0):
        os.fchown(handle, wanted.st_uid, wanted.st_gid)


def _sync(folder: Path) -> None:
    if _HAS_MODES:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
