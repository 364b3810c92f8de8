"""The catalog: every row is whole, and a row that is wrong is refused."""

import re
from collections.abc import Iterator

import msgspec
import pytest

from llm_gateway.clients.catalog import (
    Client,
    Edit,
    File,
    Places,
    Pointer,
    Setting,
    Way,
    catalog,
    pointers,
    read_catalog,
)
from llm_gateway.clients.logs import READERS
from llm_gateway.dialects.registry import DIALECTS

ROWS = catalog()
NAMED = {
    "codex-desktop",
    "claude-desktop",
    "microsoft-copilot",
    "github-copilot",
    "chatgpt",
    "openai-compatible",
}
IN_PATHS = {"home", "config", "data", "applications", "extensions", "shell", "chosen"}
IN_SETTINGS = {"url", "base", "key", "host", "model", "client"}

every = pytest.mark.parametrize("name", ROWS)


def files(row: Client) -> Iterator[File]:
    for way in row.ways.values():
        yield from way.files
    if row.telemetry:
        yield from row.telemetry.files


def edits(row: Client) -> Iterator[Edit]:
    for file in files(row):
        yield from file.edits


def paths(places: Places) -> Iterator[str]:
    for one in places.values():
        yield from (one,) if isinstance(one, str) else one


def texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from texts(each)
        case list():
            for each in value:
                yield from texts(each)


def test_the_rows_that_others_name_exist() -> None:
    assert ROWS.keys() >= NAMED
    assert {row.part_of for row in ROWS.values()} <= {*ROWS, ""}


def test_a_row_is_named_by_its_table() -> None:
    assert all(name == row.id for name, row in ROWS.items())


@every
def test_a_row_says_what_can_be_done_or_why_nothing_can(name: str) -> None:
    row = ROWS[name]
    assert bool(row.ways or row.part_of) != bool(row.cannot), "either it can be routed, or it is said why not"
    assert not (row.ways and row.part_of), "what shares settings is connected with them"
    assert not row.cannot or row.instead, "what is left is said, too"
    assert set(row.dialects) <= DIALECTS.keys()
    assert row.source and row.platforms
    assert bool(row.dialects) != bool(row.cannot)
    for way in row.ways.values():
        assert way.files or way.env or way.steps
    assert {log.reader for log in row.logs} <= READERS.keys()


@every
def test_every_row_that_can_be_installed_can_be_found(name: str) -> None:
    row = ROWS[name]
    if name == "openai-compatible":
        assert not (row.commands or row.applications or row.settings), "it is no program, but any"
        return
    for platform in row.platforms:
        there = [
            places for places in (row.applications, row.settings) if platform in places or "any" in places
        ]
        assert row.commands or there, platform


@every
def test_texts_hold_no_names_but_those_that_are_known(name: str) -> None:
    row = ROWS[name]
    places = [row.applications, row.settings, row.home, *(log.paths for log in row.logs)]
    places += [file.path for file in files(row)]
    places += [place for each in row.points for place in (each.path, each.chosen.path if each.chosen else {})]
    for path in (each for place in places for each in paths(place)):
        assert set(re.findall(r"\{(.*?)\}", path)) <= IN_PATHS, path
        assert "\\" not in path
        assert row.home or "{home}" not in path
    told = [text for edit in edits(row) for text in (*edit.at, *texts(edit.to))]
    told += [text for way in row.ways.values() for text in (*way.env.values(), *way.steps)]
    for text in told:
        assert set(re.findall(r"\{(.*?)\}", text)) <= IN_SETTINGS, text


@every
def test_edits_say_what_they_can(name: str) -> None:
    for edit in edits(ROWS[name]):
        assert not edit.keyed or edit.each_model
        for member in edit.models_in:
            assert isinstance(edit.to, dict) and len(edit.to[member]) == 1
        if "{model}" in "".join(texts(edit.to)) and edit.append:
            assert edit.each_model or edit.models_in


@every
def test_what_can_be_connected_by_files_gets_a_key_and_the_address(name: str) -> None:
    for way in ROWS[name].ways.values():
        if not way.files:
            continue
        told = "".join(text for file in way.files for edit in file.edits for text in texts(edit.to))
        assert "{url}" in told or "{base}" in told
        assert "{key}" in told + "".join(way.env.values())


@every
def test_what_is_connected_by_files_says_where_it_points(name: str) -> None:
    row = ROWS[name]
    if any(way.files for way in row.ways.values()):
        assert pointers(row)
        for each in row.points:
            assert bool(each.chosen) == ("{chosen}" in "".join((*each.at, *paths(each.path))))


def test_the_first_setting_with_the_address_tells_where_it_points() -> None:
    assert [(each.format, each.at) for each in pointers(ROWS["claude-code"])] == [
        ("json", ("env", "ANTHROPIC_BASE_URL"))
    ]
    assert [each.at for each in pointers(ROWS["continue"])] == [("models", "*", "apiBase")]
    assert [each.at for each in pointers(ROWS["copilot-vscode"])] == [("*", "models", "*", "url")]
    assert pointers(ROWS["roo"]) == ()


def test_what_a_row_says_goes_before_its_edits() -> None:
    told = Pointer({"any": "~/x"}, "json", ("b",), Setting({"any": "~/y"}, "json", ("c",)))
    edit = Edit(("a",), "{url}")
    row = Client("x", "X", "x", ways={"key": Way((File({"any": "~/x"}, "json", (edit,)),))}, points=(told,))
    assert pointers(row) == (told,)
    assert [each.at for each in pointers(msgspec.structs.replace(row, points=()))] == [("a",)]


def test_user_agents_are_one_row_each() -> None:
    told = [agent.lower() for row in ROWS.values() for agent in row.agents]
    assert len(told) == len(set(told))


@pytest.mark.parametrize("wrong", ['label = "x"\nvendor = "y"\ncolour = "red"', 'label = "x"', "label = 1"])
def test_a_row_that_is_wrong_is_refused(wrong: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        read_catalog(f"[x]\n{wrong}")
