"""What was spent in a time, and by whom: where the limits of money begin after a start."""

import msgspec

from llm_gateway.ledger.records import Attempt
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.window import sums_of, window
from llm_gateway.wire.ready import decoder

__all__ = ["Spent", "spent_since"]

# A key that was rotated goes on under its name, and so does what it may spend. Two keys are in no table, and
# are called as their ids are: whatever name a caller gave itself, it is they who spent it.
_KEY = "coalesce(k.name, CASE WHEN {0}.key_id IN ('bootstrap', 'owner') THEN {0}.key_id ELSE {0}.caller END)"
_WHOSE = (_KEY, "{0}.client", "{0}.provider")
_RETRIED = (
    f"SELECT {_KEY.format('t')}, t.client, t.provider, t.attempts FROM turns AS t "
    "LEFT JOIN keys AS k ON k.id = t.key_id WHERE t.at_us >= ? AND t.retried_nano > 0"
)

_attempts = decoder(tuple[Attempt, ...])


class Spent(msgspec.Struct, frozen=True):
    """Money that one key spent with one client at one provider, in nanodollars."""

    key: str
    client: str
    provider: str
    nano: int


def spent_since(rows: Rows, start_us: int) -> list[Spent]:
    """Return what turns cost that began at an instant or later, and their other attempts with them.

    What an attempt cost is its own provider's, as long as the turn itself is kept; after that it counts for
    the provider that answered.
    """
    spent: dict[tuple[str, str, str], int] = {}
    for (key, client, provider), sums in sums_of(rows, _WHOSE, window(rows, start_us)).items():
        spent[key, client, provider] = sums.cost_nano + sums.retried_nano
    for *whose, text in rows.rows(_RETRIED, (start_us,)):
        key, client, provider = map(str, whose)
        for each in _attempts.decode(str(text)):
            if each.cost_nano:
                answered, own = (key, client, provider), (key, client, each.provider)
                spent[answered] = spent.get(answered, 0) - each.cost_nano
                spent[own] = spent.get(own, 0) + each.cost_nano
    return [Spent(*whose, nano) for whose, nano in spent.items() if nano]
