"""A request read: what it asks for, what is refused with the way out, and no member lost in silence."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from openai.types.responses.response_create_params import ResponseCreateParamsBase

from llm_gateway.canonical.parts import Text
from llm_gateway.canonical.request import Format, Message, Reasoning, Request, Sampling, ToolChoice
from llm_gateway.dialects.contract import Path
from llm_gateway.dialects.responses.decode import decode_request
from llm_gateway.dialects.responses.request import read_call
from llm_gateway.errors import MalformedRequest

FIND = {"type": "function", "name": "find"}
PATCH = {"type": "custom", "name": "patch"}
CRM = {"type": "namespace", "name": "crm", "tools": [FIND]}


def read(**members: object) -> tuple[Request, list[str]]:
    body = json.dumps({"model": "m", "input": "hi", **members}).encode()
    decoded = decode_request(read_call(body, Path("responses")))
    return decoded.request, [loss.what for loss in decoded.losses]


def test_the_least_request() -> None:
    assert read() == (Request((Message("user", (Text("hi"),)),)), [])


def test_instructions_come_first() -> None:
    request, lost = read(instructions="be kind", input=[{"role": "developer", "content": "x"}])
    assert [message.role for message in request.messages] == ["system", "system"]
    assert request.messages[0].parts == (Text("be kind"),)
    assert lost == []


def test_everything_that_other_dialects_have() -> None:
    request, lost = read(
        stream=True,
        max_output_tokens=10,
        temperature=0.5,
        top_p=1,
        reasoning={"effort": "xhigh", "summary": "detailed"},
        text={"format": {"type": "json_object"}, "verbosity": "medium"},
        safety_identifier="u",
        user="u",
        prompt_cache_key="k",
        service_tier="flex",
        parallel_tool_calls=False,
        include=["reasoning.encrypted_content"],
        store=False,
        truncation="disabled",
        background=False,
        top_logprobs=0,
        metadata={"a": "b"},
        client_metadata={"a": "b"},
        stream_options={"include_obfuscation": False},
        previous_response_id=None,
        conversation=None,
        prompt=None,
        max_tool_calls=None,
    )
    assert lost == []
    assert request == Request(
        (Message("user", (Text("hi"),)),),
        tool_choice=ToolChoice(parallel=False),
        sampling=Sampling(max_tokens=10, temperature=0.5, top_p=1.0),
        reasoning=Reasoning("xhigh", shown=True),
        format=Format("json"),
        stream=True,
        user="u",
        cache_key="k",
        service_tier="flex",
    )


@pytest.mark.parametrize(
    ("member", "lost"),
    [
        ({"store": True}, "store"),
        ({"truncation": "auto"}, "truncation"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"max_tool_calls": 3}, "max_tool_calls"),
        ({"context_management": [{"type": "compaction"}]}, "context_management"),
        ({"prompt_cache_retention": "24h"}, "prompt_cache_retention"),
        ({"moderation": {"model": "x"}}, "moderation"),
        ({"user": "a", "safety_identifier": "b"}, "user"),
        ({"include": ["message.output_text.logprobs"]}, "include.message.output_text.logprobs"),
        ({"include": ["what is this"]}, "include.unknown"),
        ({"text": {"verbosity": "low"}}, "text.verbosity"),
        ({"text": {"new": 1}}, "text.new"),
        ({"text": {"format": {"type": "text", "new": 1}}}, "text.format.new"),
        ({"text": {"format": {"type": "grammar", "definition": "x"}}}, "text.format.definition"),
        ({"reasoning": {"effort": "ultra"}}, "reasoning.effort"),
        ({"reasoning": {"context": "current_turn"}}, "reasoning.context"),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
        ({"reasoning": {"new": 1}}, "reasoning.new"),
        ({"tool_choice": {"type": "web_search"}}, "tool_choice.web_search"),
        ({"tool_choice": {"type": "function", "name": "gone"}}, "tool_choice.function"),
        ({"something_new": 1}, "something_new"),
        ({"not a word": 1}, "unknown"),
    ],
)
def test_what_has_no_place_is_reported(member: dict[str, object], lost: str) -> None:
    assert lost in read(**member)[1]


def test_what_is_kept_here_is_not_lost() -> None:
    body = b'{"model":"m","input":"x","store":true}'
    call = read_call(body, Path("responses"))
    said = {"store": Raw(b"true"), "previous_response_id": Raw(b'"resp_1"')}
    decoded = decode_request(msgspec.structs.replace(call, said=said))
    assert decoded.losses == ()
    assert '"previous_response_id":"resp_1"' in decoded.notes["echo"]
    assert '"store":true' in decoded.notes["echo"]


@pytest.mark.parametrize(
    ("member", "param", "way_out"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id", "send the whole conversation"),
        ({"conversation": "conv_1"}, "conversation", "send its items"),
        ({"conversation": {"id": "conv_1"}}, "conversation", "send its items"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt", "send its text"),
        ({"background": True}, "background", "leave it out"),
        ({"input": None}, "input", "missing"),
        ({"input": 7}, "input", "string or a list"),
        ({"temperature": "hot"}, "temperature", "Expected `float | null`"),
        ({"reasoning": "high"}, "reasoning", "Expected"),
        ({"include": [7]}, "include[0]", "Expected `str`"),
        ({"text": {"format": 7}}, "text.format", "an object"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format", "json_schema"),
        ({"tool_choice": "maybe"}, "tool_choice", "auto, none, required"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [7]}}, "tool_choice", "objects"),
        ({"tools": {}}, "tools", "a list of tools"),
    ],
)
def test_what_cannot_be_translated_is_refused_with_the_way_out(
    member: dict[str, object], param: str, way_out: str
) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read(**member)
    assert caught.value.param == param and way_out in caught.value.message
    assert "resp_1" not in caught.value.message and "hot" not in caught.value.message


def test_bytes_that_are_no_text_are_refused() -> None:
    call = read_call(b'{"model":"m","input":"x","metadata":{"a":"\xff"}}', Path("responses"))
    with pytest.raises(MalformedRequest, match="UTF-8"):
        decode_request(call)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, ToolChoice()),
        ("auto", ToolChoice()),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "find"}, ToolChoice("named", ("find",))),
        ({"type": "function", "function": {"name": "find"}}, ToolChoice("named", ("find",))),
        ({"type": "custom", "name": "patch"}, ToolChoice("named", ("patch",))),
        ({"type": "function", "namespace": "crm", "name": "find"}, ToolChoice("named", ("crm__find",))),
        ({"type": "shell"}, ToolChoice("named", ("shell",))),
        ({"type": "web_search"}, ToolChoice()),
        (
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [
                    FIND,
                    {"type": "namespace", "name": "crm"},
                    FIND,
                    {"type": "mcp", "server_label": "s"},
                ],
            },
            ToolChoice("required", ("find", "crm__find")),
        ),
    ],
)
def test_every_form_of_a_choice(choice: object, expected: ToolChoice) -> None:
    request, _ = read(tool_choice=choice, tools=[FIND, PATCH, CRM, {"type": "shell"}])
    assert request.tool_choice == expected


def test_a_schema_for_the_answer_stays_as_it_was_written() -> None:
    body = (
        b'{"model":"m","input":"x","text":{"format":{"type":"json_schema","name":"n","strict":true,'
        b'"description":"d","schema":{ "minimum" : 1.0 }}}}'
    )
    request = decode_request(read_call(body, Path("responses"))).request
    assert request.format == Format("schema", "n", "d", Raw(b'{ "minimum" : 1.0 }'), True)


def test_a_summary_alone_asks_for_no_thinking() -> None:
    assert read(reasoning={"summary": "auto"})[0].reasoning is None
    assert read(reasoning={"effort": "none"})[0].reasoning == Reasoning("none")
    assert read(reasoning={"effort": "low", "generate_summary": "auto"})[0].reasoning == Reasoning(
        "low", shown=True
    )


def test_a_tier_chosen_by_the_provider_is_none() -> None:
    assert read(service_tier="auto")[0].service_tier == ""


def test_notes_lead_back_to_the_clients_names() -> None:
    decoded = decode_request(
        read_call(json.dumps({"model": "m", "input": "x", "tools": [CRM]}).encode(), Path("responses"))
    )
    assert json.loads(decoded.notes["tools"]) == {"crm__find": ["function", "crm", "find"]}
    assert '"name": "crm"' in decoded.notes["echo"]


VALUES: list[object] = [True, 7, "text", {"a": 1}, [{"type": "x"}]]


@given(
    member=st.sampled_from(sorted(ResponseCreateParamsBase.__annotations__)), value=st.sampled_from(VALUES)
)
def test_no_documented_member_is_lost_in_silence(member: str, value: object) -> None:
    """A member of the vendor's changes the request, is reported, is refused, or is on the short list."""
    harmless = {"model", "stream_options", "metadata", "include", "truncation", "store", "background"}
    if member in harmless:
        return
    changed, refused = False, ""
    lost: list[str] = []
    try:
        request, lost = read(**{member: value})
        changed = request != read()[0]
    except MalformedRequest as error:
        refused = error.param or ""
    reported = any(what.startswith((member, "tools.", "input.")) for what in lost)
    same = (member, value) in (("parallel_tool_calls", True), ("text", {"a": 1}))
    assert changed or reported or same or refused.startswith(member)
