"""Where tools speak in requests to Chat Completions, in shapes of its clients, and where nobody may look."""

import json

import pytest

from llm_gateway.canonical.slots import Called, Slots, arguments
from llm_gateway.dialects.chat.slots import slots
from llm_gateway.wire.jsonedit import Document
from slot_places import paths, written_as_they_are

OBSERVATION = "listing\n(Open file: n/a)\n(Current directory: /r)\nbash-$"


def call(name: str, arguments: str, id_: str) -> dict[str, object]:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


TALK = [
    {"role": "system", "content": OBSERVATION},
    {"role": "user", "content": [{"type": "text", "text": "fix it"}, {"type": "image_url", "image_url": {}}]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [call("bash", '{"command":"ls"}', "c1"), call("read", '{"path":"a"}', "c2")],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "a\nb"},
    {"role": "tool", "tool_call_id": "c2", "content": [{"text": "x", "type": "text"}, {"text": "yy"}]},
    {
        "role": "assistant",
        "content": "a\nb",
        "tool_calls": [{"id": "c3", "type": "custom", "custom": {"name": "patch", "input": "+ a"}}],
    },
    {"role": "tool", "tool_call_id": "c3", "content": "a\nb"},
    {"role": "function", "name": "old", "content": "old"},
    {"role": "user", "content": OBSERVATION},
    {"role": "user", "content": [{"type": "text", "text": OBSERVATION, "cache_control": {}}]},
    {"role": "user", "content": "and now?"},
]  # fmt: skip


def read(messages: object) -> Slots:
    return slots(Document.parse(json.dumps({"model": "m", "messages": messages, "tools": []}).encode()))


def test_results_are_found_and_nothing_else() -> None:
    found = read(TALK)
    assert paths(found) == [
        "messages/3/content",
        "messages/4/content/1/text",
        "messages/6/content",
        "messages/7/content",
        "messages/8/content",
        "messages/9/content/0/text",
    ]
    assert written_as_they_are(found) == found.body
    assert found.opening == (b'"fix it"',)
    assert (found.read, found.marked) == (2, 6)


def test_who_said_them_and_what_was_called() -> None:
    entries = list(read(TALK).entries())
    assert [entry.tool for entry in entries] == [
        "bash",
        "read",
        "bash",
        "read",
        "patch",
        "",
        "",
        "bash",
        "bash",
    ]
    assert [arguments(entry) for entry in entries if isinstance(entry, Called)] == [
        [("command", "ls")],
        [("path", "a")],
        [("input", "+ a")],
    ]


@pytest.mark.parametrize("mark", ["cache_control", "cachePoint", "prompt_cache_breakpoint"])
def test_marks(mark: str) -> None:
    result = {"role": "tool", "tool_call_id": "c", "content": "x"}
    marked = {
        "role": "tool",
        "tool_call_id": "c",
        "content": [{"type": "text", "text": "x", mark: {"type": "default"}}],
    }
    assert read([result, marked, result]).marked == 2
    assert read([result, result]).marked == 0
    assert read([result, {"role": "assistant", "content": "a", "cache_control": {}}, result]).marked == 1


@pytest.mark.parametrize(
    "message",
    [
        {"role": "developer", "content": OBSERVATION},
        {"role": "assistant", "content": OBSERVATION},
        {"role": "tool", "tool_call_id": "c"},
        {"role": "tool", "tool_call_id": "c", "content": None},
        {
            "role": "tool",
            "tool_call_id": "c",
            "content": [{"type": "image_url", "image_url": {"url": "data:"}}],
        },
    ],
)
def test_what_is_no_slot(message: object) -> None:
    assert read([message]).starts == []


@pytest.mark.parametrize("messages", [None, "x", [[]], [{"content": "x"}]])
def test_a_request_that_is_not_understood_has_none(messages: object) -> None:
    assert not read(messages).starts


def test_a_message_that_is_not_understood_has_none_and_may_be_a_models() -> None:
    found = read([*TALK, {"role": "tool", "content": [1]}])
    assert paths(found) == paths(read(TALK)) and found.read == len(found.starts)
