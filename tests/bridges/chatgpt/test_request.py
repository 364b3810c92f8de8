"""A turn as a ChatGPT plan takes it."""

import json

import pytest
from msgspec import Raw

from bridges.chatgpt.chatgpt_stage import MODEL, said_by, user
from bridges.chatgpt.fake_vendor import wrong_with
from llm_gateway.bridges.chatgpt.request import NAMESPACE, encode_turn, own_name
from llm_gateway.bridges.contract import Ask
from llm_gateway.canonical.parts import Image, Inline, Text, ToolCall, ToolResult
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

LOOKUP = FunctionTool("lookup", "Look up.", Raw(b'{"type":"object","properties":{"city":{"type":"string"}}}'))
RUN = CustomTool("run", "Run code.")


def written(request: Request) -> tuple[dict[str, object], list[str]]:
    """Return the body, which a plan takes, and the names of what was lost."""
    encoded = encode_turn(Ask(MODEL, request))
    body = json.loads(encoded.body)
    assert wrong_with(body) is None
    return body, [loss.what for loss in encoded.losses]


def test_a_question_is_streamed_and_not_stored() -> None:
    body, lost = written(Request((said_by("system", "Be brief."), user("Say hello."))))
    assert body == {
        "model": MODEL,
        "instructions": "Be brief.",
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Say hello."}]}
        ],
        "include": ["reasoning.encrypted_content"],
        "store": False,
        "stream": True,
    }
    assert lost == []


def test_a_later_system_message_is_the_developers() -> None:
    body, _ = written(Request((user("Hi."), said_by("system", "Be brief."), user("Go on."))))
    items = body["input"]
    assert isinstance(items, list)
    assert [item["role"] for item in items] == ["user", "developer", "user"]


def test_what_a_plan_rejects_is_left_out_and_told() -> None:
    sampling = Sampling(max_tokens=100, temperature=0.5, top_p=0.9, stop=("x",), seed=1)
    request = Request((user("Hi."),), sampling=sampling, user="ada", reasoning=Reasoning("none"))
    body, lost = written(request)
    assert not body.keys() & {"max_output_tokens", "temperature", "top_p", "safety_identifier"}
    assert sorted(lost) == ["max_tokens", "seed", "stop", "temperature", "top_p", "user"]


def test_what_a_plan_takes_is_asked_for() -> None:
    schema = Format("schema", "answer", schema=Raw(b'{"type":"object"}'))
    reasoning = Reasoning("high", shown=True)
    body, lost = written(
        Request((user("Hi."),), format=schema, reasoning=reasoning, cache_key="conversation-1")
    )
    assert body["prompt_cache_key"] == "conversation-1"
    assert body["reasoning"] == {"effort": "high", "summary": "auto"}
    assert body["text"] == {"format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}}}
    assert lost == []


def test_tools_are_in_a_namespace() -> None:
    body, lost = written(Request((user("Hi."),), tools=(LOOKUP, RUN)))
    groups = body["tools"]
    assert isinstance(groups, list)
    (group,) = groups
    assert {name: group[name] for name in ("type", "name")} == {"type": "namespace", "name": NAMESPACE}
    assert group["description"]
    assert [(tool["type"], tool["name"]) for tool in group["tools"]] == [
        ("function", "lookup"),
        ("custom", "run"),
    ]
    assert "tool_choice" not in body and lost == []


def test_calls_of_tools_that_are_offered_say_where_these_are() -> None:
    call = ToolCall("call_1", "lookup", "{}")
    gone = ToolCall("call_2", "gone", "{}")
    ran = ToolCall("call_3", "run", "1", custom=True)
    picture = Image(Inline("aGk=", "image/png"))
    messages = (
        user("Hi."),
        Message("assistant", (Text("Wait."), call, gone, ran)),
        Message("user", (ToolResult("call_1", (Text("9"), picture)), ToolResult("call_2", (Text("8"),)))),
    )
    body, _ = written(Request(messages, tools=(LOOKUP, RUN)))
    items = body["input"]
    assert isinstance(items, list)
    told = [(item["type"], item.get("name"), item.get("namespace")) for item in items]
    assert told == [
        ("message", None, None),
        ("message", None, None),
        ("function_call", "lookup", NAMESPACE),
        ("function_call", "gone", None),
        ("custom_tool_call", "run", NAMESPACE),
        ("function_call_output", None, None),
        ("function_call_output", None, None),
    ]


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (ToolChoice("none"), "none"),
        (ToolChoice("required"), "required"),
        (
            ToolChoice("named", ("lookup",)),
            {"type": "function", "name": "lookup", "namespace": NAMESPACE},
        ),
        (ToolChoice("named", ("run",)), {"type": "custom", "name": "run", "namespace": NAMESPACE}),
        (
            ToolChoice("auto", ("lookup",)),
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "lookup", "namespace": NAMESPACE}],
            },
        ),
    ],
)
def test_a_choice_says_where_its_tool_is(choice: ToolChoice, told: object) -> None:
    body, _ = written(Request((user("Hi."),), tools=(LOOKUP, RUN), tool_choice=choice))
    assert body["tool_choice"] == told


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("lookup", "lookup"),
        ("client_tools.lookup", "lookup"),
        ("client_tools__lookup", "lookup"),
        ("client_tools.other", "client_tools.other"),
        ("client_tools.own", "client_tools.own"),
        ("other", "other"),
    ],
)
def test_a_tool_is_called_by_the_clients_name(called: str, name: str) -> None:
    assert own_name(called, frozenset(("lookup", "client_tools.own", "own"))) == name
