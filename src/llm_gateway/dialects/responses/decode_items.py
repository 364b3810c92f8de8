"""The items of a request's `input` as messages of the common model.

What an assistant said, thought and called in one turn becomes one message, whichever items it is made of;
results of tools that follow each other become one message, too. Ids and states of items are the vendor's
bookkeeping and say nothing to a model.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Part, ResultPart, Role, Seal, Text, Thinking, ToolCall, ToolResult
from llm_gateway.canonical.request import Message
from llm_gateway.dialects.responses.decode_parts import decode_content, decode_output
from llm_gateway.dialects.responses.fields import UNREADABLE, decoded, named, report_strays, required, text
from llm_gateway.dialects.responses.seals import open_call_seal, open_seal
from llm_gateway.dialects.responses.tools import KnownKind, Toolbox
from llm_gateway.errors import MalformedRequest

__all__ = ["Conversation"]

_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}

# `id`, `status` and `created_by` are bookkeeping; the last one is what Codex tells its vendor about where
# a message comes from.
_KEPT = frozenset(("type", "id", "status", "created_by", "internal_chat_message_metadata_passthrough"))
_MESSAGE = _KEPT | {"role", "content"}
_CALL = _KEPT | {"call_id", "name", "namespace", "arguments", "input"}
_OUTPUT = _KEPT | {"call_id", "name", "namespace", "output"}
_REASONING = _KEPT | {"summary", "content", "encrypted_content"}
_SEARCH = _KEPT | {"call_id", "execution", "arguments", "tools"}
_VENDORS = _KEPT | {"call_id", "action", "operation", "output", "environment", "max_output_length"}
_TOOLS = _KEPT | {"role", "tools"}

_items = msgspec.json.Decoder(list[Raw])
_item = msgspec.json.Decoder(dict[str, object])
_members = msgspec.json.Decoder(dict[str, Raw])


class Conversation:
    """The messages so far; items are added in their order."""

    __slots__ = ("_losses", "_open", "_parts", "_seal", "_tools", "messages")

    def __init__(self, tools: Toolbox, losses: Losses) -> None:
        self._tools = tools
        self._losses = losses
        # What is being gathered: an assistant's turn or results of tools.
        self._open: Role | None = None
        self._parts: list[Part] = []
        self._seal: Seal | None = None  # of the call that follows
        self.messages: list[Message] = []

    def say(self, role: Role, parts: tuple[Part, ...]) -> None:
        """Add a message of its own."""
        self.close()
        if parts:
            self.messages.append(Message(role, parts))

    def add_input(self, raw: Raw) -> None:
        """Add everything that `input` holds: a text or items."""
        if bytes(memoryview(raw)[:1]) == b'"':
            said = str(decoded(raw, "input"))
            self.say("user", (Text(said),) if said else ())
            return
        try:
            items = _items.decode(raw)
        except UNREADABLE:
            raise MalformedRequest("`input` must be a string or a list of items", param="input") from None
        for index, item in enumerate(items):
            self._add(item, f"input[{index}]")
        self.close()

    def close(self) -> None:
        """End what is being gathered."""
        if self._open is not None and self._parts:
            self.messages.append(Message(self._open, tuple(self._parts)))
        self._open = None
        self._parts = []

    def _gather(self, role: Role, *parts: Part) -> None:
        if self._open != role:
            self.close()
            self._open = role
        self._parts += parts

    def _add(self, raw: Raw, where: str) -> None:
        try:
            item = _item.decode(raw)
        except UNREADABLE:
            raise MalformedRequest(f"`{where}` must be an object", param=where) from None
        kind = text(item, "type", where)
        match kind:
            case "message" | "" if "role" in item:
                self._add_message(item, where)
            case "function_call" | "custom_tool_call":
                self._add_call(item, where, custom=kind == "custom_tool_call")
            case "function_call_output" | "custom_tool_call_output":
                self._add_output(item, where, custom=kind == "custom_tool_call_output")
            case "reasoning":
                self._add_reasoning(item, where)
            case "additional_tools":
                report_strays(item, _TOOLS, "input.additional_tools", self._losses)
                self._tools.add_all(_members.decode(raw).get("tools", Raw()), f"{where}.tools")
            case "tool_search_call" | "tool_search_output":
                self._add_search(item, raw, where)
            case "local_shell_call" | "shell_call" | "apply_patch_call":
                self._add_vendors_call(kind, item, where)
            case "local_shell_call_output" | "shell_call_output" | "apply_patch_call_output":
                self._add_vendors_output(kind, item, where)
            case _:
                self._add_other(kind, where)

    def _add_message(self, item: Mapping[str, object], where: str) -> None:
        role = _ROLES.get(required(item, "role", where))
        if role is None:
            raise MalformedRequest(
                f"`{where}.role` must be user, assistant, developer or system", param=f"{where}.role"
            )
        report_strays(item, _MESSAGE, "input.message", self._losses)
        parts = decode_content(item.get("content"), f"{where}.content", self._losses)
        if role == "assistant":
            self._gather(role, *parts)
        else:
            self.say(role, parts)

    def _add_call(self, item: Mapping[str, object], where: str, *, custom: bool) -> None:
        report_strays(
            item, _CALL, "input.custom_tool_call" if custom else "input.function_call", self._losses
        )
        name = self._tools.name(text(item, "namespace", where), required(item, "name", where))
        arguments = text(item, "input" if custom else "arguments", where)
        call_id = required(item, "call_id", where)
        seal, self._seal = self._seal, None
        self._gather("assistant", ToolCall(call_id, name, arguments, custom, seal))

    def _add_output(self, item: Mapping[str, object], where: str, *, custom: bool) -> None:
        kind = "input.custom_tool_call_output" if custom else "input.function_call_output"
        report_strays(item, _OUTPUT, kind, self._losses)
        parts, failed = decode_output(item.get("output"), f"{where}.output", self._losses)
        name = text(item, "name", where)
        if name:
            name = self._tools.name(text(item, "namespace", where), name)
        call_id = required(item, "call_id", where)
        self._gather("user", ToolResult(call_id, parts, name, is_error=failed, custom=custom))

    def _add_reasoning(self, item: Mapping[str, object], where: str) -> None:
        report_strays(item, _REASONING, "input.reasoning", self._losses)
        summary = decode_content(item.get("summary"), f"{where}.summary", self._losses)
        content = decode_content(item.get("content"), f"{where}.content", self._losses)
        if summary and content:
            self._losses.add("input.reasoning.content", "thinking is told once, by its summary")
        said = "\n\n".join(part.text for part in summary or content if isinstance(part, Text))
        sealed = text(item, "encrypted_content", where)
        if not sealed:
            if said:
                self._gather("assistant", Thinking(said))
            return
        self._seal = open_call_seal(sealed)
        if self._seal is not None:
            return
        seal, redacted = open_seal(sealed, text(item, "id", where))
        self._gather("assistant", Thinking(said, seal, redacted))

    def _add_search(self, item: Mapping[str, object], raw: Raw, where: str) -> None:
        report_strays(item, _SEARCH, f"input.{item['type']}", self._losses)
        if item.get("execution") != "client":
            self._losses.add("input.tool_search_call", "a search that OpenAI did itself")
            if item["type"] == "tool_search_output":
                self._find(raw, where)
            return
        call_id = required(item, "call_id", where)
        if item["type"] == "tool_search_call":
            arguments = item.get("arguments")
            said = arguments if isinstance(arguments, str) else _json(arguments)
            self._gather("assistant", ToolCall(call_id, self._tools.vendors("tool_search"), said))
            return
        names = self._find(raw, where)
        # The tools themselves are declared as if they had always been there; the result names them.
        self._gather("user", ToolResult(call_id, (Text(_json({"tools": names})),)))

    def _find(self, raw: Raw, where: str) -> list[str]:
        return self._tools.add_all(_members.decode(raw).get("tools", Raw()), f"{where}.tools", searched=True)

    def _add_vendors_call(self, kind: str, item: Mapping[str, object], where: str) -> None:
        report_strays(item, _VENDORS, f"input.{kind}", self._losses)
        done = item.get("operation" if kind == "apply_patch_call" else "action")
        if not isinstance(done, dict):
            raise MalformedRequest(f"`{where}` must hold what is to be done, as an object", param=where)
        if kind == "local_shell_call":
            done = {key: value for key, value in done.items() if key != "type"}
        call_id = text(item, "call_id", where) or required(item, "id", where)
        self._gather("assistant", ToolCall(call_id, self._tools.vendors(_vendors_kind(kind)), _json(done)))

    def _add_vendors_output(self, kind: str, item: Mapping[str, object], where: str) -> None:
        report_strays(item, _VENDORS, f"input.{kind}", self._losses)
        # The output of a local shell names its call by `id`.
        call_id = text(item, "call_id", where) or required(item, "id", where)
        output = item.get("output")
        failed = kind == "apply_patch_call_output" and item.get("status") == "failed"
        if kind == "apply_patch_call_output" and not output:
            output = text(item, "status", where)
        said = output if isinstance(output, str) else _json(output)
        parts: tuple[ResultPart, ...] = (Text(said),) if said else ()
        self._gather("user", ToolResult(call_id, parts, is_error=failed))

    def _add_other(self, kind: str, where: str) -> None:
        match kind:
            case "item_reference" | "":
                raise MalformedRequest(
                    f"`{where}` refers to an item that is not kept: the model's provider cannot look it up. "
                    "Send the item itself; clients do so when `store` is false",
                    param=where,
                )
            case "compaction_trigger":
                raise MalformedRequest(
                    f"`{where}` asks for a compaction that only OpenAI can make: "
                    "let the client summarize, or choose a model that OpenAI serves",
                    param=where,
                )
            case "compaction" | "compaction_summary" | "context_compaction":
                self._losses.add("input.compaction", "only the provider that compacted can read it")
            case _:
                self._losses.add(f"input.{named(kind)}", "an item that other dialects do not have")


def _vendors_kind(kind: str) -> KnownKind:
    match kind:
        case "local_shell_call":
            return "local_shell"
        case "shell_call":
            return "shell"
    return "apply_patch"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
