"""The tables of losses are complete: what a golden file reports, and what the code can report, is there."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from house import SOURCE, tree
from llm_gateway.dialects.registry import DIALECTS
from losses import KINDS, Row, pairs
from matrix import CASES

PAIRS = [(client, target) for client in DIALECTS for target in DIALECTS if client != target]


def reported(client: str, target: str, part: str) -> Iterator[tuple[str, str]]:
    """Return the losses in the golden files of a pair, each with its reason."""
    if part == "request":
        for path in CASES.glob(f"*/request/{client}-{target}.json"):
            yield from json.loads(path.read_text("utf-8")).get("losses", {}).items()
        return
    for path in CASES.glob(f"*/answer/{target}-{client}.json"):
        yield from json.loads(path.read_text("utf-8")).get("losses", {}).items()
    for path in CASES.glob("*/stream/told.json"):
        told = json.loads(path.read_text("utf-8")).get(f"{target}-{client}", {})
        yield from told.get("losses", {}).items()


def known(rows: tuple[Row, ...]) -> set[tuple[str, str]]:
    return {(row.what, row.why) for row in rows}


@pytest.mark.parametrize(("client", "target"), PAIRS)
def test_what_the_golden_matrix_reports_is_in_the_tables(client: str, target: str) -> None:
    pair = pairs()[client, target]
    asked, answered = set(reported(client, target, "request")), set(reported(client, target, "answer"))
    assert asked and asked <= known(pair.requests), asked - known(pair.requests)
    assert answered <= known(pair.answers), answered - known(pair.answers)


@pytest.mark.parametrize("client", DIALECTS)
def test_what_the_golden_matrix_refuses_is_in_the_tables(client: str) -> None:
    refused = {
        json.loads(path.read_text("utf-8")).get("refused", "").partition(" ")[0]
        for path in CASES.glob(f"*/request/{client}-*.json")
    } - {""}
    told = {
        row.why.partition(" ")[0]
        for target in DIALECTS
        if target != client
        for row in refusals(client, target)
    }
    plain = {"".join(letter for letter in word if not letter.isdecimal()) for word in refused}
    assert refused and plain <= told


def refusals(client: str, target: str) -> tuple[Row, ...]:
    return pairs()[client, target].refused


def declared(path: Path) -> Iterator[str]:
    """Return the names of losses that stand in the code as they are."""
    for node in ast.walk(tree(path)):
        match node:
            case ast.Call(func=ast.Attribute(attr="add"), args=[ast.Constant(value=str(what)), _]):
                yield what
            case ast.Call(func=ast.Attribute(attr="_lose"), args=[ast.Constant(value=str(what)), _]):
                yield what if what.startswith("response.") else f"response.{what}"
            case ast.Assign(targets=[ast.Name(id="_NO_PLACE")], value=ast.Dict(keys=keys)):
                yield from (str(key.value) for key in keys if isinstance(key, ast.Constant))


@pytest.mark.parametrize("name", DIALECTS)
def test_what_the_code_can_report_is_seen_to_be_reported(name: str) -> None:
    seen = {
        row.what for pair, lost in pairs().items() if name in pair for row in (*lost.requests, *lost.answers)
    }
    can = {what for path in sorted((SOURCE / "dialects" / name).glob("*.py")) for what in declared(path)}
    assert len(can) > 15
    below = {what.rpartition(".")[2] for what in seen}  # some names are put behind that of their holder
    assert not (unseen := can - seen - below), sorted(unseen)


def test_a_kind_of_model_is_named_where_only_it_loses_something() -> None:
    temperature = [row for row in pairs()["chat", "responses"].requests if row.what == "temperature"]
    assert temperature == [
        Row("temperature", "temperature", "a model that reasons does not take it", "models that reason")
    ]
    named = {row.models for pair in pairs().values() for row in pair.requests if row.models}
    words = {word for kinds in KINDS.values() for word in kinds.values()}
    assert named and all(set(each.split(", ")) <= words for each in named)


def test_a_loss_stands_where_the_asker_says_it() -> None:
    top_k = [row.where for row in pairs()["gemini", "responses"].requests if row.what == "top_k"]
    assert top_k == ["generationConfig.topK"]
    placed = [bool(row.where) for pair in pairs().values() for row in pair.requests]
    assert sum(placed) > 0.97 * len(placed)
