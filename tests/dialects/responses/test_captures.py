"""Recorded traffic of real clients, read in place: nothing but the model changes on its way out.

The recordings keep bodies as values, long texts cut; each is written in the three layouts that clients
use (JavaScript's and httpx's, Python's default, indented), which is what byte-exactness depends on. The
bodies that Codex compressed are recorded decoded.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from llm_gateway.canonical.events import Finished
from llm_gateway.canonical.parts import ToolCall, ToolResult
from llm_gateway.canonical.request import Decoded, Request
from llm_gateway.canonical.response import fold
from llm_gateway.dialects import contract
from llm_gateway.dialects.responses import RESPONSES

CAPTURES = Path(__file__).parents[4] / "shared" / "captures"
EXPECTED_AT_LEAST = 25

# A recorded request and its answer, JSON of any shape.
Exchange = tuple[str, dict[str, Any], dict[str, Any]]


def recorded() -> list[Exchange]:
    found = []
    for path in sorted(CAPTURES.glob("*.json")):
        exchange = json.loads(path.read_bytes())
        request = exchange.get("request", {})
        if request.get("path") == "/v1/responses" and isinstance(request.get("body"), dict):
            found.append((path.stem, request["body"], exchange["scripted_response"]))
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


def read_call(body: bytes) -> contract.Call:
    return RESPONSES.read_call(body, contract.Path("responses"))


def test_the_same_model_leaves_every_byte(exchanges: list[Exchange]) -> None:
    assert len(exchanges) >= EXPECTED_AT_LEAST
    assert any("zstd" in name for name, _, _ in exchanges)
    for name, value, _ in exchanges:
        for body in layouts(value):
            call = read_call(body)
            assert call.model == value["model"], name
            assert call.stream is bool(value.get("stream")), name
            assert RESPONSES.address(call, call.model, ask_usage=True) is body, name


def test_another_model_changes_only_the_model(exchanges: list[Exchange]) -> None:
    for name, value, _ in exchanges:
        for body in layouts(value):
            sent = RESPONSES.address(read_call(body), "other/model:q4", ask_usage=True)
            old, new = json.dumps(value["model"]).encode(), b'"other/model:q4"'
            assert json.loads(sent) == {**value, "model": "other/model:q4"}, name
            start = next(i for i in range(len(body)) if body[i] != sent[i])
            start = body.rindex(b'"', 0, start)
            assert sent == body[:start] + new + body[start + len(old) :], name


def test_recorded_answers_are_relayed_and_read(exchanges: list[Exchange]) -> None:
    metered = 0
    for name, value, response in exchanges:
        if response["status"] != 200 or not response.get("body"):
            continue
        body = response["body"].encode()
        if not value.get("stream"):
            seen = RESPONSES.read_answer(body, "responses")
            whole = RESPONSES.decode_response(body).response
        else:
            meter = RESPONSES.meter(read_call(layouts(value)[0]), strip_usage=False)
            assert meter.feed(body) is body, name
            seen = meter.seen
            decoder = RESPONSES.decoder()
            events = decoder.feed(body)
            assert isinstance(events[-1], Finished) is seen.complete, name
            whole = fold(events)
            assert not decoder.losses, name
        assert whole.parts, name
        assert seen.response_id.startswith("resp_"), name
        if seen.complete:
            metered += 1
            assert seen.usage is not None and seen.usage == whole.usage, name
    assert metered >= 20


def understood(exchanges: list[Exchange], name: str) -> Decoded:
    body = next(value for found, value, _ in exchanges if found == name)
    return RESPONSES.decode_request(read_call(layouts(body)[0]))


def test_every_recorded_request_is_understood(exchanges: list[Exchange]) -> None:
    lost: set[str] = set()
    for name, value, _ in exchanges:
        decoded = [RESPONSES.decode_request(read_call(body)) for body in layouts(value)]
        assert decoded[0].request.messages, name
        assert decoded[0].losses == decoded[1].losses == decoded[2].losses, name
        lost |= {loss.what for loss in decoded[0].losses}
    # What Codex says that no other dialect can: how much to say, and a search that OpenAI does itself.
    assert lost == {"tools.web_search", "text.verbosity"}


def test_the_tools_of_responses_lite_are_real_tools(exchanges: list[Exchange]) -> None:
    request = understood(exchanges, "codex-08-responses-lite-tool-result").request
    names = [tool.name for tool in request.tools]
    assert names[:2] == ["exec", "wait"]
    assert "clock__sleep" in names and "collaboration__spawn_agent" in names
    assert calls_and_results(request) == [("exec", True), ("", True)]


def test_the_tools_of_codex_reach_a_model_that_it_does_not_know(exchanges: list[Exchange]) -> None:
    request = understood(exchanges, "codex-09-unknown-model").request
    names = [tool.name for tool in request.tools]
    assert len(names) == 12 and "multi_agent_v1__spawn_agent" in names


def calls_and_results(request: Request) -> list[tuple[str, bool]]:
    parts = [part for message in request.messages for part in message.parts]
    return [(part.name, part.custom) for part in parts if isinstance(part, ToolCall | ToolResult)]
