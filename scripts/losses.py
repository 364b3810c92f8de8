"""What cannot be said between two dialects, found by saying it: the tables of `docs/losses.md`.

Everything that the fixtures say is translated for every other dialect and for each kind of its models, and
what is reported is written down: requests that have every documented field (`tests/fixtures/everything`), the
golden matrix, and each dialect's own fixtures. Nothing of it is written by hand, so nothing is forgotten.
"""

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from culprits import Found, Reader, take
from llm_gateway.canonical.loss import Loss
from llm_gateway.dialects.contract import Asked, Call, Target
from llm_gateway.dialects.contract import Path as Place
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.dialects.translate import Translation, can_translate
from llm_gateway.errors import MalformedRequest, UpstreamFault
from matrix import CASES, MODELS, OPERATIONS, Case, cases

__all__ = ["KINDS", "Pair", "Row", "pairs"]

_FIXTURES = CASES.parent
_NOW = 1_795_536_000

KINDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "chat": {"mistral-large-3": "models of any kind"},
        "responses": {
            "gpt-5.5": "models that reason",
            "gpt-4.1": "models that do not reason",
            "gpt-oss:20b": "models that are not OpenAI's own",
        },
        "messages": {
            "claude-sonnet-4-5": "Claude up to 4.5",
            "claude-opus-4-6": "Claude 4.6",
            "claude-opus-5-5": "Claude that always thinks",
            "claude-haiku-5": "Claude 5 that need not think",
            "glm-5": "models that are not Claude",
        },
        "gemini": {
            "gemini-3.8-flash": "Gemini 3 and later",
            "gemini-2.5-pro": "Gemini 2.5",
            "gemini-2.0-flash": "models that do not think",
        },
        "ollama": {"qwen3:14b": "models of any kind"},
    }
)
"""One model of each kind that a dialect writes requests for differently."""


class Row(msgspec.Struct, frozen=True):
    """One thing that cannot be said: where it is said, as what it is reported, why, for which models."""

    where: str
    what: str
    why: str
    models: str = ""


class Pair(msgspec.Struct, frozen=True):
    """What is lost between two dialects, and what of a request is refused."""

    requests: tuple[Row, ...]
    refused: tuple[Row, ...]
    answers: tuple[Row, ...]


@functools.cache
def pairs() -> Mapping[tuple[str, str], Pair]:
    """Return what is lost of each pair: who asks, and who answers."""
    lost = {client: _requests(client) for client in DIALECTS}
    told = {target: _answers(target) for target in DIALECTS}
    return {
        (client, target): Pair(
            tuple(_merged(lost[client], target)),
            tuple(_refusals(client, target)),
            tuple(Row(place, loss.what, loss.why) for loss, place in told[target].get(client, {}).items()),
        )
        for client in DIALECTS
        for target in DIALECTS
        if client != target
    }


# requests


def _requests(client: str) -> Found:
    found: Found = {}
    for body, place in _asked(client):
        take(body, _request_reader(client, place), found)
    return found


def _asked(client: str) -> Iterator[tuple[object, Place]]:
    """Return everything that a client of this dialect asks in any fixture."""
    operation = "streamGenerateContent" if client == "gemini" else OPERATIONS[client]
    everything = _FIXTURES / "everything" / f"{client}.json"
    yield _read(everything), Place(operation, MODELS[client], "alt=sse")
    for case in cases():
        if path := case.given("request").get(client):
            yield _read(path), Place(case.call(client).operation, MODELS[client])
    for path in sorted((_FIXTURES / client).glob("*/request.json")):
        told = _read(path.parent / "expected.json")
        assert isinstance(told, dict)
        operation = str(told.get("operation", OPERATIONS[client]))
        yield _read(path), Place(operation, MODELS[client], str(told.get("query", "")))


def _request_reader(client: str, place: Place) -> Reader:
    targets = [
        (name, model)
        for name, target in DIALECTS.items()
        if name != client and can_translate(DIALECTS[client], target, place.operation)
        for model in KINDS[name]
    ]

    def reads(body: object) -> Mapping[str, frozenset[Loss]] | None:
        try:
            translation = _translation(client, _call(client, body, place))
            return {
                f"{name} {model}": frozenset(translation.request(DIALECTS[name], Target(model)).losses)
                for name, model in targets
            }
        except MalformedRequest:
            return None

    return reads


