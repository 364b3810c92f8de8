"""Where the settings of each application point, on each platform, before it is connected and after."""

import json
from pathlib import Path

import msgspec
import pytest

from clients.homes import ADDRESS, connect_by_hand, empty_home, make_home
from llm_gateway.clients.catalog import Client, Edit, Platform, catalog, pointers
from llm_gateway.clients.detect import Detection, detect
from llm_gateway.clients.machine import Machine
from llm_gateway.clients.pointing import is_made

ROWS = catalog()
ADDRESSES = (ADDRESS, "https://gateway.example")
WAYS: list[tuple[str, Platform, str]] = [
    (row.id, platform, name)
    for row in ROWS.values()
    for platform in row.platforms
    for name, way in row.ways.items()
    if any(platform in file.path or "any" in file.path for file in way.files)
]


def with_environ(machine: Machine, **environ: str) -> Machine:
    return msgspec.structs.replace(machine, environ={**machine.environ, **environ})


def found(row: Client, machine: Machine) -> Detection:
    return detect(row, machine, ADDRESSES)


@pytest.mark.parametrize(("name", "platform", "way"), WAYS)
def test_what_is_connected_points_here(name: str, platform: Platform, way: str, tmp_path: Path) -> None:
    row = ROWS[name]
    machine = make_home(row, platform, tmp_path)
    connect_by_hand(row, machine, way)
    seen = found(row, machine)
    assert (seen.connection, seen.way, seen.host, seen.points_at) == ("gateway", way, "", "gateway")
    assert "lgw_of_nobody" not in repr(seen)


@pytest.mark.parametrize(("name", "platform", "way"), WAYS)
def test_what_points_to_others_is_told_by_their_host(
    name: str, platform: Platform, way: str, tmp_path: Path
) -> None:
    row = ROWS[name]
    machine = make_home(row, platform, tmp_path)
    connect_by_hand(row, machine, way, "https://ann:secret@other.example:8443/path")
    seen = found(row, machine)
    if any("*" in each.at for each in pointers(row)):
        assert (seen.connection, seen.way) == ("vendor", ""), "one of several that a person chooses from"
    else:
        assert (seen.connection, seen.host) == ("elsewhere", "other.example:8443")
        assert seen.points_at == seen.host
    assert not any(word in repr(seen) for word in ("secret", "ann:", "lgw_of_nobody"))


def test_parts_of_a_program_point_where_it_does(tmp_path: Path) -> None:
    machine = make_home(ROWS["codex-ide"], "linux", tmp_path)
    connect_by_hand(ROWS["codex-cli"], machine, "login")
    seen = found(ROWS["codex-ide"], machine)
    assert (seen.installed, seen.connection, seen.way) == (True, "gateway", "login")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("settings", "connection", "host"),
    [
        ("", "vendor", ""),
        ('model_provider = "openai"', "vendor", ""),
        ('openai_base_url = "http://localhost:8787/v1"', "gateway", ""),
        ('openai_base_url = "http://127.0.0.1:8788/v1"', "elsewhere", "127.0.0.1:8788"),
        ('openai_base_url = "https://gateway.example/v1"', "gateway", ""),
        ('openai_base_url = "http://gateway.example/v1"', "elsewhere", "gateway.example"),
        ('openai_base_url = "http://[::1]:8787"', "gateway", ""),
        ('openai_base_url = "http://[2001:db8::1]:80"', "elsewhere", "[2001:db8::1]"),
        ('openai_base_url = ""', "vendor", ""),
        ('openai_base_url = "${SOMEWHERE}"', "unknown", ""),
        ('openai_base_url = "http://a:port/"', "unknown", ""),
        ("openai_base_url = 1", "vendor", ""),
        (
            'model_provider = "x"\n[model_providers.x]\nbase_url = "https://x.example/v1"',
            "elsewhere",
            "x.example",
        ),
        ('[model_providers.x]\nbase_url = "http://127.0.0.1:8787/v1"', "vendor", ""),
    ],
)
def test_where_codex_points(settings: str, connection: str, host: str, tmp_path: Path) -> None:
    machine = empty_home("linux", tmp_path)
    write(machine.home / ".codex/config.toml", settings)
    seen = found(ROWS["codex-cli"], machine)
    assert (seen.connection, seen.host) == (connection, host)


def test_a_setting_of_many_that_names_the_gateway_counts(tmp_path: Path) -> None:
    machine = make_home(ROWS["copilot-vscode"], "linux", tmp_path)
    path = machine.home / ".config/Code/User/chatLanguageModels.json"
    others = [{"vendor": "customendpoint", "models": [{"url": "https://x.example"}, {"url": 1}, {}]}]
    write(path, json.dumps(others))
    seen = found(ROWS["copilot-vscode"], machine)
    assert seen.connection == "vendor"
    assert "models.url" in seen.how[-1] and "x.example" in seen.how[-1]
    others.append({"vendor": "customendpoint", "models": [{"url": f"{ADDRESS}/v1/chat/completions"}]})
    write(path, json.dumps(others))
    seen = found(ROWS["copilot-vscode"], machine)
    assert (seen.connection, seen.way) == ("gateway", "")
    assert "not every setting is as the gateway would write it" in seen.how


