"""The conversation of a request, written: `contents` with the roles user and model in turns.

What follows each other in one role becomes one content. The results of tools come right after their calls,
first in their content and as many as there were calls (ai.google.dev, "Function calling"). The first call of
each turn of the model needs a signature since Gemini 3: one that Gemini made, or the word that stands for
none. What is missing for the conversation to be valid is said in few words, and is a loss: one that opens
with the model is refused (google-gemini/gemini-cli issue 11814), as are calls without results.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from msgspec import Raw

from llm_gateway.canonical.customs import wrapped
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import (
    Audio,
    Document,
    Image,
    Inline,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llm_gateway.canonical.request import Message
from llm_gateway.dialects.gemini.families import Family
from llm_gateway.dialects.gemini.media import write_media
from llm_gateway.dialects.gemini.members import Json
from llm_gateway.dialects.gemini.names import write_name
from llm_gateway.dialects.gemini.response import UNREADABLE
from llm_gateway.dialects.gemini.seals import BYPASS, NAME

__all__ = ["arguments_of", "write_turns"]

_Speaker = Literal["user", "model"]

_object = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.encode

_SEE_BESIDE = "The result is beside this."
_BEGIN = "Begin."
_GO_ON = "Go on."
_NO_RESULT = "There is no result of this call."
_STRAY = "The result of a call that is not in this conversation:"


def write_turns(messages: Sequence[Message], family: Family, losses: Losses) -> tuple[list[Json], list[Json]]:
    """Return the parts of the system instruction, and the contents."""
    first = next((at for at, message in enumerate(messages) if message.role != "system"), len(messages))
    system = [part for message in messages[:first] for part in _instruction(message, losses)]
    contents = _Turns(messages[first:], family, losses).write()
    if not contents and system:
        losses.add("messages.system", "said as the user, because nobody else says anything")
        return [], [{"role": "user", "parts": system}]
    if not contents:
        losses.add("messages", "nothing was said, so the model is told to begin")
        contents.append({"role": "user", "parts": [{"text": _BEGIN}]})
    return system, contents


def _instruction(message: Message, losses: Losses) -> list[Json]:
    if not all(isinstance(part, Text) for part in message.parts):
        losses.add("messages.system", "a system message is text alone")
    return [{"text": part.text} for part in message.parts if isinstance(part, Text) and part.text]


class _Call(msgspec.Struct):
    """A call that waits for its result."""

    id: str
    name: str


class _Turns:
    """The turns as they grow."""

    def __init__(self, messages: Sequence[Message], family: Family, losses: Losses) -> None:
        self._messages = messages
        self._family = family
        self._losses = losses
        self._turns: list[tuple[_Speaker, list[Json]]] = []
        self._thoughts: list[Json] = []  # of the model, which has said nothing since
        self._open: list[_Call] = []
        self._results: dict[str, deque[tuple[int, ToolResult]]] = {}
        self._given: set[int] = set()

    def write(self) -> list[Json]:
        """Return the contents, the first of them the user's; none where nothing is said."""
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
                    self._answer(self._model(message.parts))
                case "user":
                    self._close()
                    self._say("user", self._user(message.parts, number))
                    number += sum(isinstance(part, ToolResult) for part in message.parts)
                case "system":
                    self._aside(message)
        self._close()
        if self._turns and self._turns[-1][0] == "model" and not self._family.prefill:
            self._losses.add("messages.assistant", "this model does not go on with an answer; it is asked to")
            self._say("user", [{"text": _GO_ON}])
        return [self._content(speaker, parts) for speaker, parts in self._turns]

    def _content(self, speaker: _Speaker, parts: list[Json]) -> Json:
        if speaker == "model" and self._family.signed:
            parts = _signed(parts)
        return {"role": speaker, "parts": parts}

    def _say(self, speaker: _Speaker, parts: list[Json]) -> None:
        if not parts:
            return
        if self._turns and self._turns[-1][0] == speaker:
            self._turns[-1][1].extend(parts)
        else:
            self._turns.append((speaker, parts))

    def _answer(self, parts: list[Json]) -> None:
        """Add what the model said, with what it thought before; thoughts alone are no turn of it."""
        if not parts or (_is_thought(parts[-1]) and all(map(_is_thought, parts))):
            self._thoughts += parts
            return
        if not self._turns:
            self._losses.add("messages", "the user has to speak first, and tells the model to begin")
            self._say("user", [{"text": _BEGIN}])
        self._say("model", [*self._thoughts, *parts] if self._thoughts else parts)
        self._thoughts = []

    def _aside(self, message: Message) -> None:
        self._losses.add("messages.system", "said as the user where it stands in the conversation")
        self._close()
        self._say("user", _instruction(message, self._losses))

    def _close(self) -> None:
        """End a turn of the model, if it is one: give its calls their results, in their order."""
        if self._thoughts:
            if self._turns and self._turns[-1][0] == "model":
                self._say("model", self._thoughts)
            else:
                self._losses.add("messages.thinking", "the model thought, and said nothing")
            self._thoughts = []
        if not self._open:
            return
        calls, self._open = self._open, []
        beside: list[Json] = []
        self._say("user", [self._answered(call, beside) for call in calls])
        self._say("user", beside)

    def _answered(self, call: _Call, beside: list[Json]) -> Json:
        """Return the result of a call; what cannot be put into it is added `beside` it."""
        told: dict[str, object] = {"name": call.name, "response": {"error": _NO_RESULT}}
        if call.id:
            told["id"] = call.id
        if waiting := self._results.get(call.id):
            number, result = waiting.popleft()
            self._given.add(number)
            self._fill(told, result, beside)
        else:
            self._losses.add(
                "messages.tool_result", "a call without a result; the model is told that there is none"
            )
        return {"functionResponse": told}

    def _fill(self, told: dict[str, object], result: ToolResult, beside: list[Json]) -> None:
        text = _text_of(result)
        inside: list[Json] = []
        outside: list[Json] = []
        for part in result.parts:
            if isinstance(part, Text):
                continue
            if self._family.sees_results and isinstance(part.source, Inline):
                inside += [each for each in write_media(part, self._losses) if "inlineData" in each]
            else:
                outside += write_media(part, self._losses)
        if outside:
            beside += [{"text": f"The result of the call {result.call_id or told['name']}:"}, *outside]
        said = text or (_SEE_BESIDE if inside or outside else "")
        told["response"] = {"error" if result.is_error else "output": said}
        if inside:
            told["parts"] = inside

    def _user(self, parts: Sequence[Part], number: int) -> list[Json]:
        found: list[Json] = []
        for part in parts:
            match part:
                case Text(text) | Refusal(text):
                    if text:
                        found.append({"text": text})
                case Image() | Document() | Audio():
                    found += write_media(part, self._losses)
                case ToolResult():
                    if number not in self._given:
                        self._results[part.call_id].remove((number, part))
                        found += self._stray(part)
                    number += 1
                case Thinking() | ToolCall():
                    self._losses.add("messages.user", "a part stands in a message whose role cannot have it")
        return found

    def _stray(self, result: ToolResult) -> list[Json]:
        self._losses.add("messages.tool_result", "a result without its call, told as text")
        found: list[Json] = [{"text": _STRAY}]
        if text := _text_of(result):
            found.append({"text": text})
        for part in result.parts:
            if not isinstance(part, Text):
                found += write_media(part, self._losses)
        return found

    def _model(self, parts: Sequence[Part]) -> list[Json]:
        found: list[Json] = []
        for part in parts:
            match part:
                case Text(text) | Refusal(text):
                    if text:
                        found.append({"text": text})
                case Thinking():
                    found += self._thought(part)
                case ToolCall():
                    found.append(self._call(wrapped(part) if part.custom else part))
                case Image() | Document() | Audio() | ToolResult():
                    self._losses.add(
                        "messages.assistant", "the model's own part of a conversation is text and calls"
                    )
        return found

    def _thought(self, part: Thinking) -> list[Json]:
        if part.seal is None or part.seal.dialect != NAME:
            self._losses.add(
                "messages.thinking", "what another dialect's model thought means nothing to this one"
            )
            return []
        if not part.text:  # it belongs to the text before it, and comes in a part of no text
            return [{"text": "", "thoughtSignature": part.seal.data}]
        return [{"text": part.text, "thought": True, "thoughtSignature": part.seal.data}]

    def _call(self, call: ToolCall) -> Json:
        name = write_name(call.name, self._losses)
        self._open.append(_Call(call.id, name))
        told: dict[str, object] = {
            "name": name,
            "args": arguments_of(call.arguments, "messages", self._losses),
        }
        if call.id:
            told["id"] = call.id
        if call.seal is None:
            return {"functionCall": told}
        if call.seal.dialect != NAME:
            self._losses.add("messages.tool_calls.seal", "sealed by another dialect's model")
            return {"functionCall": told}
        return {"functionCall": told, "thoughtSignature": call.seal.data}


