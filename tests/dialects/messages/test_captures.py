"""Recorded traffic of real clients, read in place: nothing but the model changes on its way out.

The recordings keep bodies as values, long texts cut; each is written in the three layouts that clients
use (JavaScript's and httpx's, Python's default, indented), which is what byte-exactness depends on.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects import contract
from llm_gateway.dialects.messages import MESSAGES

CAPTURES = Path(__file__).parents[4] / "shared" / "captures"
EXPECTED_AT_LEAST = 25

Recorded = list[tuple[str, str, dict[str, Any], dict[str, Any]]]  # JSON as recorded: of any shape


@pytest.fixture(scope="module")
def exchanges() -> Recorded:
    if not CAPTURES.is_dir():
        pytest.skip(f"the recorded exchanges are not beside the checkout ({CAPTURES})")
    found: Recorded = []
    for path in sorted(CAPTURES.glob("*.json")):
        exchange = json.loads(path.read_bytes())
        request = exchange.get("request", {})
        target = request.get("path", "").removeprefix("/v1/")
        if target.startswith("messages") and isinstance(request.get("body"), dict):
            found.append((path.stem, target, request["body"], exchange["scripted_response"]))
    return found


def layouts(body: dict[str, Any]) -> list[bytes]:
    return [
        json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(),
        json.dumps(body).encode(),
        json.dumps(body, indent=2, ensure_ascii=False).encode() + b"\n",
    ]


def call_of(body: bytes, target: str) -> contract.Call:
    operation, _, query = target.partition("?")
    return MESSAGES.read_call(body, contract.Path(operation, query=query))


def test_the_same_model_leaves_every_byte(exchanges: Recorded) -> None:
    assert len(exchanges) >= EXPECTED_AT_LEAST
    assert {target for _, target, _, _ in exchanges} == {
        "messages",
        "messages?beta=true",
        "messages/count_tokens",
        "messages/count_tokens?beta=true",
    }
    for name, target, value, _ in exchanges:
        for body in layouts(value):
            call = call_of(body, target)
            assert call.model == value["model"], name
            assert call.stream is bool(value.get("stream")), name
            assert MESSAGES.address(call, call.model, ask_usage=True) is body, name
            assert MESSAGES.target(call, call.model) == target, name


def test_another_model_changes_only_the_model(exchanges: Recorded) -> None:
    for name, target, value, _ in exchanges:
        for body in layouts(value):
            sent = MESSAGES.address(call_of(body, target), "other/model:q4", ask_usage=False)
            old, new = json.dumps(value["model"]).encode(), b'"other/model:q4"'
            cut = len(body) - len(sent) + len(new) - len(old)
            assert cut == 0, name
            at = next(i for i, (a, b) in enumerate(zip(body, sent, strict=False)) if a != b)
            at = body.rindex(b'"', 0, at)
            assert sent == body[:at] + new + body[at + len(old) :], name
            assert json.loads(sent) == {**value, "model": "other/model:q4"}, name


def test_recorded_answers_are_read_and_relayed(exchanges: Recorded) -> None:
    metered = 0
    for name, target, value, response in exchanges:
        if response["status"] != 200:
            failure = MESSAGES.decode_error(response["status"], response["body"].encode())
            assert (failure.kind, failure.message) == ("invalid_request_error", "scripted 400"), name
            continue
        body = response["body"].encode()
        call = call_of(layouts(value)[0], target)
        if value.get("stream"):
            meter = MESSAGES.meter(call, strip_usage=True)
            assert meter.feed(body) is body, name
            seen = meter.seen
        else:
            seen = MESSAGES.read_answer(body, call.operation)
        assert seen.complete, name
        if "count_tokens" in target:
            assert seen.usage == Usage(), name
            continue
        metered += 1
        assert seen.usage == Usage(uncached=83, cache_read=16, output=4), name
        assert seen.finish_reason in ("end_turn", "tool_use") and seen.response_id.startswith("msg_"), name
    assert metered >= 15


def test_recorded_requests_are_understood_but_for_two_things(exchanges: Recorded) -> None:
    """What other providers cannot be told: marks for a cache, and who owns the device."""
    known = {"cache_control", "metadata.user_id"}
    for name, target, value, _ in exchanges:
        decoded = MESSAGES.decode_request(call_of(layouts(value)[0], target))
        assert {loss.what for loss in decoded.losses} <= known, name
        tools = [tool["name"] for tool in value.get("tools", ()) if not tool.get("defer_loading")]
        assert [tool.name for tool in decoded.request.tools] == tools, name
        assert "billing" not in str(decoded.request), name
