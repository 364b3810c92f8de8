"""Batches whose use is on record already: it is told with every look at them, and counted with one."""

from llm_gateway.ledger.store import Rows

__all__ = ["batch_is_counted"]

# `tier` as it stands here is what makes the database use the index of such turns alone.
_COUNTED = (
    "SELECT 1 FROM turns WHERE response_id = ? AND tier = 'batch' AND provider = ? AND outcome = 'ok' LIMIT 1"
)


def batch_is_counted(rows: Rows, provider: str, batch: str) -> bool:
    """Return whether what the requests of a batch used is on record."""
    return bool(rows.rows(_COUNTED, (batch, provider)))
