"""Seals in `thoughtSignature`: Google's own as they are, others' as base64, which clients decode."""

from base64 import b64decode, urlsafe_b64encode

from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.parts import Part, Refusal, Seal, Text, Thinking, ToolCall
from llm_gateway.dialects.gemini.seals import (
    BYPASS,
    Thought,
    call_signature,
    open_call_signature,
    open_signature,
    signature_of,
    thoughts_of,
)

OTHERS = st.builds(Seal, st.sampled_from(["chat", "messages", "responses", "ollama"]), st.text())


@given(st.text(), st.booleans())
def test_googles_own_stay_as_they_are(data: str, redacted: bool) -> None:
    seal = Seal("gemini", data)
    assert signature_of(seal, redacted=redacted) == data
    if not data.startswith("bGd3M"):
        assert open_signature(data) == (seal, False)


@given(OTHERS, st.booleans())
def test_others_come_back(seal: Seal, redacted: bool) -> None:
    text = signature_of(seal, redacted=redacted)
    assert open_signature(text) == (seal, redacted)
    again = urlsafe_b64encode(b64decode(text, validate=True)).decode()
    assert open_signature(again) == (seal, redacted), "google-genai writes the other alphabet"
    assert open_signature(again.rstrip("=")) == (seal, redacted)


@given(st.text())
def test_what_only_begins_like_an_envelope_is_googles(rest: str) -> None:
    seal, redacted = open_signature(f"bGd3M{rest}")
    assert seal.dialect == "gemini" or signature_of(seal, redacted=redacted)
    assert open_signature("bGd3MQ==") == (Seal("gemini", "bGd3MQ=="), False)
    assert open_signature("bGd3Mé") == (Seal("gemini", "bGd3Mé"), False)


def test_the_word_for_none_is_base64_as_the_field_is() -> None:
    assert len(BYPASS) % 4 == 0 and BYPASS.replace("_", "").isalnum()


THINKING: st.SearchStrategy[Part] = st.builds(
    Thinking, st.text(min_size=1), st.none() | OTHERS, st.booleans()
)


@given(st.lists(THINKING, min_size=1), st.none() | OTHERS)
def test_a_call_brings_back_what_was_thought_before_it(parts: list[Part], seal: Seal | None) -> None:
    text = call_signature(seal, thoughts_of(parts))
    found, thoughts = open_call_signature(text)
    assert found == seal and [thought.thinking() for thought in thoughts] == parts
    again = urlsafe_b64encode(b64decode(text, validate=True)).decode()
    assert open_call_signature(again) == (found, thoughts)


def test_what_is_said_between_a_thought_and_a_call_is_known() -> None:
    sealed = Seal("messages", "s")
    parts: list[Part] = [
        Thinking("a", sealed),
        Text("b"),
        Thinking("", sealed),
        Text(""),
        ToolCall("x", "f", ""),
    ]
    assert thoughts_of(parts) == [
        Thought("a", "messages", "s", early=True),
        Thought("", "messages", "s", early=False),
    ]
    assert thoughts_of([Thinking("a"), Refusal("no")]) == [Thought("a", early=True)]
    assert thoughts_of([Thinking("a", Seal("gemini", "c2ln")), Thinking(""), Text("b")]) == []


def test_googles_own_calls_hold_googles_own_seals() -> None:
    seal = Seal("gemini", "c2ln")
    assert call_signature(seal, [Thought("a")]) == "c2ln"
    assert call_signature(None, []) == "" and call_signature(Seal("chat", "d"), []) == signature_of(
        Seal("chat", "d")
    )
    assert open_call_signature("c2ln") == (seal, [])
    assert open_call_signature(signature_of(Seal("chat", "d"))) == (Seal("chat", "d"), [])
    assert open_call_signature("") == open_call_signature(BYPASS) == (None, [])


def test_an_envelope_that_came_back_changed_is_nothing() -> None:
    torn = call_signature(None, [Thought("abcdefgh")])[:-8]
    assert open_call_signature(torn) == (None, [])
