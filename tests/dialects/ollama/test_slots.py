"""Where tools speak in requests to Ollama, in shapes of its clients, and where nobody may look."""

import json

import pytest

from llm_gateway.canonical.slots import Called, Slots, arguments
from llm_gateway.dialects.ollama.slots import slots
from llm_gateway.wire.jsonedit import Document
from slot_places import paths, written_as_they_are

OBSERVATION = "<returncode>0</returncode>\n<output>\na\n</output>"
TALK = [
    {"role": "system", "content": OBSERVATION},
    {"role": "user", "content": "fix it", "images": ["aaaa"]},
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"function": {"name": "bash", "arguments": {"command": "ls"}}},
            {"id": "c", "function": {"name": "read", "arguments": {}}},
        ],
    },
    {"role": "tool", "content": "a\nb", "tool_name": "bash"},
    {"role": "tool", "content": "c", "tool_call_id": "c"},
    {"role": "assistant", "content": OBSERVATION},
    {"role": "user", "content": OBSERVATION},
    {"role": "user", "content": "and now?"},
]  # fmt: skip


def read(messages: object) -> Slots:
    return slots(Document.parse(json.dumps({"model": "m", "messages": messages}).encode()))


def test_results_are_found_and_nothing_else() -> None:
    found = read(TALK)
    assert paths(found) == ["messages/3/content", "messages/4/content", "messages/6/content"]
    assert written_as_they_are(found) == found.body
    assert found.opening == (b'"fix it"',)
    assert (found.read, found.marked) == (2, 0)


def test_who_said_them_and_what_was_called() -> None:
    entries = list(read(TALK).entries())
    assert [entry.tool for entry in entries] == ["bash", "read", "bash", "read", "bash"]
    assert [arguments(entry) for entry in entries if isinstance(entry, Called)] == [[("command", "ls")], []]


@pytest.mark.parametrize(
    "message", [{"role": "tool"}, {"role": "tool", "content": None}, {"role": "tool", "content": ["x"]}]
)
def test_what_is_no_slot(message: object) -> None:
    assert read([message]).starts == []


@pytest.mark.parametrize("messages", [None, "x", [1], [{"content": "x"}]])
def test_a_request_that_is_not_understood_has_none(messages: object) -> None:
    assert not read(messages).starts


def test_a_message_that_is_not_understood_has_none_and_may_be_a_models() -> None:
    found = read([*TALK, {"role": "assistant", "tool_calls": [1]}])
    assert paths(found) == paths(read(TALK)) and found.read == len(found.starts)
