"""Dollars are exact until they are put on record, and rounded once."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.ledger.money import NANO, dollars, nano


@pytest.mark.parametrize(
    ("amount", "kept"),
    [("0", 0), ("1", NANO), ("0.0000000005", 0), ("0.0000000015", 2), ("-0.25", -250_000_000)],
)
def test_an_amount_is_rounded_half_to_even(amount: str, kept: int) -> None:
    assert nano(Decimal(amount)) == kept


@given(st.integers(-(2**63), 2**63 - 1))
def test_what_is_kept_comes_back(kept: int) -> None:
    assert nano(dollars(kept)) == kept
