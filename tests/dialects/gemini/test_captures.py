"""Recorded traffic of real clients, read in place: nothing changes on its way out, and it is understood.

The recordings keep bodies as values, long texts cut; each is written in the three layouts that clients
use (JavaScript's and httpx's, Python's default, indented), which is what byte-exactness depends on.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from llm_gateway.canonical.events import Finished
from llm_gateway.canonical.parts import Seal, ToolCall, ToolResult
from llm_gateway.canonical.request import Decoded
from llm_gateway.canonical.response import Response, fold
from llm_gateway.dialects import contract
from llm_gateway.dialects.gemini import GEMINI

CAPTURES = Path(__file__).parents[4] / "shared" / "captures"
EXPECTED_AT_LEAST = 12

# A recorded request's place and body, and its answer: JSON of any shape.
Exchange = tuple[str, contract.Path, dict[str, Any], dict[str, Any]]


def recorded() -> list[Exchange]:
    found = []
    for path in sorted(CAPTURES.glob("*.json")):
        exchange = json.loads(path.read_bytes())
        request = exchange.get("request", {})
        place, _, query = request.get("path", "").partition("?")
        model, _, verb = place.rpartition("/models/")[2].rpartition(":")
        if "/models/" in place and verb and isinstance(request.get("body"), dict):
            found.append(
                (
                    path.stem,
                    contract.Path(verb, model, query),
                    request["body"],
                    exchange["scripted_response"],
                )
            )
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


def test_every_byte_leaves_as_it_came(exchanges: list[Exchange]) -> None:
    assert len(exchanges) >= EXPECTED_AT_LEAST
    for name, path, value, _ in exchanges:
        for body in layouts(value):
            call = GEMINI.read_call(body, path)
            assert (call.model, call.stream) == (path.model, path.operation == "streamGenerateContent"), name
            for model in (call.model, "other/model:q4"):
                assert GEMINI.address(call, model, ask_usage=True) is body, name
            asked = f"?{path.query}" if path.query else ""
            assert GEMINI.target(call, "other") == f"models/other:{path.operation}{asked}", name


def test_recorded_answers_are_relayed_and_read(exchanges: list[Exchange]) -> None:
    metered = 0
    for name, path, value, response in exchanges:
        body = response["body"].encode()
        if GEMINI.kind(path.operation) == "count":
            assert GEMINI.read_answer(body, path.operation).complete, name
            continue
        if path.operation == "streamGenerateContent":
            meter = GEMINI.meter(GEMINI.read_call(layouts(value)[0], path), strip_usage=False)
            assert meter.feed(body) is body, name
            seen, whole = meter.seen, streamed(body)
        else:
            seen, whole = GEMINI.read_answer(body, path.operation), GEMINI.decode_response(body).response
        metered += 1
        assert (seen.complete, seen.finish_reason) == (True, "STOP"), name
        assert seen.usage is not None and seen.usage == whole.usage, name
        assert (seen.response_id, seen.model) == (whole.id, whole.model) and whole.parts, name
    assert metered >= EXPECTED_AT_LEAST - 1


def streamed(body: bytes) -> Response:
    decoder = GEMINI.decoder()
    events = decoder.feed(body) + decoder.close()
    assert isinstance(events[-1], Finished) and not decoder.losses
    return fold(events)


def understood(exchanges: list[Exchange], name: str) -> Decoded:
    path, body = next((path, body) for found, path, body, _ in exchanges if found == name)
    return GEMINI.decode_request(GEMINI.read_call(layouts(body)[0], path))


def test_every_recorded_request_is_understood(exchanges: list[Exchange]) -> None:
    lost: set[str] = set()
    for name, path, value, _ in exchanges:
        if GEMINI.kind(path.operation) != "generate":
            continue
        decoded = [GEMINI.decode_request(GEMINI.read_call(body, path)) for body in layouts(value)]
        assert decoded[0].losses == decoded[1].losses == decoded[2].losses, name
        lost |= {loss.what for loss in decoded[0].losses}
        encoded = GEMINI.encode_request(decoded[0].request, contract.Target(path.model))
        assert encoded.losses == (), name
        told = json.loads(encoded.body)
        assert [each["role"] for each in told["contents"]] == turns(value["contents"]), name
        assert len(declared(told)) == len(declared(value)), name
    # What the Python SDK says of a function's result, which no other dialect can.
    assert lost == {"tools.response"}


def declared(body: dict[str, Any]) -> list[Any]:
    return [each for group in body.get("tools", ()) for each in group["functionDeclarations"]]


def turns(contents: list[Any]) -> list[str]:
    roles = [content["role"] for content in contents]
    return [role for at, role in enumerate(roles) if not at or roles[at - 1] != role]


def test_gemini_clis_tool_turn(exchanges: list[Exchange]) -> None:
    request = understood(exchanges, "gemini-04-tool-result").request
    parts = [part for message in request.messages for part in message.parts]
    (call,) = [part for part in parts if isinstance(part, ToolCall)]
    (result,) = [part for part in parts if isinstance(part, ToolResult)]
    assert (call.id, call.name, call.seal) == ("fc1", "run_shell_command", Seal("gemini", "c2ln"))
    assert (result.call_id, result.name, result.is_error) == ("fc1", "run_shell_command", False)
    assert request.messages[0].role == "system" and len(request.tools) > 10


def test_gemini_clis_router_asks_for_json_in_capitals(exchanges: list[Exchange]) -> None:
    request = understood(exchanges, "gemini-01-router").request
    assert request.format is not None and request.format.schema is not None
    schema = json.loads(bytes(request.format.schema))
    assert schema["type"] == "object" and schema["properties"]["complexity_score"]["type"] == "integer"
    assert request.reasoning is not None and request.reasoning.effort == "high"


def test_a_result_that_the_python_sdk_sends_without_an_id_finds_its_call(exchanges: list[Exchange]) -> None:
    request = understood(exchanges, "sdk-py-14").request
    results = [part for message in request.messages for part in message.parts if isinstance(part, ToolResult)]
    assert [(result.call_id, result.is_error) for result in results] == [("fc1", True)]
