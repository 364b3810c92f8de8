"""Calls in pieces: each server cuts and numbers them in its own way."""

from typing import Any

import pytest

from llm_gateway.canonical.events import CallDelta, CallStarted, Event
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Seal
from llm_gateway.dialects.chat.calling import CallPieces


# JSON as a server sends it: of any shape.
def events(*deltas: Any) -> list[Event]:
    calls = CallPieces(Losses())
    calls.origin = "chatcmpl-1"
    found: list[Event] = []
    for pieces in deltas:
        calls.feed(pieces, found)
    calls.close(found)
    assert calls.count == sum(isinstance(event, CallStarted) for event in found)
    return found


def piece(
    index: object = None, call_id: str = "", name: str = "", arguments: object = None
) -> dict[str, object]:
    told: dict[str, object] = {"function": {"name": name, "arguments": arguments}}
    if index is not None:
        told["index"] = index
    return {**told, "id": call_id} if call_id else told


A, B = CallStarted(0, "a", "add"), CallStarted(1, "b", "sub")


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        # OpenAI: numbered, the name first, the arguments after
        (
            [
                [piece(0, "a", "add", "")],
                [piece(0, arguments="{")],
                [piece(1, "b", "sub", "")],
                [piece(1, arguments="}")],
            ],
            [A, CallDelta(0, "{"), B, CallDelta(1, "}")],
        ),
        # in turns
        (
            [
                [piece(0, "a", "add"), piece(1, "b", "sub")],
                [piece(1, arguments="y"), piece(0, arguments="x")],
            ],
            [A, B, CallDelta(1, "y"), CallDelta(0, "x")],
        ),
        # all numbered 0, told apart by id
        (
            [[piece(0, "a", "add", "{}")], [piece(0, "b", "sub", "[]")]],
            [A, CallDelta(0, "{}"), B, CallDelta(1, "[]")],
        ),
        # without numbers: by id, and a piece without an id goes on with the last
        (
            [[piece(None, "a", "add", "{")], [piece(None, arguments="}")], [piece(None, "b", "sub", "[]")]],
            [A, CallDelta(0, "{"), CallDelta(0, "}"), B, CallDelta(1, "[]")],
        ),
        # the id again in every piece
        (
            [[piece(0, "a", "add", "{")], [piece(0, "a", "", "}")], [piece(0, "a", "add", "!")]],
            [A, CallDelta(0, "{"), CallDelta(0, "}"), CallDelta(0, "!")],
        ),
        # arguments as JSON
        ([[piece(0, "a", "add", {"x": 1})]], [A, CallDelta(0, '{"x":1}')]),
        # no id at all
        ([[piece(0, "", "add", "{}")]], [CallStarted(0, "call_chatcmpl1_0", "add"), CallDelta(0, "{}")]),
        # the name after the first arguments, the id with it
        ([[piece(0, arguments="{")], [piece(0, "a", "add", "}")]], [A, CallDelta(0, "{"), CallDelta(0, "}")]),
        # no name ever
        ([[piece(0, "a", arguments="{}")]], [CallStarted(0, "a", ""), CallDelta(0, "{}")]),
        # numbers that begin elsewhere
        ([[piece(3, "a", "add")], [piece(7, "b", "sub")]], [A, B]),
        # free text
        (
            [
                [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "add", "input": ""}}],
                [{"index": 0, "custom": {"input": "ls"}}],
            ],
            [CallStarted(0, "a", "add", custom=True), CallDelta(0, "ls")],
        ),
        # Google's seal
        (
            [[{**piece(0, "a", "add", "{}"), "extra_content": {"google": {"thought_signature": "g"}}}]],
            [CallStarted(0, "a", "add", seal=Seal("chat", "g")), CallDelta(0, "{}")],
        ),
        ([None, "x", [7], [{}], [piece(0)], []], []),
    ],
)
def test_pieces_find_their_call(deltas: list[object], expected: list[Event]) -> None:
    assert events(*deltas) == expected
