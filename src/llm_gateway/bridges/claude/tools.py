"""A client's tools as an MCP server that lives in the session: listed by us, answered by the client.

The program reaches it over its control channel (`mcp_message`, claude-agent-sdk `_internal/query.py`), and
calls its tools `mcp__c__NAME`. A call waits until the client comes back with the result. What is here are
values and JSON; who waits is the session.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Image, Inline, Text, ToolResult
from llm_gateway.canonical.request import Request
from llm_gateway.dialects.messages.families import Family
from llm_gateway.dialects.messages.members import Json
from llm_gateway.dialects.messages.names import write_name
from llm_gateway.dialects.messages.write_tools import choose, write_tools

__all__ = [
    "PREFIX",
    "SERVER",
    "Call",
    "called",
    "can_hand_over",
    "offered",
    "read_call",
    "serve",
    "told_result",
    "written_name",
]

SERVER = "c"
PREFIX = f"mcp__{SERVER}__"

_LONGEST = 128 - len(PREFIX)  # of a name at the API
_MOST = 400_000  # characters of a result that the program takes as they are, with `maxResultSizeChars`
_PICTURES = frozenset(("image/jpeg", "image/png", "image/gif", "image/webp"))
_META = {"anthropic/alwaysLoad": True, "anthropic/maxResultSizeChars": 500_000}
_PROTOCOL = "2025-06-18"


class Call(msgspec.Struct, frozen=True):
    """A call that the program waits for: the model's id of it, and that of the JSON-RPC request."""

    id: str
    rpc: object


def offered(request: Request, losses: Losses) -> tuple[Json, ...]:
    """Return the tools that the model may call, as an MCP server lists them."""
    choice = choose(request.tool_choice, request.tools, Family(), losses)
    if request.tool_choice.mode == "none":
        return ()
    if request.tool_choice.parallel is False and request.tools:
        losses.add("parallel_tool_calls", "the program decides by itself how many tools are called at once")
    return tuple(_listed(tool) for tool in write_tools(request.tools, choice, losses))


def _listed(tool: Json) -> Json:
    return {
        "name": _short(str(tool["name"])),
        "description": tool.get("description", ""),
        "inputSchema": tool["input_schema"],
        "_meta": _META,
    }


def written_name(name: str, losses: Losses) -> str:
    """Return the name by which the model knows a client's tool."""
    return PREFIX + _short(write_name(name, losses))


def called(names: Iterable[str]) -> Mapping[str, str]:
    """Return the client's names of its tools by those that the model calls them, read from an answer."""
    lost = Losses()
    return {short: name for name in names if (short := _short(write_name(name, lost))) != name}


def _short(name: str) -> str:
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 17]}_{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def serve(message: Mapping[str, object], tools: Sequence[Json]) -> Json:
    """Return the answer to a JSON-RPC message that is no call; a notification has one, too, of no meaning."""
    answer: dict[str, object] = {"jsonrpc": "2.0"}
    if "id" in message:
        answer["id"] = message["id"]
    match message:
        case {"method": "initialize", **rest}:
            version = _PROTOCOL
            match rest.get("params"):
                case {"protocolVersion": str(version)}:
                    pass
            answer["result"] = {
                "protocolVersion": version,
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "llm-gateway", "version": "1"},
            }
        case {"method": "tools/list"}:
            answer["result"] = {"tools": tools}
        case {"method": "ping"} | {"method": _} if "id" not in message or message["method"] == "ping":
            answer["result"] = {}
        case _:
            answer["error"] = {"code": -32601, "message": "this server has tools, and nothing else"}
    return answer


def read_call(message: Mapping[str, object]) -> Call | None:
    """Return the call that a JSON-RPC message is; None for anything else."""
    match message:
        case {"method": "tools/call", "id": rpc, "params": {"_meta": {"claudecode/toolUseId": str(call)}}}:
            return Call(call, rpc)
    return None


def can_hand_over(result: ToolResult) -> bool:
    """Whether the program takes a result as it is: text of a usual size, and pictures."""
    size = 0
    for part in result.parts:
        match part:
            case Text(text):
                size += len(text)
            case Image(Inline(_, media_type)) if media_type in _PICTURES:
                pass
            case _:
                return False
    return size <= _MOST


def told_result(call: Call, result: ToolResult) -> Json:
    """Return the JSON-RPC answer with a result that can be handed over."""
    content: list[Json] = []
    for part in result.parts:
        match part:
            case Text(text):
                content.append({"type": "text", "text": text})
            case Image(Inline(data, media_type)):
                content.append({"type": "image", "data": data, "mimeType": media_type})
            case _:
                pass
    return {"jsonrpc": "2.0", "id": call.rpc, "result": {"content": content, "isError": result.is_error}}
