"""What a request or an answer of the common model says, taken apart: facets that one can look for elsewhere.

A facet is a name and a value. `missing` compares two sides; texts count as there when they stand anywhere in
what is said on the other side, because dialects join them, wrap them and move them.
"""

import json
from base64 import b64decode
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from typing import TypeAlias, assert_never

import msgspec

from llm_gateway.canonical.parts import (
    Audio,
    Document,
    Image,
    Inline,
    Link,
    Part,
    Refusal,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llm_gateway.canonical.request import FunctionTool, Request
from llm_gateway.canonical.response import Response

__all__ = ["Facet", "facets_of_answer", "facets_of_request", "missing"]

Facet: TypeAlias = tuple[str, Hashable]

_TEXTS = (
    "system",
    "text",
    "refusal",
    "result",
    "thinking",
    "tool.description",
    "document.name",
    "format.description",
)


def facets_of_request(request: Request) -> Iterator[Facet]:
    """Return everything that a request says."""
    for message in request.messages:
        for part in message.parts:
            if message.role == "system" and isinstance(part, Text):
                yield "system", part.text
            else:
                yield from _part(part)
    yield from _of_tools(request)
    yield from _of_settings(request)


def _of_tools(request: Request) -> Iterator[Facet]:
    """Return what is said of tools; dialects narrow a choice by leaving out what may not be called."""
    choice = request.tool_choice
    if choice.mode == "none":
        return
    narrowed = choice.names if choice.mode in ("auto", "required") else ()
    offered = [tool for tool in request.tools if not narrowed or tool.name in narrowed]
    for tool in offered:
        yield "tool", tool.name
        yield "tool.description", tool.description
        if isinstance(tool, FunctionTool):
            yield "tool.schema", _schema(bytes(tool.schema or b"{}"))
            if tool.strict:
                yield "tool.strict", tool.name
        else:
            yield "tool.custom", (tool.name, tool.syntax, tool.grammar)
    if offered:
        must = choice.mode in ("required", "named")
        only = choice.names or tuple(tool.name for tool in offered[:1] if len(offered) == 1)
        yield "choice", (must, only if must else ())
        if choice.parallel is False:
            yield "parallel", False


def _of_settings(request: Request) -> Iterator[Facet]:
    for name, value in msgspec.structs.asdict(request.sampling).items():
        if value not in (None, ()):
            yield name, value
    if (reasoning := request.reasoning) is not None:
        if reasoning.effort is not None or reasoning.budget is not None:
            yield ("thinks.not" if reasoning.effort == "none" or reasoning.budget == 0 else "thinks"), True
        if reasoning.budget is not None:
            yield "budget", reasoning.budget
        if reasoning.shown:
            yield "shown", True
    if (form := request.format) is not None:
        yield "format", form.kind
        if form.schema is not None:
            yield "format.schema", _schema(bytes(form.schema))
            yield "format.description", json.loads(bytes(form.schema)).get("description", "")
        if form.description:
            yield "format.description", form.description
        if form.strict:
            yield "format.strict", True
    yield "stream", request.stream
    if request.user:
        yield "user", request.user
    if request.cache_key:
        yield "cache_key", request.cache_key
    if request.service_tier not in ("", "auto", "default"):
        yield "service_tier", request.service_tier


def facets_of_answer(response: Response) -> Iterator[Facet]:
    """Return everything that an answer says, its ids aside, which are each dialect's own."""
    for part in response.parts:
        yield from _part(part)
    yield "finish", response.finish
    if response.sequence:
        yield "sequence", response.sequence
    if response.usage is not None:
        for name, value in msgspec.structs.asdict(response.usage).items():
            if value:
                yield f"usage.{name}", value


def _part(part: Part) -> Iterator[Facet]:
    match part:
        case Text(text):
            yield "text", text
        case Refusal(text):
            yield "refusal", text
        case Thinking(text, seal):
            if text:
                yield "thinking", text
            if seal is not None and seal.dialect != "chat":  # whose seal says how its text was spelled
                yield "seal", seal
        case ToolCall():
            yield ("call", (part.id, part.name, part.custom, _json(part.arguments.encode())))
            if part.seal is not None:
                yield "call.seal", (part.id, part.seal)
        case ToolResult():
            for inner in part.parts:
                if isinstance(inner, Text):
                    yield "result", inner.text
                else:
                    yield from _part(inner)
            if part.is_error:
                yield "result.is_error", part.call_id
        case Image(source, detail):
            yield "image", _plain(source)
            if detail not in ("", "auto"):
                yield "image.detail", detail
        case Document(Inline(data, media_type), name) if media_type.startswith("text/"):
            yield "text", b64decode(data).decode()
            if name:
                yield "document.name", name
        case Document(source, name):
            yield "document", _plain(source)
            if name:
                yield "document.name", name
        case Audio(source):
            yield "audio", source
        case _:
            assert_never(part)


def _plain(source: Source) -> Source:
    """Return a source; of what kind a link is, not every dialect says."""
    return Link(source.url) if isinstance(source, Link) else source


def _schema(text: bytes) -> str:
    """Return a schema without what some dialects say of their own accord, or beside it."""
    schema = json.loads(text)
    return json.dumps(
        {key: schema[key] for key in sorted(schema.keys() - {"additionalProperties", "description", "title"})}
    )


def _json(text: bytes) -> str:
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except json.JSONDecodeError:
        return text.decode()


def missing(told: Iterable[Facet], found: Iterable[Facet]) -> list[Facet]:
    """Return the facets of one side that are not on the other."""
    there = list(found)
    said = "\n".join(str(value) for name, value in there if name in _TEXTS)
    left = Counter(facet for facet in there if facet[0] not in _TEXTS)
    lost: list[Facet] = []
    for name, value in told:
        if name in _TEXTS:
            if str(value) not in said:
                lost.append((name, value))
        elif left[name, value]:
            left[name, value] -= 1
        else:
            lost.append((name, value))
    return lost
