"""Requests read into the common model: everything is understood, refused with its field, or lost by name."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Text
from llm_gateway.canonical.request import Decoded, Format, FunctionTool, Message, Reasoning, Sampling
from llm_gateway.dialects.contract import Path
from llm_gateway.dialects.ollama.decode import decode_request, lose_engine
from llm_gateway.dialects.ollama.request import read_call
from llm_gateway.errors import MalformedRequest

HI = [{"role": "user", "content": "hi"}]


def decoded(operation: str = "chat", /, **members: object) -> Decoded:
    told = {"prompt": "hi"} if operation == "generate" else {"messages": HI}
    body = json.dumps({"model": "m", **told, **members}).encode()
    return decode_request(read_call(body, Path(operation)))


def lost(operation: str = "chat", /, **members: object) -> list[str]:
    return [loss.what for loss in decoded(operation, **members).losses]


@pytest.mark.parametrize("operation", ["chat", "generate"])
def test_a_plain_request(operation: str) -> None:
    request = decoded(operation).request
    assert request.messages == (Message("user", (Text("hi"),)),)
    assert request.stream and request.reasoning is None and request.format is None
    assert not decoded(operation, stream=False).request.stream
    assert lost(operation, tools=[], options={}, format="", think=None, keep_alive=None) == []


def test_a_prompt_with_a_system() -> None:
    assert decoded("generate", system="be brief").request.messages[0] == Message(
        "system", (Text("be brief"),)
    )


@pytest.mark.parametrize(
    ("think", "reasoning"),
    [
        (True, Reasoning(shown=True)),
        (False, Reasoning("none")),
        ("low", Reasoning("low", shown=True)),
        ("max", Reasoning("max", shown=True)),
        (None, None),
    ],
)
def test_thinking(think: object, reasoning: Reasoning | None) -> None:
    assert decoded(think=think).request.reasoning == reasoning


def test_forms() -> None:
    assert decoded(format="json").request.format == Format("json")
    form = decoded(format={"type": "object"}).request.format
    assert form is not None and form.schema is not None and bytes(form.schema) == b'{"type": "object"}'


def test_options_are_read_and_the_neutral_ones_say_nothing() -> None:
    options = {"num_predict": 9, "temperature": 0, "top_p": 1, "top_k": 4.0, "seed": 7, "stop": "x"}
    assert decoded(options=options).request.sampling == Sampling(9, 0.0, 1.0, 4, 7, stop=("x",))
    assert decoded(options={"num_predict": -1, "seed": -1, "stop": None}).request.sampling == Sampling()
    assert lost(options={"num_predict": -1, "seed": -1, "min_p": None}) == []
    assert lost(options={"num_predict": -2}) == ["options.num_predict"]
    assert lost(options={"mirostat": 0, "no such\n": 1}) == ["options.mirostat", "options.(unknown)"]


def test_tools() -> None:
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
    tools = decoded(
        tools=[{"type": "function", "function": function}, {"function": {"name": "g"}}]
    ).request.tools
    assert tools[1] == FunctionTool("g")
    first = tools[0]
    assert isinstance(first, FunctionTool) and first.schema is not None
    assert (first.name, first.description, first.strict) == ("f", "d", True)
    assert bytes(first.schema) == b'{"type": "object"}'
    assert lost(
        tools=[
            {"type": "function", "items": {}, "extra": 1, "function": {"name": "f", "more": 1}},
            {"type": "web_search"},
        ]
    ) == ["tools.extra", "tools.function.more", "tools.web_search"]


@pytest.mark.parametrize(
    ("members", "losses"),
    [
        ({"keep_alive": 0}, ["keep_alive"]),
        ({"keep_alive": "5m"}, ["keep_alive"]),
        ({"truncate": True, "shift": True}, ["truncate", "shift"]),
        ({"truncate": False, "shift": False}, []),
        ({"logprobs": True, "top_logprobs": 2}, ["logprobs", "top_logprobs"]),
        ({"logprobs": False, "top_logprobs": 0}, []),
        ({"_debug_render_only": True}, ["_debug_render_only"]),
        ({"prompt": "x"}, ["prompt"]),
    ],
)
def test_what_other_dialects_cannot_say_is_lost(members: dict[str, object], losses: list[str]) -> None:
    assert lost(**members) == losses


@pytest.mark.parametrize("name", ["suffix", "template", "context", "raw"])
def test_what_lays_out_a_prompt_is_lost(name: str) -> None:
    value: object = {"context": [1], "raw": True}.get(name, "x")
    assert lost("generate", **{name: value}) == [name]
    assert lost("generate", **{name: None}) == []


@pytest.mark.parametrize(
    ("operation", "members", "param"),
    [
        ("chat", {"messages": None}, "messages"),
        ("chat", {"messages": []}, "messages"),
        ("chat", {"messages": "hi"}, "messages"),
        ("generate", {"prompt": ""}, "prompt"),
        ("generate", {"prompt": 5}, "prompt"),
        ("chat", {"think": "xhigh"}, "think"),
        ("chat", {"think": 5}, "think"),
        ("chat", {"format": "xml"}, "format"),
        ("chat", {"format": [1]}, "format"),
        ("chat", {"options": []}, "options"),
        ("chat", {"options": {"temperature": "hot"}}, "options.temperature"),
        ("chat", {"options": {"seed": 1.5}}, "options.seed"),
        ("chat", {"options": {"stop": [1]}}, "options.stop"),
        ("chat", {"tools": {}}, "tools"),
        ("chat", {"tools": [{"function": {}}]}, "tools[0].function.name"),
        ("chat", {"tools": [{"function": {"name": "f", "parameters": []}}]}, "tools[0].function.parameters"),
        ("chat", {"truncate": "no"}, "truncate"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(operation: str, members: dict[str, object], param: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        decoded(operation, **members)
    assert caught.value.param == param


def test_what_is_said_to_the_engine() -> None:
    losses = Losses()
    lose_engine({"keep_alive": Raw(b"-1"), "truncate": Raw(b"true")}, losses)
    assert [loss.what for loss in losses.found()] == ["keep_alive", "truncate"]


@given(
    name=st.text("abcxyz_", min_size=1, max_size=9).map("x_".__add__),
    operation=st.sampled_from(("chat", "generate")),
    value=st.one_of(st.just(True), st.integers(1, 9), st.text(min_size=1), st.just([1])),
)
def test_no_loss_is_silent(name: str, operation: str, value: object) -> None:
    assert lost(operation, **{name: value}) == [name]
    assert lost(operation, options={name: value}) == [f"options.{name}"]
    if operation == "chat":
        assert lost(messages=[{"role": "user", "content": "hi", name: value}]) == [f"messages.{name}"]
