"""Plans: words filled, the user's own kept apart from ours, nothing written."""

import json
import os
from pathlib import Path

import pytest

from clients.homes import ADDRESS, empty_home, make_home
from llm_gateway.clients.catalog import Client, Edit, File, Way, catalog
from llm_gateway.clients.connect.applying import apply
from llm_gateway.clients.connect.files import CannotChange
from llm_gateway.clients.connect.planning import Wish, Words, needs_models, plan, steps_of, variables_of
from llm_gateway.clients.connect.record import read_record
from llm_gateway.clients.machine import Machine

WORDS = Words(ADDRESS, "lgw_key", "x", "m", ("m", "n"))


def client(path: str, *edits: Edit, **more: object) -> Client:
    file = File({"any": path}, "json", edits)
    return Client(
        "x", "X", "nobody", ways={"key": Way((file,), {"A": "{host} {model}"}, ("say {key} to {url}",))}
    )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return empty_home("linux", tmp_path)


def test_words_are_filled(machine: Machine, tmp_path: Path) -> None:
    wish = Wish(
        client("~/a/s.json", Edit(("u",), ["{url} {base} {host} {client} {model} {key} {other}"])), "key"
    )
    made = plan(wish, machine, WORDS, tmp_path)
    (step,) = made.steps
    text = f"{ADDRESS}/v1 {ADDRESS} 127.0.0.1:8787 x m lgw_key {{other}}"
    assert json.loads(step.change.after or b"") == {"u": [text]}
    assert step.kept.folders == (str(machine.home / "a"),) and not (machine.home / "a").exists()
    assert variables_of(wish, WORDS) == {"A": "127.0.0.1:8787 m"}
    assert steps_of(wish, WORDS) == [f"say lgw_key to {ADDRESS}/v1"]


def test_models_are_needed_where_they_are_named() -> None:
    assert needs_models(Wish(catalog()["opencode"], "key")) and needs_models(
        Wish(catalog()["raycast"], "key")
    )
    assert not needs_models(Wish(catalog()["claude-code"], "key"))


def test_a_file_with_a_key_is_closed_and_others_keep_their_mode(machine: Machine, tmp_path: Path) -> None:
    path = machine.home / "s.json"
    path.write_text("{}")
    path.chmod(0o664)
    open_ = plan(Wish(client("~/s.json", Edit(("a",), "{url}")), "key"), machine, WORDS, tmp_path)
    closed = plan(Wish(client("~/s.json", Edit(("a",), "{key}")), "key"), machine, WORDS, tmp_path)
    assert [each.steps[0].change.after_mode for each in (open_, closed)] == [0o664, 0o600]


def test_what_is_there_already_is_the_users_own(machine: Machine, tmp_path: Path) -> None:
    (machine.home / "s.json").write_text('{"l": ["x"], "kept": 1}')
    edits = (Edit(("l",), "x", append=True), Edit(("kept",), 2, if_missing=True))
    made = plan(Wish(client("~/s.json", *edits), "key"), machine, WORDS, tmp_path)
    assert not made.changes and made.steps[0].kept.made == ()


def test_a_link_leads_to_the_file(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    target, link = tmp_path / "dotfiles" / "s.json", machine.home / "s.json"
    target.write_text('{"a": 1}')
    link.symlink_to(os.path.relpath(target, machine.home))
    made = plan(Wish(client("~/s.json", Edit(("b",), 2)), "key"), machine, WORDS, tmp_path)
    apply(made, tmp_path / "gateway", "key_1", 1)
    assert link.is_symlink() and json.loads(target.read_bytes()) == {"a": 1, "b": 2}


def test_another_plan_begins_with_what_is_the_users_own(tmp_path: Path) -> None:
    row, home = catalog()["codex-cli"], tmp_path / "gateway"
    machine = make_home(row, "linux", tmp_path)
    config, variables = machine.home / ".codex/config.toml", machine.home / ".codex/.env"
    before = config.read_bytes()
    apply(plan(Wish(row, "key", telemetry=True), machine, WORDS, home), home, "key_1", 1)
    config.write_bytes(config.read_bytes() + b"\n[theirs]\nx = 1\n")
    made = plan(Wish(row, "login"), machine, WORDS, home, read_record(home, "codex-cli"))
    assert made.said == (f"{config} was changed since; those changes are kept",)
    record = apply(made, home, "key_1", 2)
    text = config.read_text()
    assert (
        "/backend-api/codex" in text and "env_key" not in text and "otel" not in text and "[theirs]" in text
    )
    assert not variables.exists() and [Path(each.path) for each in record.files] == [config]
    assert record.files[0].original == before + b"\n[theirs]\nx = 1\n"


def test_what_cannot_be_edited_is_said_with_its_file(machine: Machine, tmp_path: Path) -> None:
    wish = Wish(client("~/s.json", Edit(("a",), 1)), "key")
    for content in (b"{", b"\xff\xfe"):
        (machine.home / "s.json").write_bytes(content)
        with pytest.raises(CannotChange, match=r"s\.json"):
            plan(wish, machine, WORDS, tmp_path)


def test_a_place_that_this_platform_has_not_is_passed_over(tmp_path: Path) -> None:
    row = catalog()["github-copilot"]
    assert plan(Wish(row, "key"), make_home(row, "windows", tmp_path), WORDS, tmp_path).steps == ()
