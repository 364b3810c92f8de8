"""Reasoning: every spelling is read, seals come back as they were, and no server is told what it refuses."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Seal, Thinking
from llm_gateway.dialects.chat.reasoning import (
    details_of,
    google_seal,
    google_sealed,
    read_thoughts,
    seal_of,
    spoken,
    text_of_details,
    write_thoughts,
)


# JSON as a client sends it: of any shape.
def read(message: dict[str, Any]) -> tuple[list[Thinking], list[str]]:
    losses = Losses()
    return read_thoughts(message, losses), [loss.what for loss in losses.found()]


def write(*thoughts: Thinking) -> tuple[dict[str, object], list[str]]:
    losses = Losses()
    return write_thoughts(thoughts, losses), [loss.what for loss in losses.found()]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({}, ("", "")),
        ({"reasoning_content": "a"}, ("a", "reasoning_content")),
        ({"reasoning": "a"}, ("a", "reasoning")),
        ({"reasoning": "a", "reasoning_content": ""}, ("a", "reasoning")),
        ({"reasoning": "a", "reasoning_content": "a"}, ("a", "reasoning_content")),
        ({"reasoning": {"effort": "high"}}, ("", "")),
    ],
)
def test_both_spellings_are_known(message: dict[str, object], expected: tuple[str, str]) -> None:
    assert spoken(message) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"reasoning_content": "a"}, [Thinking("a")]),
        ({"reasoning_content": None, "reasoning_details": []}, []),
        (
            {"thinking_blocks": [{"type": "thinking", "thinking": "a", "signature": "s"}]},
            [Thinking("a", Seal("messages", "s"))],
        ),
        (
            {
                "reasoning_content": "a",
                "thinking_blocks": [
                    {"type": "redacted_thinking", "data": "d"},
                    {"type": "thinking", "thinking": "a"},
                ],
            },
            [Thinking("", Seal("messages", "d"), redacted=True), Thinking("a")],
        ),
        # our own, as a client brings it back: text and seal together, the readable text beside it
        (
            {
                "reasoning_content": "a\n\nb",
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "a", "index": 0, "signature": "lgw1.messages.s"},
                    {"type": "reasoning.text", "text": "b", "index": 1},
                    {"type": "reasoning.encrypted", "data": "lgw1.messages.d", "index": 2},
                ],
            },
            [
                Thinking("a", Seal("messages", "s")),
                Thinking("b"),
                Thinking("", Seal("messages", "d"), redacted=True),
            ],
        ),
        # a seal without text of its own does not cost the readable text
        (
            {
                "reasoning_content": "a",
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "", "index": 0, "signature": "lgw1.responses.e"}
                ],
            },
            [Thinking("a"), Thinking("", Seal("responses", "e"))],
        ),
        # pieces of a stream that a client did not put together
        (
            {
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "a", "index": 0},
                    {"type": "reasoning.text", "text": "b", "index": 0},
                    {"type": "reasoning.summary", "summary": "c", "index": 1},
                ]
            },
            [Thinking("ab"), Thinking("c")],
        ),
        (
            {"extra_content": {"google": {"thought_signature": "g"}}},
            [Thinking("", Seal("gemini", "g"))],
        ),
    ],
)
def test_what_a_client_brings_back_is_read(message: dict[str, Any], expected: list[Thinking]) -> None:
    assert read(message) == (expected, [])


@pytest.mark.parametrize(
    ("detail", "thoughts"),
    [
        ({"type": "reasoning.text", "text": "a", "signature": "raw"}, [Thinking("a")]),
        ({"type": "reasoning.encrypted", "data": "raw"}, []),
        ({"type": "reasoning.server_tool_call"}, []),
        ("words", []),
    ],
)
def test_what_only_its_own_server_could_read_is_reported(detail: object, thoughts: list[Thinking]) -> None:
    assert read({"reasoning_details": [detail]}) == (thoughts, ["messages.reasoning_details"])


seals = st.none() | st.builds(Seal, st.sampled_from(("messages", "responses", "gemini")), st.text(max_size=9))
thoughts_of_others = st.builds(Thinking, st.text(min_size=1, max_size=9), seals) | st.builds(
    Thinking, st.just(""), seals.filter(bool), st.booleans()
)


@given(thoughts=st.lists(thoughts_of_others, max_size=5))
def test_details_bring_back_every_block_with_its_seal(thoughts: list[Thinking]) -> None:
    details = json.loads(json.dumps(details_of(thoughts)))
    assert [detail["index"] for detail in details] == list(range(len(thoughts)))
    assert read({"reasoning_details": details}) == (thoughts, [])


def test_details_are_numbered_on() -> None:
    assert [detail["index"] for detail in details_of([Thinking("a"), Thinking("b")], 3)] == [3, 4]


def test_a_server_is_told_again_what_it_said_where_it_said_it() -> None:
    details = [{"type": "reasoning.text", "text": "a", "signature": "s", "format": "x"}]
    plain = Thinking("a", seal_of("reasoning_content", []))
    detailed = Thinking("b", seal_of("reasoning", details))
    hidden = Thinking("", seal_of("", [{"type": "reasoning.encrypted", "data": "d"}]))
    assert write(plain, detailed, hidden) == (
        {
            "reasoning_content": "a",
            "reasoning": "b",
            "reasoning_details": [*details, {"type": "reasoning.encrypted", "data": "d"}],
        },
        [],
    )
    assert write(plain, plain) == ({"reasoning_content": "a\n\na"}, [])


@pytest.mark.parametrize(
    "thought",
    [
        Thinking("a"),
        Thinking("a", Seal("messages", "s")),
        Thinking("a", Seal("chat", "reasoning[{]")),
    ],
)
def test_what_others_thought_is_not_told(thought: Thinking) -> None:
    assert write(thought) == ({}, ["messages.thinking"])


def test_a_seal_that_was_changed_cannot_name_another_member() -> None:
    assert write(Thinking("a", Seal("chat", "content"))) == ({}, [])


def test_the_text_of_details_is_what_can_be_read() -> None:
    assert text_of_details([{"text": "a"}, {"summary": "b"}, {"data": "c"}, "d", {"text": 7}]) == "ab"
    assert text_of_details(None) == ""


@given(
    seal=st.builds(Seal, st.sampled_from(("messages", "gemini", "chat")), st.text(min_size=1)).filter(
        lambda seal: not seal.data.startswith("lgw1.")
    )
)
def test_googles_place_holds_any_seal(seal: Seal) -> None:
    assert google_seal({"extra_content": google_sealed(seal)}) == seal


@pytest.mark.parametrize(
    "holder", [{}, {"extra_content": None}, {"extra_content": {"google": {"thought_signature": ""}}}]
)
def test_without_a_signature_there_is_no_seal(holder: dict[str, object]) -> None:
    assert google_seal(holder) is None
