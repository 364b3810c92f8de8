"""A whole request: every field is understood, said to be lost, or known to say nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.request import Format, Reasoning, Request, Sampling
from llm_gateway.dialects.contract import Path
from llm_gateway.dialects.messages.decode import decode_request
from llm_gateway.dialects.messages.request import read_call
from llm_gateway.errors import MalformedRequest

SCHEMA = {"type": "object"}


def decode(**fields: object) -> tuple[Request, list[str]]:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}
    decoded = decode_request(read_call(json.dumps(body).encode(), Path("messages")))
    assert decoded.notes == {}
    return decoded.request, [loss.what for loss in decoded.losses]


def test_the_least_request() -> None:
    request, lost = decode(max_tokens=5)
    assert (request.sampling, request.stream, lost) == (Sampling(5), False, [])
    assert decode(stream=True)[0].stream


def test_sampling() -> None:
    request, lost = decode(max_tokens=0, temperature=1, top_p=0.5, top_k=4, stop_sequences=["a", "b"])
    assert request.sampling == Sampling(1, 1.0, 0.5, 4, stop=("a", "b"))
    assert lost == ["max_tokens"]


@pytest.mark.parametrize(
    ("fields", "form", "lost"),
    [
        ({"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}, True, []),
        ({"output_format": {"type": "json_schema", "schema": SCHEMA, "name": "n"}}, True, []),
        ({"output_config": {"format": None}}, False, []),
        ({"output_config": {"format": {"type": "newer"}}}, False, ["output_config.format"]),
        ({"output_config": {"format": {"type": "json_schema"}}}, False, ["output_config.format"]),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA, "x": 1}}},
            True,
            ["output_config.format.x"],
        ),
        ({"output_config": {"task_budget": {"total": 5}}}, False, ["output_config.task_budget"]),
    ],
)
def test_the_form_of_the_answer(fields: dict[str, object], form: bool, lost: list[str]) -> None:
    request, losses = decode(**fields)
    assert losses == lost
    if not form:
        assert request.format is None
        return
    assert request.format is not None and request.format.schema is not None
    assert json.loads(bytes(request.format.schema)) == SCHEMA
    assert (request.format.kind, request.format.strict) == ("schema", True)


def test_a_schema_goes_along_byte_for_byte() -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"x"}],"output_config":{"format":%b}}'
    form = b'{"type":"json_schema","schema":{ "a":1.0 }}'
    decoded = decode_request(read_call(body % form, Path("messages")))
    assert decoded.request.format == Format("schema", schema=Raw(b'{ "a":1.0 }'), strict=True)


@pytest.mark.parametrize(
    ("fields", "reasoning"),
    [
        ({}, None),
        ({"output_config": {"effort": "low"}}, Reasoning("low")),
        ({"thinking": {"type": "enabled", "budget_tokens": 5000}}, Reasoning(None, 5000)),
        (
            {
                "output_config": {"effort": "low"},
                "messages": [
                    {"role": "user", "content": "x"},
                    {"role": "system", "content": "y", "output_config": {"effort": "max"}},
                ],
            },
            Reasoning("max"),
        ),
    ],
)
def test_thinking(fields: dict[str, object], reasoning: Reasoning | None) -> None:
    assert decode(**fields)[0].reasoning == reasoning


@pytest.mark.parametrize(
    ("user_id", "user", "cache_key", "lost"),
    [
        (None, "", "", []),
        ("somebody", "somebody", "", []),
        ("{not json", "{not json", "", []),
        ('{"a":1}', '{"a":1}', "", []),
        ('{"device_id":"d","account_uuid":"a","session_id":"s-1"}', "", "s-1", ["metadata.user_id"]),
        ("user_d_account_a_session_s-1", "", "s-1", ["metadata.user_id"]),
        ('{"session_id":"a b/ü"}', "", "a%20b%2F%C3%BC", ["metadata.user_id"]),
    ],
)
def test_a_session_names_the_conversation_and_a_device_stays_secret(
    user_id: str | None, user: str, cache_key: str, lost: list[str]
) -> None:
    request, losses = decode(metadata={"user_id": user_id})
    assert (request.user, request.cache_key, losses) == (user, cache_key, lost)


def test_other_metadata_is_lost() -> None:
    assert decode(metadata={"x": 1})[1] == ["metadata.x"]


@pytest.mark.parametrize(
    ("fields", "tier", "lost"),
    [
        ({"service_tier": "auto"}, "auto", []),
        ({"service_tier": "standard_only"}, "default", []),
        ({"service_tier": "newer"}, "", ["service_tier"]),
        ({"speed": "standard"}, "", []),
        ({"speed": "fast"}, "", ["speed"]),
    ],
)
def test_tiers(fields: dict[str, object], tier: str, lost: list[str]) -> None:
    request, losses = decode(**fields)
    assert (request.service_tier, losses) == (tier, lost)


@pytest.mark.parametrize(
    ("told", "lost"),
    [
        ({}, []),
        ({"edits": []}, []),
        ({"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}, []),
        ({"edits": [{"type": "clear_thinking_20251015"}]}, ["context_management"]),
        ({"edits": [{"type": "clear_tool_uses_20250919", "keep": "all"}]}, ["context_management"]),
        ({"x": 1}, ["context_management"]),
    ],
)
def test_keeping_everything_is_what_happens_anyway(told: object, lost: list[str]) -> None:
    assert decode(context_management=told)[1] == lost


@pytest.mark.parametrize(
    "key",
    [
        *("cache_control", "mcp_servers", "container", "inference_geo", "compaction", "fallbacks", "thread"),
        *("betas", "anthropic_beta", "diagnostics", "billing_policy", "fallback_credit_token", "x_new"),
    ],
)
def test_what_only_the_provider_has_is_lost_by_name(key: str) -> None:
    assert decode(**{key: {"a": 1}})[1] == [key]
    assert decode(**{key: None})[1] == []


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"max_tokens": "many"}, "max_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"metadata": 7}, "metadata"),
        ({"metadata": {"user_id": 7}}, "metadata.user_id"),
        ({"output_config": 7}, "output_config"),
        ({"output_config": {"effort": 7}}, "output_config.effort"),
        ({"output_config": {"format": 7}}, "output_config.format"),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {}, "name": 7}}},
            "output_config.format.name",
        ),
        ({"service_tier": 7}, "service_tier"),
        ({"context_management": 7}, "context_management"),
        ({"thinking": 7}, "thinking"),
        ({"tools": 7}, "tools"),
        ({"tool_choice": 7}, "tool_choice"),
    ],
)
def test_what_is_wrong_is_said_by_its_place(fields: dict[str, object], place: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        decode(**fields)
    assert caught.value.param == place


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(min_size=1, max_size=8).filter(str.isidentifier), JSON, max_size=4))
def test_no_unknown_key_is_lost_in_silence(extra: dict[str, object]) -> None:
    fields = {f"x_{key}": value for key, value in extra.items()}
    _, lost = decode(**fields)
    said = [key for key, value in fields.items() if not (value is None or value in (False, 0, "", [], {}))]
    ascii_keys = {key for key in said if key.isascii()}
    assert ascii_keys <= set(lost)
    assert bool(said) is bool(lost)


@given(st.lists(st.dictionaries(st.sampled_from(("role", "content", "type", "text", "x")), JSON), max_size=3))
def test_any_conversation_is_read_or_refused(messages: list[object]) -> None:
    place: str | None = "messages"
    try:
        decode(messages=messages)
    except MalformedRequest as error:
        place = error.param
    assert place is not None and place.startswith("messages")
