"""Which cards turns were reckoned with in a time: for how many, and how much each line is by each of them.

Read from the turns themselves and the cards as they were kept; sums over everything are `usage.py`.
"""

from collections.abc import Mapping

import msgspec

from llm_gateway.ledger.ids import floor
from llm_gateway.ledger.rollups import LANE_OF_A_TURN
from llm_gateway.ledger.store import Row, Rows
from llm_gateway.ledger.tariff import Card, read_card
from llm_gateway.ledger.usage import Dimension

__all__ = ["CACHED_LINE", "LINES", "CardUse", "card_uses"]

LINES = ("route", "compression", "response_cache", "prompt_cache")
"""The lines, in the order in which they are told."""

CACHED_LINE = (
    "CASE WHEN t.cached_from IS NOT NULL AND t.outcome = 'ok' AND t.purpose = 'request' AND t.counts = 1 "
    "THEN t.saved_nano END"
)
"""The line of a turn, `t`, that was answered from the response cache, as it is summed up in `sums.py`."""

_NO_END = "g"  # above every id: ids are hexadecimal
_COUNTED = {
    "cost": "t.cost_nano",
    "route": "t.route_nano",
    "compression": "t.compression_nano",
    "response_cache": CACHED_LINE,
    "prompt_cache": "t.prompt_cache_nano",
}
_SELECT = (
    "SELECT coalesce(t.tariff, ''), coalesce(t.reference, ''), count(*), count(t.baseline_nano), "
    + ", ".join(f"count({each}), coalesce(sum({each}), 0)" for each in _COUNTED.values())
    + " FROM turns AS t LEFT JOIN keys AS k ON k.id = t.key_id "
    "WHERE t.id >= ? AND t.id < ? AND t.formula IS NOT NULL"
)
_GROUPED = " GROUP BY 1, 2"
_CARD = "SELECT text FROM price_cards WHERE id = ?"


class CardUse(msgspec.Struct, frozen=True):
    """Turns that one card was used for: to say what they cost, or as a reference of what they are worth.

    `turns` is how many it was used for at all, `lines` how many have each line and what its sum is, in
    nanodollars; `counted` of them have lines. `card` is None where it is not on record.
    """

    id: str
    reference: bool
    card: Card | None
    turns: int
    counted: int
    cost_nano: int
    lines: dict[str, tuple[int, int]]


def card_uses(rows: Rows, since_us: int, until_us: int, where: Mapping[Dimension, str]) -> list[CardUse]:
    """Return the uses of every card, the most used first. `where` is as in a question of the usage."""
    sql, values = _SELECT, [floor(since_us), floor(until_us) if until_us else _NO_END]
    for name, wanted in where.items():
        sql += f" AND {_column(name)} = ?"
        values.append(wanted)
    uses = [_use(rows, row) for row in rows.rows(sql + _GROUPED, values)]
    return sorted((each for each in uses if each.id), key=lambda use: (-use.turns, use.id))


def _column(name: Dimension) -> str:
    return "coalesce(k.name, t.key_id)" if name == "key" else LANE_OF_A_TURN[name]


def _use(rows: Rows, row: Row) -> CardUse:
    tariff, reference = str(row[0]), str(row[1])
    turns, counted, _, cost, *numbers = [each if isinstance(each, int) else 0 for each in row[2:]]
    text = rows.rows(_CARD, (tariff or reference,))
    return CardUse(
        tariff or reference,
        not tariff,
        read_card(str(text[0][0])) if text else None,
        turns,
        counted,
        cost,
        dict(zip(LINES, zip(numbers[::2], numbers[1::2], strict=True), strict=True)),
    )
