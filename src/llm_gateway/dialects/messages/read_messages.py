"""The system prompt and the messages of a request, read: who said what, in the order in which it was said.

A `system` message in the middle stays where it is. It may also change what holds from there on: the effort,
and which tools are offered.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Part
from llm_gateway.canonical.request import Effort, Message
from llm_gateway.dialects.messages.members import Json, lose_unknown, optional, wrong
from llm_gateway.dialects.messages.read_blocks import BlockReader
from llm_gateway.dialects.messages.read_thinking import read_effort
from llm_gateway.dialects.messages.read_usual import read_usual_messages
from llm_gateway.errors import MalformedRequest

__all__ = ["Said", "read_messages"]

_list = msgspec.json.Decoder(list[dict[str, object]])
_system = msgspec.json.Decoder(str | list[dict[str, object]])

_SAID = frozenset(("role", "content"))
_SYSTEM = _SAID | {"output_config", "clear_at"}
_OUTPUT = frozenset(("effort",))
_CHANGE = frozenset(("type", "tool"))

# Claude Code's first block of system text names itself to Anthropic, which takes the block out of the prompt
# (code.claude.com, "LLM gateway protocol"). It is no instruction, and different in every release.
_BILLING = "x-anthropic-billing-header:"


class Said(msgspec.Struct):
    """A conversation, and what it says of the rest of the request.

    `added` are names of tools that are offered although they were held back, `removed` of those that are not
    any more, `defined` are tools that stand in the messages. `effort` is the last one told.
    """

    messages: list[Message]
    added: set[str]
    removed: set[str]
    defined: list[Raw]
    effort: Effort | None = None


def read_messages(fields: Mapping[str, Raw], losses: Losses) -> Said:
    """Read the system prompt and the conversation."""
    raw = fields.get("messages")
    usual = read_usual_messages(raw, losses) if raw is not None else None
    if usual:
        return _Reader(losses).add(_read_system(fields), usual)
    told = optional(fields, "messages", _list, "a list of objects")
    if not told:
        raise MalformedRequest("`messages` is missing or empty: say something", param="messages")
    return _Reader(losses).read(_read_system(fields), told)


def _read_system(fields: Mapping[str, Raw]) -> str | list[dict[str, object]]:
    system = optional(fields, "system", _system, "a string or a list of text blocks") or []
    if isinstance(system, str):
        return "" if system.startswith(_BILLING) and "\n" not in system.strip() else system
    match system:
        case [{"type": "text", "text": str(text)}, *rest] if text.startswith(_BILLING):
            return rest
    return system


class _Reader:
    """What has to be remembered from one message to the next."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._blocks = BlockReader(losses)
        self._said = Said([], self._blocks.references, set(), [])

    def add(self, system: str | list[dict[str, object]], messages: list[Message]) -> Said:
        """Put the system prompt before messages that are read already."""
        parts = self._blocks.read(system, "system") if system else []
        self._said.messages = [Message("system", tuple(parts)), *messages] if parts else messages
        return self._said

    def read(self, system: str | list[dict[str, object]], told: list[dict[str, object]]) -> Said:
        messages = self._said.messages
        if system and (parts := self._blocks.read(system, "system")):
            messages.append(Message("system", tuple(parts)))
        last_user = max((at for at, each in enumerate(told) if each.get("role") == "user"), default=-1)
        for index, message in enumerate(told):
            where = f"messages[{index}]"
            match message.get("role"):
                case "system":
                    if parts := self._system(message, where, seen=index > last_user):
                        messages.append(Message("system", tuple(parts)))
                case "user":
                    messages.append(Message("user", self._plain(message, where)))
                case "assistant":
                    messages.append(Message("assistant", self._plain(message, where)))
                case _:
                    raise wrong(f"{where}.role", "user, assistant or system")
        return self._said

    def _plain(self, message: Json, where: str) -> tuple[Part, ...]:
        lose_unknown(message, _SAID, "messages.", self._losses)
        return tuple(self._blocks.read(message.get("content"), f"{where}.content"))

    def _system(self, message: Json, where: str, *, seen: bool) -> list[Part]:
        """Read a system message in the middle; one that a later message cleared says nothing any more."""
        lose_unknown(message, _SYSTEM, "messages.", self._losses)
        match message.get("output_config"):
            case None:
                pass
            case dict(output):
                lose_unknown(output, _OUTPUT, "messages.output_config.", self._losses)
                told = read_effort(output.get("effort"), f"{where}.output_config.effort", self._losses)
                self._said.effort = told or self._said.effort
            case _:
                raise wrong(f"{where}.output_config", "an object")
        content = message.get("content")
        if isinstance(content, list):
            content = [block for block in content if not self._changes_tools(block)]
        parts = [] if content is None else self._blocks.read(content, f"{where}.content")
        return parts if seen or message.get("clear_at") != "next_user_message" else []

    def _changes_tools(self, block: object) -> bool:
        """Take note of a block that adds or removes a tool."""
        if not isinstance(block, dict):
            return False
        said = self._said
        match block:
            case {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": dict(tool)}}:
                said.defined.append(Raw(msgspec.json.encode(tool)))
                said.removed.discard(str(tool.get("name", "")))
            case {"type": "tool_addition", "tool": {"type": "tool_reference", "name": str(name)}}:
                said.added.add(name)
                said.removed.discard(name)
            case {"type": "tool_removal", "tool": {"type": "tool_reference", "name": str(name)}}:
                said.removed.add(name)
                said.added.discard(name)
            case {"type": "tool_addition" | "tool_removal" as kind}:
                self._losses.add(f"messages.{kind}", "of tools that only the provider has")
                return True
            case _:
                return False
        lose_unknown(block, _CHANGE, "messages.tool_change.", self._losses)
        return True
