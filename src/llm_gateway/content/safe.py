"""Content under seal, one call at a time: rows and keys together.

The gateway uses it from a thread of its own (`content.py`), the command line directly. What is in a payload
is its owner's business. Whatever goes wrong is ContentUnavailable or ContentDamaged.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.content.rows import Rows, Total, database_of
from llm_gateway.content.seals import DataKey, Place, Sealer, load_sealer
from llm_gateway.errors import ConfigError, ContentUnavailable
from llm_gateway.vault import load_master_key

__all__ = ["DAY_US", "Kept", "Safe", "Where"]

DAY_US = 86_400_000_000


class Where(msgspec.Struct, frozen=True):
    """Where content is kept, under which master key, and how much of it."""

    home: Path
    master_key_file: Path | None = None
    durable: bool = False
    """Whether what is kept survives a loss of power, too."""
    most_bytes: int = 8 * 1024 * 1024 * 1024


class Kept(msgspec.Struct, frozen=True):
    """One thing that is kept, opened."""

    place: Place
    payload: bytes


class Safe:
    """Content under seal. The file is made with the first thing that is kept."""

    def __init__(self, where: Where, clock: Clock) -> None:
        self._where = where
        self._clock = clock
        self._path = database_of(where.home)
        self._opened: Rows | None = None
        self._sealer: Sealer | None = None
        self._data_keys: dict[str, DataKey] = {}

    @property
    def exists(self) -> bool:
        """Return whether anything was ever kept."""
        return self._opened is not None or self._path.exists()

    def prepare(self) -> None:
        """Make sure that something can be kept: open the file, read or make the master key."""
        with self._failing():
            self._master()

    def keep(
        self, owner: str, kind: str, row_id: str, payload: bytes, days: int, names: Sequence[str] = ()
    ) -> None:
        """Keep a payload for so many days, in place of what was kept under the same id."""
        with self._failing():
            now = self._clock.now_us()
            place = Place(owner, kind, row_id, now, now + days * DAY_US)
            rows, fresh = self._rows(), None
            key = self._data_key(owner)
            if key is None:
                fresh = self._master().make(owner)
                key = self._master().unwrap(owner, fresh)
            rows.put(place, key.seal(place, payload), fresh, names)
            self._data_keys[owner] = key  # not before its row is there

    def fetch(self, owner: str, kind: str, row_id: str) -> bytes | None:
        """Return what is kept under an id of an owner, None where nothing is or it has expired."""
        if not self.exists:
            return None
        with self._failing():
            found = self._rows().get(owner, kind, row_id, self._clock.now_us())
            return None if found is None else self._open(*found)

    def fetch_named(self, owner: str, kind: str, name: str) -> bytes | None:
        """Return what is kept under a further name of an owner, None where nothing is or it has expired."""
        if not self.exists:
            return None
        with self._failing():
            row_id = self._rows().named(owner, kind, name)
        return self.fetch(owner, kind, row_id) if row_id else None

    def delete(self, owner: str, kind: str, row_id: str) -> bool:
        """Delete what is kept under an id of an owner; False where nothing is."""
        if not self.exists:
            return False
        with self._failing():
            return self._rows().delete(owner, kind, row_id, self._clock.now_us())

    def erase(self, owner: str) -> int:
        """Destroy an owner's data key and everything that it sealed; return how much that was."""
        if not self.exists:
            return 0
        with self._failing():
            self._data_keys.pop(owner, None)
            return self._rows().erase(owner)

    def prune(self) -> int:
        """Delete what has expired; return how much that was."""
        if not self.exists:
            return 0
        with self._failing():
            return self._rows().prune(self._clock.now_us())

    def totals(self) -> list[Total]:
        """Return how much is kept of each owner."""
        if not self.exists:
            return []
        with self._failing():
            return self._rows().totals(self._clock.now_us())

    def of(self, owner: str) -> Iterator[Kept]:
        """Yield everything that is kept of an owner, the oldest first."""
        if not self.exists:
            return
        with self._failing():
            places = list(self._rows().places(owner, self._clock.now_us()))
        for place in places:
            payload = self.fetch(owner, place.kind, place.id)
            if payload is not None:
                yield Kept(place, payload)

    def close(self) -> None:
        """Let go of the file and forget every key."""
        self._data_keys.clear()
        self._sealer = None
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _open(self, place: Place, sealed: bytes) -> bytes:
        key = self._data_key(place.owner)
        if key is None:  # the row outlived its key, as in a copy that somebody put together
            key = self._master().unwrap(place.owner, b"")
        self._data_keys[place.owner] = key
        return key.open(place, sealed)

    def _data_key(self, owner: str) -> DataKey | None:
        known = self._data_keys.get(owner)
        if known is None and (wrapped := self._rows().data_key(owner)) is not None:
            known = self._master().unwrap(owner, wrapped)
        return known

    def _master(self) -> Sealer:
        if self._sealer is None:
            make = not self._rows().has_data_keys()  # another one would open nothing of what is there
            master = load_master_key(self._where.home, self._where.master_key_file, make=make)
            self._sealer = load_sealer(master)
        return self._sealer

    def _rows(self) -> Rows:
        if self._opened is None:
            where = self._where
            self._opened = Rows(
                self._path, self._clock.now_us(), durable=where.durable, most_bytes=where.most_bytes
            )
        return self._opened

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Turn what the disk, the database and the master key's file do into one kind of error."""
        try:
            yield
        except OSError as error:
            raise ContentUnavailable(f"{self._path}: {error.strerror}") from error
        except sqlite3.Error as error:
            raise ContentUnavailable(f"{self._path}: {error}") from error
        except ConfigError as error:
            raise ContentUnavailable(str(error)) from error
