"""What `requests show` prints of the money of a request: all that it takes to add it up on paper."""

import msgspec
import pytest

from ledger_samples import CARD, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.cli.arithmetic import print_money
from llm_gateway.ledger.accounting import Basis, Used, reckon
from llm_gateway.ledger.records import Removed
from llm_gateway.ledger.tariff import Tariff
from llm_gateway.server.money_views import money_view

TARIFF = Tariff(CARD)
CARDS_THERE = {TARIFF.id: CARD}


def printed(capsys: pytest.CaptureFixture[str], used: Used, basis: Basis, **changes: object) -> str:
    cost, money = reckon(used, basis)
    end = settlement("a", usage=used.usage, removed=used.removed, cost_nano=cost, money=money, attempts=())
    view = money_view(end, CARDS_THERE)
    assert view is not None
    print_money(msgspec.structs.replace(view, **changes))
    return capsys.readouterr().out


def test_everything_that_it_takes_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    used = Used(Usage(1000, 20_000, output=10), True, removed=Removed(30), ours=True, retried_nano=5)
    assert printed(capsys, used, Basis(TARIFF)) == (
        "\n"
        "money, by formula 1, confidence medium\n"
        f"  priced by card {TARIFF.id}: anthropic/sonnet (pattern, tier batch, since 2026-01-01, "
        "00:00-06:00 UTC) in genai-prices 0.2.3 abababababab; litellm: 4\n"
        "  what was used:\n"
        "    input        1,000 x $3 a million    =   $0.003\n"
        "    cache_read  20,000 x $0.3 a million  =   $0.006\n"
        "    output          10 x $15 a million   = $0.00015\n"
        "    together $0.00915\n"
        "  without compression:\n"
        "    input        1,030 x $3 a million    = $0.00309\n"
        "    cache_read  20,000 x $0.3 a million  =   $0.006\n"
        "    output          10 x $15 a million   = $0.00015\n"
        "    together $0.00924\n"
        "  and without the provider's cache:\n"
        "    input   21,030 x $3 a million   = $0.06309\n"
        "    output      10 x $15 a million  = $0.00015\n"
        "    together $0.06324\n"
        "  baseline                          $0.06324  what the same work would have cost without any of it\n"
        "  compression                       $0.00009  $0.00924 - $0.00915\n"
        "  prompt cache                        $0.054  $0.06324 - $0.00924, by the gateway's marks\n"
        "  cost                              $0.00915\n"
        "  other attempts                $0.000000005  what they probably cost; in no amount above\n"
    )


def test_a_line_below_zero_is_shown_below_zero(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, Used(Usage(100, cache_write=1000), True), Basis(TARIFF))
    line = next(line for line in out.splitlines() if line.startswith("  prompt cache"))
    assert " ".join(line.split()) == "prompt cache -$0.00075 $0.0033 - $0.00405, the provider's discount"


def test_what_nobody_bills_has_a_worth(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(capsys, Used(Usage(1000), True), Basis(reference=TARIFF))
    assert f"  worth by card {TARIFF.id}: anthropic/sonnet" in out
    assert "  API-equivalent value                $0.003  nobody bills it\n" in out and "  cost " not in out


def test_what_does_not_come_out_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    used = Used(Usage(1000), True)
    assert "`llm-gateway savings recompute`" in printed(capsys, used, Basis(TARIFF), reproduces=False)
    assert "not on record any more" in printed(capsys, used, Basis(TARIFF), reproduces=None, card=None)


def test_a_card_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = Basis(TARIFF)
    cost, money = reckon(Used(Usage(1), True), evil)
    end = settlement("a", usage=Usage(1), cost_nano=cost, money=money)
    view = money_view(end, {TARIFF.id: msgspec.structs.replace(CARD, model="\x1b[2J")})
    assert view is not None
    print_money(view)
    assert "\x1b" not in capsys.readouterr().out
