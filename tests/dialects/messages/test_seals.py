"""Seals on their way through a client of this dialect."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.parts import Seal
from llm_gateway.dialects.messages.seals import call_signature, made_seal, open_signature, signature


def test_the_vendors_own_seal_stays_as_it_is() -> None:
    assert signature(Seal("messages", "EqoB==")) == "EqoB=="
    assert open_signature("EqoB==") == (Seal("messages", "EqoB=="), False)


def test_what_nobody_sealed_is_signed_with_a_mark_that_means_nothing() -> None:
    assert signature(None)
    assert open_signature(signature(None)) == open_signature("") == (None, False)
    assert made_seal(signature(None)) is None and made_seal("") is None
    assert made_seal("EqoB==") == Seal("messages", "EqoB==")


@given(st.sampled_from(("gemini", "responses", "chat", "messages")), st.text(min_size=1))
def test_every_seal_comes_back(dialect: str, data: str) -> None:
    seal = Seal(dialect, data)
    if dialect != "messages":
        assert open_signature(signature(seal)) == (seal, False)
        assert open_signature(call_signature(seal)) == (seal, True)


@pytest.mark.parametrize("text", ["lgw1.", "lgw1.x", "lgw"])
def test_what_only_looks_like_an_envelope_is_the_vendors(text: str) -> None:
    assert open_signature(text) == (Seal("messages", text), False)
