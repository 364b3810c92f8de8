"""What one conversation used and cost, of those that their clients name. Sums of everything: `usage.py`."""

from llm_gateway.ledger.ids import floor
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.sums import OF_A_TURN, Sums

__all__ = ["conversation"]

_SUMS = (
    f"SELECT {', '.join(f'coalesce(sum({each}), 0)' for each in OF_A_TURN.values())} "
    "FROM turns AS t WHERE t.id >= ? AND t.session = ? AND t.outcome IS NOT NULL"
)


def conversation(rows: Rows, session: str, since_us: int) -> Sums:
    """Return the sums of a conversation's turns that began since then and have ended."""
    (found,) = rows.rows(_SUMS, (floor(since_us), session))
    return Sums(*(each if isinstance(each, int) else 0 for each in found))