def test_the_environment_counts_where_no_file_says_more(tmp_path: Path) -> None:
    row = ROWS["claude-code"]
    machine = with_environ(make_home(row, "linux", tmp_path), ANTHROPIC_BASE_URL=ADDRESS)
    seen = found(row, machine)
    assert seen.connection == "gateway"
    assert "ANTHROPIC_BASE_URL in this environment names this gateway" in seen.how
    connect_by_hand(row, machine, "key", "https://other.example")
    assert found(row, machine).host == "other.example"
    assert found(
        ROWS["openai-compatible"], with_environ(machine, OPENAI_BASE_URL=f"{ADDRESS}/v1")
    ) == Detection(
        "openai-compatible",
        how=(
            "OPENAI_BASE_URL in this environment names this gateway",
            "not every setting is as the gateway would write it",
        ),
        connection="gateway",
    )


def test_a_moved_folder_is_where_its_variable_says(tmp_path: Path) -> None:
    row = ROWS["claude-code"]
    machine = empty_home("linux", tmp_path)
    elsewhere = with_environ(machine, CLAUDE_CONFIG_DIR=str(tmp_path / "moved"))
    write(tmp_path / "moved/settings.json", json.dumps({"env": {"ANTHROPIC_BASE_URL": ADDRESS}}))
    assert not found(row, machine).installed
    seen = found(row, elsewhere)
    assert (seen.installed, seen.connection, seen.settings) == (True, "gateway", (tmp_path / "moved",))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "is not in a form that can be read"),
        (b'{"env": "\xff"}', "is not in a form that can be read"),
        (b" " * (4 * 1024 * 1024 + 1), "is too large for settings"),
    ],
)
def test_what_cannot_be_read_is_said(content: bytes, problem: str, tmp_path: Path) -> None:
    machine = make_home(ROWS["claude-code"], "linux", tmp_path)
    (machine.home / ".claude/settings.json").write_bytes(content)
    seen = found(ROWS["claude-code"], machine)
    assert (seen.connection, seen.points_at) == ("unknown", "")
    assert seen.how[-1] == f"~/.claude/settings.json {problem}"


def test_settings_that_are_a_folder_or_a_ring_are_said(tmp_path: Path) -> None:
    machine = make_home(ROWS["codex-cli"], "linux", tmp_path)
    path = machine.home / ".codex/config.toml"
    path.unlink()
    path.mkdir()
    assert "~/.codex/config.toml cannot be read" in found(ROWS["codex-cli"], machine).how[-1]
    path.rmdir()
    path.symlink_to(path)
    assert found(ROWS["codex-cli"], machine).connection == "unknown"


@pytest.mark.parametrize(
    ("edit", "tree", "made"),
    [
        (Edit(("a",), "{url}/x"), {"a": "http://h/v1/x", "b": 1}, True),
        (Edit(("a",), "{url}/x"), {"a": "http://h/v1/y"}, False),
        (Edit(("a",), "{url}"), {"a": ""}, False),
        (Edit(("a",), "{url}"), {}, False),
        (Edit(("a", "b"), 1), {"a": [1]}, False),
        (Edit(("a",), {"k": "{key}", "n": 1}), {"a": {"k": "x", "n": 1, "more": 2}}, True),
        (Edit(("a",), {"k": "{key}", "n": 1}), {"a": {"k": "x"}}, False),
        (Edit(("a",), {"k": "x"}, append=True), {"a": [{"k": "y"}, {"k": "x"}]}, True),
        (Edit(("a",), {"k": "x"}, append=True), {"a": [{"k": "y"}]}, False),
        (Edit(("a",), {"id": "{model}"}, each_model=True), {"a": [{"id": "m"}]}, True),
        (Edit(("a",), {"id": "{model}"}, each_model=True), {"a": []}, False),
        (Edit(("a",), {"id": "{model}"}, each_model=True, keyed=True), {"a": {"m": {"id": "m"}}}, True),
        (Edit((), {"u": "{url}"}, append=True), [{"u": "http://h"}], True),
        (Edit(("a",), {"m": [{"id": "{model}"}]}, models_in=("m",)), {"a": {"m": [{"id": "x"}]}}, True),
    ],
)
def test_an_edit_that_was_made_is_known_whatever_the_words_are(edit: Edit, tree: object, made: bool) -> None:
    assert is_made(edit, tree) == made
