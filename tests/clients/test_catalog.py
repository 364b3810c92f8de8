"""The catalog: every row is whole, and a row that is wrong is refused."""

import msgspec
import pytest

from llm_gateway.clients.catalog import catalog, read_catalog
from llm_gateway.dialects.registry import DIALECTS

ROWS = catalog()


def test_a_row_is_named_by_its_table() -> None:
    assert all(name == row.id for name, row in ROWS.items())


@pytest.mark.parametrize("name", ROWS)
def test_a_row_says_what_can_be_done_or_why_nothing_can(name: str) -> None:
    row = ROWS[name]
    assert bool(row.ways) != bool(row.cannot), "either it can be routed, or it is said why not"
    assert not row.cannot or row.instead, "what is left is said, too"
    assert set(row.dialects) <= DIALECTS.keys()
    assert row.source


@pytest.mark.parametrize("wrong", ['label = "x"\nvendor = "y"\ncolour = "red"', 'label = "x"', "label = 1"])
def test_a_row_that_is_wrong_is_refused(wrong: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        read_catalog(f"[x]\n{wrong}")
