"""A turn as a ChatGPT plan takes it: a Responses request, without what is rejected, its tools in a namespace.

developers.openai.com, siwc/token-sharing-open-source, "Models and inference" and "Preview limitations". What
has to be left out is reported; what would change what an answer is about is refused before, by abilities.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from llm_gateway.bridges.contract import Ask
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import Encoded
from llm_gateway.dialects.contract import Target
from llm_gateway.dialects.responses import RESPONSES

__all__ = ["NAMESPACE", "encode_turn", "own_name"]

NAMESPACE = "client_tools"
"""The namespace that all tools of a request are in: a plan takes them in one."""

_ABOUT = "Tools that the user's application runs."
_WHY = "a ChatGPT plan does not take it"

# Fields that the vendor rejects, and what the common model calls them where that is another word.
_REJECTED: Mapping[str, str] = {
    "background": "",
    "conversation": "",
    "max_output_tokens": "max_tokens",
    "max_tool_calls": "",
    "metadata": "",
    "moderation": "",
    "multi_agent": "",
    "previous_response_id": "",
    "prompt": "",
    "prompt_cache_retention": "",
    "safety_identifier": "user",
    "temperature": "",
    "top_logprobs": "",
    "top_p": "",
    "truncation": "",
    "user": "",
}
_CALLS = (b'"function_call"', b'"custom_tool_call"')

_Json = dict[str, object]

_fields = msgspec.json.Decoder(dict[str, Raw])
_items = msgspec.json.Decoder(list[dict[str, Raw]])
_value = msgspec.json.Decoder()
_text = msgspec.json.Decoder(str)
_encode = msgspec.json.encode


def encode_turn(ask: Ask) -> Encoded:
    """Write a turn; its losses are those of the dialect and of the plan."""
    written = RESPONSES.encode_request(ask.request, Target(ask.model))
    losses = Losses()
    for loss in written.losses:
        losses.add(loss.what, loss.why)
    body: dict[str, object] = dict(_fields.decode(written.body))
    for name, called in _REJECTED.items():
        if name in body:
            del body[name]
            losses.add(called or name, _WHY)
    names = {tool.name for tool in ask.request.tools}
    if names:
        body["tools"] = [
            {"type": "namespace", "name": NAMESPACE, "description": _ABOUT, "tools": body["tools"]}
        ]
        body["input"] = [_placed(item, names) for item in _items.decode(_raw(body["input"]))]
        if "tool_choice" in body:
            body["tool_choice"] = _choice(_value.decode(_raw(body["tool_choice"])))
    body["store"], body["stream"] = False, True
    return Encoded(_encode(body), losses.found())


def own_name(name: str, known: frozenset[str]) -> str:
    """Return what the client calls a tool that the model has called, whether or not with its namespace."""
    for between in (".", "__", "/"):
        bare = name.removeprefix(f"{NAMESPACE}{between}")
        if name not in known and bare in known:
            return bare
    return name


def _placed(item: dict[str, Raw], names: set[str]) -> dict[str, Raw]:
    """Return an item; a call of a tool that is offered says in which namespace that is."""
    if bytes(item.get("type", Raw())) in _CALLS and _text.decode(item["name"]) in names:
        return {**item, "namespace": Raw(_encode(NAMESPACE))}
    return item


def _choice(choice: object) -> object:
    match choice:
        case {"type": "allowed_tools", "tools": [*tools], **rest}:
            return {"type": "allowed_tools", **rest, "tools": [_choice(tool) for tool in tools]}
        case {"type": "function" | "custom" as kind, **rest}:
            return {"type": kind, **rest, "namespace": NAMESPACE}
        case _:
            return choice


def _raw(member: object) -> Raw:
    assert isinstance(member, Raw)
    return member
