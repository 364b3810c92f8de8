"""What a model may not be able to read is not referred to; everything else is."""

import json

import pytest

from llm_gateway.compression.elsewhere import read_elsewhere
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.wire.jsonedit import Document
from tool_talk import MEMBERS, Call, Result, Said, Turn, body

TALK: list[Turn] = [Said("user", "go"), Call("Read", {}), Result("a", "Read")]
SUMMED: dict[str, list[dict[str, object]]] = {
    "messages": [{"role": "assistant", "content": [{"type": "compaction", "content": "so far"}]}],
    "responses": [{"type": "compaction", "encrypted_content": "x"}],
}


def why(dialect: str, fields: dict[str, object], *, before: bool = False, summed: bool = False) -> str:
    whole = json.loads(body(dialect, TALK))
    member = MEMBERS[dialect]
    if summed:
        whole[member] = [*whole[member], *SUMMED[dialect]] if before else [*SUMMED[dialect], *whole[member]]
    document = Document.parse(json.dumps({**whole, **fields}).encode())
    return read_elsewhere(document.fields, DIALECTS[dialect].slots(document, lambda *_: None))


def edits(*names: str) -> dict[str, object]:
    return {"context_management": {"edits": [{"type": name} for name in names]}}


@pytest.mark.parametrize(
    ("dialect", "fields", "word"),
    [
        ("responses", {"previous_response_id": "resp_1"}, "at its provider"),
        ("responses", {"conversation": {"id": "conv_1"}}, "at its provider"),
        ("gemini", {"cachedContent": "cachedContents/1"}, "at its provider"),
        ("responses", {"truncation": "auto"}, "take out"),
        (
            "responses",
            {"context_management": [{"type": "compaction", "compact_threshold": 9000}]},
            "take out",
        ),
        ("chat", {"transforms": ["middle-out"]}, "take out"),
        ("chat", {"truncate_prompt_tokens": 4000}, "take out"),
        ("messages", edits("clear_thinking_20251015", "clear_tool_uses_20250919"), "take out"),
        ("messages", edits("compact_20260112"), "take out"),
        ("messages", edits("of_next_year"), "take out"),
    ],
)
def test_what_a_provider_keeps_or_takes_out(dialect: str, fields: dict[str, object], word: str) -> None:
    assert word in why(dialect, fields)


@pytest.mark.parametrize(
    ("dialect", "fields"),
    [
        ("responses", {"previous_response_id": None, "truncation": "disabled", "context_management": None}),
        ("messages", edits("clear_thinking_20251015")),
        ("messages", {"context_management": {}}),
        ("chat", {"transforms": []}),
        ("gemini", {}),
        ("ollama", {"truncate": True}),
    ],
)
def test_what_leaves_everything_where_it_is(dialect: str, fields: dict[str, object]) -> None:
    assert why(dialect, fields) == ""


@pytest.mark.parametrize("dialect", SUMMED)
def test_what_was_summed_up_is_no_longer_read(dialect: str) -> None:
    assert "summed up" in why(dialect, {}, before=True, summed=True)
    assert why(dialect, {}, summed=True) == ""  # nothing is before it
