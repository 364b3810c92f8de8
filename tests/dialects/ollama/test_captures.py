"""Recorded traffic of Ollama's own client, read in place: nothing but the model changes on its way out.

The recordings keep bodies as values; each is written in the three layouts that clients use, which is what
byte-exactness depends on.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from llm_gateway.dialects import contract
from llm_gateway.dialects.contract import Asked
from llm_gateway.dialects.ollama import OLLAMA
from llm_gateway.dialects.ollama.request import OPERATIONS

CAPTURES = Path(__file__).parents[4] / "shared" / "captures"
EXPECTED_AT_LEAST = 4

# JSON as recorded: of any shape.
Exchange = tuple[str, str, dict[str, Any], dict[str, Any]]


def recorded() -> list[Exchange]:
    found = []
    for path in sorted(CAPTURES.glob("*.json")):
        exchange = json.loads(path.read_bytes())
        request = exchange.get("request", {})
        where = request.get("path", "").partition("?")[0]
        operation = where.removeprefix("/api/")
        if where.startswith("/api/") and operation in OPERATIONS and isinstance(request.get("body"), dict):
            found.append((path.stem, operation, request["body"], exchange["scripted_response"]))
    return found


@pytest.fixture(scope="module")
def exchanges() -> list[Exchange]:
    if not CAPTURES.is_dir():
        pytest.skip(f"the recorded exchanges are not beside the checkout ({CAPTURES})")
    return recorded()


def layouts(body: dict[str, Any]) -> list[bytes]:
    return [
        json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(),
        json.dumps(body).encode(),
        json.dumps(body, indent=2, ensure_ascii=False).encode() + b"\n",
    ]


def test_the_same_model_leaves_every_byte(exchanges: list[Exchange]) -> None:
    assert len(exchanges) >= EXPECTED_AT_LEAST
    for name, operation, value, _ in exchanges:
        for body in layouts(value):
            call = OLLAMA.read_call(body, contract.Path(operation))
            assert call.model == value["model"], name
            assert call.stream is (value.get("stream", True) and operation in ("chat", "generate")), name
            assert OLLAMA.address(call, call.model, ask_usage=True) is body, name


def test_another_model_changes_only_the_model(exchanges: list[Exchange]) -> None:
    for name, operation, value, _ in exchanges:
        for body in layouts(value):
            call = OLLAMA.read_call(body, contract.Path(operation))
            old = json.dumps(value["model"]).encode()
            assert body.count(old) == 1, name
            sent = OLLAMA.address(call, "other/model:q4", ask_usage=True)
            assert sent == body.replace(old, b'"other/model:q4"'), name


def test_recorded_answers_are_read_and_relayed(exchanges: list[Exchange]) -> None:
    for name, operation, value, response in exchanges:
        body = response["body"].encode()
        call = OLLAMA.read_call(layouts(value)[0], contract.Path(operation))
        if OLLAMA.is_stream(call, response["content_type"].encode()):
            meter = OLLAMA.meter(call, strip_usage=True)
            assert meter.feed(body) is body, name
            seen = meter.seen
        else:
            seen = OLLAMA.read_answer(body, operation)
        assert seen.complete and not seen.error, name
        assert seen.usage is not None and seen.usage.input in (83, 3), name
        assert operation == "embed" or seen.finish_reason == "stop", name


def test_recorded_requests_lose_nothing(exchanges: list[Exchange]) -> None:
    assert OLLAMA.embedding is not None
    for name, operation, value, _ in exchanges:
        call = OLLAMA.read_call(layouts(value)[0], contract.Path(operation))
        if OLLAMA.kind(operation) == "embed":
            assert OLLAMA.embedding.decode_request(call).losses == (), name
        else:
            assert OLLAMA.decode_request(call).losses == (), name


def test_recorded_answers_are_written_as_they_came(exchanges: list[Exchange]) -> None:
    for name, operation, value, response in exchanges:
        if OLLAMA.kind(operation) != "generate" or value.get("stream"):
            continue
        read = OLLAMA.decode_response(response["body"].encode())
        asked = Asked(operation, "01K", value["model"], stream=False, wants_usage=True, now=1_767_225_600)
        told = json.loads(OLLAMA.encode_response(read.response, asked).body)
        recorded_answer = json.loads(response["body"])
        missing = {key: recorded_answer[key] for key in recorded_answer.keys() - told.keys()}
        assert told == {key: recorded_answer[key] for key in told}, name
        assert all(key.endswith("_duration") for key in missing), name
