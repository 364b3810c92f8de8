"""What sealing is to those who need it: the shapes, and the way to the cryptography behind them.

The cryptography itself is `sealing.py`, which is loaded when something is sealed or opened for the first
time: it costs 20 ms and 6 MB that a gateway which keeps nothing does not pay.
"""

import importlib
from typing import Protocol

import msgspec

__all__ = ["DataKey", "Place", "Sealer", "load_sealer"]


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where something is kept and until when. What was sealed for one place opens in no other."""

    owner: str
    kind: str
    id: str
    created_us: int
    expires_us: int


class DataKey(Protocol):
    """The key of one owner's content."""

    def seal(self, place: Place, payload: bytes) -> bytes:
        """Return bytes that tell nothing."""
        ...

    def open(self, place: Place, sealed: bytes) -> bytes:
        """Return what was sealed for this place; ContentDamaged for anything else."""
        ...


class Sealer(Protocol):
    """The master key: it wraps and unwraps data keys."""

    def make(self, owner: str) -> bytes:
        """Return a new data key of an owner, wrapped."""
        ...

    def unwrap(self, owner: str, wrapped: bytes) -> DataKey:
        """Return the data key; ContentDamaged when it is not this owner's or was wrapped by another key."""
        ...


def load_sealer(master: bytes) -> Sealer:
    """Return what seals under a master key."""
    sealing = importlib.import_module("llm_gateway.content.sealing")
    sealer: Sealer = sealing.MasterKey(master)
    return sealer
