"""A request in the `responses` dialect, read to be written in another one.

What needs state at the provider (an earlier response, a conversation, a stored prompt) cannot be
translated and is refused with the way out; what other dialects merely cannot say is reported as lost.
"""

from collections.abc import Mapping
from typing import get_args

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Text
from llm_gateway.canonical.request import (
    Decoded,
    Effort,
    Format,
    Reasoning,
    Request,
    Sampling,
    ToolChoice,
)
from llm_gateway.dialects.contract import Call
from llm_gateway.dialects.responses.decode_items import Conversation
from llm_gateway.dialects.responses.echo import echo_of
from llm_gateway.dialects.responses.fields import decoded, is_given, named, report_strays
from llm_gateway.dialects.responses.tools import Toolbox
from llm_gateway.errors import MalformedRequest

__all__ = ["decode_request"]

# Read for routing, or said to the vendor about the request rather than to the model: `client_metadata` is
# Codex's telemetry, `include_obfuscation` in `stream_options` pads events that we do not pad. `metadata`
# comes back with the response. `include` and `store` are looked at.
_READ = frozenset(("model", "stream", "stream_options", "client_metadata", "metadata"))

_INCLUDED = "reasoning.encrypted_content"
_EFFORTS: Mapping[object, Effort] = {effort: effort for effort in get_args(Effort)}
_REASONING = frozenset(("effort", "summary", "generate_summary", "context", "mode"))
_STREAM = frozenset(("include_obfuscation",))
_TEXT = frozenset(("format", "verbosity"))
_FORMAT = frozenset(("type", "name", "description", "schema", "strict"))


class _Body(msgspec.Struct):
    """The members of a request that are read here."""

    input: Raw = msgspec.field(default_factory=Raw)
    instructions: str | None = None
    tools: Raw = msgspec.field(default_factory=Raw)
    tool_choice: Raw = msgspec.field(default_factory=Raw)
    parallel_tool_calls: bool | None = None
    reasoning: dict[str, object] | None = None
    text: dict[str, Raw] | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    include: list[str] | None = None
    store: bool | None = None
    background: bool | None = None
    previous_response_id: str | None = None
    conversation: Raw = msgspec.field(default_factory=Raw)
    prompt: Raw = msgspec.field(default_factory=Raw)
    prompt_cache_key: str | None = None
    safety_identifier: str | None = None
    user: str | None = None
    service_tier: str | None = None
    truncation: str | None = None
    top_logprobs: int | None = None


_body = msgspec.json.Decoder(_Body)
_members = msgspec.json.Decoder(dict[str, Raw])
_KNOWN = _READ | frozenset(_Body.__struct_fields__)


def decode_request(call: Call) -> Decoded:
    """Read a request; raise MalformedRequest with the field at fault."""
    body = _read(call)
    losses = Losses()
    _refuse_state(body)
    tools = Toolbox(losses)
    tools.add_all(body.tools, "tools")
    conversation = Conversation(tools, losses)
    if body.instructions:
        conversation.say("system", (Text(body.instructions),))
    if not is_given(body.input):
        raise MalformedRequest("`input` is missing: it must be a string or a list of items", param="input")
    conversation.add_input(body.input)
    request = Request(
        tuple(conversation.messages),
        tuple(tools.tools.values()),
        _choice(body, tools, losses),
        Sampling(body.max_output_tokens, body.temperature, body.top_p),
        _reasoning(body.reasoning, losses),
        _format(body.text, losses),
        call.stream,
        user=body.safety_identifier or body.user or "",
        cache_key=body.prompt_cache_key or "",
        service_tier="" if body.service_tier in (None, "auto") else body.service_tier,
    )
    _report(call, body, losses)
    notes = {"echo": echo_of(call.document.fields, call.said)}
    if note := tools.note():
        notes["tools"] = note
    return Decoded(request, losses.found(), notes)


def _read(call: Call) -> _Body:
    try:
        call.document.body.decode()  # schemas and metadata are passed on without another look
        return _body.decode(call.document.body)
    except msgspec.ValidationError as error:
        told, _, place = str(error).partition(" - at `$.")
        param = place.rstrip("`") or None
        raise MalformedRequest(f"`{param}`: {told}" if param else told, param=param) from None
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        raise MalformedRequest("the body is not JSON in UTF-8, or nested too deeply") from None


def _refuse_state(body: _Body) -> None:
    """Refuse what hangs on something that a provider keeps: another provider does not have it."""
    if body.previous_response_id:
        raise MalformedRequest(
            "`previous_response_id` refers to an answer that is not kept here: the model's provider keeps "
            "no state and content retention is off, so send the whole conversation in `input`",
            param="previous_response_id",
        )
    if is_given(body.conversation):
        raise MalformedRequest(
            "`conversation` refers to a conversation that the model's provider does not keep: "
            "send its items in `input`",
            param="conversation",
        )
    if is_given(body.prompt):
        raise MalformedRequest(
            "`prompt` names a template that is stored at OpenAI, which does not serve this model: "
            "send its text in `instructions` and `input`",
            param="prompt",
        )
    if body.background:
        raise MalformedRequest(
            "`background` needs a provider that keeps the answer until it is fetched, and this model's does "
            "not: leave it out, or set it to false",
            param="background",
        )


