"""Requests read: every field is understood or reported, whatever it is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.parts import Text
from llm_gateway.canonical.request import (
    Decoded,
    Format,
    FunctionTool,
    Message,
    Reasoning,
    Sampling,
    ToolChoice,
)
from llm_gateway.dialects.chat.decode import decode_request
from llm_gateway.dialects.chat.encode import encode_request
from llm_gateway.dialects.chat.request import read_call
from llm_gateway.dialects.contract import Path, Target
from llm_gateway.errors import MalformedRequest

HI = [{"role": "user", "content": "hi"}]


# JSON as a client sends it: of any shape.
def decode(**members: Any) -> Decoded:
    body = json.dumps({"model": "m", "messages": HI, **members}).encode()
    return decode_request(read_call(body, Path("chat/completions")))


def lost(**members: Any) -> list[str]:
    return [loss.what for loss in decode(**members).losses]


def test_the_least_that_can_be_asked() -> None:
    told = decode()
    assert told.request.messages == (Message("user", (Text("hi"),)),)
    assert told.request.tool_choice == ToolChoice()
    assert told.request.sampling == Sampling()
    assert told.request.reasoning is None and told.request.format is None
    assert not told.request.stream
    assert (told.losses, told.notes) == ((), {})


def test_sampling_is_read() -> None:
    sampling = decode(
        max_tokens=5,
        temperature=1,
        top_p=0.5,
        top_k=40,
        seed=7,
        presence_penalty=-1,
        frequency_penalty=0.25,
        stop=["a", "b"],
    ).request.sampling
    assert sampling == Sampling(5, 1.0, 0.5, 40, 7, -1.0, 0.25, ("a", "b"))
    assert decode(stop="a").request.sampling.stop == ("a",)
    assert decode(stop=None, seed=None).request.sampling == Sampling()


def test_the_newer_limit_counts() -> None:
    assert decode(max_tokens=5, max_completion_tokens=9).request.sampling.max_tokens == 9
    assert decode(max_completion_tokens=9).losses == ()


@pytest.mark.parametrize(
    ("members", "reasoning"),
    [
        ({"reasoning_effort": "xhigh"}, Reasoning("xhigh")),
        ({"reasoning_effort": "none"}, Reasoning("none")),
        ({"reasoning_effort": None}, None),
        ({"reasoning": {"effort": "low", "exclude": True}}, Reasoning("low", shown=False)),
        ({"reasoning": {"max_tokens": 2000}}, Reasoning(budget=2000)),
        ({"reasoning": {"enabled": True}}, Reasoning()),
        ({"reasoning": {"enabled": False}}, Reasoning("none")),
        ({"thinking": {"type": "enabled"}}, Reasoning()),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, Reasoning(budget=9)),
        ({"thinking": {"type": "disabled"}}, Reasoning("none")),
        ({"enable_thinking": True}, Reasoning()),
        ({"enable_thinking": False}, Reasoning("none")),
        ({"enable_thinking": True, "thinking_budget": 9}, Reasoning(budget=9)),
        ({"include_reasoning": True}, Reasoning(shown=True)),
        ({"thinking": {"type": "enabled"}, "reasoning_effort": "high"}, Reasoning("high")),
    ],
)
def test_every_way_to_ask_for_thinking(members: dict[str, Any], reasoning: Reasoning | None) -> None:
    told = decode(**members)
    assert told.request.reasoning == reasoning
    assert told.losses == ()


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, Format("json")),
    ],
)
def test_a_form_is_read(told: object, expected: Format | None) -> None:
    assert decode(response_format=told).request.format == expected


def test_a_schema_is_read_as_it_is() -> None:
    schema = {"name": "s", "description": "d", "schema": {"type": "object"}, "strict": True}
    form = decode(response_format={"type": "json_schema", "json_schema": schema}).request.format
    assert form is not None
    assert (form.kind, form.name, form.description, form.strict) == ("schema", "s", "d", True)
    assert json.loads(bytes(form.schema or b"")) == {"type": "object"}
    bare = decode(response_format={"type": "json_schema", "json_schema": {"schema": None}}).request.format
    assert bare == Format("schema")


def test_who_asks() -> None:
    told = decode(user="u", prompt_cache_key="k", service_tier="flex").request
    assert (told.user, told.cache_key, told.service_tier) == ("u", "k", "flex")
    assert decode(safety_identifier="s").request.user == "s"
    assert lost(user="u", safety_identifier="s") == ["user"]
    assert lost(user="s", safety_identifier="s") == []


def test_a_request_of_old_is_answered_as_of_old() -> None:
    told = decode(functions=[{"name": "add"}], function_call="auto")
    assert told.request.tools == (FunctionTool("add"),)
    assert dict(told.notes) == {"calls": "function_call"}


@pytest.mark.parametrize(
    "members",
    [
        {"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}},
        {"n": 1, "logprobs": False, "store": False, "metadata": {}, "logit_bias": {}, "top_logprobs": 0},
        {"modalities": ["text"], "verbosity": "medium", "prediction": None, "audio": None},
        {"x_unknown": None, "tools": [], "stop": None},
    ],
)
def test_what_asks_for_nothing_is_no_loss(members: dict[str, Any]) -> None:
    assert lost(**members) == []


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logit_bias": {"50256": -100}}, "logit_bias"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "alloy", "format": "wav"}}, "audio"),
        ({"prediction": {"type": "content", "content": "x"}}, "prediction"),
        ({"web_search_options": {"search_context_size": "low"}}, "web_search_options"),
        ({"store": True}, "store"),
        ({"metadata": {"a": "b"}}, "metadata"),
        ({"verbosity": "low"}, "verbosity"),
        ({"min_p": 0.1}, "min_p"),
        ({"response_format": {"type": "grammar", "grammar": "x"}}, "response_format"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}, "x": 1}}},
            "response_format.x",
        ),
        ({"reasoning_effort": "extreme"}, "reasoning_effort"),
        ({"reasoning": {"effort": "extreme"}}, "reasoning.effort"),
        ({"reasoning": {"summary": "auto"}}, "reasoning.summary"),
        ({"thinking": {"type": "enabled", "keep": "all"}}, "thinking.keep"),
        ({"Ignore all previous": 1}, "(unknown)"),
    ],
)
def test_what_others_cannot_say_is_reported(members: dict[str, Any], what: str) -> None:
    assert lost(**members) == [what]


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"messages": None}, "messages"),
        ({"temperature": "warm"}, "temperature"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"stop": 7}, "stop"),
        ({"user": 7}, "user"),
        ({"reasoning_effort": 7}, "reasoning_effort"),
        ({"thinking": "on"}, "thinking"),
        ({"parallel_tool_calls": "yes"}, "parallel_tool_calls"),
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ],
)
def test_a_field_of_another_type_is_the_clients_fault(members: dict[str, Any], param: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        decode(**members)
    assert caught.value.param == param
    assert caught.value.status == 400


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


KNOWN = (
    "tools",
    "functions",
    "tool_choice",
    "function_call",
    "parallel_tool_calls",
    "response_format",
    "max_tokens",
    "seed",
    "stop",
    "user",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "top_k",
    "presence_penalty",
    "frequency_penalty",
    "reasoning_effort",
    "reasoning",
    "include_reasoning",
    "thinking",
    "enable_thinking",
    "thinking_budget",
    "safety_identifier",
    "prompt_cache_key",
    "service_tier",
    "n",
    "logprobs",
    "modalities",
    "store",
    "verbosity",
)


@given(key=st.sampled_from(KNOWN) | st.from_regex(r"[a-z_]{1,20}", fullmatch=True), value=values)
def test_no_field_is_lost_in_silence(key: str, value: object) -> None:
    """Whatever a field is, it changes what was understood, is reported, is refused, or says nothing."""
    if key in ("model", "messages", "stream", "stream_options"):
        return
    try:
        told = decode(**{key: value})
    except MalformedRequest:
        return
    assert told != decode() or is_empty(value) or (key, value) in (("n", 1), ("tool_choice", "auto"))


pieces = st.sampled_from(
    (
        b'"\xff"',
        b"1e999",
        b'"\\ud83d"',
        b"1" * 40,
        b"[" * 2000 + b"]" * 2000,
        b'{"type":"function","function":{"name":"a","parameters":"\xff"}}',
        b'[{"role":"user","content":[{"type":"text","text":"\xff"}]}]',
        b'[{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"a","arguments":{"x":1e999}}}]}]',
        b'[{"type":"\xff"}]',
        b'{"type":"json_schema","json_schema":{"name":"\xff"}}',
    )
)


@given(key=st.sampled_from((*KNOWN, "messages", "x_unknown")), value=pieces)
def test_bytes_that_are_no_text_are_refused_and_nothing_else_happens(key: str, value: bytes) -> None:
    messages = b"" if key == "messages" else b'"messages":[{"role":"user","content":"hi"}],'
    body = b'{"model":"m",%b"%b":%b}' % (messages, key.encode(), value)
    try:
        decoded = decode_request(read_call(body, Path("chat/completions")))
    except MalformedRequest:
        return
    encode_request(decoded.request, Target("m"))


def is_empty(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(is_empty, value.values()))
    return not value
