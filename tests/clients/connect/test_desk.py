"""Connections looked at, made and undone for somebody elsewhere in the program."""

import json
from pathlib import Path

import msgspec
import pytest

from clients.homes import make_home
from llm_gateway.clients.catalog import catalog
from llm_gateway.clients.connect import read_own_key, read_record
from llm_gateway.clients.connect.desk import Desk, Surroundings
from llm_gateway.clients.connections import Asked, CannotConnect, Connection, Opening

AROUND = Surroundings("http://127.0.0.1:8787", ("a/b",))
MADE = ("key_1", "lgw_of_nobody_in_particular")
USUAL = Asked()


class Place:
    """A desk in a home with an application in it."""

    def __init__(self, folder: Path, client: str = "claude-code") -> None:
        self.machine = make_home(catalog()[client], "linux", folder)
        self.home = folder / "gateway"
        self.desk = Desk(self.home, self.machine.environ, b"pepper")
        self.settings = self.machine.home / ".claude/settings.json"

    def look(self, around: Surroundings = AROUND, asked: Asked = USUAL) -> Connection:
        return self.desk.look("claude-code", asked, around)

    def connect(self) -> None:
        assert self.desk.carry_out(("claude-code", USUAL, self.look().plan), AROUND, MADE, 1_000_000)


@pytest.fixture
def claude(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_it_is_looked_at_made_and_undone(claude: Place) -> None:
    before = claude.settings.read_bytes()
    assert claude.desk.open("claude-code", USUAL) == Opening("claude-code")
    shown = claude.look()
    assert shown.possible and shown.changes and not shown.connected and shown.settings == ""
    assert (shown.way, shown.ways) == ("key", ("key", "login"))
    assert shown.command == "llm-gateway connect claude-code"
    assert shown.files[0].path == "~/.claude/settings.json" and "lgw_…0new" in shown.files[0].diff
    assert claude.settings.read_bytes() == before

    claude.connect()
    assert json.loads(claude.settings.read_bytes())["env"]["ANTHROPIC_AUTH_TOKEN"] == MADE[1]
    accepted = msgspec.structs.replace(AROUND, accepted=True)
    shown = claude.look(accepted)
    assert shown.connected and shown.settings == "as written" and not shown.changes
    assert shown.connected_way == "key" and shown.connected_at == "1970-01-01T00:00:01Z"
    assert [each.becomes for each in shown.undo.files] == ["changed"]
    assert MADE[1].encode() not in msgspec.json.encode(shown)
    assert not claude.desk.carry_out(("claude-code", USUAL, shown.plan), accepted, None, 2)

    assert claude.desk.open("claude-code", USUAL).key_id == "key_1"
    assert claude.desk.keys_of("claude-code") == {"key_1"}
    assert claude.desk.put_back("claude-code") == ()
    claude.desk.forget_key("claude-code")
    assert claude.settings.read_bytes() == before
    assert (
        read_record(claude.home, "claude-code") is None and read_own_key(claude.home, "claude-code") is None
    )
    assert claude.desk.put_back("claude-code") == ()
    with pytest.raises(CannotConnect, match="Claude Code is not connected"):
        claude.desk.keys_of("claude-code")


def test_another_plan_is_not_carried_out(claude: Place) -> None:
    plan = claude.look().plan
    claude.desk.check("claude-code", USUAL, AROUND, plan)
    for asked, around, digest in (
        (Asked("login"), AROUND, plan),
        (USUAL, Surroundings("http://127.0.0.1:9999"), plan),
        (USUAL, AROUND, plan[:-1]),
        (USUAL, AROUND, "é"),
    ):
        with pytest.raises(CannotConnect, match="another one by now") as refused:
            claude.desk.check("claude-code", asked, around, digest)
        assert refused.value.kind == "changed"
    claude.settings.write_text("{}")
    for made in (MADE, None):
        with pytest.raises(CannotConnect, match="another one by now"):
            claude.desk.carry_out(("claude-code", USUAL, plan), AROUND, made, 1)
    assert claude.settings.read_text() == "{}" and read_own_key(claude.home, "claude-code") is None
    with pytest.raises(CannotConnect, match="another one by now"):
        claude.desk.carry_out(("claude-code", USUAL, claude.look().plan), AROUND, None, 1)


def test_a_digest_is_of_one_pepper(claude: Place) -> None:
    other = Desk(claude.home, claude.machine.environ, b"salt")
    assert other.look("claude-code", USUAL, AROUND).plan != claude.look().plan


def test_a_file_that_cannot_be_read_is_said(claude: Place) -> None:
    claude.settings.write_text("{ not json")
    shown = claude.look()
    assert not shown.possible and shown.plan == "" and "cannot be edited" in shown.why
    assert "llm-gateway connect claude-code" in shown.hint
    assert claude.settings.read_text() == "{ not json"


def test_what_cannot_be_put_right_is_named_and_stays_on_record(claude: Place) -> None:
    claude.connect()
    claude.settings.write_text("{ not json")
    shown = claude.look()
    assert shown.connected and not shown.possible and shown.settings == "gone" and shown.missing
    assert "cannot be put right" in shown.undo.failed[0]
    with pytest.raises(CannotConnect, match="cannot be put right") as refused:
        claude.desk.put_back("claude-code")
    assert refused.value.kind == "changed" and claude.settings.read_text() == "{ not json"
    assert read_record(claude.home, "claude-code") is not None


def test_a_record_that_is_none_is_said(claude: Place) -> None:
    claude.connect()
    (claude.home / "connections/claude-code.json").write_text("{}")
    with pytest.raises(CannotConnect, match="cannot be read as the record"):
        claude.look()


def test_one_that_cannot_and_one_that_is_part_of_another(tmp_path: Path) -> None:
    place = Place(tmp_path, "codex-cli")
    cursor = place.desk.look("cursor", USUAL, AROUND)
    assert not cursor.possible and catalog()["cursor"].cannot in cursor.why
    assert not place.desk.open("cursor", USUAL).needs_models
    part = place.desk.look("codex-ide", USUAL, AROUND)
    assert part.client == "codex-cli" and part.said[0].startswith("Codex in an editor has its settings from")
    with pytest.raises(CannotConnect, match="no application 'nothing'"):
        place.desk.open("nothing", USUAL)
    assert place.desk.open("opencode", USUAL).needs_models


def test_no_step_tells_the_key(tmp_path: Path) -> None:
    place = Place(tmp_path, "zed")
    shown = place.desk.look("zed", Asked(telemetry=True), AROUND)
    assert any("(`llm-gateway connect zed --telemetry` prints it)" in step for step in shown.steps)
    assert "lgw_0000new" not in "".join(shown.steps)
    login = place.desk.look("claude-code", Asked("login"), AROUND)
    assert login.command == "llm-gateway connect claude-code --way login"


def test_what_a_gateway_is_told_of_it(claude: Place) -> None:
    assert claude.desk.surroundings("http://x", ["m"], accepted=True) == Surroundings(
        "http://x", ("m",), True
    )
    assert claude.desk.name_of_key("zed", "laptop") == "zed@laptop"
