"""What the ledger needs of a database, whichever it is. SQLite's side of it is `sqlite.py`.

SQL texts are fixed and values are always bound. A store belongs to one thread at a time.
"""

from collections.abc import Sequence
from typing import Protocol

from llm_gateway.ledger.rows import Batch

__all__ = ["Row", "Rows", "Statement", "Store", "Value"]

Value = str | int | float | bytes | None
Row = tuple[Value, ...]
Statement = tuple[str, Sequence[Value]]


class Rows(Protocol):
    """Read with a fixed SQL text."""

    def rows(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """Return all rows."""
        ...


class Store(Rows, Protocol):
    """Hold the turns and everything else that must last."""

    def position(self) -> int:
        """Return the journal's position up to which turns are applied."""
        ...

    def apply(self, batch: Batch, position: int) -> None:
        """Write turns and the position they bring us to, in one transaction."""
        ...

    def interrupt(self) -> int:
        """Settle every open turn as `interrupted`, with an estimate, and return how many there were."""
        ...

    def write(self, statements: Sequence[Statement]) -> list[int]:
        """Run statements in one transaction and return how many rows each changed."""
        ...

    def checkpoint(self) -> bool:
        """Make everything applied so far outlast a loss of power; return whether that is certain now."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...
