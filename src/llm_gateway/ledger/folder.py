"""Where the ledger lives: one folder in the home, private to its owner, open in one process at a time.

It knows names, modes and the lock; what is in the files is known to `sqlite.py` and `journal.py`.
"""

import os
import sys
from pathlib import Path

from llm_gateway.ledger.refusal import LedgerBusy

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["NO_FOLLOW", "Folder", "Lock", "create_private", "try_lock"]

NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
# Windows locks a range of bytes and keeps others from reading it: a byte far beyond the text is locked.
_LOCKED_BYTE = 1 << 20


class Folder:
    """The ledger's files within a home."""

    def __init__(self, home: Path) -> None:
        self.root = home / "ledger"
        self.database = self.root / "ledger.sqlite3"
        self.journal = self.root / "journal"
        self.lock = self.root / "lock"
        self.reserve = self.root / "reserve"

    def create(self) -> None:
        """Make the folders that are missing, readable by their owner alone."""
        for folder in (self.root.parent, self.root, self.journal):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.root, self.journal):
            folder.chmod(0o700)


class Lock:
    """The right to write to a ledger: held until `close`, and by the system given up at its end."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | NO_FOLLOW, 0o600)
        if not try_lock(self._file):
            os.lseek(self._file, 0, os.SEEK_SET)
            holder = os.read(self._file, 32).decode("ascii", "replace").strip()
            os.close(self._file)
            raise LedgerBusy(
                f"{path}: the ledger is open in another process ({holder or 'pid unknown'}); "
                "stop that gateway with `llm-gateway down`, or choose another home with LLM_GATEWAY_HOME"
            ) from None
        os.ftruncate(self._file, 0)
        os.write(self._file, f"pid {os.getpid()}\n".encode("ascii"))

    def close(self) -> None:
        """Let another process open the ledger."""
        os.close(self._file)


def create_private(path: Path) -> None:
    """Make an empty file for its owner alone, unless it is there; tighten the modes of one that is."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | NO_FOLLOW, 0o600)
    os.close(handle)
    path.chmod(0o600)


def try_lock(handle: int) -> bool:
    """Take the lock of an open file, until it is closed; False while somebody else has it."""
    try:
        _lock(handle)
    except OSError:
        return False
    return True


if sys.platform == "win32":

    def _lock(handle: int) -> None:
        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)

else:

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
