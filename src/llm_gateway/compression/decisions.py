"""What was decided of each result of each conversation, once and for ever: what was sent stays the same.

A result goes by its chain: a digest of everything before it that decides how it is encoded, and of itself.
How it is decided is in `conversation.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from llm_gateway.compression.memory import Memory

__all__ = ["MEASURED", "RAW", "STOPPED", "Decision", "Decisions", "Forgetful", "Kept", "Measured"]

Decision = str
"""The version of the setting by which a result is encoded, or one of the two below."""

RAW: Decision = "raw"
"""Sent as it came."""

STOPPED: Decision = "stopped"
"""Sent as it came, and so is whatever follows: the provider's prompt cache did not take to what we send."""

MEASURED = "shadow "
"""What decisions begin with, where they are kept, of what was only measured."""

_MEMORY = 16 * 1024 * 1024


class Kept(Protocol):
    """Decisions that outlast the process. Only those are kept that differ from the one before."""

    def find(self, chains: Sequence[bytes]) -> Mapping[bytes, Decision]:
        """Return what was decided of these."""
        ...

    def keep(self, decided: Mapping[bytes, Decision]) -> None:
        """Keep decisions, for good; nobody waits for it."""
        ...


class Forgetful:
    """Keep nothing."""

    def find(self, chains: Sequence[bytes]) -> Mapping[bytes, Decision]:
        """Return nothing."""
        return {}

    def keep(self, decided: Mapping[bytes, Decision]) -> None:
        """Forget."""


class Measured:
    """What would have been decided, kept with what was: nothing is sent by it, and it is told apart."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def find(self, chains: Sequence[bytes]) -> Mapping[bytes, Decision]:
        """Return what would have been decided of these."""
        found = self._kept.find(chains)
        return {
            chain: decision.removeprefix(MEASURED)
            for chain, decision in found.items()
            if decision.startswith(MEASURED)
        }

    def keep(self, decided: Mapping[bytes, Decision]) -> None:
        """Keep what would have been decided."""
        self._kept.keep({chain: MEASURED + decision for chain, decision in decided.items()})


class Decisions:
    """All decisions that were made lately, in front of those that are kept."""

    def __init__(self, kept: Kept | None = None, most: int = _MEMORY) -> None:
        self._kept: Kept = kept or Forgetful()
        self._memory: Memory[bytes, Decision] = Memory(most)

    def find(self, chains: Sequence[bytes]) -> dict[bytes, Decision]:
        """Return what is known of these."""
        found: dict[bytes, Decision] = {}
        unknown: list[bytes] = []
        for chain in chains:
            decision = self._memory.find(chain)
            if decision is None:
                unknown.append(chain)
            else:
                found[chain] = decision
        if unknown:
            kept = self._kept.find(unknown)
            self.remember(kept)
            found.update(kept)
        return found

    def remember(self, decided: Mapping[bytes, Decision]) -> None:
        """Remember what follows from what is kept."""
        for chain, decision in decided.items():
            self._memory.keep(chain, decision)

    def keep(self, decided: Mapping[bytes, Decision]) -> None:
        """Keep what does not follow from anything else."""
        if decided:
            self._kept.keep(decided)
