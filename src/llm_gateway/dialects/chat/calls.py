"""Calls of tools as a message of the assistant holds them, whole: `tool_calls`, and `function_call` of old.

Not the tools themselves, and not the pieces of a stream.
"""

from collections.abc import Mapping

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Seal, ToolCall
from llm_gateway.dialects.chat.members import Json, json_text, lose, lose_unknown, text_of, wrong
from llm_gateway.dialects.chat.reasoning import google_seal, google_sealed, lose_extras

__all__ = ["CALL", "CUSTOM", "FUNCTION", "read_calls", "read_old_call", "write_call"]

# `index` comes along when a client keeps the pieces of a stream; it says nothing.
CALL = frozenset(("id", "type", "function", "custom", "index", "extra_content"))
"""What a call is made of."""
FUNCTION = frozenset(("name", "arguments"))
CUSTOM = frozenset(("name", "input"))


def read_calls(value: object, where: str, losses: Losses, owner: str = "gemini") -> list[ToolCall]:
    """Read the `tool_calls` of a message; nothing when they are null. `owner` is whose their seals are."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise wrong(where, "a list of calls")
    said = "response" if owner == "chat" else "messages"
    calls: list[ToolCall] = []
    for index, call in enumerate(value):
        place = f"{where}[{index}]"
        match call:
            case {"custom": dict(custom)}:
                lose_unknown(custom, CUSTOM, f"{said}.tool_calls.", losses)
                name, text = custom.get("name"), text_of(custom.get("input"), f"{place}.custom.input")
                told, free = (text_of(name, f"{place}.custom.name"), text), True
            case {"function": dict(function)}:
                lose_unknown(function, FUNCTION, f"{said}.tool_calls.", losses)
                told, free = _named(function, f"{place}.function"), False
            case {"type": str(kind)} if kind not in ("function", "custom"):
                lose(losses, f"{said}.tool_calls.", kind, "no other dialect has calls of this type")
                continue
            case _:
                raise wrong(place, "an object with a `function` or a `custom`")
        lose_unknown(call, CALL, f"{said}.tool_calls.", losses)
        lose_extras(call, f"{said}.tool_calls.", losses)
        call_id = text_of(call.get("id"), f"{place}.id")
        calls.append(ToolCall(call_id, *told, free, google_seal(call, owner)))
    return calls


def _named(function: Json, place: str) -> tuple[str, str]:
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise wrong(f"{place}.name", "the name of a tool")
    arguments = function.get("arguments")
    return name, "{}" if arguments is None else json_text(arguments)


def read_old_call(value: object, where: str, call_id: str, losses: Losses) -> list[ToolCall]:
    """Read the `function_call` of a message, which has no id: it is given one."""
    match value:
        case None:
            return []
        case dict():
            said = "messages" if where.startswith("messages") else "response"
            lose_unknown(value, FUNCTION, f"{said}.function_call.", losses)
            return [ToolCall(call_id, *_named(value, where))]
    raise wrong(where, "an object with a `name`")


def write_call(call: ToolCall, seal: Seal | None) -> Mapping[str, object]:
    """Write one call with its seal, if it is to be told."""
    told: dict[str, object] = {"id": call.id, "type": "custom" if call.custom else "function"}
    if call.custom:
        told["custom"] = {"name": call.name, "input": call.arguments}
    else:
        told["function"] = {"name": call.name, "arguments": call.arguments}
    if seal is not None:
        told["extra_content"] = google_sealed(seal)
    return told
