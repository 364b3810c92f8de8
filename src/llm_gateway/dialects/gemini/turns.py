"""The conversation of a request, written: `contents` with the roles user and model in turns.

What follows each other in one role becomes one content. Results of tools come first in theirs, as many as
there were calls (ai.google.dev, "Function calling"). The first call of each turn of the model needs a
signature since Gemini 3: one that Gemini made, or the word that stands for none.
"""

from collections.abc import Iterable, Mapping, Sequence
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


def write_turns(messages: Sequence[Message], family: Family, losses: Losses) -> tuple[list[Json], list[Json]]:
    """Return the parts of the system instruction, and the contents."""
    first = next((at for at, message in enumerate(messages) if message.role != "system"), len(messages))
    system = [part for message in messages[:first] for part in _instruction(message, losses)]
    writer = _Writer(family, losses)
    for message in messages[first:]:
        writer.add(message)
    contents = writer.contents()
    if not contents and system:
        losses.add("messages.system", "said as the user, because nobody else says anything")
        return [], [{"role": "user", "parts": system}]
    return system, contents


def _instruction(message: Message, losses: Losses) -> list[Json]:
    if not all(isinstance(part, Text) for part in message.parts):
        losses.add("messages.system", "a system message is text alone")
    return [{"text": part.text} for part in message.parts if isinstance(part, Text) and part.text]


class _Writer:
    """What has to be remembered from one message to the next."""

    def __init__(self, family: Family, losses: Losses) -> None:
        self._family = family
        self._losses = losses
        self._names: dict[str, str] = {}
        self._turns: list[tuple[_Speaker, list[Json]]] = []

    def add(self, message: Message) -> None:
        match message.role:
            case "assistant":
                self._turn("model", self._model(message.parts))
            case "user":
                self._turn("user", self._user(message.parts))
            case "system":
                self._losses.add("messages.system", "said as the user where it stands in the conversation")
                self._turn("user", _instruction(message, self._losses))

    def contents(self) -> list[Json]:
        found: list[Json] = []
        for speaker, parts in self._turns:
            if speaker == "user":
                parts = sorted(parts, key=lambda part: "functionResponse" not in part)
            elif self._family.signed:
                parts = _signed(parts)
            found.append({"role": speaker, "parts": parts})
        return found

    def _turn(self, speaker: _Speaker, parts: Iterable[Json]) -> None:
        told = list(parts)
        if not told:
            return
        if self._turns and self._turns[-1][0] == speaker:
            self._turns[-1][1].extend(told)
        else:
            self._turns.append((speaker, told))

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
        self._names[call.id] = name
        told: dict[str, object] = {"name": name, "args": arguments_of(call.arguments, self._losses)}
        if call.id:
            told["id"] = call.id
        if call.seal is None:
            return {"functionCall": told}
        if call.seal.dialect != NAME:
            self._losses.add("messages.tool_calls.seal", "sealed by another dialect's model")
            return {"functionCall": told}
        return {"functionCall": told, "thoughtSignature": call.seal.data}

    def _user(self, parts: Sequence[Part]) -> list[Json]:
        found: list[Json] = []
        for part in parts:
            match part:
                case Text(text) | Refusal(text):
                    if text:
                        found.append({"text": text})
                case Image() | Document() | Audio():
                    found += write_media(part, self._losses)
                case ToolResult():
                    found += self._result(part)
                case Thinking() | ToolCall():
                    self._losses.add("messages.user", "a part stands in a message whose role cannot have it")
        return found

    def _result(self, result: ToolResult) -> list[Json]:
        name = self._names.get(result.call_id) or write_name(result.name or "unknown", self._losses)
        text = "\n\n".join([part.text for part in result.parts if isinstance(part, Text)])
        inside: list[Json] = []
        beside: list[Json] = []
        for part in result.parts:
            if isinstance(part, Text):
                continue
            if self._family.sees_results and isinstance(part.source, Inline):
                inside += [told for told in write_media(part, self._losses) if "inlineData" in told]
            else:
                beside += write_media(part, self._losses)
        if beside:
            beside.insert(0, {"text": f"The result of the call {result.call_id or name}:"})
        said = text or (_SEE_BESIDE if inside or beside else "")
        told: dict[str, object] = {"name": name, "response": {"error" if result.is_error else "output": said}}
        if result.call_id:
            told["id"] = result.call_id
        if inside:
            told["parts"] = inside
        return [{"functionResponse": told}, *beside]


def _signed(parts: Sequence[Json]) -> list[Json]:
    """Return a turn of the model whose first call has a signature."""
    found = list(parts)
    at = next((at for at, part in enumerate(parts) if "functionCall" in part), None)
    if at is not None and "thoughtSignature" not in parts[at]:
        found[at] = {**parts[at], "thoughtSignature": BYPASS}
    return found


def arguments_of(arguments: str, losses: Losses) -> Raw | Mapping[str, str]:
    """Return the arguments of a call as an object; text that is none becomes its member `input`."""
    if not arguments or arguments.isspace():
        return {}
    try:
        data = arguments.encode()
        _object.decode(data)
    except (*UNREADABLE, UnicodeEncodeError):
        losses.add("tool_calls.arguments", "arguments that are no JSON object are told as its one member")
        return {"input": arguments}
    # A line end would end the line of an event.
    return Raw(msgspec.json.format(data, indent=-1) if b"\n" in data or b"\r" in data else data)
