"""Items read as a conversation: an assistant's turn is one message, and nothing is dropped in silence."""

import json

import pytest
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Part, Seal, Text, Thinking, ToolCall, ToolResult
from llm_gateway.canonical.request import Message
from llm_gateway.dialects.responses.decode_items import Conversation
from llm_gateway.dialects.responses.tools import Toolbox
from llm_gateway.errors import MalformedRequest

CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}", "id": "fc_1", "status": "x"}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "done", "id": "fco_1"}


def said(role: str, text: str) -> dict[str, object]:
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}


def read(*items: object) -> tuple[list[Message], list[str], Toolbox]:
    losses = Losses()
    tools = Toolbox(losses)
    conversation = Conversation(tools, losses)
    conversation.add_input(Raw(json.dumps(items).encode()))
    return conversation.messages, [loss.what for loss in losses.found()], tools


def parts(*items: object) -> tuple[Part, ...]:
    """Return the parts of the only message that these items make, without loss."""
    messages, lost, _ = read(*items)
    assert lost == [] and len(messages) == 1
    return messages[0].parts


def test_a_text_is_what_the_user_says() -> None:
    conversation = Conversation(Toolbox(Losses()), Losses())
    conversation.add_input(Raw(b'"h\\u00e4"'))
    conversation.add_input(Raw(b'""'))
    assert conversation.messages == [Message("user", (Text("hä"),))]


def test_developers_are_systems_and_each_message_stands_alone() -> None:
    messages, lost, _ = read(
        said("developer", "a"), said("system", "b"), {"role": "user", "content": "c"}, said("user", "d")
    )
    assert messages == [
        Message("system", (Text("a"),)),
        Message("system", (Text("b"),)),
        Message("user", (Text("c"),)),
        Message("user", (Text("d"),)),
    ]
    assert lost == []


def test_an_assistants_turn_is_one_message_and_so_are_its_results() -> None:
    thinking = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]}
    messages, lost, _ = read(
        thinking,
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]},
        CALL,
        {**CALL, "call_id": "c2"},
        RESULT,
        {**RESULT, "call_id": "c2"},
        said("user", "go on"),
    )
    assert lost == []
    assert messages == [
        Message(
            "assistant", (Thinking("hm"), Text("a"), ToolCall("c1", "f", "{}"), ToolCall("c2", "f", "{}"))
        ),
        Message("user", (ToolResult("c1", (Text("done"),)), ToolResult("c2", (Text("done"),)))),
        Message("user", (Text("go on"),)),
    ]


def test_tools_of_free_text() -> None:
    call = {"type": "custom_tool_call", "call_id": "c", "name": "exec", "input": "x=1"}
    assert parts(call) == (ToolCall("c", "exec", "x=1", custom=True),)
    output = {
        "type": "custom_tool_call_output",
        "call_id": "c",
        "output": [{"type": "input_text", "text": "1"}],
    }
    assert parts(output) == (ToolResult("c", (Text("1"),), custom=True),)


def test_namespaces_are_part_of_the_name_in_calls_and_results() -> None:
    assert parts({**CALL, "namespace": "crm"}) == (ToolCall("c1", "crm__f", "{}"),)
    assert parts({**RESULT, "namespace": "crm", "name": "f"}) == (
        ToolResult("c1", (Text("done"),), name="crm__f"),
    )


@pytest.mark.parametrize(
    ("item", "thinking"),
    [
        ({"summary": [], "encrypted_content": "gA="}, Thinking("", Seal("responses", "gA="))),
        ({"id": "rs_1", "encrypted_content": "gA="}, Thinking("", Seal("responses", "rs_1.gA="))),
        (
            {"summary": [{"type": "summary_text", "text": t} for t in "ab"]},
            Thinking("a\n\nb"),
        ),
        ({"content": [{"type": "reasoning_text", "text": "raw"}]}, Thinking("raw")),
        (
            {"summary": [{"type": "summary_text", "text": "t"}], "encrypted_content": "lgw1.messages.s"},
            Thinking("t", Seal("messages", "s")),
        ),
        (
            {"summary": [], "encrypted_content": "lgw1r.lgw1.messages.s"},
            Thinking("", Seal("messages", "s"), redacted=True),
        ),
    ],
)
def test_thinking_keeps_its_seal(item: dict[str, object], thinking: Thinking) -> None:
    assert parts({"type": "reasoning", **item}) == (thinking,)


def test_thinking_that_says_nothing_is_nothing() -> None:
    assert read({"type": "reasoning", "summary": []})[:2] == ([], [])


def test_thinking_told_in_two_ways_is_told_once() -> None:
    item = {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "s"}],
        "content": [{"type": "reasoning_text", "text": "c"}],
    }
    messages, lost, _ = read(item)
    assert messages[0].parts == (Thinking("s"),) and lost == ["input.reasoning.content"]


def test_the_seal_of_a_call_comes_back_to_it() -> None:
    sealed = {"type": "reasoning", "summary": [], "encrypted_content": "lgw1c.lgw1.gemini.sig"}
    assert parts(sealed, CALL, {**CALL, "call_id": "c2"}) == (
        ToolCall("c1", "f", "{}", seal=Seal("gemini", "sig")),
        ToolCall("c2", "f", "{}"),
    )


def test_tools_may_arrive_as_items() -> None:
    tool = {"type": "function", "name": "f"}
    item = {"type": "additional_tools", "id": "at_1", "role": "developer", "tools": [tool]}
    messages, lost, tools = read(item)
    assert (messages, lost, list(tools.tools)) == ([], [], ["f"])


