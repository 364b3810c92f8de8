"""What of a request a model reads: texts of messages, tools and forms, told apart as they are counted.

Not a count (`program.py`) and not what a count comes to (`weights.py`). Media is not text, whatever it is
encoded as: it is only numbered. Nothing of it is kept or logged.
"""

import base64
from collections.abc import Iterator, Mapping

import msgspec

from llm_gateway.canonical.parts import (
    Audio,
    Document,
    Image,
    Inline,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llm_gateway.canonical.request import CustomTool, FunctionTool, Request, Tool
from llm_gateway.dialects.contract import Call, Dialect, Path
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import GatewayError

__all__ = ["Asked", "asked"]

# Which operation a body is of, by the first of these members that it has: the body alone is at hand.
_OPERATIONS: Mapping[str, Mapping[str, str]] = {
    "chat": {"messages": "chat/completions", "input": "embeddings"},
    "responses": {"input": "responses"},
    "messages": {"messages": "messages"},
    "gemini": {"contents": "generateContent", "requests": "batchEmbedContents", "content": "embedContent"},
    "ollama": {"messages": "chat", "prompt": "generate", "input": "embed"},
}
_MOST_DEEP = 32


class Asked(msgspec.Struct, frozen=True):
    """The texts of a request, and how many of what they are."""

    texts: tuple[str, ...]
    messages: int = 0
    calls: int = 0
    media: int = 0
    tools: tuple[str, ...] = ()
    """Of each tool its name, its description and those of its arguments, with their types."""
    forms: tuple[str, ...] = ()
    """The schema that the answer has to follow."""


def asked(dialect: str, body: bytes) -> Asked | None:
    """Return what a request asks; None for one that refers to what is elsewhere, or that cannot be read."""
    spoken = DIALECTS.get(dialect)
    if spoken is None:
        return None
    try:
        members = _members.decode(body)
        known = _OPERATIONS[dialect]
        operation = next((known[name] for name in known if name in members), None)
        if operation is None:
            return None
        return _read(spoken, spoken.read_call(body, Path(operation, model="any")))
    except (GatewayError, ValueError, RecursionError):  # a body that is no JSON, a text that is no base64
        return None


_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _read(dialect: Dialect, call: Call) -> Asked:
    if dialect.embedding is not None and dialect.kind(call.operation) == "embed":
        return Asked(dialect.embedding.decode_request(call).request.inputs)
    return _of_request(dialect.decode_request(call).request)


def _of_request(request: Request) -> Asked:
    texts: list[str] = []
    calls = media = 0
    for message in request.messages:
        for part in message.parts:
            said = tuple(_texts(part))
            texts += said
            calls += isinstance(part, ToolCall)
            media += _media(part)
    form = request.format
    schema = bytes(form.schema).decode("utf-8", "replace") if form is not None and form.schema else ""
    return Asked(
        tuple(texts),
        len(request.messages),
        calls,
        media,
        tuple(_rendered(tool) for tool in request.tools),
        (schema,) if schema else (),
    )


def _texts(part: Part) -> Iterator[str]:
    match part:
        case Text(text=text) | Refusal(text=text) | Thinking(text=text):
            yield text
        case ToolCall(name=name, arguments=arguments):
            yield name
            yield arguments
        case ToolResult(parts=parts):
            for each in parts:
                yield from _texts(each)
        case Document(source=Inline(data=data, media_type=kind)) if kind.startswith("text/"):
            yield base64.b64decode(data).decode("utf-8", "replace")
        case Image() | Document() | Audio():
            pass


def _media(part: Part) -> int:
    match part:
        case Image() | Audio():
            return 1
        case Document(source=Inline(media_type=kind)) if kind.startswith("text/"):
            return 0
        case Document():
            return 1
        case ToolResult(parts=parts):
            return sum(_media(each) for each in parts)
        case _:
            return 0


def _rendered(tool: Tool) -> str:
    """Return what providers show a model of a tool, as far as they let it be known: no JSON marks."""
    match tool:
        case FunctionTool(name=name, description=description, schema=schema):
            words = [name, description]
            if schema is not None:
                words += _schema(msgspec.json.decode(schema), 0)
            return "\n".join(words)
        case CustomTool(name=name, description=description, grammar=grammar):
            return f"{name}\n{description}\n{grammar}"


def _schema(schema: object, depth: int) -> Iterator[str]:
    """Go through a JSON schema for what of it is said to a model."""
    if depth > _MOST_DEEP:
        return
    match schema:
        case dict():
            for name, value in schema.items():
                match name, value:
                    case "properties" | "$defs" | "definitions", dict():
                        for key, described in value.items():
                            yield f"{key}:"
                            yield from _schema(described, depth + 1)
                    case "description" | "type" | "title" | "format", str():
                        yield value
                    case "enum", list():
                        yield from (f"|{one}" for one in value)
                    case _, dict() | list():
                        yield from _schema(value, depth + 1)
                    case _:
                        pass
        case list():
            for each in schema:
                yield from _schema(each, depth + 1)
        case str():
            yield schema  # one of several types, or an argument that is required
        case _:
            pass
