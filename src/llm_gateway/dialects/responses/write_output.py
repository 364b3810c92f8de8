"""The items of an answer as the client gets them, and the response object around them.

For whole answers and for the last events of a stream alike; the pieces of a stream are in `encoder.py`.
"""

from collections.abc import Mapping, Sequence

import msgspec

from llm_gateway.canonical.events import Finish
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Seal, ToolCall
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked
from llm_gateway.dialects.responses.echo import NOTHING
from llm_gateway.dialects.responses.seals import call_seal_text, seal_text
from llm_gateway.dialects.responses.tools import Known, known_tools

__all__ = ["Envelope", "Json", "Writer", "ending", "refusal_part", "text_part"]

Json = dict[str, object]

_PREFIXES = {
    "function": "fc",
    "custom": "ctc",
    "tool_search": "tsc",
    "local_shell": "lsh",
    "shell": "sh",
    "apply_patch": "apc",
}
_FUNCTION, _CUSTOM = Known("function"), Known("custom")
_NO_USAGE = Usage()

_encode = msgspec.json.encode
_object = msgspec.json.Decoder(dict[str, object])


class Envelope:
    """The response object of one answer: who it is, and what it repeats of its request."""

    __slots__ = ("_asked", "_head", "_tail", "id")

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.id = f"resp_{asked.id}"
        self._head = b'{"id":%b,"object":"response","created_at":%d,"model":%b,' % (
            _encode(self.id),
            asked.now,
            _encode(asked.model),
        )
        self._tail = b",%b}" % asked.notes.get("echo", NOTHING).encode()

    def written(
        self,
        status: str,
        output: Sequence[Json],
        usage: Usage | None = None,
        *,
        reason: str = "",
        error: Json | None = None,
    ) -> bytes:
        """Return the object in this state."""
        state = {
            "status": status,
            "completed_at": self._now() if status == "completed" else None,
            "error": error,
            "incomplete_details": {"reason": reason} if reason else None,
            "output": output,
            "usage": None if usage is None else _usage(usage),
        }
        return b"%b%b%b" % (self._head, _encode(state)[1:-1], self._tail)

    def _now(self) -> int:
        """Return the time, in seconds; never one before the request came."""
        asked = self._asked
        return asked.now if asked.clock is None else max(asked.clock() // 1_000_000, asked.now)


class Writer:
    """Make the items of one answer; `index` is an item's place in the output."""

    __slots__ = ("_known", "_losses", "_turn")

    def __init__(self, asked: Asked, losses: Losses) -> None:
        self._turn = asked.id
        self._losses = losses
        self._known: Mapping[str, Known] = known_tools(asked.notes.get("tools", ""))

    def known(self, name: str, *, custom: bool) -> Known:
        """Return what the client calls a tool, and of what kind it is to the client."""
        found = self._known.get(name)
        if found is None:
            return _CUSTOM if custom else _FUNCTION
        return found

    def message(self, index: int, content: list[Json], status: str = "completed") -> Json:
        """Return what the assistant says."""
        return {
            "id": f"msg_{self._turn}_{index}",
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content,
        }

    def reasoning(self, index: int, text: str, seal: Seal | None = None, *, redacted: bool = False) -> Json:
        """Return what the model thought, and the seal that the client is to send back."""
        item: Json = {
            "id": f"rs_{self._turn}_{index}",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": text}] if text else [],
        }
        if seal is not None:
            item["encrypted_content"] = seal_text(seal, redacted=redacted)
        return item

    def call_seal(self, index: int, seal: Seal) -> Json:
        """Return what goes before a call that is sealed."""
        item = self.reasoning(index, "")
        return {**item, "encrypted_content": call_seal_text(seal)}

    def call(self, index: int, call: ToolCall, status: str = "completed") -> Json:
        """Return a call of a tool, in the client's own terms."""
        known = self.known(call.name, custom=call.custom)
        item: Json = {
            "id": f"{_PREFIXES[known.kind]}_{self._turn}_{index}",
            "type": f"{known.kind}_tool_call" if known.kind == "custom" else f"{known.kind}_call",
            "status": status,
            "call_id": call.id,
        }
        match known.kind:
            case "function" | "custom":
                item["name"] = known.name or call.name
                if known.namespace:
                    item["namespace"] = known.namespace
                item["arguments" if known.kind == "function" else "input"] = call.arguments
            case "tool_search":
                item["execution"] = "client"
                item["arguments"] = self._done(call.arguments)
            case "local_shell":
                item["action"] = {"command": [], "env": {}, **self._done(call.arguments), "type": "exec"}
            case "shell":
                item["action"] = {"commands": [], **self._done(call.arguments)}
            case "apply_patch":
                item["operation"] = self._done(call.arguments)
        return item

    def _done(self, arguments: str) -> Json:
        try:
            return _object.decode(arguments) if arguments else {}
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            self._losses.add("response.arguments", "the model called a tool with something else than JSON")
            return {}


def text_part(text: str) -> Json:
    """Return a part of a message that is text."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def refusal_part(text: str) -> Json:
    """Return a part of a message that is a refusal."""
    return {"type": "refusal", "refusal": text}


def ending(finish: Finish, sequence: str, losses: Losses, *, refused: bool) -> str:
    """Return why the answer is incomplete, or "" when it is complete; `refused` as it was told."""
    if sequence:
        losses.add("response.stop_sequence", "Responses does not tell which one it was")
    match finish:
        case "length":
            return "max_output_tokens"
        case "content_filter":
            return "content_filter"
        case "pause":
            losses.add("response.pause", "Responses knows no turn that wants to be sent back")
        case "refusal" if not refused:
            losses.add("response.refusal", "what was said while declining is text like any other")
        case "other":
            losses.add("response.finish_reason", "it ended for a reason that has no word here")
    return ""


def _usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }
