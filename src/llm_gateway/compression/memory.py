"""What is remembered, by what it is of, up to so many bytes; what was not looked for longest goes first.

Nothing in here may be anything but faster to remember than to find out again. Threads may share it.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Memory"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_EACH = 200  # bytes that an entry takes beside what is in it


class Memory(Generic[K, V]):
    """A bounded memory. `most` is in bytes, by what `keep` is told that a value takes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many values there are."""
        return len(self._values)

    @property
    def held(self) -> int:
        """Return how many bytes they take."""
        return self._held

    def find(self, key: K) -> V | None:
        """Return what is remembered, None for nothing."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            self._values.move_to_end(key)
            return found[0]

    def take(self, key: K) -> V | None:
        """Return what is remembered, and forget it: it is the taker's alone."""
        with self._lock:
            found = self._values.pop(key, None)
            if found is None:
                return None
            self._held -= found[1]
            return found[0]

    def keep(self, key: K, value: V, size: int = 0) -> None:
        """Remember a value that takes so many bytes; one that is larger than all there is room for is not."""
        size += _EACH
        with self._lock:
            before = self._values.pop(key, None)
            if before is not None:
                self._held -= before[1]
            if size > self._most:
                return
            self._values[key] = value, size
            self._held += size
            while self._held > self._most:
                _, (_, gone) = self._values.popitem(last=False)
                self._held -= gone
