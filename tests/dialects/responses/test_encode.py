"""A request written: nothing stored, thinking sealed, and what Responses cannot say reported."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.parts import Part, Refusal, Seal, Text, Thinking, ToolCall, ToolResult
from llm_gateway.canonical.request import (
    CustomTool,
    Format,
    FunctionTool,
    Message,
    Reasoning,
    Request,
    Sampling,
    ToolChoice,
)
from llm_gateway.dialects.contract import Path, Target
from llm_gateway.dialects.responses.decode import decode_request
from llm_gateway.dialects.responses.encode import encode_request
from llm_gateway.dialects.responses.request import read_call

HI = Message("user", (Text("hi"),))
TOOLS = (
    FunctionTool("f", "F.", Raw(b'{"type":"object","n":1.0}'), True),
    FunctionTool("g"),
    CustomTool("c", "C.", "regex", "a+"),
    CustomTool("d"),
)


def write(*, model: str = "gpt-5.5", **members: object) -> tuple[dict[str, object], list[str]]:
    request = Request(messages=(HI,))
    for name, value in members.items():
        request = Request(
            **{**{key: getattr(request, key) for key in request.__struct_fields__}, name: value}
        )
    encoded = encode_request(request, Target(model))
    return json.loads(encoded.body), [loss.what for loss in encoded.losses]


def test_the_least_request() -> None:
    assert write() == (
        {
            "model": "gpt-5.5",
            "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
            "include": ["reasoning.encrypted_content"],
            "store": False,
        },
        [],
    )


def test_everything() -> None:
    body, lost = write(
        messages=(Message("system", (Text("be kind"),)), HI),
        tools=TOOLS,
        tool_choice=ToolChoice("required", parallel=False),
        sampling=Sampling(max_tokens=100, temperature=1, top_p=1),
        reasoning=Reasoning("high", shown=True),
        format=Format("schema", "n", "d", Raw(b'{"type":"object"}'), False),
        stream=True,
        user="u",
        cache_key="k",
        service_tier="priority",
    )
    assert lost == []
    assert {key: value for key, value in body.items() if key not in ("input", "tools", "include")} == {
        "model": "gpt-5.5",
        "instructions": "be kind",
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "max_output_tokens": 100,
        "reasoning": {"effort": "high", "summary": "auto"},
        "text": {
            "format": {
                "type": "json_schema",
                "name": "n",
                "description": "d",
                "schema": {"type": "object"},
                "strict": False,
            }
        },
        "safety_identifier": "u",
        "prompt_cache_key": "k",
        "service_tier": "priority",
        "store": False,
        "stream": True,
    }


@pytest.mark.parametrize(
    ("model", "reasoning", "kept"),
    [
        ("gpt-5.5", Reasoning("high"), False),
        ("gpt-5.5", None, False),
        ("openai/o3", None, False),
        ("gpt-5.5", Reasoning("none"), True),
        ("gpt-5-chat-latest", None, True),
        ("gpt-4.1", None, True),
        ("openai/gpt-oss-120b", Reasoning("high"), True),
        ("qwen3", Reasoning("high"), True),
    ],
)
def test_a_model_that_reasons_takes_no_sampling(model: str, reasoning: Reasoning | None, kept: bool) -> None:
    body, lost = write(model=model, sampling=Sampling(temperature=0.5, top_p=0.9), reasoning=reasoning)
    assert (body.get("temperature"), body.get("top_p")) == ((0.5, 0.9) if kept else (None, None))
    assert lost == ([] if kept else ["temperature", "top_p"])


def test_tools() -> None:
    body, lost = write(tools=TOOLS)
    assert lost == [] and "tool_choice" not in body and "parallel_tool_calls" not in body
    assert body["tools"] == [
        {
            "type": "function",
            "name": "f",
            "description": "F.",
            "strict": True,
            "parameters": {"type": "object", "n": 1.0},
        },
        {
            "type": "function",
            "name": "g",
            "strict": False,
            "parameters": {"type": "object", "properties": {}},
        },
        {
            "type": "custom",
            "name": "c",
            "description": "C.",
            "format": {"type": "grammar", "syntax": "regex", "definition": "a+"},
        },
        {"type": "custom", "name": "d"},
    ]


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (ToolChoice(), None),
        (ToolChoice("none"), "none"),
        (ToolChoice("required"), "required"),
        (ToolChoice("named", ("f",)), {"type": "function", "name": "f"}),
        (ToolChoice("named", ("c",)), {"type": "custom", "name": "c"}),
        (
            ToolChoice("named", ("f", "c")),
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "c"}],
            },
        ),
        (
            ToolChoice("auto", ("f",)),
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        ),
        (
            ToolChoice("required", ("f",)),
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
        ),
    ],
)
def test_every_form_of_a_choice(choice: ToolChoice, written: object) -> None:
    body, _ = write(tools=TOOLS, tool_choice=choice)
    assert body.get("tool_choice") == written


def test_a_choice_without_tools_is_none() -> None:
    assert "tool_choice" not in write(tool_choice=ToolChoice("none", parallel=True))[0]


@pytest.mark.parametrize(
    ("sampling", "lost"),
    [
        (Sampling(stop=("a",)), ["stop"]),
        (Sampling(top_k=0, seed=0), ["top_k", "seed"]),
        (Sampling(presence_penalty=1.0, frequency_penalty=1.0), ["presence_penalty", "frequency_penalty"]),
        (Sampling(presence_penalty=0.0, frequency_penalty=0.0), []),
        (Sampling(max_tokens=1), ["max_tokens"]),
        (Sampling(temperature=1.0, top_p=1.0), []),
    ],
)
def test_what_responses_cannot_say_is_reported(sampling: Sampling, lost: list[str]) -> None:
    body, losses = write(sampling=sampling)
    assert losses == lost
    assert set(body) - {"max_output_tokens"} == {"model", "input", "include", "store"}
    assert body.get("max_output_tokens", 16) == 16


@pytest.mark.parametrize(
    ("reasoning", "written", "lost"),
    [
        (Reasoning("none"), {"effort": "none"}, []),
        (Reasoning("low", shown=False), {"effort": "low"}, []),
        (Reasoning(), None, []),
        (Reasoning(shown=True), {"summary": "auto"}, []),
        (Reasoning(budget=0), {"effort": "none"}, ["reasoning.budget"]),
        (Reasoning(budget=1024), {"effort": "low"}, ["reasoning.budget"]),
        (Reasoning(budget=8000), {"effort": "medium"}, ["reasoning.budget"]),
        (Reasoning(budget=31999), {"effort": "high"}, ["reasoning.budget"]),
        (Reasoning("max", budget=9), {"effort": "max"}, ["reasoning.budget"]),
    ],
)
def test_reasoning(reasoning: Reasoning, written: object, lost: list[str]) -> None:
    body, losses = write(reasoning=reasoning)
    assert (body.get("reasoning"), losses) == (written, lost)


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4.1-mini", "openai/gpt-4o", "chatgpt-4o-latest"])
def test_models_before_reasoning_are_not_asked_for_it(model: str) -> None:
    body, lost = write(model=model, reasoning=Reasoning("high"))
    assert "include" not in body and "reasoning" not in body and lost == ["reasoning"]


def test_other_members() -> None:
    assert write(service_tier="standard_only")[1] == ["service_tier"]
    assert write(format=Format("json"))[0]["text"] == {"format": {"type": "json_object"}}
    assert write(format=Format("schema"))[0]["text"] == {
        "format": {"type": "json_schema", "name": "answer", "schema": {}}
    }
    long = "x" * 200
    body, lost = write(user=long, cache_key=long)
    assert len(str(body["safety_identifier"])) <= 64 and len(str(body["prompt_cache_key"])) <= 64
    assert lost == []


def test_instructions_alone_are_the_input() -> None:
    body, _ = write(messages=(Message("system", (Text("be kind"),)),))
    assert "instructions" not in body
    assert body["input"] == [
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "be kind"}]}
    ]


texts = st.text(min_size=1, max_size=8)
ids = st.text("abc123_-", min_size=1, max_size=8)
thoughts = st.builds(
    lambda text, data: Thinking(text, Seal("responses", f"rs_1.{data}")), st.text(max_size=8), ids
)
calls = st.builds(
    lambda call_id, name, custom: ToolCall(call_id, name, "{}", custom), ids, ids, st.booleans()
)
spoken: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, texts), st.builds(Refusal, texts), thoughts, calls
)
turns = st.one_of(
    st.builds(lambda parts: Message("assistant", tuple(parts)), st.lists(spoken, min_size=1, max_size=4)),
    st.builds(lambda text: Message("user", (Text(text),)), texts),
    st.builds(lambda text: Message("system", (Text(text),)), texts),
)


@given(st.lists(turns, min_size=1, max_size=6))
def test_what_is_written_is_read_again(messages: list[Message]) -> None:
    request = Request((Message("user", (Text("first"),)), *messages), TOOLS, stream=True)
    encoded = encode_request(request, Target("m"))
    last = messages[-1]
    begun = last.role == "assistant" and isinstance(last.parts[-1], Text | Refusal)
    assert [loss.what for loss in encoded.losses] == (["messages.assistant"] if begun else [])
    decoded = decode_request(read_call(encoded.body, Path("responses")))
    assert decoded.losses == ()
    assert _flat(decoded.request.messages) == _flat(request.messages)


def _flat(messages: tuple[Message, ...]) -> list[tuple[str, Part]]:
    return [(message.role, part) for message in messages for part in message.parts]


def test_an_answer_that_was_begun_is_not_gone_on_with() -> None:
    user, begun = Message("user", (Text("a limerick"),)), Message("assistant", (Text("There once"),))
    body, lost = write(messages=(user, begun))
    assert (_last(body), lost) == ([{"type": "output_text", "text": "There once"}], ["messages.assistant"])
    assert write(messages=(user, begun, user))[1] == []


def _last(body: dict[str, object]) -> object:
    told = body["input"]
    assert isinstance(told, list)
    return told[-1]["content"]


def test_results_are_read_again() -> None:
    calls = Message("assistant", (ToolCall("c", "f", "{}"),))
    result = Message("user", (ToolResult("c", (Text("a"),)),))
    encoded = encode_request(Request((calls, result)), Target("m"))
    assert decode_request(read_call(encoded.body, Path("responses"))).request.messages == (calls, result)
