"""A request of this dialect read into the common model: every field understood, or reported as lost.

Four things say nothing of the question and are no loss: `model` and `stream` were read with the call, the
name that Claude Code gives to Anthropic's billing in the system prompt, and `context_management` that
keeps everything, which is what happens anyway.
"""

from collections.abc import Mapping
from urllib.parse import quote

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import Decoded, Effort, Format, Request, Sampling
from llm_gateway.dialects.contract import Call
from llm_gateway.dialects.messages.members import (
    lose,
    lose_unknown,
    optional,
    says_nothing,
    text_of,
    value_of,
    wrong,
)
from llm_gateway.dialects.messages.read_messages import read_messages
from llm_gateway.dialects.messages.read_thinking import read_effort, read_reasoning
from llm_gateway.dialects.messages.read_tools import read_choice, read_tools
from llm_gateway.dialects.messages.response import UNREADABLE

__all__ = ["decode_request"]

_text = msgspec.json.Decoder(str)
_integer = msgspec.json.Decoder(int)
_number = msgspec.json.Decoder(float)
_object = msgspec.json.Decoder(dict[str, object])
_members = msgspec.json.Decoder(dict[str, Raw])
_stops = msgspec.json.Decoder(list[str])

_UNDERSTOOD = frozenset(
    (
        *("model", "stream", "messages", "system", "tools", "tool_choice", "max_tokens", "temperature"),
        *("top_p", "top_k", "stop_sequences", "thinking", "output_config", "output_format", "metadata"),
        *("service_tier", "context_management", "speed"),
    )
)
_NO_PLACE = {
    "cache_control": "other providers decide by themselves what they cache",
    "mcp_servers": "another provider does not call them",
    "container": "another provider has no such container",
    "inference_geo": "another provider decides where it runs",
    "compaction": "another provider does not compact a conversation",
    "fallbacks": "the gateway's own plan says who is asked next",
    "thread": "another provider does not store the conversation",
    "betas": "features in trial are each provider's own",
    "anthropic_beta": "features in trial are each provider's own",
}
_TIERS = {"auto": "auto", "standard_only": "default"}


def decode_request(call: Call) -> Decoded:
    """Read a request; raise MalformedRequest with the field at fault."""
    fields = call.document.fields
    losses = Losses()
    said = read_messages(fields, losses)
    tools = read_tools(fields, said, losses)
    effort, form = _output(fields, losses)
    user, cache_key = _metadata(fields, losses)
    request = Request(
        messages=tuple(said.messages),
        tools=tools,
        tool_choice=read_choice(fields, tools, losses),
        sampling=_sampling(fields, losses),
        reasoning=read_reasoning(fields, said.effort or effort, losses),
        format=form,
        stream=call.stream,
        user=user,
        cache_key=cache_key,
        service_tier=_tier(fields, losses),
    )
    _context_management(fields, losses)
    for key, raw in fields.items():
        if key not in _UNDERSTOOD and not says_nothing(value_of(raw)):
            lose(losses, "", key, _NO_PLACE.get(key, "not known outside of the dialect it came in"))
    return Decoded(request, losses.found())


def _sampling(fields: Mapping[str, Raw], losses: Losses) -> Sampling:
    limit = optional(fields, "max_tokens", _integer, "a whole number")
    if limit == 0:  # fills Anthropic's cache and answers nothing
        losses.add("max_tokens", "elsewhere at least one token is generated")
        limit = 1
    stop = optional(fields, "stop_sequences", _stops, "a list of strings")
    return Sampling(
        max_tokens=limit,
        temperature=optional(fields, "temperature", _number, "a number"),
        top_p=optional(fields, "top_p", _number, "a number"),
        top_k=optional(fields, "top_k", _integer, "a whole number"),
        stop=tuple(stop or ()),
    )


def _output(fields: Mapping[str, Raw], losses: Losses) -> tuple[Effort | None, Format | None]:
    """Read the effort and the form of the answer; `output_format` is the form's older place."""
    told = optional(fields, "output_config", _members, "an object") or {}
    effort = read_effort(value_of(told.get("effort")), "output_config.effort", losses)
    rest = {key: value_of(raw) for key, raw in told.items() if key not in ("effort", "format")}
    lose_unknown(rest, frozenset(), "output_config.", losses)
    form, where = told.get("format"), "output_config.format"
    if form is None or bytes(form) == b"null":
        form, where = fields.get("output_format"), "output_format"
    if form is None or bytes(form) == b"null":
        return effort, None
    try:
        members = _members.decode(form)
    except UNREADABLE:
        raise wrong(where, "an object with a `type`") from None
    if value_of(members.get("type")) != "json_schema" or "schema" not in members:
        losses.add(where, "a form that other dialects do not have")
        return effort, None
    name = text_of(value_of(members.get("name")), f"{where}.name")
    others = {key: value_of(raw) for key, raw in members.items() if key not in ("type", "schema", "name")}
    lose_unknown(others, frozenset(), f"{where}.", losses)
    return effort, Format("schema", name, schema=members["schema"], strict=True)


def _metadata(fields: Mapping[str, Raw], losses: Losses) -> tuple[str, str]:
    """Return who asks, and the name of the conversation.

    Claude Code tells device, account and session in one text. The session names the conversation; who
    owns the device is Anthropic's to know and nobody else's.
    """
    told = optional(fields, "metadata", _object, "an object") or {}
    lose_unknown(told, frozenset(("user_id",)), "metadata.", losses)
    user = text_of(told.get("user_id"), "metadata.user_id")
    session = _session(user)
    if session:
        losses.add("metadata.user_id", "a device and an account that only their vendor knows")
        return "", session
    return user, ""


def _session(user: str) -> str:
    if user.startswith("{"):
        try:
            session = _object.decode(user).get("session_id")
        except (*UNREADABLE, UnicodeEncodeError):
            return ""
    else:  # as releases before 2026 have it
        _, _, session = user.rpartition("_session_")
    return quote(session, safe="") if isinstance(session, str) and session != user else ""


def _tier(fields: Mapping[str, Raw], losses: Losses) -> str:
    tier = optional(fields, "service_tier", _text, "a string") or ""
    speed = optional(fields, "speed", _text, "a string")
    if speed not in (None, "standard"):
        losses.add("speed", "another provider has its own ways of being fast")
    if tier and tier not in _TIERS:
        losses.add("service_tier", "a tier that is not known")
    return _TIERS.get(tier, "")


def _context_management(fields: Mapping[str, Raw], losses: Losses) -> None:
    told = optional(fields, "context_management", _object, "an object") or {}
    if any(not _keeps_all(key, value) for key, value in told.items()):
        losses.add("context_management", "another provider does not shorten a conversation")


def _keeps_all(key: str, value: object) -> bool:
    edits = value if isinstance(value, list) else [value]
    return says_nothing(value) or (key == "edits" and all(_is_idle(edit) for edit in edits))


def _is_idle(edit: object) -> bool:
    match edit:
        case {"type": str(kind), "keep": "all", **more} if kind.startswith("clear_thinking"):
            return not more
    return False