def test_a_search_that_the_client_did_declares_what_it_found() -> None:
    call = {"type": "tool_search_call", "call_id": "c", "execution": "client", "arguments": {"query": "q"}}
    tool = {"type": "function", "name": "f", "defer_loading": True}
    found = {"type": "namespace", "name": "crm", "tools": [tool]}
    output = {"type": "tool_search_output", "call_id": "c", "execution": "client", "tools": [found]}
    messages, lost, tools = read(call, output)
    assert messages[0].parts == (ToolCall("c", "tool_search", '{"query":"q"}'),)
    assert messages[1].parts == (ToolResult("c", (Text('{"tools":["crm__f"]}'),)),)
    assert list(tools.tools) == ["crm__f"] and lost == []


def test_a_search_that_openai_did_leaves_its_tools() -> None:
    call = {"type": "tool_search_call", "execution": "server", "arguments": {}}
    output = {"type": "tool_search_output", "execution": "server", "tools": [{"type": "custom", "name": "c"}]}
    messages, lost, tools = read(call, output)
    assert messages == [] and list(tools.tools) == ["c"]
    assert lost == ["input.tool_search_call"]


def test_calls_of_the_vendors_tools_are_calls() -> None:
    assert parts({"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"]}}) == (
        ToolCall("c", "shell", '{"commands":["ls"]}'),
    )
    local = {"type": "local_shell_call", "id": "lsh_1", "action": {"type": "exec", "command": ["ls"]}}
    assert parts(local) == (ToolCall("lsh_1", "local_shell", '{"command":["ls"]}'),)
    patch = {"type": "apply_patch_call", "call_id": "c", "operation": {"type": "delete_file", "path": "a"}}
    assert parts(patch) == (ToolCall("c", "apply_patch", '{"type":"delete_file","path":"a"}'),)


@pytest.mark.parametrize(
    ("item", "result"),
    [
        ({"type": "local_shell_call_output", "id": "c", "output": "x"}, ToolResult("c", (Text("x"),))),
        (
            {"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "x"}]},
            ToolResult("c", (Text('[{"stdout":"x"}]'),)),
        ),
        (
            {"type": "apply_patch_call_output", "call_id": "c", "status": "completed"},
            ToolResult("c", (Text("completed"),)),
        ),
        (
            {"type": "apply_patch_call_output", "call_id": "c", "status": "failed", "output": "no"},
            ToolResult("c", (Text("no"),), is_error=True),
        ),
    ],
)
def test_results_of_the_vendors_tools_are_results(item: object, result: ToolResult) -> None:
    assert parts(item) == (result,)


@pytest.mark.parametrize(
    ("item", "lost"),
    [
        ({"type": "web_search_call", "id": "ws"}, "input.web_search_call"),
        ({"type": "computer_call", "call_id": "c"}, "input.computer_call"),
        ({"type": "mcp_list_tools", "id": "m"}, "input.mcp_list_tools"),
        ({"type": "configuration_update", "reasoning": {}}, "input.configuration_update"),
        ({"type": "compaction", "encrypted_content": "gA"}, "input.compaction"),
        ({"type": "something new"}, "input.unknown"),
        ({**said("user", "x"), "new": 1}, "input.message.new"),
        ({**said("assistant", "x"), "phase": "commentary"}, "input.message.phase"),
        ({**CALL, "caller": {"type": "program"}}, "input.function_call.caller"),
        ({**RESULT, "new": 1}, "input.function_call_output.new"),
        ({"type": "reasoning", "summary": [], "new": 1}, "input.reasoning.new"),
    ],
)
def test_what_has_no_place_is_reported(item: object, lost: str) -> None:
    assert read(item)[1] == [lost]


def test_bookkeeping_is_no_loss() -> None:
    told = {"id": "msg_1", "status": "completed", "internal_chat_message_metadata_passthrough": {"turn": 1}}
    assert parts({**said("user", "x"), **told}) == (Text("x"),)


@pytest.mark.parametrize(
    ("item", "where", "way_out"),
    [
        (7, "input[0]", "an object"),
        ({"type": "message", "role": "tool", "content": "x"}, "input[0].role", "user, assistant"),
        ({"role": 7, "content": "x"}, "input[0].role", "string"),
        ({"type": "function_call", "name": "f"}, "input[0].call_id", "missing"),
        ({"type": "function_call", "call_id": "c"}, "input[0].name", "missing"),
        ({"type": "function_call_output", "output": "x"}, "input[0].call_id", "missing"),
        ({"type": "function_call_output", "call_id": "c", "output": 7}, "input[0].output", "string"),
        ({"type": "shell_call", "call_id": "c"}, "input[0]", "what is to be done"),
        ({"type": "item_reference", "id": "msg_1"}, "input[0]", "when `store` is false"),
        ({"id": "msg_1"}, "input[0]", "when `store` is false"),
        ({"type": "compaction_trigger"}, "input[0]", "let the client summarize"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(item: object, where: str, way_out: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read(item)
    assert caught.value.param == where and way_out in caught.value.message


def test_input_is_a_text_or_items() -> None:
    with pytest.raises(MalformedRequest, match="a string or a list") as caught:
        Conversation(Toolbox(Losses()), Losses()).add_input(Raw(b"7"))
    assert caught.value.param == "input"
