"""Whether a model may read something else than a request says: then no result may refer to what is before it.

Not what is compressed (`conversation.py`): a reference is as good as what it refers to. Providers that keep
a part of the conversation count other results than we do, and those that clear, cut or sum up what is old
take away what was referred to. Sources: Anthropic's pages on context editing and compaction, OpenAI's on
compaction and conversation state, OpenRouter's on message transforms, Google's on context caching, vLLM's on
its server.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from llm_gateway.canonical.slots import Slots

__all__ = ["read_elsewhere"]

_KEPT = ("previous_response_id", "conversation", "cachedContent", "cached_content")
_CUT = ("transforms", "truncate_prompt_tokens")
_NOTHING = (b"null", b'""', b"[]", b"{}", b"0", b"false")
_HARMLESS = "clear_thinking"  # the one edit of a context after which all results are still there


class _Edit(msgspec.Struct, frozen=True):
    type: str = ""


class _Edits(msgspec.Struct, frozen=True):
    edits: tuple[_Edit, ...] = ()


_edits = msgspec.json.Decoder(_Edits)


def read_elsewhere(fields: Mapping[str, Raw], slots: Slots) -> str:
    """Return why nothing that is new may refer to what is before it; "" where it may."""
    if any(_is_said(fields, name) for name in _KEPT):
        return "a part of the conversation is at its provider"
    cuts = any(_is_said(fields, name) for name in _CUT)
    if cuts or bytes(fields.get("truncation", b"")) == b'"auto"' or _is_edited(fields):
        return "its provider may take out what is referred to"
    if slots.summed_up:
        return "the conversation was summed up by its provider"
    return ""


def _is_said(fields: Mapping[str, Raw], name: str) -> bool:
    return name in fields and bytes(fields[name]) not in _NOTHING


def _is_edited(fields: Mapping[str, Raw]) -> bool:
    if not _is_said(fields, "context_management"):
        return False
    try:
        told = _edits.decode(fields["context_management"])
    except msgspec.DecodeError:  # OpenAI's is an array, and means compaction
        return True
    return not all(edit.type.startswith(_HARMLESS) for edit in told.edits)
