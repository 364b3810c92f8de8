"""The companion's own record of what it was asked from afar: a line a turn, whatever the gateway says of it.

It is an audit log as the gateway's own is (`ledger/audit.py`), in the companion's folder: lines are chained,
and a turn whose line cannot be written is not answered. What was said is not in it. A line is written before
the turn begins and brought to the disk a moment later: a gateway that was taken over cannot cut the power.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from llm_gateway.canonical.usage import estimate_tokens
from llm_gateway.clock import Clock
from llm_gateway.companion.caps import DAY_US, Counted
from llm_gateway.ledger.audit import AuditLog, Verdict

__all__ = ["Journal"]

_BEGUN, _ENDED = "turn.begin", "turn.end"


class Journal:
    """The record in a companion's folder."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._log = AuditLog(folder, clock, synced=False)
        self._clock = clock
        self._unsettled = False

    @property
    def path(self) -> Path:
        """Return where it is."""
        return self._log.path

    def begun(self, turn: str, bridge: str, model: str, n_bytes: int) -> None:
        """Put on record that a turn is asked for; AuditUnavailable means: do not answer it."""
        self._write(_BEGUN, f"{bridge}/{model}", turn=turn, bytes=n_bytes)

    def ended(self, turn: str, bridge: str, outcome: str, n_bytes: int) -> None:
        """Put on record how it ended."""
        self._write(_ENDED, bridge, turn=turn, outcome=outcome, bytes=n_bytes)

    def noted(self, action: str, target: str = "", **detail: str | int) -> None:
        """Put on record anything else that the gateway asked for."""
        self._write(action, target, **detail)

    def today(self) -> Counted:
        """Return what was asked for today, so that a restart is no new day."""
        day = self._clock.now_us() // DAY_US
        counted = Counted(day)
        for entry in self._log.entries(_midnight(day)):
            if entry.action == _BEGUN:
                counted.turns += 1
            if entry.action in (_BEGUN, _ENDED) and isinstance(n_bytes := entry.detail.get("bytes"), int):
                counted.tokens += estimate_tokens(n_bytes)
        return counted

    def verify(self) -> Verdict:
        """Check that nothing was altered."""
        return self._log.verify()

    async def settle(self) -> None:
        """Bring what was written to the disk."""
        if self._unsettled:
            self._unsettled = False
            try:
                await asyncio.to_thread(self._log.settle)
            except OSError:
                self._unsettled = True  # the next line says what is wrong

    def _write(self, action: str, target: str, **detail: str | int) -> None:
        self._log.write(action, target, "gateway", **detail)
        self._unsettled = True


def _midnight(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_US / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
