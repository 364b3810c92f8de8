"""The usual conversation, read at once: the same as the general readers make of it, or left to them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.loss import Loss, Losses
from llm_gateway.canonical.parts import Seal, Text, Thinking, ToolCall, ToolResult
from llm_gateway.canonical.request import FunctionTool, Message
from llm_gateway.dialects.messages.members import CACHED
from llm_gateway.dialects.messages.read_messages import read_messages
from llm_gateway.dialects.messages.read_tools import read_tools
from llm_gateway.dialects.messages.read_usual import read_usual_messages, read_usual_tools

Json = dict[str, object]

# A member that nothing says: with it, a conversation is none of the usual kind, and means the same.
UNUSUAL = {"x_unusual": None}


def raw(value: object) -> Raw:
    return Raw(json.dumps(value).encode())


words = st.text(max_size=6)
ids = st.text("abc_1", min_size=1, max_size=4)
marks = st.sampled_from([{}, {}, {"cache_control": {"type": "ephemeral"}}, {"cache_control": None}])
texts = st.builds(lambda text, mark: {"type": "text", "text": text, **mark}, words, marks)
calls = st.builds(
    lambda id_, name, value, mark: {"type": "tool_use", "id": id_, "name": name, "input": value, **mark},
    ids,
    ids,
    st.dictionaries(words, st.integers() | words | st.none(), max_size=2),
    marks,
)
results = st.builds(
    lambda id_, content, more: {"type": "tool_result", "tool_use_id": id_, **content, **more},
    ids,
    st.one_of(
        st.just({}),
        words.map(lambda w: {"content": w}),
        st.lists(texts, max_size=2).map(lambda b: {"content": b}),
    ),
    st.sampled_from([{}, {"is_error": True}, {"is_error": False}]),
)
thoughts = st.builds(
    lambda text, seal: {"type": "thinking", "thinking": text, **seal},
    words,
    st.sampled_from(
        [{}, {"signature": "sig"}, {"signature": "lgw1.gemini.x"}, {"signature": "lgw1c.lgw1.gemini.y"}]
    ),
)
messages = st.builds(
    lambda role, content: {"role": role, "content": content},
    st.sampled_from(["user", "assistant"]),
    words | st.lists(st.one_of(texts, calls, results, thoughts), max_size=4),
)


@given(st.lists(messages, min_size=1, max_size=5), st.sampled_from([None, "", "be good"]))
def test_it_reads_what_the_general_reader_reads(told: list[Json], system: str | None) -> None:
    usual, general = Losses(), Losses()
    assert read_usual_messages(raw(told), usual) is not None
    fields = {"messages": raw(told), "system": raw(system)}
    odd = {**fields, "messages": raw([{**told[0], **UNUSUAL}, *told[1:]])}
    assert read_usual_messages(odd["messages"], Losses()) is None
    again = Losses()
    assert read_messages(fields, again).messages == read_messages(odd, general).messages
    assert usual.found() == again.found() == general.found()


tools = st.builds(
    lambda name, description, schema, mark: {"name": name, "input_schema": schema, **description, **mark},
    ids,
    st.sampled_from([{}, {"description": "d"}, {"description": ""}]),
    st.sampled_from([{}, {"type": "object"}]),
    marks,
)


@given(st.lists(tools, max_size=4))
def test_tools_are_read_alike(told: list[Json]) -> None:
    said = read_messages({"messages": raw([{"role": "user", "content": "x"}])}, Losses())
    usual, general = Losses(), Losses()
    odd = [{**tool, "strict": None} for tool in told]
    assert not told or read_usual_tools(raw(odd), Losses()) is None
    assert read_tools({"tools": raw(told)}, said, usual) == read_tools({"tools": raw(odd)}, said, general)
    assert usual.found() == general.found()


def test_a_turn_of_an_agent() -> None:
    losses = Losses()
    call = {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "a.py", "is_error": True}
    last = {"type": "text", "text": "and?", "cache_control": {"type": "ephemeral"}}
    told = [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result, last]}]
    assert read_usual_messages(raw(told), losses) == [
        Message("assistant", (ToolCall("t1", "Bash", '{"command":"ls"}'),)),
        Message("user", (ToolResult("t1", (Text("a.py"),), "Bash", True), Text("and?"))),
    ]
    assert losses.found() == (Loss(*CACHED),)


@pytest.mark.parametrize(
    "told",
    [
        [{"role": "system", "content": "x"}],
        [{"role": "user", "content": "x", "name": "n"}],
        [{"role": "user", "content": [{"type": "image", "source": {}}]}],
        [{"role": "user", "content": [{"type": "text", "text": "x", "citations": []}]}],
        [{"role": "user", "content": [{"type": "text"}]}],
        [{"role": "user", "content": [{"type": "tool_use", "id": "", "name": "n", "input": {}}]}],
        [{"role": "user", "content": [{"type": "tool_use", "id": "i", "name": "", "input": {}}]}],
        [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": ""}]}],
        [{"role": "user"}],
        {},
        None,
    ],
)
def test_what_is_out_of_the_way_is_left_alone(told: object) -> None:
    losses = Losses()
    assert read_usual_messages(raw(told), losses) is None
    assert losses.found() == ()


@pytest.mark.parametrize(
    "tool",
    [{"name": "a"}, {"name": "", "input_schema": {}}, {"name": "a", "input_schema": None}, {"type": "bash"}],
)
def test_tools_that_are_out_of_the_way_are_left_alone(tool: Json) -> None:
    assert read_usual_tools(raw([tool]), Losses()) is None


def test_usual_tools() -> None:
    told = [{"name": "a", "description": "d", "input_schema": {"type": "object"}}]
    found = read_usual_tools(raw(told), Losses())
    assert found == {"a": FunctionTool("a", "d", Raw(b'{"type": "object"}'))}


def test_the_seal_of_a_call_may_stand_on_the_thinking_before_it() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "lgw1c.lgw1.gemini.g"}
    call = {"type": "tool_use", "id": "t1", "name": "n", "input": {}}
    read = read_usual_messages(raw([{"role": "assistant", "content": [thought, call]}]), Losses())
    assert read is not None
    assert read[0].parts == (Thinking("hm"), ToolCall("t1", "n", "{}", seal=Seal("gemini", "g")))
