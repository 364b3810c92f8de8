"""The conversation as this dialect wants it: user and assistant in turn, results right after their calls.

System messages at the beginning are the `system` prompt. Of models that take later ones there are few, and
of platforms that serve them fewer (platform.claude.com, "Mid-conversation system messages"), so a later one
is said by the user, between `<system>` tags, and is a loss. Messages of one role become one, which the API
would do itself. What is missing for the conversation to be valid is said in few words, and is a loss.
"""

from collections import deque
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Raw

from llm_gateway.canonical.customs import wrapped
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Part, Text, Thinking, ToolCall, ToolResult
from llm_gateway.canonical.request import Message
from llm_gateway.dialects.messages.families import Family
from llm_gateway.dialects.messages.members import Json
from llm_gateway.dialects.messages.names import CallIds, write_name
from llm_gateway.dialects.messages.response import UNREADABLE
from llm_gateway.dialects.messages.seals import NAME
from llm_gateway.dialects.messages.write_blocks import write_block, write_blocks, write_result

__all__ = ["Conversation", "write_messages"]

_BEGIN = "Begin."
_GO_ON = "Go on."
_NO_RESULT = "There is no result of this call."
_STRAY = "The result of a call that is not in this conversation:"

_members = msgspec.json.Decoder(dict[str, Raw])


class Conversation(msgspec.Struct):
    """What is written: the system prompt and the messages, in blocks.

    `resumed`: the model is to go on after its calls, and the message that made them does not begin with
    what it thought. `called` are the names of tools that were called.
    """

    system: list[Json]
    messages: list[dict[str, object]]
    resumed: bool
    called: dict[str, None]


def write_messages(messages: Sequence[Message], family: Family, losses: Losses) -> Conversation:
    """Write the conversation."""
    first = next((at for at, message in enumerate(messages) if message.role != "system"), len(messages))
    system: list[Json] = []
    for message in messages[:first]:
        system += _system(message.parts, losses)
    turns = _Turns(messages[first:], losses)
    told = turns.write()
    if told[-1]["role"] == "assistant":
        _end_with_assistant(told, family, losses)
    return Conversation(system, told, turns.resumed, turns.called)


def _system(parts: Iterable[Part], losses: Losses) -> list[Json]:
    told: list[Json] = []
    for part in parts:
        if not isinstance(part, Text):
            losses.add("messages.system", "a system message is text alone")
        elif (block := write_block(part, losses)) is not None:
            told.append(block)
    return told


def _end_with_assistant(told: list[dict[str, object]], family: Family, losses: Losses) -> None:
    """See to an answer that was begun: newer models do not go on with one, older ones not after a space."""
    if not family.prefill:
        losses.add("messages.assistant", "this model does not go on with an answer; it is asked to")
        told.append({"role": "user", "content": [{"type": "text", "text": _GO_ON}]})
        return
    blocks = told[-1]["content"]
    if isinstance(blocks, list) and blocks and blocks[-1]["type"] == "text":
        blocks[-1] = {"type": "text", "text": blocks[-1]["text"].rstrip()}


