"""The account of what was avoided, at a terminal: every column adds up as it stands there."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from gateway_process import GatewayProcess
from llm_gateway.cli.figures import WIDTH
from terminal import Terminal
from usage_stage import Ended, filled_home


@pytest.fixture(scope="module")
def turns(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Ended]]:
    home = tmp_path_factory.mktemp("filled")
    return home, filled_home(home / "gateway", 600)


@pytest.fixture
def terminal(turns: tuple[Path, list[Ended]], capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(turns[0] / "gateway", capsys)


def amounts(out: str) -> list[tuple[str, Decimal]]:
    """Return the lines of the account: their sign, and the amount as it is written."""
    found = re.findall(r"^([-+= ]) [a-zA-Z].*?(-?)\$([\d,]+\.\d+)", out, re.MULTILINE)
    return [(sign, Decimal(f"{minus}{text.replace(',', '')}")) for sign, minus, text in found]


def test_the_account_adds_up_as_it_is_written(terminal: Terminal, turns: tuple[Path, list[Ended]]) -> None:
    done = terminal.ok("savings", "--since", "60d")
    account = amounts(done.out)
    assert [sign for sign, _ in account] == [" ", "-", "-", "-", "-", "=", "+", "="]
    baseline, *lines, counted, beside, cost = (amount for _, amount in account)
    assert baseline - sum(lines) == counted
    assert counted + beside == cost
    assert cost * 10**9 == sum(each.end.cost_nano or 0 for each in turns[1])
    assert max(map(len, done.out.splitlines())) <= WIDTH


def test_words_are_those_that_nobody_has_to_take_back(terminal: Terminal) -> None:
    out = terminal.ok("savings", "--since", "60d").out
    for words in (
        "API-equivalent value",
        "no saving: nobody knows",
        "by marks of the gateway's",
        "no merit of the gateway",
        "confidence ",
        "prices: compression             genai-prices 0.2.3 6f6f6f6f6f6f: ",
        "what they probably cost; in no sum above",
    ):
        assert words in out, words


def test_shares_and_advice(terminal: Terminal) -> None:
    done = terminal.ok("savings", "--since", "60d", "--by", "provider")
    titles = next(line for line in done.out.splitlines() if line.startswith("PROVIDER"))
    assert " ".join(titles.split()) == "PROVIDER BASELINE API VALUE COMPR. RESPONSES PROMPTS COST"
    assert re.search(r"^claude +\$\d", done.out, re.MULTILINE)
    assert "advice: newcomer/m-1: " in done.err and '[[prices.models]] model = "newcomer/m-1"' in done.err
    assert "advice: llamacpp/tiny: " in done.err and "prices.reference" in done.err
    assert max(map(len, (done.out + done.err).splitlines())) <= WIDTH + 2


def test_json_has_the_whole_account(terminal: Terminal) -> None:
    told = terminal.json("savings", "--since", "60d", "--by", "client")
    assert told["schema"] == "llm-gateway/savings/v1"
    lines, baseline, counted = told["lines"], told["baseline"], told["cost_counted"]
    assert isinstance(lines, list) and isinstance(baseline, dict) and isinstance(counted, dict)
    assert baseline["nano"] - sum(line["amount"]["nano"] for line in lines) == counted["nano"]
    assert told["by"] == ["client"] and isinstance(told["shares"], list) and len(told["shares"]) == 5


def test_a_gateway_that_runs_says_the_same(terminal: Terminal, turns: tuple[Path, list[Ended]]) -> None:
    # A time of whole hours that are over: what is to come is in neither.
    words = ("savings", "--since", "60d", "--until", "1d", "--by", "model")
    before = terminal.ok(*words)
    with GatewayProcess(turns[0], ""):
        assert terminal.ok(*words) == before


def test_nothing_is_said_to_be_nothing(terminal: Terminal, stopped: Terminal) -> None:
    nobody = terminal.ok("savings", "--client", "nobody")
    assert nobody.out == "" and nobody.err.startswith("nothing was asked for from ")
    done = stopped("savings")
    assert done.code == 1 and "there is no ledger yet" in done.err
    wrong = stopped("savings", "--since", "x")
    assert wrong.code == 2 and "since='x' is no time such as" in wrong.err


def test_one_requests_arithmetic(terminal: Terminal, turns: tuple[Path, list[Ended]]) -> None:
    turn = next(each for each in turns[1] if "prompt_cache" in each.lines and "compression" in each.lines)
    out = terminal.ok("savings", "show", turn.intent.id).out
    assert "money, by formula 1" in out and "\n  cost " in out and "\n  baseline " in out
    told = terminal.json("savings", "show", turn.intent.id)
    assert told["schema"] == "llm-gateway/savings-of-request/v1" and isinstance(told["money"], dict)
    nothing = next(each for each in turns[1] if each.end.money is None)
    assert "nothing of it was reckoned" in terminal.ok("savings", "show", nothing.intent.id).err
    missing = terminal("savings", "show", "0" * 32)
    assert missing.code == 1 and "there is no request" in missing.err


def test_the_recount_hangs_here(terminal: Terminal) -> None:
    assert terminal.ok("savings", "recompute").out.startswith("turns ")
