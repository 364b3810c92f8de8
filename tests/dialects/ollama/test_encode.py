"""Requests written: what was said and nothing more, and every loss by its name."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.parts import Text, ToolCall, ToolResult
from llm_gateway.canonical.request import (
    CustomTool,
    Effort,
    Format,
    FunctionTool,
    Message,
    Reasoning,
    Request,
    Sampling,
    ToolChoice,
)
from llm_gateway.dialects.contract import Path, Target
from llm_gateway.dialects.ollama.decode import decode_request
from llm_gateway.dialects.ollama.encode import encode_request
from llm_gateway.dialects.ollama.request import read_call

HI = (Message("user", (Text("hi"),)),)
SCHEMA = Raw(b'{"type":"object","properties":{"a":{"type":"number","minimum":1.50}}}')
TOOLS = (FunctionTool("f", "d", SCHEMA), FunctionTool("g"))


def encoded(**members: object) -> tuple[dict[str, object], list[str]]:
    # Members as the struct checks none; what they are is each test's own matter.
    request = Request(HI, **members)  # type: ignore[arg-type]
    found = encode_request(request, Target("m:q4"))
    return json.loads(found.body), [loss.what for loss in found.losses]


def test_a_plain_request_says_no_more_than_was_said() -> None:
    assert encoded() == (
        {"model": "m:q4", "messages": [{"role": "user", "content": "hi"}], "stream": False},
        [],
    )
    assert encoded(stream=True, service_tier="auto")[0]["stream"] is True


def test_options() -> None:
    sampling = Sampling(0, 0.0, 0.5, 1, 0, 0.0, 1.5, ("x",))
    assert encoded(sampling=sampling)[0]["options"] == {
        "num_predict": 0,
        "temperature": 0.0,
        "top_p": 0.5,
        "top_k": 1,
        "seed": 0,
        "presence_penalty": 0.0,
        "frequency_penalty": 1.5,
        "stop": ["x"],
    }


def test_tools() -> None:
    found = encode_request(Request(HI, TOOLS), Target("m"))
    assert bytes(SCHEMA) in found.body  # byte for byte
    tools = json.loads(found.body)["tools"]
    assert tools[1] == {
        "function": {"name": "g", "description": "", "parameters": {"type": "object", "properties": {}}},
        "type": "function",
    }
    assert found.losses == ()


@pytest.mark.parametrize(
    ("choice", "offered", "losses"),
    [
        (ToolChoice(), ["f", "g"], []),
        (ToolChoice(parallel=True), ["f", "g"], []),
        (ToolChoice("none"), [], []),
        (ToolChoice("auto", ("g",)), ["g"], []),
        (ToolChoice("required"), ["f", "g"], ["tool_choice"]),
        (ToolChoice("named", ("f",)), ["f"], ["tool_choice"]),
        (ToolChoice(parallel=False), ["f", "g"], ["parallel_tool_calls"]),
    ],
)
def test_choices(choice: ToolChoice, offered: list[str], losses: list[str]) -> None:
    body, found = encoded(tools=TOOLS, tool_choice=choice)
    tools = body.get("tools", [])
    assert isinstance(tools, list)
    assert [tool["function"]["name"] for tool in tools] == offered
    assert found == losses


def test_tools_of_free_text_are_functions() -> None:
    body, losses = encoded(
        tools=(CustomTool("sh", "runs", "lark", "start: x"), FunctionTool("f", strict=True))
    )
    assert losses == ["tools.grammar", "tools.strict"]
    assert '"input"' in json.dumps(body["tools"])


@pytest.mark.parametrize(
    ("form", "sent", "losses"),
    [
        (Format("json"), "json", []),
        (Format("schema"), "json", []),
        (Format("schema", "n", schema=SCHEMA, strict=True), json.loads(bytes(SCHEMA)), []),
        (Format("schema", "n", "words", SCHEMA), json.loads(bytes(SCHEMA)), ["response_format.description"]),
    ],
)
def test_forms(form: Format, sent: object, losses: list[str]) -> None:
    body, found = encoded(format=form)
    assert (body["format"], found) == (sent, losses)


@pytest.mark.parametrize(
    ("effort", "think", "losses"),
    [
        ("none", False, []),
        ("minimal", "low", ["reasoning.effort"]),
        ("low", "low", []),
        ("medium", None, []),
        ("high", "high", []),
        ("xhigh", "max", ["reasoning.effort"]),
        ("max", "max", []),
    ],
)
def test_efforts(effort: Effort, think: object, losses: list[str]) -> None:
    body, found = encoded(reasoning=Reasoning(effort))
    assert (body.get("think"), found) == (think, losses)


@pytest.mark.parametrize(
    ("reasoning", "think", "losses"),
    [
        (Reasoning(), None, []),
        (Reasoning(budget=0), False, []),
        (Reasoning(budget=1024, shown=True), None, ["reasoning.budget"]),
        (Reasoning("high", 1024), "high", ["reasoning.budget"]),
        (Reasoning("low", shown=False), "low", ["reasoning.shown"]),
        (Reasoning("none", shown=False), False, []),
    ],
)
def test_thinking(reasoning: Reasoning, think: object, losses: list[str]) -> None:
    body, found = encoded(reasoning=reasoning)
    assert (body.get("think"), found) == (think, losses)


def test_what_has_no_place_is_lost() -> None:
    _, losses = encoded(user="u", cache_key="k", service_tier="flex")
    assert losses == ["user", "prompt_cache_key", "service_tier"]


parts = st.sampled_from(
    (
        Message("system", (Text("s"),)),
        Message("user", (Text("u"),)),
        Message("assistant", (Text("a"),)),
        Message("assistant", (ToolCall("c1", "f", '{"a": 1.50}'),)),
        Message("user", (ToolResult("c1", (Text("r"),), "f"),)),
    )
)


@given(
    messages=st.lists(parts, min_size=1, max_size=6),
    sampling=st.builds(Sampling, st.integers(1, 9) | st.none(), st.just(0.5), top_k=st.integers(1, 9)),
    effort=st.sampled_from(("none", "low", "high", "max")),
    stream=st.booleans(),
)
def test_what_is_written_is_read_as_the_same(
    messages: list[Message], sampling: Sampling, effort: Effort, stream: bool
) -> None:
    asked: list[Message] = []
    for message in messages:  # results that follow each other are one message
        if asked and all(isinstance(part, ToolResult) for part in (*asked[-1].parts, *message.parts)):
            asked[-1] = Message("user", (*asked[-1].parts, *message.parts))
        else:
            asked.append(message)
    reasoning = Reasoning(effort, shown=None if effort == "none" else True)
    request = Request(
        tuple(asked), (FunctionTool("f", "d"),), sampling=sampling, reasoning=reasoning, stream=stream
    )
    sent = encode_request(request, Target("m"))
    again = decode_request(read_call(sent.body, Path("chat")))
    assert sent.losses == again.losses == ()
    assert again.request.messages == request.messages
    assert again.request.sampling == sampling
    assert again.request.reasoning == reasoning
    assert again.request.stream is stream