class _Turns:
    """The turns as they grow."""

    def __init__(self, messages: Sequence[Message], losses: Losses) -> None:
        self._messages = messages
        self._losses = losses
        self._told: list[dict[str, object]] = []
        self._blocks: list[Json] = []  # of the last turn
        self._ids = CallIds()
        self._open: list[tuple[str, str]] = []  # calls of the last turn: their id, and as it was written
        self._results: dict[str, deque[tuple[int, ToolResult]]] = {}
        self._given: set[int] = set()
        self.resumed = False
        self.called: dict[str, None] = {}

    def write(self) -> list[dict[str, object]]:
        """Return the turns, at least one, the first of them the user's."""
        number = 0
        for message in self._messages:
            for part in message.parts if message.role == "user" else ():
                if isinstance(part, ToolResult):
                    self._results.setdefault(part.call_id, deque()).append((number, part))
                    number += 1
        number = 0
        for message in self._messages:
            match message.role:
                case "assistant":
                    self._say("assistant", self._assistant(message.parts))
                case "system":
                    self._losses.add("messages.system", "a later system message is said by the user")
                    self._say("user", self._aside(message.parts))
                case "user":
                    self._close()
                    self._say("user", self._user(message.parts, number))
                    number += sum(isinstance(part, ToolResult) for part in message.parts)
        self._close()
        if not self._told:
            self._losses.add("messages", "nothing was said, so the model is told to begin")
            self._say("user", [{"type": "text", "text": _BEGIN}])
        return self._told

    def _say(self, role: str, blocks: list[Json]) -> None:
        if not blocks:
            return
        if role == "user":
            self._close()
        elif not self._told:
            self._losses.add("messages", "the user has to speak first, and tells the model to begin")
            self._told.append({"role": "user", "content": [{"type": "text", "text": _BEGIN}]})
        if self._told and self._told[-1]["role"] == role:
            self._blocks += blocks
        else:
            self._blocks = blocks
            self._told.append({"role": role, "content": blocks})
        self.resumed = self.resumed and role == "user"

    def _close(self) -> None:
        """Give the calls of the turn that ends here their results, in the order of the calls."""
        if not self._open:
            return
        calls, self._open = self._open, []
        thought = self._blocks[0]["type"] in ("thinking", "redacted_thinking")
        self._say("user", [self._answered(call_id, written) for call_id, written in calls])
        self.resumed = not thought

    def _answered(self, call_id: str, written: str) -> Json:
        waiting = self._results.get(call_id)
        if waiting:
            number, result = waiting.popleft()
            self._given.add(number)
            return write_result(result, written, self._losses)
        self._losses.add(
            "messages.tool_result", "a call without a result; the model is told that there is none"
        )
        return {"type": "tool_result", "tool_use_id": written, "content": _NO_RESULT, "is_error": True}

    def _aside(self, parts: Iterable[Part]) -> list[Json]:
        text = "\n\n".join([str(block["text"]) for block in _system(parts, self._losses)])
        return [{"type": "text", "text": f"<system>\n{text}\n</system>"}] if text else []

    def _user(self, parts: Sequence[Part], number: int) -> list[Json]:
        told: list[Json] = []
        for part in parts:
            if not isinstance(part, ToolResult):
                told += write_blocks((part,), self._losses)
                continue
            if number not in self._given:
                self._losses.add("messages.tool_result", "a result without its call, told as text")
                self._results[part.call_id].remove((number, part))
                told += [{"type": "text", "text": _STRAY}, *write_blocks(part.parts, self._losses)]
            number += 1
        return told

    def _assistant(self, parts: Iterable[Part]) -> list[Json]:
        told: list[Json] = []
        for part in parts:
            match part:
                case Thinking():
                    told += self._thinking(part)
                case ToolCall():
                    told.append(self._call(part))
                case _:
                    block = write_block(part, self._losses)
                    if block is not None and block["type"] != "text":
                        self._losses.add("messages.assistant", "the model's own part is text and calls")
                    elif block is not None:
                        told.append(block)
        return told

    def _thinking(self, part: Thinking) -> list[Json]:
        """Write what a model of this dialect thought; only with its seal does it take it back."""
        if part.seal is None or part.seal.dialect != NAME:
            self._losses.add(
                "messages.thinking", "what another dialect's model thought means nothing to this one"
            )
            return []
        if part.redacted:
            return [{"type": "redacted_thinking", "data": part.seal.data}]
        return [{"type": "thinking", "thinking": part.text, "signature": part.seal.data}]

    def _call(self, part: ToolCall) -> Json:
        if part.seal is not None:
            self._losses.add("messages.tool_calls.seal", "sealed by another dialect's model")
        call = wrapped(part) if part.custom else part
        written = self._ids.take(call.id)
        self._open.append((call.id, written))
        self.called[call.name] = None
        return {
            "type": "tool_use",
            "id": written,
            "name": write_name(call.name, self._losses),
            "input": self._input(call.arguments),
        }

    def _input(self, arguments: str) -> object:
        """Return arguments as the object that they have to be."""
        if not arguments.strip():
            return {}
        try:
            return _members.decode(arguments) and Raw(arguments.encode())
        except (*UNREADABLE, UnicodeEncodeError):
            self._losses.add("messages.tool_calls.arguments", "no JSON object, so put into one")
            return {"arguments": arguments}
