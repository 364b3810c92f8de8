"""Which conversation a request goes on with, so that it can go on in the thread where it began.

A thread of its own for every turn would be right, too; but the provider's cache of prompts is by thread, and
agents send a long conversation again with every result of a tool. What differs in any way begins anew.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

import msgspec

from llm_gateway.bridges.codex.recipe import Recipe
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import ToolCall
from llm_gateway.canonical.request import Message
from llm_gateway.canonical.response import AnswerPart
from llm_gateway.dialects.responses.encode_items import encode_items

__all__ = ["answer_items", "key_of", "split", "tool_results"]

_Json: TypeAlias = Mapping[str, object]
_CALL = "function_call"
_RESULT = "function_call_output"


def split(items: Sequence[_Json]) -> tuple[Sequence[_Json], Sequence[_Json]]:
    """Return what was said up to the model's last answer, and what came after it."""
    for place in range(len(items) - 1, -1, -1):
        item = items[place]
        if item["type"] == _CALL or item.get("role") == "assistant":
            return items[: place + 1], items[place + 1 :]
    return (), items


def key_of(recipe: Recipe, items: Sequence[_Json]) -> str:
    """Return what tells a conversation: how it is asked, and all that was said but for thinking.

    Clients send thinking back or do not, and cut a text into parts as they like.
    """
    asked = {name: value for name, value in recipe.thread.items() if name not in ("config", "cwd")}
    said: list[object] = []
    for item in items:
        if item["type"] == "reasoning":
            continue
        if item.get("role") != "assistant":
            said.append(item)
        elif said and isinstance(said[-1], str):
            said[-1] += _text(item)
        else:
            said.append(_text(item))
    told = msgspec.json.encode((asked, recipe.turn, said))
    return hashlib.blake2b(told, digest_size=16).hexdigest()


def answer_items(parts: Sequence[AnswerPart], recipe: Recipe) -> Sequence[_Json]:
    """Return an answer as the client will send it back."""
    told = {theirs: ours for ours, theirs in recipe.names.items()}
    said = tuple(
        msgspec.structs.replace(part, name=told.get(part.name, part.name))
        if isinstance(part, ToolCall)
        else part
        for part in parts
    )
    return encode_items((Message("assistant", said),), Losses())


def tool_results(items: Sequence[_Json], calls: Collection[str]) -> dict[str, _Json] | None:
    """Return what Codex is told of each of these calls; None when the items are not their results alone.

    Pictures among them are none of it: where they are told so, nobody says whether Codex could read them.
    """
    found: dict[str, _Json] = {}
    for item in items:
        call, output = item.get("call_id"), item.get("output")
        if item["type"] != _RESULT or not isinstance(call, str) or call not in calls or call in found:
            return None
        if not isinstance(output, str):
            return None
        found[call] = {"success": True, "contentItems": [{"type": "inputText", "text": output}]}
    return found if len(found) == len(calls) else None


def _text(item: _Json) -> str:
    content = item["content"]
    return "".join(str(part.get("text", "")) for part in content) if isinstance(content, list) else ""