def _choice(body: _Body, tools: Toolbox, losses: Losses) -> ToolChoice:
    parallel = body.parallel_tool_calls
    match decoded(body.tool_choice, "tool_choice") if is_given(body.tool_choice) else None:
        case None | "auto":
            return ToolChoice(parallel=parallel)
        case "none":
            return ToolChoice("none", parallel=parallel)
        case "required":
            return ToolChoice("required", parallel=parallel)
        case {"type": "allowed_tools", "mode": "auto" | "required" as mode, "tools": list() as allowed}:
            names = [name for tool in allowed for name in _chosen(tool, tools, losses)]
            return ToolChoice(mode, tuple(dict.fromkeys(names)), parallel)
        case {"type": str()} as tool:
            chosen = _chosen(tool, tools, losses)
            return ToolChoice("named" if chosen else "auto", tuple(chosen), parallel)
    raise MalformedRequest(
        "`tool_choice` must be auto, none, required, or name a tool of `tools`", param="tool_choice"
    )


def _chosen(tool: object, tools: Toolbox, losses: Losses) -> list[str]:
    """Return the names of the tools that a choice means; one that is not to be had is lost."""
    found: list[str] = []
    if not isinstance(tool, dict):
        raise MalformedRequest("`tool_choice` must name tools by objects", param="tool_choice")
    match tool:
        case {"type": "function", "function": {"name": str() as name}}:  # as in Chat Completions
            found = list(tools.chosen("", name))
        case {"type": "function" | "custom", "name": str() as name}:
            space = tool.get("namespace")
            found = list(tools.chosen(space if isinstance(space, str) else "", name))
        case {"type": "namespace", "name": str() as space}:
            found = list(tools.chosen(space, ""))
        case {"type": "tool_search" | "local_shell" | "shell" | "apply_patch" as kind}:
            found = [name for name in (tools.vendors(kind),) if name in tools.tools]
    if not found:
        losses.add(f"tool_choice.{named(str(tool.get('type')))}", "a tool that this model does not have")
    return found


def _reasoning(told: Mapping[str, object] | None, losses: Losses) -> Reasoning | None:
    if told is None:
        return None
    report_strays(told, _REASONING, "reasoning", losses)
    effort = _EFFORTS.get(told.get("effort"))
    if effort is None and told.get("effort") is not None:
        losses.add("reasoning.effort", "not a level that other dialects know")
    if told.get("context") == "current_turn":
        losses.add("reasoning.context", "all thinking that was sent is shown to the model")
    if told.get("mode") not in (None, "standard"):
        losses.add("reasoning.mode", "not known to other dialects")
    if effort is None:
        return None  # a summary alone asks for no thinking; what is thought is shown in any case
    return Reasoning(effort, shown=bool(told.get("summary") or told.get("generate_summary")) or None)


def _format(told: Mapping[str, Raw] | None, losses: Losses) -> Format | None:
    if told is None:
        return None
    for key in told.keys() - _TEXT:
        report_strays({key: decoded(told[key], f"text.{key}")}, _TEXT, "text", losses)
    if "verbosity" in told and decoded(told["verbosity"], "text.verbosity") not in (None, "medium"):
        losses.add("text.verbosity", "not known to other dialects")
    raw = told.get("format")
    if raw is None or not is_given(raw):
        return None
    form = decoded(raw, "text.format")
    if not isinstance(form, dict):
        raise MalformedRequest("`text.format` must be an object", param="text.format")
    report_strays(form, _FORMAT, "text.format", losses)
    match form:
        case {"type": "text"}:
            return None
        case {"type": "json_object"}:
            return Format("json")
        case {"type": "json_schema", "schema": dict()}:
            name, about, strict = form.get("name"), form.get("description"), form.get("strict")
            return Format(
                "schema",
                name if isinstance(name, str) else "",
                about if isinstance(about, str) else "",
                _members.decode(raw)["schema"],
                strict if isinstance(strict, bool) else None,
            )
        case {"type": "grammar" | "python" as kind}:
            losses.add(f"text.format.{kind}", "other dialects know JSON alone")
            return None
    raise MalformedRequest(
        "`text.format` must be an object whose type is text, json_object or json_schema", param="text.format"
    )


def _report(call: Call, body: _Body, losses: Losses) -> None:
    """Report the members of the request itself that go no further."""
    streamed = call.document.fields.get("stream_options")
    options = decoded(streamed, "stream_options") if streamed is not None else None
    if isinstance(options, dict):
        report_strays(options, _STREAM, "stream_options", losses)
    for word in body.include or ():
        if word != _INCLUDED:
            losses.add(f"include.{_dotted(word)}", "the model's provider does not send it")
    if body.store and "store" not in call.said:
        losses.add("store", "answers are not kept")
    if body.truncation not in (None, "disabled"):
        losses.add("truncation", "the conversation is sent whole")
    if body.top_logprobs:
        losses.add("top_logprobs", "not known to other dialects")
    if body.user and body.safety_identifier and body.user != body.safety_identifier:
        losses.add("user", "`safety_identifier` stands for the person")
    fields = call.document.fields
    for key in fields.keys() - _KNOWN:
        value = decoded(fields[key], named(key))
        if value not in (None, False, "", [], {}):
            losses.add(named(key), "not known to other dialects")


def _dotted(word: str) -> str:
    return ".".join(named(each) for each in word.split(".")[:6])
