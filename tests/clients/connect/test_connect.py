"""Every application of the catalog on every platform: connected, looked at, and put back to the byte."""

import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.homes import ADDRESS, make_home
from llm_gateway.clients.catalog import Client, Platform, catalog
from llm_gateway.clients.connect import (
    CannotChange,
    Plan,
    Wish,
    Words,
    apply,
    plan,
    read_record,
    records,
    shown,
    state,
    undo,
)
from llm_gateway.clients.machine import Machine

KEY = "lgw_0123456789abcdefghijABCDEFGHIJ0123456789abcdefgh"
MODELS = ("gpt-5.5", "ollama/qwen2.5:14b")


def wishes() -> Iterator[tuple[Wish, Platform]]:
    for row in catalog().values():
        for name in row.ways:
            for platform in row.platforms:
                yield Wish(row, name, telemetry=True), platform


EVERY = [pytest.param(*each, id=f"{each[0].row.id}-{each[0].name}-{each[1]}") for each in wishes()]


def words_of(row: Client) -> Words:
    return Words(ADDRESS, KEY, row.id, MODELS[0], MODELS)


def planned(wish: Wish, machine: Machine, home: Path) -> Plan:
    return plan(wish, machine, words_of(wish.row), home, read_record(home, wish.row.id))


def everything(folder: Path, *, but: Path) -> dict[str, tuple[int, bytes]]:
    """Return what is in a folder, with modes: folders too, links as what they are."""
    found: dict[str, tuple[int, bytes]] = {}
    for at, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(at, name)
            if path == but or path.is_relative_to(but):
                continue
            content = str(path.readlink()).encode() if path.is_symlink() else b""
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
            found[str(path.relative_to(folder))] = (stat.S_IMODE(path.lstat().st_mode), content)
    return found


@pytest.mark.parametrize("wish, platform", EVERY)
def test_a_connection_leaves_no_byte_behind(wish: Wish, platform: Platform, tmp_path: Path) -> None:
    machine, home = make_home(wish.row, platform, tmp_path), tmp_path / "gateway"
    before = everything(tmp_path, but=home)
    made = planned(wish, machine, home)
    assert everything(tmp_path, but=home) == before
    record = apply(made, home, "key_1", 1)
    assert made.changes == bool(record.files)
    assert state(record).name == "as written" and records(home) == [record]
    for kept in record.files:
        path = Path(kept.path)
        if KEY.encode() in path.read_bytes():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert KEY.encode() not in (home / "connections" / f"{wish.row.id}.json").read_bytes()
    if record.files:
        assert everything(tmp_path, but=home) != before
    undone = undo(record, home)
    assert undone.failed == () and undone.said == ()
    assert everything(tmp_path, but=home) == before
    assert records(home) == [] and not list((home / "connections").glob("*.sh"))


@pytest.mark.parametrize("wish, platform", EVERY)
def test_what_an_application_writes_in_between_stays(wish: Wish, platform: Platform, tmp_path: Path) -> None:
    machine, home = make_home(wish.row, platform, tmp_path), tmp_path / "gateway"
    record = apply(planned(wish, machine, home), home, "key_1", 1)
    originals = {kept.path: kept.original for kept in record.files}
    for kept in record.files:
        rewritten(Path(kept.path), kept.format)
    assert state(record).name == "as written"
    undone = undo(record, home)
    assert undone.failed == ()
    for path, original in originals.items():
        if not Path(path).exists():
            continue
        now = Path(path).read_text("utf-8")
        assert "LLM Gateway" not in now and ADDRESS not in now and KEY not in now, now
        assert comparable(path, now) == comparable(path, (original or b"").decode(), plus=True)


@pytest.mark.parametrize("wish, platform", EVERY)
def test_connecting_again_changes_nothing(wish: Wish, platform: Platform, tmp_path: Path) -> None:
    machine, home = make_home(wish.row, platform, tmp_path), tmp_path / "gateway"
    before = everything(tmp_path, but=home)
    record = apply(planned(wish, machine, home), home, "key_1", 1)
    again = planned(wish, machine, home)
    assert not again.changes and again.said == ()
    assert apply(again, home, "key_1", 1) == record
    undo(record, home)
    assert everything(tmp_path, but=home) == before


@pytest.mark.parametrize("wish, platform", EVERY)
def test_no_key_is_ever_shown(wish: Wish, platform: Platform, tmp_path: Path) -> None:
    machine, home = make_home(wish.row, platform, tmp_path), tmp_path / "gateway"
    told = "\n".join(shown(step.change, step.kept.path) for step in planned(wish, machine, home).steps)
    assert KEY not in told and KEY[8:40] not in told and "sk-of-nobody" not in told
    if wish.files and machine.platform != "windows":
        assert f"lgw_…{KEY[-4:]}" in told or wish.name == "login" or "aider" in wish.row.id or "+" in told


def rewritten(path: Path, format: str) -> None:
    """Write a file of settings as a program does that read it, with something of its own."""
    text = path.read_text("utf-8")
    match format:
        case "json":
            tree = json.loads(
                re.sub(r",(\s*[}\]])", r"\1", re.sub(r"(?m)^\s*//.*$|(?<=[\s,])//.*$", "", text))
            )
            if isinstance(tree, dict):
                tree["writtenByItself"] = 1
            path.write_text(json.dumps(tree, indent=4))
        case "toml":
            path.write_text(f"written_by_itself = 1\n{text}")
        case "yaml":
            path.write_text(f"{text}# written by itself\n")
        case _:
            path.write_text(f"{text}WRITTEN_BY_ITSELF=1\n")


def comparable(path: str, text: str, *, plus: bool = False) -> object:
    if path.endswith((".json", ".jsonc")):
        stripped = re.sub(r",(\s*[}\]])", r"\1", re.sub(r"(?m)^\s*//.*$|(?<=[\s,])//.*$", "", text))
        tree = json.loads(stripped or "{}")
        return {**tree, "writtenByItself": 1} if plus and isinstance(tree, dict) else tree
    lines = [line for line in text.splitlines() if line.strip()]
    mark = {".toml": "written_by_itself = 1", ".yaml": "# written by itself", ".yml": "# written by itself"}
    own = mark.get(Path(path).suffix, "WRITTEN_BY_ITSELF=1")
    return sorted([*lines, own] if plus else lines)


def test_a_file_that_changed_meanwhile_is_not_touched(tmp_path: Path) -> None:
    wish = Wish(catalog()["codex-cli"], "key")
    machine, home = make_home(wish.row, "linux", tmp_path), tmp_path / "gateway"
    made = planned(wish, machine, home)
    (machine.home / ".codex" / "config.toml").write_text("model = 'other'\n")
    before = everything(tmp_path, but=home)
    with pytest.raises(CannotChange, match="somebody else"):
        apply(made, home, "key_1", 1)
    assert everything(tmp_path, but=home) == before and records(home) == []
