"""What was spent in a time, and by whom: where the limits of money begin after a start."""

import msgspec

from llm_gateway.ledger.ids import floor
from llm_gateway.ledger.store import Rows
from llm_gateway.wire.ready import ready

__all__ = ["Spent", "spent_since"]

# A key that was rotated goes on under its name, and so does what it may spend.
_SPENT = (
    "SELECT coalesce(keys.name, turns.caller) AS key, turns.client, turns.provider, sum(turns.cost_nano) "
    "FROM turns LEFT JOIN keys ON keys.id = turns.key_id "
    "WHERE turns.id >= ? AND turns.cost_nano > 0 GROUP BY 1, 2, 3"
)


@ready
class Spent(msgspec.Struct, frozen=True):
    """Money that one key spent with one client at one provider, in nanodollars."""

    key: str
    client: str
    provider: str
    nano: int


def spent_since(rows: Rows, start_us: int) -> list[Spent]:
    """Return what turns cost that began at an instant or later."""
    return [msgspec.convert(row, Spent) for row in _named(rows, start_us)]


def _named(rows: Rows, start_us: int) -> list[dict[str, object]]:
    names = Spent.__struct_fields__
    return [dict(zip(names, row, strict=True)) for row in rows.rows(_SPENT, (floor(start_us),))]
