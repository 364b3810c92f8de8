"""Requests that stand in a file: a body, conversations one a line, or the plain text of one result.

Nothing is sent and nothing compressed here. In which dialect a body is, is told by where it has results.
"""

from collections.abc import Iterator

import msgspec

from llm_gateway.canonical.gather import nothing_known
from llm_gateway.canonical.slots import Slots
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.wire.jsonedit import Document, MalformedJson
from llm_gateway.wire.ready import decoder, ready

__all__ = ["Filed", "filed"]

_ORDER = ("messages", "chat", "responses", "gemini", "ollama")
# What a line tells of a conversation beside the request: here, and in `llm-gateway content export`.
_BESIDE = frozenset(
    ("kind", "id", "group", "api", "source", "schema", "key", "created_at", "expires_at", "response")
)
_ANSWERED = ("instructions", "tools")


@ready
class _Named(msgspec.Struct, frozen=True):
    """What else a line may say of its conversation, beside what a request has."""

    id: str = ""
    kind: str = ""


class Filed(msgspec.Struct, frozen=True):
    """A request as it stands in a file, by the name that it has there, or its line."""

    name: str
    dialect: str
    document: Document
    slots: Slots


def filed(data: bytes, tool: str = "bash", dialect: str = "") -> list[Filed]:
    """Return the requests of a file, those without results of tools included.

    What is no JSON is taken for what `tool` has said. ValueError for a body in none of the dialects.
    """
    text = data.strip()
    if text.startswith(b"{"):
        try:
            return [_read(text, "", dialect)]
        except MalformedJson:
            return list(_lines(text, dialect))
    return [_read(_result(data.decode("utf-8", "replace"), tool), "", "chat")]


def _lines(text: bytes, dialect: str) -> Iterator[Filed]:
    for number, line in enumerate(text.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            yield _read(line.strip(), f"line {number}", dialect)
        except MalformedJson as error:
            raise ValueError(f"line {number}: {error}") from None


def _read(body: bytes, name: str, dialect: str) -> Filed:
    document = Document.parse(body)
    if not _BESIDE.isdisjoint(document.fields):
        document = Document.parse(document.edit(_of_answer(document), _BESIDE))
    names = (dialect,) if dialect else _ORDER
    read = [(each, DIALECTS[each].slots(document, nothing_known)) for each in names]
    spoken = [(each, slots) for each, slots in read if slots.member in document.fields]
    if not spoken:
        raise ValueError(f"{name or 'it'} is no request with messages, in no dialect")
    best, slots = max(spoken, key=lambda each: len(each[1].starts))
    try:
        told = _named.decode(body)
    except msgspec.ValidationError:  # it means something else by these
        told = _Named()
    return Filed(" ".join(filter(None, (told.kind, told.id))) or name, best, document, slots)


def _of_answer(document: Document) -> dict[str, bytes]:
    """Return what of a request its answer tells, where that is kept with it."""
    try:
        told = _members.decode(document.fields.get("response", b"{}"))
    except msgspec.DecodeError:
        return {}
    return {name: bytes(told[name]) for name in _ANSWERED if name in told and name not in document.fields}


def _result(text: str, tool: str) -> bytes:
    call = {"id": "1", "type": "function", "function": {"name": tool, "arguments": "{}"}}
    messages = [
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": text},
    ]
    return msgspec.json.encode({"messages": messages})


_named = decoder(_Named)
_members = decoder(dict[str, msgspec.Raw])
