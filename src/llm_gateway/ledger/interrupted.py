"""Turns that a kill interrupted and of which nobody has said what they cost: nothing was held for them.

What they used is guessed when the ledger is opened (`sqlite.py`); at which prices it is reckoned is not known
here. Where money was limited, what was held stands as the cost, and they are none of these.
"""

import msgspec

from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.store import Rows

__all__ = ["Interrupted", "without_cost"]

# By the index of endings: turns are many, and few of them were interrupted.
_WITHOUT_COST = (
    "SELECT t.id, t.at_us, t.provider, t.model, t.uncached, t.output FROM usage_dims AS d "
    "CROSS JOIN usage_turns AS u ON u.dim = d.id AND u.ending = 'interrupted' "
    "CROSS JOIN turns AS t ON t.seq = u.seq "
    "WHERE t.estimated = 1 AND t.cost_nano IS NULL AND t.formula IS NULL ORDER BY t.seq DESC LIMIT 10000"
)


class Interrupted(msgspec.Struct, frozen=True):
    """A turn, by whom it was to be answered, and what it probably used."""

    id: str
    at_us: int
    provider: str
    model: str
    uncached: int
    output: int

    @property
    def usage(self) -> Usage:
        """Return what it probably used."""
        return Usage(self.uncached, output=self.output, estimated=True)


def without_cost(rows: Rows) -> list[Interrupted]:
    """Return them, the newest first."""
    names = Interrupted.__struct_fields__
    return [
        msgspec.convert(dict(zip(names, row, strict=True)), Interrupted) for row in rows.rows(_WITHOUT_COST)
    ]
