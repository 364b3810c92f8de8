"""The messages of a chat, read: who said what, in the order in which it was said.

Calls of tools have an id in newer versions alone, and results name their tool rather than the call. Every
other dialect tells calls apart by id: a call without one is given one by its place in the conversation, so
that it is the same in every turn, and results are matched to the calls that wait for one.
"""

from collections.abc import Iterator

from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import (
    Audio,
    Image,
    Part,
    ResultPart,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llm_gateway.canonical.request import Message
from llm_gateway.dialects.ollama.calls import arguments_of
from llm_gateway.dialects.ollama.media import read_media
from llm_gateway.dialects.ollama.members import (
    UNREADABLE,
    Members,
    items,
    lose_unknown,
    members,
    text,
    texts,
    wrong,
)

__all__ = ["read_images", "read_messages"]

_SAID = frozenset(("role", "content", "images"))
_ASSISTANT = _SAID | {"thinking", "tool_calls"}
_RESULT = _SAID | {"tool_name", "tool_call_id", "name"}
_CALL = frozenset(("id", "type", "function"))
_FUNCTION = frozenset(("index", "name", "arguments"))  # `index` counts the calls of a message
_ROLES: dict[str, Role] = {"user": "user", "system": "system", "developer": "system"}


def read_messages(raw: Raw | None, losses: Losses) -> tuple[Message, ...]:
    """Read the conversation."""
    return tuple(_Reader(losses).read(items(raw, "messages")))


def read_images(raw: Raw | None, where: str) -> list[Image | Audio]:
    """Read pictures and sound."""
    return [read_media(data) for data in texts(raw, where)]


class _Reader:
    """What has to be remembered from one message to the next."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._calls = 0
        self._waiting: dict[str, str] = {}  # calls without a result: the tool's name by the id
        self._results: list[Part] = []

    def read(self, told: list[Raw]) -> Iterator[Message]:
        for index, raw in enumerate(told):
            where = f"messages[{index}]"
            message = members(raw, where)
            role = text(message.get("role"), f"{where}.role").lower()
            if role == "tool":
                self._results.append(self._result(message, where))
                continue
            yield from self._answered()
            if role == "assistant":
                yield Message("assistant", tuple(self._assistant(message, where)))
            elif role:
                yield Message(self._role(role), tuple(self._said(message, where)))
            else:
                raise wrong(f"{where}.role", "system, user, assistant or tool")
        yield from self._answered()

    def _role(self, role: str) -> Role:
        known = _ROLES.get(role)
        if known is None:  # some models' templates know more, such as `control`
            self._losses.add("messages.role", "a role that other dialects do not have: said as the system's")
            return "system"
        return known

    def _answered(self) -> Iterator[Message]:
        """Results of one turn are one message."""
        if self._results:
            yield Message("user", tuple(self._results))
            self._results = []

    def _said(self, message: Members, where: str) -> list[Part]:
        lose_unknown(message, _SAID, "messages.", self._losses)
        return self._content(message, where) or [Text("")]

    def _content(self, message: Members, where: str) -> list[Part]:
        """Return pictures and text: Ollama, too, puts the pictures first."""
        parts: list[Part] = list(read_images(message.get("images"), f"{where}.images"))
        if said := text(message.get("content"), f"{where}.content"):
            parts.append(Text(said))
        return parts

    def _assistant(self, message: Members, where: str) -> list[Part]:
        lose_unknown(message, _ASSISTANT, "messages.", self._losses)
        parts: list[Part] = []
        if thought := text(message.get("thinking"), f"{where}.thinking"):
            parts.append(Thinking(thought))
        parts += self._content(message, where)
        for index, raw in enumerate(items(message.get("tool_calls"), f"{where}.tool_calls")):
            parts.append(self._call(raw, f"{where}.tool_calls[{index}]"))
        return parts

    def _call(self, raw: Raw, where: str) -> ToolCall:
        told = members(raw, where)
        lose_unknown(told, _CALL, "messages.tool_calls.", self._losses)
        function = members(told.get("function"), f"{where}.function")
        lose_unknown(function, _FUNCTION, "messages.tool_calls.function.", self._losses)
        name = text(function.get("name"), f"{where}.function.name")
        if not name:
            raise wrong(f"{where}.function.name", "the name of a tool")
        call_id = text(told.get("id"), f"{where}.id") or f"call_{self._calls}"
        self._calls += 1
        self._waiting[call_id] = name
        return ToolCall(call_id, name, _arguments(function.get("arguments"), f"{where}.function.arguments"))

    def _result(self, message: Members, where: str) -> ToolResult:
        lose_unknown(message, _RESULT, "messages.", self._losses)
        # `name` is how it was called before `tool_name`.
        name = text(message.get("tool_name"), f"{where}.tool_name") or text(
            message.get("name"), f"{where}.name"
        )
        call_id = text(message.get("tool_call_id"), f"{where}.tool_call_id") or self._answers(name, where)
        name = self._waiting.pop(call_id, "") or name
        parts: list[ResultPart] = []
        for part in self._content(message, where):
            if isinstance(part, Text | Image):
                parts.append(part)
            else:
                self._losses.add("messages.tool.images", "tools answer with text and pictures alone")
        return ToolResult(call_id, tuple(parts), name)

    def _answers(self, name: str, where: str) -> str:
        """Return the call that a result without an id is of: the first that waits, of this tool if named."""
        for call_id, waiting in self._waiting.items():
            if waiting == name or not name:
                return call_id
        raise wrong(where, "the result of a call before it, named by `tool_call_id` or `tool_name`")


def _arguments(raw: Raw | None, where: str) -> str:
    try:
        return arguments_of(raw)
    except UNREADABLE:
        raise wrong(where, "an object") from None
