"""What was used, at a terminal: a table that fits, a sum that is right, and a word where one is needed."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fakes import FakeClock
from gateway_process import GatewayProcess
from ledger_samples import Failures, intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.cli.figures import WIDTH
from llm_gateway.clock import SystemClock
from llm_gateway.ledger.ids import Ids
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sightings import Sighting, put
from terminal import Terminal
from usage_stage import DAY_US, Ended, filled_home

NOON = int(datetime(2026, 3, 4, 12, tzinfo=UTC).timestamp()) * 1_000_000


GOLDEN = """\
DAY (UTC)   REQUESTS  FAILED    INPUT  CACHED  OUTPUT       COST
2026-03-04         2       0   46,352  40,000   3,744    $1.2838
2026-03-05         1       0     ~100       0     ~50         $0
2026-03-06         1       0        7       0       0  ~<$0.0001
----------  --------  ------  -------  ------  ------  ---------
total              4       0  ~46,459  40,000  ~3,794   ~$1.2839
"""
MARCH = ("--since", "2026-03-01", "--until", "2026-04-01")


@pytest.fixture
def known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Return a terminal on a home with three days of turns, each of them known by heart."""
    home = tmp_path / "home"
    with offline(home, SystemClock(), Failures()) as store:
        clock = FakeClock(NOON)
        ids = Ids(clock)
        for day, (client, model, cost, usage) in enumerate(
            (
                ("claude-code", "claude-opus-5", 1_250_000_000, Usage(1_200, 40_000, 3_000, 900)),
                ("claude-code", "claude-opus-5", 33_817_000, Usage(2_152, 0, 0, 2_844)),
                ("aider", "qwen2.5:14b", None, Usage(100, 0, 0, 50, estimated=True)),
                ("", "m-1", 40_000, Usage(7)),
            )
        ):
            turn_id = ids.new()
            price = "assumed" if model == "m-1" else "x"
            begun = intent(turn_id, at_us=clock.now, client=client, provider="p", model=model)
            ended = settlement(turn_id, provider="", model="", usage=usage, cost_nano=cost, price=price)
            store.apply(merge([begun, ended]), 1)
            clock.now += DAY_US if day else 1_000
        store.write(put([Sighting("codex", "desk", "log", "1", NOON, Usage(10, 5, 0, 3))]))
    return Terminal(home, capsys)


@pytest.fixture(scope="module")
def turns(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Ended]]:
    home = tmp_path_factory.mktemp("filled")
    return home, filled_home(home / "gateway", 400)


def test_days_at_a_glance(known: Terminal) -> None:
    done = known.ok("usage", *MARCH)
    assert done.out == GOLDEN
    assert done.err.splitlines() == [
        "~ estimated: 1 of 4 answers were not counted by their provider",
        "price unknown: 1 of 4 answers, reckoned at a dear one; state the price under prices.models",
        "seen elsewhere: 1 answer (18 tokens) did not come through here; source all shows both",
    ]


def test_by_whom_and_of_which(known: Terminal) -> None:
    done = known.ok("usage", "monthly", "--by", "client,model", *MARCH)
    assert [line.split() for line in done.out.splitlines()[1:4]] == [
        ["2026-03", "claude-code", "claude-opus-5", "2", "0", "46,352", "40,000", "3,744", "$1.2838"],
        ["2026-03", "-", "m-1", "1", "0", "7", "0", "0", "~<$0.0001"],
        ["2026-03", "aider", "qwen2.5:14b", "1", "0", "~100", "0", "~50", "$0"],
    ]
    one = known.ok("usage", "weekly", "--client", "aider", *MARCH)
    assert one.out.splitlines()[1].split() == ["2026-03-02", "1", "0", "~100", "0", "~50", "$0"]
    hour = known.ok("usage", "hourly", "--since", "2026-03-04", "--until", "2026-03-05", "--model", "m-1")
    assert (hour.out, hour.err) == (
        "",
        "nothing was used from 2026-03-04T00:00Z to 2026-03-05T00:00Z, as far as this asks\n",
    )


