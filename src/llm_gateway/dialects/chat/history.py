"""The messages of a request, read: who said what, in the order in which it was said.

Results of tools, which are messages of their own here, become parts of one message of the user; `function`
messages and `function_call` of old are given ids, because every other dialect tells calls apart by id.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Document, Image, Part, Refusal, ResultPart, Text, Thinking, ToolResult
from llm_gateway.canonical.request import Message
from llm_gateway.dialects.chat.calls import read_calls, read_old_call
from llm_gateway.dialects.chat.content import read_content
from llm_gateway.dialects.chat.members import Json, lose_unknown, optional, text_of, wrong
from llm_gateway.dialects.chat.reasoning import THOUGHT_MEMBERS, read_thoughts
from llm_gateway.errors import MalformedRequest

__all__ = ["read_messages"]

_list = msgspec.json.Decoder(list[dict[str, object]])
_SAID = frozenset(("role", "content"))
_ASSISTANT = _SAID | THOUGHT_MEMBERS | {"refusal", "tool_calls", "function_call"}
_RESULT = _SAID | {"tool_call_id", "name"}


def read_messages(fields: Mapping[str, Raw], losses: Losses) -> tuple[Message, ...]:
    """Read the conversation."""
    told = optional(fields, "messages", _list, "a list of objects")
    if not told:
        raise MalformedRequest("`messages` is missing or empty: say something", param="messages")
    return tuple(_Reader(losses).read(told))


class _Reader:
    """What has to be remembered from one message to the next."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._customs: set[str] = set()
        self._old_calls: dict[str, str] = {}
        self._results: list[Part] = []

    def read(self, told: list[dict[str, object]]) -> list[Message]:
        messages: list[Message] = []
        for index, message in enumerate(told):
            where = f"messages[{index}]"
            role = message.get("role")
            if role in ("tool", "function"):
                self._results.append(self._result(message, where))
                continue
            if self._results:
                messages.append(Message("user", tuple(self._results)))
                self._results = []
            match role:
                case "user":
                    messages.append(self._plain("user", message, where))
                case "system" | "developer":
                    messages.append(self._plain("system", message, where))
                case "assistant":
                    messages.append(Message("assistant", tuple(self._assistant(message, where))))
                case _:
                    raise wrong(f"{where}.role", "system, developer, user, assistant, tool or function")
        if self._results:
            messages.append(Message("user", tuple(self._results)))
        return messages

    def _plain(self, role: str, message: Json, where: str) -> Message:
        lose_unknown(message, _SAID, "messages.", self._losses)
        parts = tuple(read_content(message.get("content"), f"{where}.content", self._losses))
        return Message("user" if role == "user" else "system", parts)

    def _assistant(self, message: Json, where: str) -> list[Part]:
        lose_unknown(message, _ASSISTANT, "messages.", self._losses)
        parts: list[Part] = []
        if not message.keys().isdisjoint(THOUGHT_MEMBERS):
            parts += read_thoughts(message, self._losses)
        content = read_content(message.get("content"), f"{where}.content", self._losses)
        if any(isinstance(part, Thinking) for part in parts):  # told twice: in the text, and beside it
            parts += [part for part in content if not isinstance(part, Thinking)]
        else:
            parts += content
        if refusal := text_of(message.get("refusal"), f"{where}.refusal"):
            parts.append(Refusal(refusal))
        calls = read_calls(message.get("tool_calls"), f"{where}.tool_calls", self._losses)
        self._customs.update(call.id for call in calls if call.custom)
        if not calls:
            calls = read_old_call(
                message.get("function_call"), f"{where}.function_call", f"call_{where[9:-1]}", self._losses
            )
            self._old_calls.update((call.name, call.id) for call in calls)
        parts += calls
        return parts

    def _result(self, message: Json, where: str) -> ToolResult:
        lose_unknown(message, _RESULT, "messages.", self._losses)
        name = text_of(message.get("name"), f"{where}.name")
        call_id = text_of(message.get("tool_call_id"), f"{where}.tool_call_id")
        if not call_id and message.get("role") == "function":
            call_id = self._old_calls.get(name, "")
        if not call_id:
            raise wrong(f"{where}.tool_call_id", "the id of the call that this is the result of")
        parts: list[ResultPart] = []
        for part in read_content(message.get("content"), f"{where}.content", self._losses):
            if isinstance(part, Text | Image | Document):
                parts.append(part)
            else:
                self._losses.add("messages.tool.content", "no other dialect has it in a tool's result")
        return ToolResult(call_id, tuple(parts), name, custom=call_id in self._customs)
