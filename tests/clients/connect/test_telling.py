"""Plans and undoings as they are told to a person."""

from pathlib import Path

from clients.homes import make_home
from llm_gateway.clients.catalog import catalog
from llm_gateway.clients.connect import Wish, Words, apply, plan
from llm_gateway.clients.connect.telling import files_of, put_back, steps_left

WORDS = Words("http://127.0.0.1:8787", "lgw_ofnobody", "claude-code", "m", ("m",))


def test_files_are_told_with_their_lines(tmp_path: Path) -> None:
    machine = make_home(catalog()["claude-code"], "linux", tmp_path)
    planned = plan(Wish(catalog()["claude-code"], "key"), machine, WORDS, tmp_path / "gateway")
    (file,) = files_of(planned, machine)
    assert (file.path, file.becomes) == ("~/.claude/settings.json", "changed")
    assert "lgw_…body" in file.diff and "lgw_ofnobody" not in file.diff
    record = apply(planned, tmp_path / "gateway", "key_1", 1)
    back = put_back(record, machine)
    assert [each.becomes for each in back.files] == ["changed"] and back.failed == back.said == ()
    assert '-    "ANTHROPIC_BASE_URL"' in back.files[0].diff
    settings = machine.home / ".claude/settings.json"
    settings.write_text("{ not json")
    back = put_back(record, machine)
    assert back.files == () and "cannot be put right" in back.failed[0]


def test_what_is_made_is_removed(tmp_path: Path) -> None:
    row = catalog()["claude-code"]
    machine = make_home(row, "linux", tmp_path)
    (machine.home / ".claude/settings.json").unlink()
    planned = plan(Wish(row, "key"), machine, WORDS, tmp_path / "gateway")
    assert [each.becomes for each in files_of(planned, machine)] == ["made"]
    record = apply(planned, tmp_path / "gateway", "key_1", 1)
    assert [each.becomes for each in put_back(record, machine).files] == ["removed"]
    again = plan(Wish(row, "key"), machine, WORDS, tmp_path / "gateway", record)
    assert [(each.becomes, each.diff) for each in files_of(again, machine)] == [("kept", "")]


def test_one_without_files_is_run() -> None:
    rows = catalog()
    (without, *_) = (
        row for row in rows.values() if any(way.env and not way.files for way in row.ways.values())
    )
    name = next(name for name, way in without.ways.items() if way.env and not way.files)
    steps = steps_left(Wish(without, name), WORDS)
    assert steps[-1] == f"llm-gateway run -- {(without.commands or ('CMD',))[0]}"
    assert steps_left(Wish(rows["claude-code"], "key"), WORDS) == []