def _text_of(result: ToolResult) -> str:
    return "\n\n".join([part.text for part in result.parts if isinstance(part, Text)])


def _is_thought(part: Json) -> bool:
    return "thought" in part or part.get("text") == ""


def _signed(parts: Sequence[Json]) -> list[Json]:
    """Return a turn of the model whose first call has a signature."""
    found = list(parts)
    at = next((at for at, part in enumerate(parts) if "functionCall" in part), None)
    if at is not None and "thoughtSignature" not in parts[at]:
        found[at] = {**parts[at], "thoughtSignature": BYPASS}
    return found


def arguments_of(arguments: str, within: str, losses: Losses) -> Raw | Mapping[str, str]:
    """Return the arguments of a call as an object; text that is none becomes its member `input`.

    `within` is where the call stands: in `messages` or in a `response`.
    """
    if not arguments or arguments.isspace():
        return {}
    try:
        data = arguments.encode()
        _object.decode(data)
    except (*UNREADABLE, UnicodeEncodeError):
        why = "arguments that are no JSON object are told as its one member"
        losses.add(f"{within}.tool_calls.arguments", why)
        return {"input": arguments}
    # A line end would end the line of an event.
    return Raw(msgspec.json.format(data, indent=-1) if b"\n" in data or b"\r" in data else data)
