"""Where tools speak in requests to the Responses API, in shapes of its clients, and where nobody may look."""

import json

import pytest

from llm_gateway.canonical.slots import Called, Slots, arguments
from llm_gateway.dialects.responses.slots import slots
from llm_gateway.wire.jsonedit import Document
from slot_places import paths, written_as_they_are

OBSERVATION = "<returncode>0</returncode>\n<output>\na\n</output>"
TALK = [
    {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": OBSERVATION}]},
    {"type": "message", "id": "m", "role": "user", "content": [{"type": "input_text", "text": "fix it"}]},
    {"type": "reasoning", "summary": [], "encrypted_content": "ZW5j"},
    {"type": "function_call", "name": "exec_command", "arguments": '{"cmd": "ls"}', "call_id": "c1"},
    {"type": "custom_tool_call", "name": "apply_patch", "input": "*** Begin", "call_id": "c2"},
    {"type": "function_call_output", "id": "o", "call_id": "c1", "output": "Output:\na\n"},
    {
        "type": "custom_tool_call_output",
        "call_id": "c2",
        "output": [{"type": "input_text", "text": "Done"}, {"type": "input_text", "text": "in 0.1 s"}],
    },
    {"type": "mcp_call", "name": "m", "arguments": "{}", "output": "from a server" * 9, "server_label": "s"},
    {"type": "local_shell_call", "call_id": "c3", "action": {"type": "exec", "command": ["ls"]}},
    {"type": "local_shell_call_output", "id": "c3", "call_id": "c3", "output": "a"},
    {"type": "shell_call_output", "call_id": "c4", "output": [{"stdout": "out", "stderr": ""}]},
    {"type": "computer_call_output", "call_id": "c5", "output": {"type": "computer_screenshot"}},
    {"role": "user", "content": OBSERVATION},
]  # fmt: skip


def read(items: object) -> Slots:
    return slots(Document.parse(json.dumps({"model": "m", "input": items}).encode()))


def test_results_are_found_and_nothing_else() -> None:
    found = read(TALK)
    assert paths(found) == [
        "input/5/output",
        "input/6/output/1/text",
        "input/9/output",
        "input/10/output/0/stdout",
        "input/12/content",
    ]
    assert written_as_they_are(found) == found.body
    assert found.opening == (b'"fix it"',)
    assert (found.read, found.marked) == (2, 0)


def test_who_said_them_and_what_was_called() -> None:
    entries = list(read(TALK).entries())
    tools = [entry.tool for entry in entries if not isinstance(entry, Called)]
    assert tools == ["exec_command", "apply_patch", "shell", "shell", "shell"]
    told = [arguments(entry) for entry in entries if isinstance(entry, Called)]
    assert told == [[("cmd", "ls")], [("input", "*** Begin")], [], [("type", "exec")]]


def test_marks() -> None:
    result = {"type": "function_call_output", "call_id": "c", "output": "x"}
    part = {"type": "input_text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}}
    assert read([result, {**result, "output": [part]}, result]).marked == 2
    assert read([result, {"role": "user", "content": [part]}, result]).marked == 1
    assert read([result, {"role": "developer", "content": [part]}]).marked == 1


@pytest.mark.parametrize(
    "item",
    [
        {"role": "assistant", "content": [{"type": "output_text", "text": OBSERVATION}]},
        {"type": "item_reference", "id": "x"},
        {"type": "function_call_output", "call_id": "c"},
        {
            "type": "function_call_output",
            "call_id": "c",
            "output": [{"type": "input_image", "image_url": "data:"}],
        },
        {"type": "web_search_call", "status": "completed"},
    ],
)
def test_what_is_no_slot(item: object) -> None:
    assert read([item]).starts == []


@pytest.mark.parametrize("items", [None, "x", {}, [1], [{"type": 1}]])
def test_a_request_that_is_not_understood_has_none(items: object) -> None:
    assert not read(items).starts


def test_a_message_that_is_not_understood_has_none_and_may_be_a_models() -> None:
    found = read([*TALK, {"type": "function_call_output", "output": [1]}])
    assert paths(found) == paths(read(TALK)) and found.read == len(found.starts)
