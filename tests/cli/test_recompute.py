"""History reckoned again at a terminal: exit 0 when every nanodollar comes out, 1 with a list when not."""

import sqlite3
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest

from fakes import FakeClock
from gateway_process import GatewayProcess
from ledger_samples import Failures
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.rows import merge
from terminal import Terminal
from turn_factory import generated

Alter = Callable[[str], None]


@pytest.fixture
def filled(stopped: Terminal) -> Terminal:
    """Return a terminal on a home with three hundred turns of every kind."""
    with offline(stopped.home, FakeClock(), Failures()) as store:
        store.apply(merge(chain.from_iterable(generated(300))), 1)
    return stopped


@pytest.fixture
def alter(filled: Terminal) -> Alter:
    def run(sql: str) -> None:
        (database,) = Path(filled.home).rglob("*.sqlite3")
        with sqlite3.connect(database) as connection:
            connection.execute(sql)

    return run


def test_history_comes_out_as_it_is_on_record(filled: Terminal) -> None:
    done = filled.ok("savings", "recompute")
    lines = done.out.splitlines()
    assert lines[0] == "turns              300"
    assert lines[1].startswith("reproduced         ") and "to the nanodollar: cost $" in lines[1]
    assert lines[2] == "different            0"
    told = filled.json("savings", "recompute")
    assert (told["schema"], told["reproduces"], told["turns"]) == ("llm-gateway/recompute/v1", True, 300)
    assert told["differing"] == 0 and told["first"] == []
    assert sum(int(str(told[name])) for name in ("reproduced", "unreckoned", "interrupted")) == 300


def test_a_turn_that_was_altered_is_listed_with_both_figures(filled: Terminal, alter: Alter) -> None:
    alter(
        "UPDATE turns SET cost_nano = cost_nano + 1 WHERE id = "
        "(SELECT id FROM turns WHERE baseline_nano > 0 AND cost_nano > 0 LIMIT 1)"
    )
    done = filled("savings", "recompute")
    assert done.code == 1
    assert done.err == "error: 1 of 300 turns do not come out as they are on record\n"
    assert "  cost_nano          on record $" in done.out and "1, reckoned $" in done.out
    as_json = filled("savings", "recompute", "--json")
    assert as_json.code == 1 and as_json.err == "" and '"reproduces":false' in as_json.out


def test_a_card_that_was_altered_is_found_out(filled: Terminal, alter: Alter) -> None:
    alter("UPDATE price_cards SET text = replace(text, 'claude-opus-5', 'claude-opus-6')")
    done = filled("savings", "recompute")
    assert done.code == 1 and " was altered\n" in done.out


def test_turns_from_before_are_said_to_be_so(filled: Terminal, alter: Alter) -> None:
    alter("UPDATE turns SET formula = NULL, tariff = NULL, baseline_nano = NULL WHERE cost_nano > 0")
    done = filled("savings", "recompute")
    assert done.code == 0 and "amounts without cards, from an earlier version" in done.out


def test_what_current_prices_would_change_is_said_and_not_written(filled: Terminal) -> None:
    config = filled.home / "gateway.toml"
    config.write_text(
        '[[providers]]\nname = "house"\nbase_url = "https://house.test"\napi_key_env = "NOT_HERE"\n'
        '[[prices.models]]\nmodel = "house/contract"\ninput = 0.2\noutput = 0.6\n'
        '[prices.reference]\n"llamacpp/*" = "house/contract"\n'
    )
    told = filled.json("savings", "recompute", "--with-current-prices")
    changes = told["at_current_prices"]
    assert isinstance(changes, list)
    by_provider = {each["provider"]: each for each in changes if each["turns"]}
    house = by_provider["house"]
    assert 2 * house["cost_nano"] - 10 < house["new_cost_nano"] < 2 * house["cost_nano"] + 10
    assert by_provider["llamacpp"]["lines_nano"] == 0 < by_provider["llamacpp"]["new_lines_nano"]
    assert 0 < by_provider["newcomer"]["unknown"] <= by_provider["newcomer"]["turns"]
    done = filled.ok("savings", "recompute", "--with-current-prices")
    assert "NO PRICE" in done.out and "have no price now" in done.err
    assert filled.json("savings", "recompute")["reproduces"] is True


def test_a_gateway_that_runs_is_read_beside(gateway: GatewayProcess, terminal: Terminal) -> None:
    assert gateway.chat("scripted/scripted-model").status == 200
    assert terminal.json("savings", "recompute", "--since", "1h")["reproduces"] is True


def test_a_time_that_is_none_is_refused(stopped: Terminal) -> None:
    assert stopped("savings", "recompute", "--since", "soon").code == 2
