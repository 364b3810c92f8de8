"""Money: US dollars, exact while it is reckoned with, rounded once when it is put on record.

Kept as a whole number of nanodollars: sums are exact, a database can add them up, and 9.2 billion dollars
fit. What something costs is `prices.py`.
"""

from decimal import ROUND_HALF_EVEN, Decimal

__all__ = ["NANO", "dollars", "nano"]

NANO = 1_000_000_000
"""Nanodollars in a dollar."""

_ONE = Decimal(1)
_NANO = Decimal(NANO)


def nano(amount: Decimal) -> int:
    """Return an amount of dollars in nanodollars, half to even."""
    return int((amount * _NANO).quantize(_ONE, rounding=ROUND_HALF_EVEN))


def dollars(amount: int) -> Decimal:
    """Return an amount of nanodollars in dollars, exactly."""
    return Decimal(amount) / _NANO
