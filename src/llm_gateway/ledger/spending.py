"""What was spent in a time, and by whom: where the limits of money begin after a start."""

import msgspec

from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.window import sums_of, window

__all__ = ["Spent", "spent_since"]

# A key that was rotated goes on under its name, and so does what it may spend.
_WHOSE = ("coalesce(k.name, {0}.caller)", "{0}.client", "{0}.provider")


class Spent(msgspec.Struct, frozen=True):
    """Money that one key spent with one client at one provider, in nanodollars."""

    key: str
    client: str
    provider: str
    nano: int


def spent_since(rows: Rows, start_us: int) -> list[Spent]:
    """Return what turns cost that began at an instant or later."""
    found = sums_of(rows, _WHOSE, window(rows, start_us)).items()
    return [
        Spent(key, client, provider, sums.cost_nano)
        for (key, client, provider), sums in found
        if sums.cost_nano > 0
    ]
