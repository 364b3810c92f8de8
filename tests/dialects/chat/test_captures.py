"""Recorded traffic of real clients, read in place: nothing but the model changes on its way out.

The recordings keep bodies as values, long texts cut; each is written in the three layouts that clients
use (JavaScript's and httpx's, Python's default, indented), which is what byte-exactness depends on.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from llm_gateway.dialects import contract
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.chat.request import OPERATIONS

CAPTURES = Path(__file__).parents[4] / "shared" / "captures"
EXPECTED_AT_LEAST = 15


# JSON as recorded: of any shape.
def recorded() -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    found = []
    for path in sorted(CAPTURES.glob("*.json")):
        exchange = json.loads(path.read_bytes())
        request = exchange.get("request", {})
        operation = request.get("path", "").partition("?")[0].removeprefix("/v1/")
        if operation in OPERATIONS and isinstance(request.get("body"), dict):
            found.append((path.stem, operation, request["body"], exchange["scripted_response"]))
    return found


@pytest.fixture(scope="module")
def exchanges() -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    if not CAPTURES.is_dir():
        pytest.skip(f"the recorded exchanges are not beside the checkout ({CAPTURES})")
    return recorded()


def layouts(body: dict[str, Any]) -> list[bytes]:
    return [
        json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(),
        json.dumps(body).encode(),
        json.dumps(body, indent=2, ensure_ascii=False).encode() + b"\n",
    ]


def test_the_same_model_leaves_every_byte(exchanges: list[tuple[str, str, dict[str, Any], Any]]) -> None:
    assert len(exchanges) >= EXPECTED_AT_LEAST
    for name, operation, value, _ in exchanges:
        for body in layouts(value):
            call = CHAT.read_call(body, contract.Path(operation))
            assert call.model == value["model"], name
            assert call.stream is bool(value.get("stream")), name
            assert CHAT.address(call, call.model, ask_usage=False) is body, name


def test_another_model_changes_only_the_model(exchanges: list[tuple[str, str, dict[str, Any], Any]]) -> None:
    for name, operation, value, _ in exchanges:
        for body in layouts(value):
            call = CHAT.read_call(body, contract.Path(operation))
            sent = CHAT.address(call, "other/model:q4", ask_usage=False)
            old, new = json.dumps(value["model"]).encode(), b'"other/model:q4"'
            at = next(i for i in range(len(body)) if body.startswith(b'"model"', i) and json_key(body, i))
            start = body.index(old, at)
            assert sent == body[:start] + new + body[start + len(old) :], name


def test_asking_for_usage_adds_one_member(exchanges: list[tuple[str, str, dict[str, Any], Any]]) -> None:
    asked = 0
    for name, operation, value, _ in exchanges:
        for body in layouts(value):
            call = CHAT.read_call(body, contract.Path(operation))
            sent = CHAT.address(call, call.model, ask_usage=True)
            if not call.stream or call.wants_usage:
                assert sent is body, name
            else:
                asked += 1
                assert json.loads(sent) == {**value, "stream_options": {"include_usage": True}}, name
                assert sent.startswith(body.rstrip().removesuffix(b"}").rstrip()), name
    assert asked >= 3  # aider, LangChain and Open Interpreter do not ask


def test_recorded_answers_are_read_and_relayed(exchanges: list[tuple[str, str, dict[str, Any], Any]]) -> None:
    metered = 0
    for name, operation, value, response in exchanges:
        if response["status"] != 200 or not response.get("body"):
            continue
        body = response["body"].encode()
        if value.get("stream"):
            call = CHAT.read_call(layouts(value)[0], contract.Path(operation))
            meter = CHAT.meter(call, strip_usage=False)
            assert meter.feed(body) is body, name
            seen = meter.seen
        else:
            seen = CHAT.read_answer(body, operation)
        assert seen.complete, name
        assert operation == "embeddings" or seen.finish_reason, name
        if '"usage": {' in response["body"]:
            metered += 1
            assert seen.usage is not None and seen.usage.input > 0, name
        else:
            assert seen.usage is None, name
    assert metered >= 8


def test_recorded_requests_are_understood_whole(
    exchanges: list[tuple[str, str, dict[str, Any], Any]],
) -> None:
    read = 0
    for name, operation, value, _ in exchanges:
        if CHAT.kind(operation) == "generate":
            read += 1
            decoded = CHAT.decode_request(CHAT.read_call(layouts(value)[0], contract.Path(operation)))
            assert decoded.losses == (), name
            encoded = CHAT.encode_request(decoded.request, contract.Target(value["model"]))
            assert {loss.what for loss in encoded.losses} <= {"tools.grammar"}, name
            told = json.loads(encoded.body)
            assert len(told["messages"]) == len(value["messages"]), name
            assert len(told.get("tools", ())) == len(value.get("tools", ())), name
    assert read >= EXPECTED_AT_LEAST - 5


def json_key(body: bytes, at: int) -> bool:
    """Whether the text at this place is a top-level key: that much of the body closes nothing it opened."""
    before = body[:at]
    for cut in (before + b'"x":1}', before.rstrip().removesuffix(b",") + b"}"):
        try:
            json.loads(cut)
        except ValueError:
            continue
        return True
    return False
