"""Content blocks that a client sends, read into parts, one after another.

What a provider's own tools did is a loss; what only this dialect has a block for but text can say (search
results, references to tools, summaries of what was compacted) becomes text.
"""

from base64 import b64encode

import msgspec

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import (
    Document,
    Image,
    Inline,
    Link,
    Part,
    ResultPart,
    Seal,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llm_gateway.dialects.messages.members import Json, lose, lose_unknown, text_of, wrong
from llm_gateway.dialects.messages.seals import NAME, open_signature
from llm_gateway.dialects.opaque import opened

__all__ = ["BlockReader"]

_KNOWN = {
    "text": frozenset(("type", "text", "citations")),
    "image": frozenset(("type", "source")),
    "document": frozenset(("type", "source", "title", "context", "citations")),
    "search_result": frozenset(("type", "content", "source", "title", "citations")),
    "thinking": frozenset(("type", "thinking", "signature")),
    "redacted_thinking": frozenset(("type", "data")),
    "tool_use": frozenset(("type", "id", "name", "input", "caller")),
    "tool_result": frozenset(("type", "tool_use_id", "content", "is_error")),
    "tool_reference": frozenset(("type", "tool_name")),
    # What brings a compaction back to the server that made it means nothing to another one.
    "compaction": frozenset(("type", "content", "encrypted_content", "signature", "tool_changes")),
    "fallback": frozenset(("type", "from", "to", "trigger")),
}
_SOURCE = frozenset(("type", "media_type", "data", "url", "file_id", "content"))
_encode = msgspec.json.encode


class BlockReader:
    """Read blocks; what earlier ones said is remembered: names of calls, tools that were looked up."""

    def __init__(self, losses: Losses) -> None:
        self.references: set[str] = set()
        """Names of tools that a result refers to: from there on they are offered."""
        self._losses = losses
        self._names: dict[str, str] = {}
        self._call_seal: Seal | None = None

    def read(self, value: object, where: str) -> list[Part]:
        """Read a `content`: a string or a list of blocks."""
        if isinstance(value, str):
            return [Text(value)] if value else []
        if not isinstance(value, list):
            raise wrong(where, "a string or a list of blocks")
        parts: list[Part] = []
        for index, block in enumerate(value):
            match block:
                case {"type": "text", "text": str(text)}:
                    if len(block) > 2:
                        self._check("text", block)
                    if text:
                        parts.append(Text(text))
                case {"type": str(kind)}:
                    parts += self._read(kind, block, f"{where}[{index}]")
                case _:
                    raise wrong(f"{where}[{index}]", "an object with a `type`")
        self._call_seal = None
        return parts

    def _check(self, kind: str, block: Json) -> None:
        lose_unknown(block, _KNOWN[kind], f"messages.{kind}.", self._losses)
        if kind == "text" and block.get("citations"):
            self._losses.add("messages.citations", "where a text was found has no place elsewhere")

    def _read(self, kind: str, block: Json, where: str) -> list[Part]:
        if kind not in _KNOWN:
            lose(self._losses, "messages.", kind, "what only this dialect has")
            return []
        self._check(kind, block)
        match kind:
            case "tool_use":
                return [self._call(block, where)]
            case "tool_result":
                return [self._result(block, where)]
            case "thinking":
                return self._thinking(block, where)
            case "redacted_thinking":
                return [
                    Thinking("", opened(NAME, text_of(block.get("data"), f"{where}.data")), redacted=True)
                ]
            case "compaction":
                text = text_of(block.get("content"), f"{where}.content")
                return [Text(text)] if text else []
            case "fallback":  # marks where another model took over; says nothing to any model
                return []
            case _:
                return list(self._said(kind, block, where))

    def _said(self, kind: str, block: Json, where: str) -> list[ResultPart]:
        """Read what may stand in a message and in a result."""
        match kind:
            case "text":
                raise wrong(f"{where}.text", "a string")
            case "image":
                source = self._source(block, where)
                return [Image(source)] if source is not None else []
            case "document":
                return self._document(block, where)
            case "search_result":
                return [Text(self._search_result(block, where))]
            case "tool_reference":
                name = text_of(block.get("tool_name"), f"{where}.tool_name")
                self.references.add(name)
                return [Text(f"The tool {name} can be called now.")]
            case _:
                lose(self._losses, "messages.tool_result.", kind, "what only this dialect has")
                return []

    def _thinking(self, block: Json, where: str) -> list[Part]:
        seal, of_call = open_signature(text_of(block.get("signature"), f"{where}.signature"))
        said = text_of(block.get("thinking"), f"{where}.thinking")
        if of_call:
            self._call_seal = seal
            return [Thinking(said)] if said else []
        return [Thinking(said, seal)]

    def _call(self, block: Json, where: str) -> ToolCall:
        call_id = _required(block, "id", where)
        name = _required(block, "name", where)
        told = block.get("input")
        if told is not None and not isinstance(told, dict):
            raise wrong(f"{where}.input", "an object")
        match block.get("caller"):
            case None | {"type": "direct"}:
                pass
            case _:
                self._losses.add("messages.tool_use.caller", "elsewhere only the model itself calls tools")
        self._names[call_id] = name
        seal, self._call_seal = self._call_seal, None
        return ToolCall(call_id, name, _encode(told or {}).decode(), seal=seal)

    def _result(self, block: Json, where: str) -> ToolResult:
        call_id = _required(block, "tool_use_id", where)
        content = block.get("content")
        parts: list[ResultPart] = []
        if isinstance(content, str):
            parts = [Text(content)] if content else []
        elif isinstance(content, list):
            for index, part in enumerate(content):
                parts += self._result_part(part, f"{where}.content[{index}]")
        elif content is not None:
            raise wrong(f"{where}.content", "a string or a list of blocks")
        failed = block.get("is_error")
        if failed not in (None, True, False):
            raise wrong(f"{where}.is_error", "true or false")
        return ToolResult(call_id, tuple(parts), self._names.get(call_id, ""), failed is True)

    def _result_part(self, part: object, where: str) -> list[ResultPart]:
        kind = part.get("type") if isinstance(part, dict) else None
        if not isinstance(part, dict) or not isinstance(kind, str):
            raise wrong(where, "an object with a `type`")
        if kind in _KNOWN:
            self._check(kind, part)
        if kind == "text" and isinstance(text := part.get("text"), str):
            return [Text(text)] if text else []
        return self._said(kind, part, where)

    def _document(self, block: Json, where: str) -> list[ResultPart]:
        if (told := block.get("citations")) and isinstance(told, dict) and told.get("enabled"):
            self._losses.add("messages.document.citations", "no other dialect says where it found something")
        title = text_of(block.get("title"), f"{where}.title")
        context = text_of(block.get("context"), f"{where}.context")
        parts: list[ResultPart] = [Text(context)] if context else []
        told = block.get("source")
        if isinstance(told, dict) and told.get("type") in ("text", "content"):
            lose_unknown(told, _SOURCE, "messages.source.", self._losses)
        match told:
            case {"type": "text", "data": str(text)} | {"type": "content", "content": str(text)}:
                return [*parts, _text_file(text, title)]
            case {"type": "content", "content": list(content)}:
                return [*parts, *self._inner(content, title, f"{where}.source.content")]
        source = self._source(block, where)
        return [*parts, Document(source, title)] if source is not None else parts

    def _inner(self, content: list[object], title: str, where: str) -> list[ResultPart]:
        """Read a document made of blocks: its text as one file, its pictures beside it."""
        texts: list[str] = []
        pictures: list[ResultPart] = []
        for index, part in enumerate(content):
            for each in self._result_part(part, f"{where}[{index}]"):
                if isinstance(each, Text):
                    texts.append(each.text)
                else:
                    pictures.append(each)
        return [_text_file("\n\n".join(texts), title), *pictures] if texts else pictures

    def _search_result(self, block: Json, where: str) -> str:
        if (told := block.get("citations")) and isinstance(told, dict) and told.get("enabled"):
            self._losses.add(
                "messages.search_result.citations", "no other dialect says where it found something"
            )
        lines = [text_of(block.get(key), f"{where}.{key}") for key in ("title", "source")]
        content = block.get("content")
        if not isinstance(content, list):
            raise wrong(f"{where}.content", "a list of text blocks")
        for index, part in enumerate(content):
            for each in self._result_part(part, f"{where}.content[{index}]"):
                if isinstance(each, Text):
                    lines.append(each.text)
                else:
                    self._losses.add(
                        "messages.search_result.content", "of what was found, text alone is told"
                    )
        return "\n".join([line for line in lines if line])

    def _source(self, block: Json, where: str) -> Source | None:
        source = block.get("source")
        if isinstance(source, dict):
            lose_unknown(source, _SOURCE, "messages.source.", self._losses)
        match source:
            case {"type": "base64", "data": str(data), "media_type": str(media_type)}:
                return Inline(data, media_type)
            case {"type": "url", "url": str(url)}:
                return Link(url)
            case {"type": "file", "file_id": str()}:
                self._losses.add(f"messages.{block['type']}.file_id", "a file kept by Anthropic alone")
                return None
            case {"type": str(kind)} if kind not in ("base64", "url", "file", "text", "content"):
                lose(self._losses, "messages.source.", kind, "a kind of source that is not known")
                return None
        raise wrong(f"{where}.source", "an object with a `type` and what that type needs")


def _required(block: Json, key: str, where: str) -> str:
    value = block.get(key)
    if not isinstance(value, str) or not value:
        raise wrong(f"{where}.{key}", "a string that is not empty")
    return value


def _text_file(text: str, title: str) -> Document:
    return Document(Inline(b64encode(text.encode("utf-8", "replace")).decode(), "text/plain"), title)
