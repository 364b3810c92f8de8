"""A whole request, written for models of several generations."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.parts import Text, ToolCall, ToolResult
from llm_gateway.canonical.request import (
    Format,
    FunctionTool,
    Message,
    Reasoning,
    Request,
    Sampling,
    ToolChoice,
)
from llm_gateway.dialects.contract import Path, Target
from llm_gateway.dialects.messages.decode import decode_request
from llm_gateway.dialects.messages.encode import encode_request
from llm_gateway.dialects.messages.request import read_call

HI = (Message("user", (Text("hi"),)),)
MARK = {"type": "ephemeral"}
SCHEMA = Raw(b'{"type":"object","properties":{"a":{"type":"integer"}}}')
OLDER, NEWER, OTHER = "claude-sonnet-4-5", "claude-opus-5-5", "local"


# The body is JSON of this dialect, looked into at many places.
def write(request: Request, to: str = OLDER, max_tokens: int = 8192) -> tuple[dict[str, Any], list[str]]:
    encoded = encode_request(request, Target(to, max_tokens=max_tokens))
    return json.loads(encoded.body), [loss.what for loss in encoded.losses]


def test_the_least_request() -> None:
    assert write(Request(HI), max_tokens=77) == (
        {
            "model": OLDER,
            "max_tokens": 77,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        },
        [],
    )


def test_more_than_a_model_generates_is_not_asked_for() -> None:
    body, lost = write(Request(HI, sampling=Sampling(128_000)))
    assert (body["max_tokens"], lost) == (64_000, ["max_tokens"])
    assert write(Request(HI, sampling=Sampling(128_000)), NEWER)[1] == []


def test_the_clients_limit_counts() -> None:
    assert write(Request(HI, sampling=Sampling(5)))[0]["max_tokens"] == 5
    assert write(Request(HI, sampling=Sampling(0)))[0]["max_tokens"] == 1
    assert write(Request(HI, stream=True))[0]["stream"] is True


@pytest.mark.parametrize(
    ("to", "sampling", "told", "lost"),
    [
        (OLDER, Sampling(temperature=0.5, top_k=5), {"temperature": 0.5, "top_k": 5}, []),
        (OLDER, Sampling(top_p=0.5), {"top_p": 0.5}, []),
        (OLDER, Sampling(temperature=0.5, top_p=0.5), {"temperature": 0.5}, ["top_p"]),
        (OLDER, Sampling(temperature=1, top_p=1), {}, []),
        (OLDER, Sampling(temperature=1.5), {}, ["temperature"]),
        (OTHER, Sampling(temperature=1.5, top_p=1), {"temperature": 1.5, "top_p": 1}, []),
        (NEWER, Sampling(temperature=1, top_p=1), {}, []),
        (NEWER, Sampling(temperature=0, top_p=0.5, top_k=3), {}, ["temperature", "top_p", "top_k"]),
        (
            OLDER,
            Sampling(seed=0, presence_penalty=0.5, frequency_penalty=0.0),
            {},
            ["seed", "presence_penalty"],
        ),
        (OLDER, Sampling(stop=("a", " ", "")), {"stop_sequences": ["a"]}, ["stop"]),
        (OLDER, Sampling(stop=("\n",)), {}, ["stop"]),
    ],
)
def test_sampling(to: str, sampling: Sampling, told: dict[str, object], lost: list[str]) -> None:
    body, losses = write(Request(HI, sampling=sampling), to)
    assert body.keys() - {"model", "max_tokens", "messages"} == told.keys()
    assert {key: body[key] for key in told} == told
    assert losses == lost


def test_thinking_excludes_sampling() -> None:
    sampling = Sampling(temperature=0.5, top_p=0.5, top_k=5)
    body, lost = write(Request(HI, sampling=sampling, reasoning=Reasoning("low")))
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    assert lost == ["temperature", "top_p", "top_k"]
    body, lost = write(Request(HI, sampling=Sampling(top_p=0.97), reasoning=Reasoning("low")))
    assert (body["top_p"], lost) == (0.97, [])
    assert write(Request(HI, sampling=sampling, reasoning=Reasoning("low")), OTHER)[1] == []


def test_an_effort_stands_in_the_output_config() -> None:
    body, _ = write(Request(HI, reasoning=Reasoning("high", shown=True)), NEWER)
    assert body["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert body["output_config"] == {"effort": "high"}


def test_an_answer_is_held_to_a_schema_where_that_can_be() -> None:
    request = Request(HI, format=Format("schema", "n", "what it is", SCHEMA, True))
    body, lost = write(request)
    form = body["output_config"]["format"]
    assert form["type"] == "json_schema"
    assert (form["schema"]["additionalProperties"], form["schema"]["description"]) == (False, "what it is")
    assert (lost, "system" in body) == ([], False)
    plain = write(Request(HI, format=Format("schema", schema=SCHEMA)))[0]["output_config"]["format"]["schema"]
    assert "description" not in plain
    body, lost = write(request, OTHER)
    assert "output_config" not in body
    assert bytes(SCHEMA).decode() in body["system"][-1]["text"]
    assert "what it is" in body["system"][-1]["text"]
    assert lost == ["response_format"]


def test_any_json_is_asked_for_after_the_system_prompt() -> None:
    request = Request((Message("system", (Text("be good"),)), *HI), format=Format("json"))
    body, lost = write(request, NEWER)
    assert body["system"][0]["text"] == "be good"
    assert "JSON object" in body["system"][1]["text"]
    assert lost == ["response_format"]
    assert write(Request(HI, format=Format("schema", schema=Raw(b"7"))))[1] == ["response_format"]


def test_a_named_conversation_is_marked_to_be_cached() -> None:
    messages = (Message("system", (Text("a"), Text("b"))), Message("user", (Text("x"), Text("y"))))
    body, lost = write(Request(messages, cache_key="k"))
    assert [block.get("cache_control") for block in body["system"]] == [None, MARK]
    assert [block.get("cache_control") for block in body["messages"][0]["content"]] == [None, MARK]
    assert lost == []
    body, lost = write(Request(messages, cache_key="k"), OTHER)
    assert "cache_control" not in json.dumps(body)
    assert lost == ["prompt_cache_key"]
    body, _ = write(Request((*HI, Message("assistant", (Text("The"),))), cache_key="k"))
    assert "cache_control" not in json.dumps(body)


def test_tools_and_the_choice() -> None:
    tools = (FunctionTool("f", schema=SCHEMA), FunctionTool("g"))
    body, lost = write(Request(HI, tools, ToolChoice("named", ("f",), False)))
    assert [tool["name"] for tool in body["tools"]] == ["f", "g"]
    assert body["tool_choice"] == {"type": "tool", "name": "f", "disable_parallel_tool_use": True}
    body, lost = write(Request(HI, tools, ToolChoice("required", ("g",)), reasoning=Reasoning("high")))
    assert [tool["name"] for tool in body["tools"]] == ["g"]
    assert (body["tool_choice"], "thinking" in body, lost) == ({"type": "any"}, False, ["reasoning"])
    assert "tool_choice" not in write(Request(HI, tools))[0]


def test_calls_in_a_conversation_without_tools() -> None:
    messages = (
        *HI,
        Message("assistant", (ToolCall("a", "f", "{}"),)),
        Message("user", (ToolResult("a", ()),)),
    )
    body, lost = write(Request(messages))
    assert body["tools"] == [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
    assert (body["tool_choice"], lost) == ({"type": "none"}, [])


@pytest.mark.parametrize(
    ("request_", "told", "lost"),
    [
        (Request(HI, user="somebody"), {"metadata": {"user_id": "somebody"}}, []),
        (Request(HI, user="a@example.com"), {}, ["user"]),
        (Request(HI, user="x" * 257), {}, ["user"]),
        (Request(HI, service_tier="auto"), {"service_tier": "auto"}, []),
        (Request(HI, service_tier="default"), {"service_tier": "standard_only"}, []),
        (Request(HI, service_tier="flex"), {}, ["service_tier"]),
    ],
)
def test_the_rest(request_: Request, told: dict[str, object], lost: list[str]) -> None:
    body, losses = write(request_)
    assert {key: body[key] for key in body if key in ("metadata", "service_tier")} == told
    assert losses == lost


TEXTS = st.text(min_size=1, max_size=6).filter(str.strip)


@given(
    st.lists(TEXTS, min_size=1, max_size=3),
    st.lists(TEXTS, max_size=2),
    st.sampled_from((None, "low", "medium", "high")),
    st.integers(2000, 50_000),
    st.booleans(),
)
def test_what_is_written_is_read_back(
    texts: list[str], system: list[str], effort: Any, limit: int, stream: bool
) -> None:
    """Where this dialect can say all of it, nothing changes on the way there and back."""
    head = (Message("system", tuple(map(Text, system))),) if system else ()
    roles = ("user", "assistant", "user")
    talk = [Message(role, (Text(text),)) for role, text in zip(roles, texts, strict=False)]  # type: ignore[arg-type]
    if len(talk) == 2:
        talk.pop()
    request = Request(
        (*head, *talk),
        (FunctionTool("f", "d", SCHEMA),),
        ToolChoice(parallel=False),
        Sampling(limit, stop=("END",)),
        None if effort is None else Reasoning(effort, shown=True),
        stream=stream,
        user="u",
    )
    encoded = encode_request(request, Target(NEWER))
    assert encoded.losses == ()
    decoded = decode_request(read_call(encoded.body, Path("messages")))
    assert decoded.losses == ()
    assert decoded.request == request
