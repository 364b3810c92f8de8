"""Everything is written once, in constant memory, into files that only their owner reads."""

import csv
import io
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gateway_process import GatewayProcess
from terminal import Terminal, program
from usage_stage import Ended, filled_home


@pytest.fixture(scope="module")
def turns(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Ended]]:
    home = tmp_path_factory.mktemp("filled")
    return home, filled_home(home / "gateway", 300)


@pytest.fixture
def home(turns: tuple[Path, list[Ended]]) -> Path:
    return turns[0] / "gateway"


def test_turns_as_csv(home: Path, turns: tuple[Path, list[Ended]]) -> None:
    done = program(home, "export")
    rows = list(csv.DictReader(io.StringIO(done.out, newline="")))
    ended = [row for row in rows if row["outcome"] != "running"]
    assert sum(int(row["cost_nano"] or 0) for row in ended) == sum(
        each.end.cost_nano or 0 for each in turns[1]
    )
    assert {row["id"] for row in ended} == {each.intent.id for each in turns[1]}
    assert done.err == f"{len(rows)} rows\n"


def test_ndjson_and_a_time(home: Path) -> None:
    done = program(home, "export", "usage", "--format", "ndjson", "--since", "10d", "--until", "5d")
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert rows and {row["schema"] for row in rows} == {"llm-gateway/export-usage/v1"}
    assert program(home, "export", "sightings", "--format", "json").out == (
        '{"schema":"llm-gateway/export-sightings/v1","rows":[\n]}\n'
    )


def test_a_file_is_its_owners_and_there_when_it_is_whole(
    home: Path, turns: tuple[Path, list[Ended]], tmp_path: Path
) -> None:
    file = tmp_path / "turns.json"
    done = program(home, "export", "turns", "--format", "json", "--output", str(file))
    assert (done.code, done.out) == (0, "") and done.err == f"{len(turns[1])} rows are in {file}\n"
    assert len(json.loads(file.read_text())["rows"]) == len(turns[1])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file], "nothing is left beside it"
    nowhere = program(home, "export", "--output", str(tmp_path / "no" / "such.csv"))
    assert nowhere.code == 1 and "cannot be written: No such file or directory" in nowhere.err


def test_what_is_not_understood_is_a_usage_error(home: Path) -> None:
    for arguments in (["keys"], ["--format", "xlsx"], ["--since", "x"]):
        done = program(home, "export", *arguments)
        assert done.code == 2 and done.out == ""


def test_beside_a_gateway_that_runs_the_latest_turn_is_in_it(
    turns: tuple[Path, list[Ended]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    terminal = Terminal(turns[0] / "gateway", capsys)
    with GatewayProcess(turns[0], "") as gateway:
        made = gateway.chat("demo/echo").header("x-llm-gateway-request-id")
        file = tmp_path / "turns.ndjson"
        terminal.ok("export", "--format", "ndjson", "--since", "1h", "--output", str(file))
        assert [json.loads(line)["id"] for line in file.read_text().splitlines()] == [made]


def test_a_reader_that_leaves_is_no_failure(home: Path) -> None:
    line = f"{sys.executable} -m llm_gateway export --home {home} | head -1"
    done = subprocess.run(line, shell=True, check=True, capture_output=True, text=True)
    assert done.stdout.startswith("id,at,at_us,outcome,client,") and "Traceback" not in done.stderr


def test_no_key_is_in_it(home: Path) -> None:
    for what in ("turns", "usage", "sightings"):
        text = program(home, "export", what, "--format", "ndjson").out
        assert "lgw_" not in text and "digest" not in text


def test_memory_is_that_of_a_page(tmp_path: Path) -> None:
    """Four times as many turns take the same memory."""
    peaks = []
    for count in (4_000, 16_000):
        home = tmp_path / str(count)
        filled_home(home, count)
        script = (
            "from pathlib import Path; from llm_gateway.cli.main import run; "
            f"run(['export', '--home', {str(home)!r}, '--output', {str(tmp_path / 'out')!r}], {{}}); "
            "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
        )
        done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] * 1.1, peaks
