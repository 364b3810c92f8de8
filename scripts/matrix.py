"""The golden matrix: what every dialect makes of what every other one says, case by case.

A case is a folder of `tests/fixtures/matrix`. People write `case.json` and what a client or a vendor sends
(`request/chat.json`, `answer/chat.json`, `stream/chat.sse`, `error/chat.json`); what becomes of it between
two dialects (`request/chat-gemini.json`: from the client to the upstream; `answer/gemini-chat.json`: back) is
written by `goldens.py` and reviewed like code. Pairs of equal dialects have no file: their bytes pass.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from llm_gateway.canonical.loss import Loss
from llm_gateway.dialects.contract import Asked, Call, Dialect, Seen, Target
from llm_gateway.dialects.contract import Path as Place
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.dialects.translate import Translation, can_translate
from llm_gateway.errors import MalformedRequest, UpstreamFault, UpstreamTruncated

__all__ = ["CASES", "MODELS", "OPERATIONS", "Case", "cases", "expected", "is_made", "laid_out"]

CASES = Path(__file__).resolve().parents[1] / "tests" / "fixtures" / "matrix"

MODELS: Mapping[str, str] = MappingProxyType(
    {
        "chat": "mistral-large-3",
        "responses": "gpt-5.5",
        "messages": "claude-sonnet-4-5",
        "gemini": "gemini-3.8-flash",
        "ollama": "qwen3:14b",
    }
)
"""Whom requests are written for, where a case names nobody else."""

_ID = "01k8zq4v9d"
_NOW = 1_795_536_000
OPERATIONS = {
    "chat": "chat/completions",
    "responses": "responses",
    "messages": "messages",
    "gemini": "generateContent",
    "ollama": "chat",
}
_STREAMS = {"generateContent": "streamGenerateContent"}
_SUFFIXES = {b"text/event-stream": "sse", b"application/x-ndjson": "ndjson", b"application/json": "json"}
_TOLD = "told.json"
_WIDTH = 100


class Case(msgspec.Struct, frozen=True):
    """One case: `requests` names the case whose requests its answers answer, where that is another one.

    `stream` is whether its requests want a stream where only the path says so; `query` is what follows the
    path of Gemini's; `asks_usage` is whether a stream of Chat Completions is asked to tell its usage.
    """

    about: str
    name: str = ""
    operations: dict[str, str] = {}
    models: dict[str, str] = {}
    requests: str = ""
    stream: bool = False
    query: str = "alt=sse"
    asks_usage: bool = True

    @property
    def folder(self) -> Path:
        """Return where the case lies."""
        return CASES / self.name

    def given(self, part: str) -> dict[str, Path]:
        """Return the files that people wrote of one part (`request`, `answer` …), by dialect."""
        found = {path.stem: path for path in sorted((self.folder / part).glob("*")) if not is_made(path)}
        return {name: found[name] for name in DIALECTS if name in found}

    def call(self, client: str, stream: bool | None = None) -> Call:
        """Return what a client of this dialect asks, as it stands or for a `stream` or not."""
        holder = load(self.requests) if self.requests else self
        body = (holder.folder / "request" / f"{client}.json").read_bytes()
        operation = holder.operations.get(client, OPERATIONS[client])
        if stream is not None and client != "gemini":
            body = _streaming(body, client, stream, self.asks_usage)
        elif client == "gemini" and (holder.stream if stream is None else stream):
            operation = _STREAMS.get(operation, operation)
        query = self.query if operation in _STREAMS.values() else ""
        return DIALECTS[client].read_call(body, Place(operation, MODELS[client], query))

    def clients(self) -> list[str]:
        """Return the dialects whose clients ask something in this case."""
        holder = load(self.requests) if self.requests else self
        return list(holder.given("request"))

    def model(self, target: str) -> str:
        """Return the model that a target of this dialect is asked for."""
        return self.models.get(target, MODELS[target])


def cases() -> list[Case]:
    """Return every case."""
    return [load(path.parent.name) for path in sorted(CASES.glob("*/case.json"))]


def load(name: str) -> Case:
    """Return the case of this name."""
    case = msgspec.json.decode((CASES / name / "case.json").read_bytes(), type=Case)
    return msgspec.structs.replace(case, name=name)


def is_made(path: Path) -> bool:
    """Whether a file of a case is made by the program rather than written by people."""
    return path.name == _TOLD or "-" in path.stem


def expected(case: Case) -> dict[Path, str]:
    """Return every file of a case that follows from the code."""
    return dict(_all(case))


def _all(case: Case) -> Iterator[tuple[Path, str]]:
    for client in case.given("request"):
        for target in _targets(case, client):
            yield _place(case, "request", f"{client}-{target}.json"), laid_out(_request(case, client, target))
    for target, path in case.given("answer").items():
        for client in _askers(case, target):
            answer = _answer(case, client, target, path.read_bytes())
            yield _place(case, "answer", f"{target}-{client}.json"), laid_out(answer)
    told: dict[str, object] = {}
    for target, path in case.given("stream").items():
        for client in _askers(case, target):
            suffix, out, told[f"{target}-{client}"] = _stream(case, client, target, path.read_bytes())
            yield _place(case, "stream", f"{target}-{client}.{suffix}"), out
    if told:
        yield _place(case, "stream", _TOLD), laid_out(told)
    for target, path in case.given("error").items():
        for client in DIALECTS:
            if client != target:
                failure = _failure(DIALECTS[client], DIALECTS[target], path.read_bytes())
                yield _place(case, "error", f"{target}-{client}.json"), laid_out(failure)


def _place(case: Case, part: str, name: str) -> Path:
    return case.folder / part / name


def _targets(case: Case, client: str) -> list[str]:
    operation = case.call(client).operation
    return [
        name
        for name, target in DIALECTS.items()
        if name != client and can_translate(DIALECTS[client], target, operation)
    ]


def _askers(case: Case, target: str) -> list[str]:
    return [client for client in case.clients() if target in _targets(case, client)]


def _translation(case: Case, client: str, stream: bool | None = None) -> tuple[Translation, Call]:
    call = case.call(client, stream)
    asked = Asked(call.operation, _ID, call.model, call.stream, call.wants_usage, _NOW, query=call.query)
    return Translation(DIALECTS[client], call, asked), call


def _request(case: Case, client: str, target: str) -> dict[str, object]:
    translation, _ = _translation(case, client)
    model = case.model(target)
    try:
        encoded = translation.request(DIALECTS[target], Target(model))
    except MalformedRequest as error:
        return {"refused": error.message, "param": error.param}
    return {
        "path": translation.path(DIALECTS[target], model),
        "body": json.loads(encoded.body),
        "losses": _losses(encoded.losses),
    }


def _answer(case: Case, client: str, target: str, body: bytes) -> dict[str, object]:
    translation, _ = _translation(case, client, stream=False)
    translation.request(DIALECTS[target], Target(case.model(target)))
    try:
        out, seen, losses = translation.answer(DIALECTS[target], body, streamed=False)
    except UpstreamFault as error:
        return {"broken": error.message}
    return {"body": json.loads(out), "seen": _seen(seen), "losses": _losses(losses)}


def _stream(case: Case, client: str, target: str, data: bytes) -> tuple[str, str, dict[str, object]]:
    translation, _ = _translation(case, client, stream=True)
    translation.request(DIALECTS[target], Target(case.model(target)))
    meter = translation.meter(DIALECTS[target])
    seen = meter.seen
    out: list[bytes] = []
    try:  # as pipeline/relay.py does
        out.append(meter.feed(data))
        out.append(meter.close())
        if not (seen.complete or seen.finish_reason or seen.error):
            raise UpstreamTruncated("the upstream ended its stream before the answer was complete")
    except UpstreamFault as error:
        out.append(meter.fail(error))
    kind = DIALECTS[client].content_type(translation.asked).partition(b";")[0]
    told: dict[str, object] = {"seen": _seen(seen), "losses": _losses(meter.losses)}
    return _SUFFIXES[kind], b"".join(out).decode(), told


def _failure(client: Dialect, target: Dialect, told: bytes) -> object:
    told_as = json.loads(told)
    body = told_as["body"]
    sent = body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()
    return json.loads(client.encode_failure(target.decode_error(told_as["status"], sent)))


def _streaming(body: bytes, client: str, stream: bool, asks_usage: bool) -> bytes:
    fields = json.loads(body)
    fields["stream"] = stream
    if client == "chat" and stream and asks_usage:
        fields["stream_options"] = {"include_usage": True}
    elif client == "chat":
        fields.pop("stream_options", None)
    return json.dumps(fields, ensure_ascii=False).encode()


def _losses(losses: Iterable[Loss]) -> dict[str, str]:
    return {loss.what: loss.why for loss in losses}


def _seen(seen: Seen) -> dict[str, object]:
    told = msgspec.to_builtins(seen)
    del told["counted_bytes"]  # of an answer that is cut, and these are whole
    usage = told["usage"]
    if usage is not None:
        told["usage"] = {key: value for key, value in usage.items() if value}
    return {key: value for key, value in told.items() if value}


def laid_out(value: object) -> str:
    """Return JSON to be read and compared by people: what fits on a line stands on one."""
    return f"{_laid_out(value, 0, 0)}\n"


def _laid_out(value: object, depth: int, before: int) -> str:
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + 2 * depth + before <= _WIDTH or not isinstance(value, dict | list) or not value:
        return line
    inner = "  " * (depth + 1)
    if isinstance(value, dict):
        names = [json.dumps(key, ensure_ascii=False) for key in value]
        items = [
            f"{name}: {_laid_out(item, depth + 1, len(name) + 3)}"
            for name, item in zip(names, value.values(), strict=True)
        ]
        opening, closing = "{}"
    else:
        items = [_laid_out(item, depth + 1, 1) for item in value]
        opening, closing = "[]"
    return f"{opening}\n{inner}{f',{chr(10)}{inner}'.join(items)}\n{'  ' * depth}{closing}"
