"""How far the turns that run have come, told once a second: what a killed process leaves of them.

Only of those that are followed, and only what has changed. Where it is written is the ledger's.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from llm_gateway.ledger.records import Progress

__all__ = ["EVERY_S", "Followed", "Followers"]

EVERY_S = 1.0


class Followed(Protocol):
    """What an answer has brought so far."""

    @property
    def content_bytes(self) -> int:
        """Return the bytes of its content."""
        ...


class Followers:
    """The turns that are followed. `tell` gets what has changed; no timer runs while nobody is followed."""

    def __init__(self, tell: Callable[[Progress], None], every: float = EVERY_S) -> None:
        self._tell = tell
        self._every = every
        self._followed: dict[str, Followed] = {}
        self._told: dict[str, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def follow(self, turn_id: str, answer: Followed) -> None:
        """Tell of this turn's answer from now on."""
        self._followed[turn_id] = answer
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every, self._look)

    def leave(self, turn_id: str) -> None:
        """Tell nothing of this turn any more: its end is on record."""
        if self._followed.pop(turn_id, None) is not None:
            self._told.pop(turn_id, None)

    def close(self) -> None:
        """Tell nothing any more."""
        self._followed.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        for turn_id, answer in self._followed.items():
            size = answer.content_bytes
            if size > self._told.get(turn_id, 0):
                self._told[turn_id] = size
                self._tell(Progress(turn_id, size))
        if self._followed:
            self._timer = asyncio.get_running_loop().call_later(self._every, self._look)
