"""Messages of the common model as the items of a `responses` request.

Only OpenAI's own seals go back to OpenAI: thinking of other providers cannot be shown to its models.
"""

from collections.abc import Sequence

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import (
    Audio,
    Document,
    FileId,
    Image,
    Inline,
    Link,
    Part,
    Refusal,
    ResultPart,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llm_gateway.canonical.request import Message
from llm_gateway.dialects.responses.names import legal_id
from llm_gateway.dialects.responses.seals import NAME, own_seal

__all__ = ["encode_items", "leading_text"]

_Json = dict[str, object]

_ROLES = {"system": "developer", "user": "user", "assistant": "assistant"}
_SOUNDS = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav"}
_SUFFIXES = {"application/pdf": "pdf", "text/plain": "txt", "text/markdown": "md", "text/csv": "csv"}


def leading_text(messages: Sequence[Message]) -> tuple[str, Sequence[Message]]:
    """Return what the first system messages say, and the messages after them."""
    said: list[str] = []
    for count, message in enumerate(messages):
        if message.role != "system" or not all(isinstance(part, Text) for part in message.parts):
            return "\n\n".join(said), messages[count:]
        said += [part.text for part in message.parts if isinstance(part, Text) and part.text]
    return "\n\n".join(said), ()


def encode_items(messages: Sequence[Message], losses: Losses) -> list[_Json]:
    """Return the items that say these messages."""
    writing = _Writing(losses)
    for message in messages:
        writing.add(message)
    items = writing.items
    if items and items[-1].get("role") == "assistant":
        losses.add("messages.assistant", "OpenAI's models do not go on with an answer, but begin a new one")
    return items


class _Writing:
    def __init__(self, losses: Losses) -> None:
        self.items: list[_Json] = []
        self._losses = losses
        # Results must be of the kind of their call, and not every dialect tells the kind with a result.
        self._customs: dict[str, bool] = {}

    def add(self, message: Message) -> None:
        content: list[_Json] = []
        for part in message.parts:
            item = self._item(part)
            if item is not None:
                self._say(message, content)
                content = []
                self.items.append(item)
            elif not isinstance(part, Thinking | ToolCall | ToolResult):
                content += self._content(part, assistant=message.role == "assistant")
        self._say(message, content)

    def _say(self, message: Message, content: list[_Json]) -> None:
        if content:
            self.items.append({"type": "message", "role": _ROLES[message.role], "content": content})

    def _item(self, part: Part) -> _Json | None:
        match part:
            case Thinking():
                return self._reasoning(part)
            case ToolCall():
                if part.seal is not None and part.seal.dialect != NAME:
                    self._losses.add("messages.seal", "only the provider that made it can read it")
                self._customs[part.id] = part.custom
                call = {"call_id": legal_id(part.id), "name": part.name}
                if part.custom:
                    return {"type": "custom_tool_call", **call, "input": part.arguments}
                return {"type": "function_call", **call, "arguments": part.arguments or "{}"}
            case ToolResult():
                custom = self._customs.get(part.call_id, part.custom)
                kind = "custom_tool_call_output" if custom else "function_call_output"
                return {"type": kind, "call_id": legal_id(part.call_id), "output": self._output(part)}
        return None

    def _reasoning(self, part: Thinking) -> _Json | None:
        if part.seal is None or part.seal.dialect != NAME:
            self._losses.add("messages.thinking", "OpenAI's models take only thinking that they sealed")
            return None
        encrypted, item_id = own_seal(part.seal)
        summary = [{"type": "summary_text", "text": part.text}] if part.text else []
        item: _Json = {"type": "reasoning", "summary": summary, "encrypted_content": encrypted}
        return {**item, "id": item_id} if item_id else item

    def _output(self, result: ToolResult) -> object:
        parts: Sequence[ResultPart] = result.parts
        if result.is_error:
            self._losses.add("messages.tool_result.is_error", "told in the text")
            parts = (Text("The tool failed."), *parts)
        if all(isinstance(part, Text) for part in parts):
            return "\n".join(part.text for part in parts if isinstance(part, Text))
        return [each for part in parts for each in self._content(part, assistant=False)]

    def _content(self, part: Part, *, assistant: bool) -> list[_Json]:
        match part:
            case Text(text):
                return [{"type": "output_text" if assistant else "input_text", "text": text}]
            case Refusal(text):
                # Others than assistants do not refuse; what they are quoted with is text.
                return [{"type": "refusal", "refusal": text} if assistant else _input_text(text)]
            case Image() | Document() | Audio() if assistant:
                self._losses.add("messages.assistant.media", "an assistant's turn holds text alone")
            case Image(source, detail):
                return [{"type": "input_image", **_source(source, "image_url"), "detail": detail or "auto"}]
            case Document(source, name):
                if name and not isinstance(source, Inline):
                    self._losses.add("messages.document.name", "a file that is kept or fetched has its own")
                return [{"type": "input_file", **_source(source, "file_url", name or _file_name(source))}]
            case Audio(source):
                form = source.media_type.rpartition("/")[2]
                sound = {"data": source.data, "format": _SOUNDS.get(form, form)}
                return [{"type": "input_audio", "input_audio": sound}]
        return []


def _input_text(text: str) -> _Json:
    return {"type": "input_text", "text": text}


def _source(source: Inline | Link | FileId, key: str, name: str = "") -> _Json:
    match source:
        case Inline(data, media_type):
            url = f"data:{media_type};base64,{data}"
            return {"filename": name, "file_data": url} if name else {key: url}
        case Link(url):
            return {key: url}
        case FileId(file_id):
            return {"file_id": file_id}


def _file_name(source: Inline | Link | FileId) -> str:
    """Return a name for a file that has none: OpenAI wants one beside the data."""
    kind = source.media_type if isinstance(source, Inline) else ""
    return f"file.{_SUFFIXES.get(kind, 'pdf')}"
