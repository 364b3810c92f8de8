"""Figures at a terminal: whole numbers with thousands, money with enough digits, columns that fit a line.

What is asked for as JSON does not come through here; nothing is rounded there.
"""

import shutil
import sys
from collections.abc import Sequence
from decimal import Decimal

from llm_gateway.cli.output import plain
from llm_gateway.ledger.money import dollars

__all__ = ["WIDTH", "count", "exact", "figures_table", "money", "places"]

WIDTH = 100
"""How many columns a table takes at most, where the terminal does not have more."""

_LEAST = Decimal("0.0001")
_SHORTEST_NAME = 8


def count(number: int, *, estimated: bool = False) -> str:
    """Return a count, with a `~` where a part of it is estimated."""
    return f"{'~' if estimated and number else ''}{number:,}"


def money(nano: int, *, estimated: bool = False) -> str:
    """Return nanodollars as dollars with four places; what is less than that is said to be less."""
    if not nano:
        return "$0"
    amount = dollars(abs(nano))
    about, sign = "~" if estimated else "", "-" if nano < 0 else ""
    if amount < _LEAST:
        return f"{about}{sign}<$0.0001"
    return f"{about}{sign}${amount:,.4f}"


def exact(nano: int, decimals: int) -> str:
    """Return nanodollars as dollars with so many places."""
    return f"{'-' if nano < 0 else ''}${dollars(abs(nano)):,.{decimals}f}"


def places(amounts: Sequence[int]) -> int:
    """Return how many places it takes, four to nine, to write all of these nanodollars without rounding."""
    return next(each for each in range(4, 10) if all(nano % 10 ** (9 - each) == 0 for nano in amounts))


def figures_table(titles: Sequence[str], rows: Sequence[Sequence[str]], names: int, totals: int = 0) -> None:
    """Write rows in columns that fit: the first `names` are texts, what follows is numbers.

    The last `totals` rows are sums and stand below a line. Names that are too long are cut, with a `…`; the
    first column never is where there are others.
    """
    shown = [[plain(cell) or "-" for cell in row] for row in (titles, *rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(titles))]
    _narrow(widths, names)
    line = "  ".join("-" * width for width in widths)
    for number, row in enumerate(shown):
        if totals and number == len(shown) - totals:
            print(line)
        cells = [
            _cut(cell, width).ljust(width) if column < names else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def _narrow(widths: list[int], names: int) -> None:
    """Make the widest names narrower until a line is short enough, or they say nothing any more."""
    room = max(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else 0)
    while sum(widths) + 2 * (len(widths) - 1) > room:
        widest = max(range(min(names - 1, 1), names), key=lambda column: widths[column])
        if widths[widest] <= _SHORTEST_NAME:
            return
        widths[widest] -= 1


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
