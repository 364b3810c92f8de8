"""Room on the disk that is kept back: given up when the disk is full, so that what runs can still be settled.

A file of zeros beside the database. Who finds the disk full releases it; it is made again when there is room
for twice as much. What the room is used for is decided in `ledger.py`.
"""

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from llm_gateway.ledger.folder import NO_FOLLOW

__all__ = ["RESERVE_BYTES", "Reserve"]

RESERVE_BYTES = 4 << 20
_LEAST = 64 * 1024
# On a small disk the reserve must not be what fills it.
_SHARE = 8
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW


class Reserve:
    """The reserve of one ledger. Any thread may call any of this."""

    def __init__(
        self, path: Path, size: int = RESERVE_BYTES, free: Callable[[Path], int] | None = None
    ) -> None:
        self._path = path
        self._most = size
        self._free = free or _free
        self._size = 0
        self._lock = threading.Lock()
        self.spent = False
        """Whether the disk was full and the room was given up: what is left of it is not for new requests."""

    def hold(self) -> bool:
        """Take the room, where there is enough; return whether it is held now."""
        with self._lock:
            try:
                size = self._path.stat().st_size
            except OSError:
                size = self._make()
            if size:
                self._size, self.spent = size, False
            return bool(size)

    def release(self) -> bool:
        """Give the room up for good use; return whether there was any."""
        with self._lock:
            try:
                # Cut first: a handle that somebody else has on the file would keep its room.
                os.truncate(self._path, 0)
                self._path.unlink()
            except OSError:
                return False
            self.spent = True
            return True

    def _make(self) -> int:
        """Make the file and return its size, 0 when there is no room for it."""
        try:
            free = self._free(self._path.parent)
            size = self._size or min(self._most, free // _SHARE)
            if size < _LEAST or free < 2 * size:
                return 0
            file = os.open(self._path, _FLAGS, 0o600)
        except OSError:
            return 0
        try:
            _fill(file, size)
        except OSError:
            self._path.unlink(missing_ok=True)
            return 0
        finally:
            os.close(file)
        return size


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _fill(file: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
        return
    zeros = bytes(1 << 16)
    for _ in range(0, size, len(zeros)):
        os.write(file, zeros)