def test_what_was_seen_stands_apart(known: Terminal) -> None:
    done = known.ok("usage", "--source", "all", *MARCH)
    assert [line.split() for line in done.out.splitlines()[-2:]] == [
        ["total", "routed", "-", "4", "0", "~46,459", "40,000", "~3,794", "~$1.2839"],
        ["total", "seen", "-", "1", "0", "15", "5", "3", "$0"],
    ]
    assert "seen is what clients report" in done.err
    seen = known.ok("usage", "--source", "seen", *MARCH).out
    assert seen.splitlines()[-1].split()[:3] == ["total", "seen", "1"]


def test_json_is_exact_and_has_a_schema(known: Terminal) -> None:
    told = known.json("usage", *MARCH, "--by", "client")
    assert told["schema"] == "llm-gateway/usage/v1"
    total = told["total"]
    assert isinstance(total, dict) and (total["cost_nano"], total["cost_usd"]) == (1_283_857_000, 1.283857)
    assert isinstance(told["rows"], list) and told["rows"][0]["names"] == {"client": "claude-code"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--since", "tomorrow"], "error: since='tomorrow' is no time such as 24h"),
        (["--by", "colour"], "error: by='colour' is none of source, client"),
        (["yearly"], "Invalid value for '[hourly|daily|weekly|monthly|forecast]'"),
        (["--source", "x"], "Invalid value for '--source'"),
    ],
)
def test_what_is_not_understood_is_a_usage_error(known: Terminal, arguments: list[str], told: str) -> None:
    done = known("usage", *arguments)
    assert done.code == 2 and told in done.err and done.out == ""


def test_a_gateway_that_runs_says_the_same(
    turns: tuple[Path, list[Ended]], capsys: pytest.CaptureFixture[str]
) -> None:
    home, ended = turns
    terminal = Terminal(home / "gateway", capsys)
    words = ("usage", "--by", "client,model", "--since", "60d")
    before = terminal.ok(*words)
    assert max(map(len, before.out.splitlines())) <= WIDTH
    with GatewayProcess(home, "") as gateway:
        assert gateway.url
        assert terminal.ok(*words) == before
        told = terminal.json("usage", "--since", "60d")
        total = told["total"]
        assert isinstance(total, dict)
        assert total["cost_nano"] == sum(each.end.cost_nano or 0 for each in ended)
        assert total["tokens"] == sum(each.usage.total for each in ended)
        assert gateway.chat("demo/echo").status == 200
        again = terminal.json("usage", "--since", "60d")["total"]
        assert isinstance(again, dict) and again["requests"] == total["requests"] + 1, "at once"


LIMITS = """
[[limits]]
scope = "global"
usd_per_day = 5
usd_per_month = 2000

[[limits]]
scope = "client"
name = "codex-cli"
usd_per_week = 1
requests_per_minute = 100
"""


def test_what_is_to_come_of_the_budgets(
    turns: tuple[Path, list[Ended]], capsys: pytest.CaptureFixture[str], stopped: Terminal
) -> None:
    home, _ = turns
    terminal = Terminal(home / "gateway", capsys)
    with GatewayProcess(home, LIMITS) as gateway:
        done = terminal.ok("usage", "forecast")
        lines = done.out.splitlines()
        assert " ".join(lines[0].split()) == "LIMIT SPENT OF A DAY AT THE END REACHED ANEW (UTC)"
        limits = {re.sub(r" {2,}.*", "", line) for line in lines[1:]}
        assert limits == {"global per day", "global per month", "client codex-cli per week"}
        assert max(map(len, lines)) <= WIDTH
        assert done.err.startswith("expected as on the same weekdays of the last ")
        told = terminal.json("usage", "forecast")
        assert told["schema"] == "llm-gateway/forecast/v1"
        assert names(told) == names(gateway.dashboard("forecast"))

    (home / "gateway.toml").write_text(LIMITS)
    beside = Terminal(home / "gateway", capsys, {"LLM_GATEWAY_CONFIG": str(home / "gateway.toml")})
    assert names(beside.json("usage", "forecast")) == names(told), "the ledger says the same of itself"


def names(told: dict[str, object]) -> list[tuple[object, ...]]:
    found = told["forecast"]
    assert isinstance(found, list)
    return [
        tuple(each[name] for name in ("scope", "name", "limit", "used_usd", "per_day_usd")) for each in found
    ]


def test_without_a_budget_there_is_nothing_to_come(terminal: Terminal, stopped: Terminal) -> None:
    done = terminal.ok("usage", "forecast")
    assert done.out == "" and re.search("no limit is one of money", done.err)