def _merged(found: Found, target: str) -> Iterator[Row]:
    """Return the rows of one target, what is lost with all of its models, or only with some."""
    kinds = KINDS[target]
    met: dict[Loss, list[str]] = {}
    for model in kinds:
        for loss in found.get(f"{target} {model}", {}):
            met.setdefault(loss, []).append(model)
    for loss, models in met.items():
        words = "" if len(models) == len(kinds) else ", ".join(kinds[model] for model in models)
        yield Row(found[f"{target} {models[0]}"][loss], loss.what, loss.why, words)


def _refusals(client: str, target: str) -> Iterator[Row]:
    """Return what is refused: what only its own vendor could answer."""
    refused = _read(_FIXTURES / "everything" / "refused.json")
    assert isinstance(refused, dict)
    asked = _read(_FIXTURES / "matrix" / "text" / "request" / f"{client}.json")
    assert isinstance(asked, dict)
    usual = Place(OPERATIONS[client], MODELS[client])
    bodies: list[tuple[object, Place]] = [
        ({**asked, key: value}, usual) for key, value in refused.get(client, {}).items()
    ]
    met: set[str] = set()
    for body, place in (*bodies, *_asked(client)):
        if DIALECTS[client].kind(place.operation) != "generate":
            continue
        try:
            _translation(client, _call(client, body, place)).request(DIALECTS[target], Target(MODELS[target]))
        except MalformedRequest as error:
            where = _unnumbered(error.param or "")
            if where not in met:
                met.add(where)
                yield Row(where, where, _unnumbered(error.message))


def _unnumbered(text: str) -> str:
    return "".join([letter for letter in text.replace("[", "[\0") if not letter.isdecimal()]).replace(
        "\0", ""
    )


# answers


def _answers(target: str) -> Found:
    """Return what is lost of this dialect's answers, by who asked: of whole ones first, which have places."""
    found: Found = {}
    told = list(_told(target))
    for path, case in told:
        if path.suffix == ".json":
            take(_read(path), _answer_reader(target, case), found)
    for path, case in told:
        if path.suffix != ".json":
            for client in _askers(case, target):
                for loss in _streamed(client, case.call(client, stream=True), target, path.read_bytes()):
                    found.setdefault(client, {}).setdefault(loss, "")
    return found


def _told(target: str) -> Iterator[tuple[Path, Case]]:
    """Return every answer that an upstream of this dialect gives in any fixture, and what was asked."""
    every = {case.name: case for case in cases()}
    for case in every.values():
        for part in ("answer", "stream"):
            if path := case.given(part).get(target):
                yield path, case
    for path in sorted((_FIXTURES / target).glob("*/upstream.*")):
        told = _read(path.parent / "expected.json")
        assert isinstance(told, dict)
        kind = DIALECTS[target].kind(str(told.get("operation", OPERATIONS[target])))
        if kind in ("generate", "embed"):
            yield path, every["text" if kind == "generate" else "embeddings"]


def _askers(case: Case, target: str) -> Iterator[str]:
    for client in case.clients():
        operation = case.call(client).operation
        if client != target and can_translate(DIALECTS[client], DIALECTS[target], operation):
            yield client


def _answer_reader(target: str, case: Case) -> Reader:
    clients = [(client, case.call(client, stream=False)) for client in _askers(case, target)]

    def reads(body: object) -> Mapping[str, frozenset[Loss]] | None:
        sent = json.dumps(body).encode()
        try:
            return {
                client: frozenset(
                    _written(client, call, target).answer(DIALECTS[target], sent, streamed=False)[2]
                )
                for client, call in clients
            }
        except UpstreamFault:
            return None

    return reads


def _streamed(client: str, call: Call, target: str, data: bytes) -> tuple[Loss, ...]:
    meter = _written(client, call, target).meter(DIALECTS[target])
    try:
        meter.feed(data)
        meter.close()
    except UpstreamFault:
        pass  # a stream that breaks off has lost what it has lost until then
    return meter.losses


def _written(client: str, call: Call, target: str) -> Translation:
    """Return a translation whose request was written: its answers are told by what was asked."""
    translation = _translation(client, call)
    translation.request(DIALECTS[target], Target(MODELS[target]))
    return translation


def _call(client: str, body: object, place: Place) -> Call:
    return DIALECTS[client].read_call(json.dumps(body).encode(), place)


def _translation(client: str, call: Call) -> Translation:
    asked = Asked(call.operation, "id", call.model, call.stream, call.wants_usage, _NOW, query=call.query)
    return Translation(DIALECTS[client], call, asked)


def _read(path: Path) -> object:
    value: object = json.loads(path.read_bytes())
    return value
