"""Every key of what a client or an upstream says is read or reported, however deep it stands.

Each member of a request is taken out, and each value changed: a reader whose result and losses stay the same
never looked at it. That is only right for what stands in the lists of `silences.py`, or where a loss has its
name. The requests are those of `fixtures/everything`, which have every field that a dialect documents, and
those of the golden matrix; the answers are the matrix's.
"""

import json
from collections.abc import Callable, Iterator, Mapping

import pytest

from house import ROOT
from llm_gateway.canonical.loss import Loss
from llm_gateway.dialects.contract import Dialect, Path
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import MalformedRequest, UpstreamBroken
from matrix import MODELS, OPERATIONS, cases
from pruning import Place, altered, at, pattern, places, without, words
from silences import SILENT, UNTOLD

EVERYTHING = ROOT / "tests" / "fixtures" / "everything"

# Names of what only holds others: a loss of that name does not stand for everything within.
HOLDERS = frozenset(
    ("content", "contents", "input", "messages", "options", "parts", "tools", "text", "type", "function")
)

Reader = Callable[[object], tuple[object, tuple[Loss, ...]] | None]


def unread(body: object, reads: Reader, silent: Mapping[str, str]) -> Iterator[str]:
    """Return the places of a body that the reader does not look at and does not report."""
    told = reads(body)
    if told is None:
        return
    named = {loss.what for loss in told[1]}
    lost = {parts[-1] for parts in (loss.what.split(".") for loss in told[1]) if _is_name(parts)}
    for place in places(body):
        value = at(body, place)
        if value in (None, [], {}, "", False) or lost.intersection(words(body, place)):
            continue
        if pattern(place).replace(".*", "") in named:
            continue
        if not _misses(body, place, reads, told) and not _listed(pattern(place), silent):
            yield pattern(place)


def _is_name(parts: list[str]) -> bool:
    return len(parts) > 2 or parts[-1] not in HOLDERS


def _misses(body: object, place: Place, reads: Reader, told: object) -> bool:
    if reads(without(body, place)) == told:
        return False
    return isinstance(at(body, place), dict | list) or reads(altered(body, place)) != told


def _listed(place: str, silent: Mapping[str, str]) -> bool:
    """Whether a place, or what it is in, is listed."""
    if place in silent:
        return True
    outer = place.rpartition(".")[0]
    return outer != "" and (f"{outer}.*" in silent or _listed(outer, silent))


def request_reader(dialect: Dialect, operation: str) -> Reader:
    path = Path(operation, MODELS[dialect.name], "alt=sse")

    def reads(body: object) -> tuple[object, tuple[Loss, ...]] | None:
        try:
            call = dialect.read_call(json.dumps(body).encode(), path)
            decoded = dialect.decode_request(call)
        except MalformedRequest:
            return None
        return (call.model, call.stream, call.wants_usage, decoded), decoded.losses

    return reads


def answer_reader(dialect: Dialect) -> Reader:
    def reads(body: object) -> tuple[object, tuple[Loss, ...]] | None:
        try:
            read = dialect.decode_response(json.dumps(body).encode())
        except UpstreamBroken:
            return None
        return read, read.losses

    return reads


@pytest.mark.parametrize("name", DIALECTS)
def test_every_documented_key_of_a_request_is_read_or_reported(name: str) -> None:
    body = json.loads((EVERYTHING / f"{name}.json").read_text("utf-8"))
    reads = request_reader(DIALECTS[name], "streamGenerateContent" if name == "gemini" else OPERATIONS[name])
    assert reads(body) is not None
    assert not set(unread(body, reads, SILENT[name]))


@pytest.mark.parametrize("name", DIALECTS)
def test_a_key_that_nobody_knows_is_reported(name: str) -> None:
    body = json.loads((EVERYTHING / f"{name}.json").read_text("utf-8"))
    reads = request_reader(DIALECTS[name], "streamGenerateContent" if name == "gemini" else OPERATIONS[name])
    told = reads({**body, "brandnew": 7})
    assert told is not None and "brandnew" in {loss.what for loss in told[1]}


@pytest.mark.parametrize("name", DIALECTS)
def test_every_key_of_the_matrixs_requests_is_read_or_reported(name: str) -> None:
    found: set[str] = set()
    for case in cases():
        path = case.given("request").get(name)
        call = case.call(name) if path else None
        if path and call and DIALECTS[name].kind(call.operation) == "generate":
            body = json.loads(path.read_text("utf-8"))
            found.update(unread(body, request_reader(DIALECTS[name], call.operation), SILENT[name]))
    assert not found


@pytest.mark.parametrize("name", DIALECTS)
def test_every_key_of_the_matrixs_answers_is_read_or_reported(name: str) -> None:
    found: set[str] = set()
    for case in cases():
        if path := case.given("answer").get(name):
            body = json.loads(path.read_text("utf-8"))
            found.update(unread(body, answer_reader(DIALECTS[name]), UNTOLD[name]))
    assert not found


@pytest.mark.parametrize(("name", "listed"), [*SILENT.items(), *UNTOLD.items()])
def test_what_may_be_left_unread_has_a_reason(name: str, listed: Mapping[str, str]) -> None:
    assert name in DIALECTS and all(len(why) >= 8 for why in listed.values())


def test_a_reader_that_drops_something_is_found_out() -> None:
    def careless(body: object) -> tuple[object, tuple[Loss, ...]] | None:
        assert isinstance(body, dict)
        return body.get("kept"), (Loss("told", "why"),)

    body = {"kept": {"a": 1}, "told": 2, "dropped": {"b": [3]}, "listed": {"c": 4}}
    assert set(unread(body, careless, {"listed": "for a reason"})) == {"dropped", "dropped.b", "dropped.b.*"}
