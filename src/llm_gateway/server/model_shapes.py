"""Lists of models, and single ones, in the shapes of OpenAI, Anthropic and Gemini: nothing is asked for here.

OpenAI's is that of platform.openai.com, "Models"; Anthropic's of platform.claude.com, "List Models";
Gemini's of ai.google.dev, "Models". Codex's catalog is in `codex_catalog.py`.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from llm_gateway.errors import MalformedRequest

__all__ = [
    "Listed",
    "anthropic_list",
    "anthropic_model",
    "gemini_list",
    "gemini_model",
    "openai_list",
    "openai_model",
]

_Json = dict[str, object]

_MOST = 1000
_ANTHROPICS = 20
_GEMINIS = 50
_GENERATES = ["generateContent", "streamGenerateContent", "countTokens"]
_EMBEDS = ["embedContent", "batchEmbedContents"]


class Listed(msgspec.Struct, frozen=True):
    """One model under a name that reaches it; zero and "" stand for what nobody tells.

    `bare` is the model's own name, where that reaches this model and no other.
    """

    name: str
    owner: str
    bare: str = ""
    created: int = 0
    context_length: int = 0
    label: str = ""


# OpenAI


def openai_list(listed: Iterable[Listed]) -> _Json:
    """Return the list as OpenAI's clients read it."""
    return {"object": "list", "data": [openai_model(each) for each in listed]}


def openai_model(listed: Listed) -> _Json:
    """Return one model; `context_length` is OpenRouter's addition, which several clients read."""
    model: _Json = {
        "id": listed.name,
        "object": "model",
        "created": listed.created,
        "owned_by": listed.owner,
    }
    if listed.context_length:
        model["context_length"] = listed.context_length
    return model


# Anthropic


def anthropic_list(listed: Iterable[Listed], query: Mapping[str, str]) -> _Json:
    """Return a page: `limit`, and one of `after_id` and `before_id`; MalformedRequest when they are wrong."""
    models = [anthropic_model(each) for each in listed]
    ids = [str(model["id"]) for model in models]
    limit = _number(query, "limit", _ANTHROPICS)
    after, before = query.get("after_id", ""), query.get("before_id", "")
    if after and before:
        raise MalformedRequest("after_id and before_id are both there; keep one of them", param="before_id")
    if before:
        end = _place(ids, before, "before_id")
        start = max(0, end - limit)
        has_more = start > 0
    else:
        start = _place(ids, after, "after_id") + 1 if after else 0
        end = min(len(models), start + limit)
        has_more = end < len(models)
    page = models[start:end]
    return {
        "data": page,
        "has_more": has_more,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
    }


def anthropic_model(listed: Listed) -> _Json:
    """Return one model; a date that nobody tells is the epoch, as Anthropic's own page has it.

    Claude Desktop offers only models whose names begin with `claude-`, so those stand here under their own
    name where that is enough to reach them.
    """
    name = listed.bare if listed.bare.startswith("claude") else listed.name
    model: _Json = {
        "type": "model",
        "id": name,
        "display_name": listed.label or name,
        "created_at": datetime.fromtimestamp(listed.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if listed.context_length:
        model["max_input_tokens"] = listed.context_length
    return model


# Gemini


def gemini_list(listed: Iterable[Listed], query: Mapping[str, str]) -> _Json:
    """Return a page: `pageSize`, and the `pageToken` of the page before; MalformedRequest when wrong."""
    models = [gemini_model(each) for each in listed]
    names = [str(model["name"]) for model in models]
    size = _number(query, "pageSize", _GEMINIS, lenient=True)
    token = query.get("pageToken", "")
    start = _place(names, _unpacked(token), "pageToken") + 1 if token else 0
    page = models[start : start + size]
    answer: _Json = {"models": page}
    if start + size < len(models):
        answer["nextPageToken"] = base64.urlsafe_b64encode(str(page[-1]["name"]).encode()).decode()
    return answer


def gemini_model(listed: Listed) -> _Json:
    """Return one model; those of Gemini stand under their own name where that is enough to reach them.

    What a model is for is not told by most providers' lists; only its name says that it embeds.
    """
    name = listed.bare if listed.bare.startswith("gemini") else listed.name
    model: _Json = {
        "name": f"models/{name}",
        "version": "",
        "displayName": listed.label or name,
        "supportedGenerationMethods": _EMBEDS if "embed" in name.lower() else _GENERATES,
    }
    if listed.context_length:
        model["inputTokenLimit"] = listed.context_length
    return model


def _number(query: Mapping[str, str], name: str, default: int, *, lenient: bool = False) -> int:
    """Return how many are wanted; Gemini takes more than its most for its most, and 0 for its default."""
    text = query.get(name, "")
    if not text or (lenient and text == "0"):
        return default
    if not (text.isascii() and text.isdecimal()) or len(text) > 9 or not int(text):
        raise MalformedRequest(f"{name}={text[:20]!r} is not a number from 1 to {_MOST}", param=name)
    if int(text) > _MOST and not lenient:
        raise MalformedRequest(f"{name}={text[:20]!r} is over {_MOST}", param=name)
    return min(int(text), _MOST)


def _place(ids: Sequence[str], wanted: str, param: str) -> int:
    try:
        return ids.index(wanted)
    except ValueError:
        raise MalformedRequest(
            f"{param}={wanted[:60]!r} is no model of this list; begin again without it", param=param
        ) from None


def _unpacked(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode("ascii", "replace")).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return token
