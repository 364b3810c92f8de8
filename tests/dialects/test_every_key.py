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
from pruning import Place, altered, at, objects, pattern, places, with_more, without, words
from silences import SILENT, UNTOLD, UNWATCHED

EVERYTHING = ROOT / "tests" / "fixtures" / "everything"

# Names of what only holds others: a loss of that name does not stand for everything within.
HOLDERS = frozenset(
    ("content", "contents", "input", "messages", "options", "parts", "tools", "text", "type", "function")
)

_AGAIN = "said again where the item, or the answer, ends"
_FAILED = "what an error says beside its words"

# Where events of streams may have members that nobody knows, beside those places of whole answers.
OF_EVENTS: Mapping[str, Mapping[str, str]] = {
    "chat": {"error": _FAILED},
    "responses": {
        "": _AGAIN,
        "annotation": "lost as a whole",
        "error": _FAILED,
        "item": _AGAIN,
        "item.*": _AGAIN,
        "part": _AGAIN,
        "response": _AGAIN,
        "response.*": _AGAIN,
    },
    "messages": {
        "delta.citation": "lost as a whole",
        "error": _FAILED,
        "message.usage": "a count that nobody adds up",
        "message.usage.*": "a count that nobody adds up",
    },
    "gemini": {"error": _FAILED, "error.*": _FAILED},
    "ollama": {},
}

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


def unknown(body: object, reads: Reader, silent: Mapping[str, str]) -> Iterator[str]:
    """Return the objects of a body in which a member that nobody knows is neither kept nor reported."""
    told = reads(body)
    if told is None:
        return
    lost = {parts[-1] for parts in (loss.what.split(".") for loss in told[1]) if _is_name(parts)}
    for place in objects(body):
        found = reads(with_more(body, place, "brandnew", 7))
        if found is not None and (found[0] != told[0] or any("brandnew" in loss.what for loss in found[1])):
            continue  # what is kept as it came, such as a schema, changes what is read
        if not lost.intersection(words(body, place)) and not _listed(pattern(place), silent):
            yield pattern(place)


def unknown_of_stream(dialect: Dialect, stream: str) -> Iterator[str]:
    """Return the same of the events of a stream, in each of which a member more is put in."""
    events = stream.split("\n")  # not `splitlines`: a text may hold other ends of lines
    met: set[str] = set()
    before = read_stream(dialect, events)
    lost = {loss.what.rpartition(".")[2] for loss in before[1]}
    for number, line in enumerate(events):
        start = line.find("{")
        if start not in (0, 6) or not line.endswith("}") or line[:start] not in ("", "data: "):
            continue
        body = json.loads(line[start:])
        for place in objects(body):
            name = f"{body.get('type', '')} {pattern(place)}"
            if name in met or lost.intersection(words(body, place)):
                continue
            met.add(name)
            more = line[:start] + json.dumps(with_more(body, place, "brandnew", 7))
            found = read_stream(dialect, [*events[:number], more, *events[number + 1 :]])
            if found[0] == before[0] and not any("brandnew" in loss.what for loss in found[1]):
                yield pattern(place)


def read_stream(dialect: Dialect, lines: list[str]) -> tuple[object, tuple[Loss, ...]]:
    decoder = dialect.decoder()
    events = [*decoder.feed("\n".join(lines).encode()), *decoder.close()]
    return events, tuple(decoder.losses)


def requests(name: str) -> Iterator[tuple[object, str]]:
    """Return every request of the fixtures that asks a model for an answer, and its operation."""
    operation = "streamGenerateContent" if name == "gemini" else OPERATIONS[name]
    yield json.loads((EVERYTHING / f"{name}.json").read_text("utf-8")), operation
    for case in cases():
        if path := case.given("request").get(name):
            call = case.call(name)
            if DIALECTS[name].kind(call.operation) == "generate":
                yield json.loads(path.read_text("utf-8")), call.operation


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
def test_a_key_of_a_request_that_nobody_knows_is_reported_wherever_it_stands(name: str) -> None:
    found: set[str] = set()
    for body, operation in requests(name):
        found.update(unknown(body, request_reader(DIALECTS[name], operation), SILENT[name]))
    assert not found


@pytest.mark.parametrize("name", DIALECTS)
def test_a_key_of_an_answer_that_nobody_knows_is_reported_wherever_it_stands(name: str) -> None:
    found: set[str] = set()
    for case in cases():
        if path := case.given("answer").get(name):
            body = json.loads(path.read_text("utf-8"))
            found.update(unknown(body, answer_reader(DIALECTS[name]), UNWATCHED[name]))
    assert not found


@pytest.mark.parametrize("name", DIALECTS)
def test_a_key_of_a_stream_that_nobody_knows_is_reported_wherever_it_stands(name: str) -> None:
    told: set[str] = set()
    for case in cases():
        if path := case.given("stream").get(name):
            told.update(unknown_of_stream(DIALECTS[name], path.read_text("utf-8")))
    assert not {place for place in told if not _listed(place, {**UNWATCHED[name], **OF_EVENTS[name]})}


@pytest.mark.parametrize("name", DIALECTS)
def test_every_key_of_the_matrixs_requests_is_read_or_reported(name: str) -> None:
    found: set[str] = set()
    for body, operation in requests(name):
        found.update(unread(body, request_reader(DIALECTS[name], operation), SILENT[name]))
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
