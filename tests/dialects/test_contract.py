"""The values that pass between a dialect and the pipeline."""

import pytest

from llm_gateway.dialects.contract import Call, Seen
from llm_gateway.wire.jsonedit import Document


def test_a_call_is_as_long_as_its_body_and_cannot_be_changed() -> None:
    document = Document.parse(b'{"model":"a"}')
    call = Call(operation="completions", model="a", stream=False, wants_usage=False, document=document)
    assert len(call) == 13
    with pytest.raises(AttributeError):
        call.model = "b"  # type: ignore[misc]


def test_nothing_is_seen_before_anything_came() -> None:
    assert Seen() == Seen(
        usage=None, response_id="", model="", finish_reason="", content_bytes=0, complete=False, error=""
    )
