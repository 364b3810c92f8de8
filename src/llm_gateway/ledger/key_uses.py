"""How much each key was used: requests and money of a time, from sums, and when it was used last.

Told by the key's id: one that was rotated and its successor are two. What a name spent is `spending.py`.
"""

import msgspec

from llm_gateway.ledger.rollups import ENDINGS
from llm_gateway.ledger.spans import EVER, HOUR_US
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.sums import Sums
from llm_gateway.ledger.window import Window, sums_of

__all__ = ["KeyUse", "key_uses"]

_ENDINGS = ", ".join(f"('{ending}')" for ending in ENDINGS)
_LAST = (
    f"WITH endings (ending) AS (VALUES {_ENDINGS}), newest (key_id, seq) AS (SELECT d.key_id, "
    "max((SELECT max(u.seq) FROM usage_turns AS u WHERE u.dim = d.id AND u.ending = e.ending)) "
    "FROM usage_dims AS d CROSS JOIN endings AS e WHERE d.source = 'routed' GROUP BY d.key_id) "
    "SELECT newest.key_id, t.at_us FROM newest JOIN turns AS t ON t.seq = newest.seq"
)
_RUNNING = "SELECT key_id, max(at_us) FROM turns WHERE outcome IS NULL AND at_us >= 0 GROUP BY key_id"


class KeyUse(msgspec.Struct, frozen=True):
    """What came with a key. Money is in nanodollars, other attempts with it; `last_us` 0 is not known."""

    sums: Sums = Sums()
    last_us: int = 0

    @property
    def nano(self) -> int:
        """Return what was paid."""
        return self.sums.cost_nano + self.sums.retried_nano


def key_uses(rows: Rows, since_us: int) -> dict[str, KeyUse]:
    """Return the use of each key by its id, in the hours from the one that `since_us` is in."""
    time = Window((max(since_us, 0) // HOUR_US, EVER))
    sums = {key: each for (key,), each in sums_of(rows, ("{0}.key_id",), time).items()}
    last: dict[str, int] = {}
    for key, at in (*rows.rows(_LAST), *rows.rows(_RUNNING)):
        if isinstance(at, int):
            last[str(key)] = max(last.get(str(key), 0), at)
    return {key: KeyUse(sums.get(key, Sums()), last.get(key, 0)) for key in sums.keys() | last.keys()}
