"""Seals of one dialect in the places of another: back as they were, and never taken for somebody else's."""

from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.parts import Seal
from llm_gateway.dialects.opaque import opened, sealed_for

names = st.sampled_from(("chat", "responses", "messages", "gemini", "ollama"))
seals = st.builds(Seal, names, st.text(max_size=50))


@given(place=names, seal=seals)
def test_a_seal_comes_back_from_any_dialects_place(place: str, seal: Seal) -> None:
    if seal.data.startswith("lgw1.") and seal.dialect == place:
        return  # an envelope is opened wherever it is found: the next test
    assert opened(place, sealed_for(place, seal)) == seal


@given(place=names, seal=seals)
def test_an_envelope_is_opened_wherever_it_is_found(place: str, seal: Seal) -> None:
    assert opened(place, f"lgw1.{seal.dialect}.{seal.data}") == seal


@given(name=names, data=st.text(max_size=50))
def test_its_own_seal_is_carried_as_it_is(name: str, data: str) -> None:
    assert sealed_for(name, Seal(name, data)) == data


def test_a_seal_that_passes_two_gateways_is_wrapped_once() -> None:
    """What one gateway wrapped is, to the next one, what it was wrapped from."""
    first = sealed_for("chat", Seal("messages", "s"))
    assert sealed_for("responses", opened("chat", first)) == "lgw1.messages.s"


def test_a_broken_envelope_is_the_dialects_own() -> None:
    assert opened("chat", "lgw1.messages") == Seal("chat", "lgw1.messages")
    assert opened("chat", "") == Seal("chat", "")
    assert opened("chat", "LGW1.messages.s") == Seal("chat", "LGW1.messages.s")
