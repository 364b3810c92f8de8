"""Sessions that run and wait for their next turn: with a conversation, with a call of a tool, or fresh.

Each is a process of about 180 MB, so there are few, and none stays for longer than ten minutes.
"""

import asyncio

from llm_gateway.bridges.claude.session import Session
from llm_gateway.bridges.sessions import Kept
from llm_gateway.clock import Clock
from llm_gateway.tasks import Tasks

__all__ = ["Pool"]

_WARM = 2
_PARKED = 4
_SWEEP = 60.0


class Pool:
    """Sessions by what they wait for. Those that are dropped end by themselves."""

    def __init__(self, clock: Clock, tasks: Tasks) -> None:
        self._tasks = tasks
        self._warm: Kept[Session] = Kept(clock, Session.end_soon, most=_WARM)
        self._parked: Kept[Session] = Kept(clock, Session.end_soon, most=_PARKED)
        self._sweeping: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._warm) + len(self._parked)

    def take(self, conversation: str) -> Session | None:
        """Return the session that a conversation goes on in; None when there is none."""
        return _alive(self._warm.take(conversation))

    def take_parked(self, conversation: str) -> Session | None:
        """Return the session that waits for results of tools in a conversation; None when there is none."""
        return _alive(self._parked.take(conversation))

    def take_fresh(self, launch: str) -> Session | None:
        """Return a session for a new conversation; None when there is none."""
        return _alive(self._warm.take(f"fresh {launch}"))

    def keep(self, conversation: str, session: Session) -> None:
        """Keep a session for the next prompt of its conversation."""
        self._warm.keep(conversation, session)
        self._sweep()

    def park(self, conversation: str, session: Session) -> None:
        """Keep a session that waits for results of tools."""
        self._parked.keep(conversation, session)
        self._sweep()

    def keep_fresh(self, launch: str, session: Session) -> None:
        """Keep a session that nobody has asked yet."""
        self._warm.keep(f"fresh {launch}", session)
        self._sweep()

    def tidy(self) -> None:
        """End what nobody came back to."""
        self._warm.tidy()
        self._parked.tidy()

    def clear(self) -> None:
        """End all of them."""
        self._warm.clear()
        self._parked.clear()
        sweeping, self._sweeping = self._sweeping, None
        if sweeping is not None:
            sweeping.cancel()

    def _sweep(self) -> None:
        if self._sweeping is None:
            self._sweeping = self._tasks.start("idle sessions of claude", self._tidy_up())

    async def _tidy_up(self) -> None:
        while len(self):
            await asyncio.sleep(_SWEEP)
            self.tidy()
        self._sweeping = None


def _alive(session: Session | None) -> Session | None:
    if session is not None and not session.alive:
        session.end_soon()
        return None
    return session
