"""The page on accounting says what is so: its example comes out, and every column is explained."""

import re
from decimal import Decimal

from house import ROOT, text
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.accounting import Basis, Used, reckon
from llm_gateway.ledger.extracts import BULKS, bulk_columns
from llm_gateway.ledger.money import dollars
from llm_gateway.ledger.records import Removed
from llm_gateway.ledger.tariff import Card, Steps, Tariff, TokenClass

PAGE = text(ROOT / "docs" / "accounting.md")


def flat(price: str) -> Steps:
    return ((0, Decimal(price)),)


def test_its_example_comes_out() -> None:
    rates: dict[TokenClass, Steps] = {
        "input": flat("5"),
        "cache_read": flat("0.5"),
        "cache_write": flat("6.25"),
        "output": flat("25"),
    }
    tariff = Tariff(Card("page", "p", "m", "exact", rates))
    used = Used(Usage(1_200, 40_000, 3_000, 900), counts=True, removed=Removed(cache_read=2_000), ours=True)
    cost, money = reckon(used, Basis(tariff))
    assert cost is not None and money is not None
    assert money.baseline_nano is not None and money.compression_nano is not None
    assert money.prompt_cache_nano is not None
    shown = {f"{dollars(each):f}" for each in (cost, money.baseline_nano, cost + money.compression_nano)}
    assert shown == {"0.06725", "0.2535", "0.06825"}
    for each in (*shown, f"{dollars(money.prompt_cache_nano):f}", f"{dollars(money.compression_nano):f}"):
        assert each in PAGE, each
    assert money.formula == 1 and "This is formula 1" in PAGE


def test_every_column_is_explained() -> None:
    for bulk in BULKS:
        part = PAGE[PAGE.index(f"**{bulk}**") :]
        part = part[: part.find("\n**", 5)] if part.find("\n**", 5) > 0 else part
        told = set(re.findall(r"`([a-z_0-9]+)`", part))
        missing = {column.name for column in bulk_columns(bulk)} - told
        if bulk == "sightings":
            missing -= {
                name for name in missing if name.startswith("tokens_")
            }  # "the tokens by class as above"
        assert not missing, (bulk, missing)
