"""Seals in `thoughtSignature`: Google's own as they are, others' as base64, which clients decode."""

from base64 import b64decode, urlsafe_b64encode

from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.parts import Seal
from llm_gateway.dialects.gemini.seals import BYPASS, open_signature, signature_of

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
