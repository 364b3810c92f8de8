"""Requests found in files: bodies, conversations, kept answers, and the plain text of a result."""

import json

import pytest

from llm_gateway.compression.files import filed
from tool_talk import Call, Result, Said, Turn, body

TURNS: list[Turn] = [Said("user", "go"), Call("Bash", {"command": "ls"}), Result("a\nb", "Bash")]


@pytest.mark.parametrize("dialect", ["chat", "responses", "messages", "gemini", "ollama"])
def test_a_body_tells_its_dialect(dialect: str) -> None:
    (found,) = filed(body(dialect, TURNS))
    assert len(found.slots.starts) == 1
    assert found.slots.member in found.document.fields
    if dialect not in ("chat", "ollama"):  # these two say results alike
        assert found.dialect == dialect
    (named,) = filed(body(dialect, TURNS), dialect=dialect)
    assert named.dialect == dialect


def test_lines_are_conversations_without_what_is_told_of_them() -> None:
    line = {**json.loads(body("messages", TURNS)), "kind": "cc", "id": "1", "api": "anthropic.messages"}
    found = filed(f"{json.dumps(line)}\n\n{json.dumps({**line, 'id': 7})}\n".encode())
    assert [each.name for each in found] == ["cc 1", "line 3"]
    assert "api" not in found[0].document.fields and "messages" in found[0].document.fields


def test_a_kept_answer_is_asked_for_as_it_was() -> None:
    asked = json.loads(body("responses", TURNS))["input"]
    response = {"id": "resp_1", "instructions": "Be short.", "tools": [], "output": []}
    line = {"schema": "llm-gateway/kept/v1", "key": "k", "id": "resp_1", "input": asked, "response": response}
    (found,) = filed(json.dumps(line).encode())
    assert found.dialect == "responses"
    assert set(found.document.fields) == {"input", "instructions", "tools"}


def test_plain_text_is_what_one_tool_has_said() -> None:
    (found,) = filed(b"line one\nline two \xff\n", tool="Read")
    (slot,) = [entry for entry in found.slots.entries() if hasattr(entry, "error")]
    assert json.loads(slot.literal) == "line one\nline two \ufffd\n"
    assert slot.tool == "Read"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"a":1}', "it is no request with messages"),
        (b'{"messages":[]}\n{"a":1}', "line 2 is no request with messages"),
        (b'{"messages":[]}\n{broken', "line 2: "),
    ],
)
def test_what_cannot_be_read_says_where(data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        filed(data)
