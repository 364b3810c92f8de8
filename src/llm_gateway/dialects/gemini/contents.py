"""The conversation of a request, read: `contents` and `systemInstruction`.

Calls without an id are given one by their place; a result without one answers the earliest call of its name
that has no answer yet. Pieces that a client kept of a stream are put together again.
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import (
    Document,
    Image,
    Part,
    ResultPart,
    Seal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llm_gateway.canonical.request import Message
from llm_gateway.dialects.gemini.media import read_media
from llm_gateway.dialects.gemini.members import (
    Json,
    listed,
    lose,
    lose_unknown,
    named,
    optional,
    says_nothing,
    text_of,
    wrong,
)
from llm_gateway.dialects.gemini.names import made_up_id
from llm_gateway.dialects.gemini.seals import Thought, open_call_signature, open_signature
from llm_gateway.errors import MalformedRequest

__all__ = ["read_contents"]

_list = msgspec.json.Decoder(list[dict[str, object]] | dict[str, object])
_system = msgspec.json.Decoder(dict[str, object] | str)
_encode = msgspec.json.encode

_CONTENT = frozenset(("role", "parts"))
_CALL = frozenset(("id", "name", "args"))
_RESULT = frozenset(("id", "name", "response", "parts"))
_DATA = ("functionCall", "functionResponse", "inlineData", "fileData")
_PART = frozenset(("text", "thought", "thoughtSignature", *_DATA))
_SAID = ("output", "result")


def read_contents(fields: Mapping[str, Raw], losses: Losses) -> tuple[Message, ...]:
    """Read the conversation."""
    told = optional(fields, "contents", _list, "a list of objects")
    if not told:
        raise MalformedRequest("`contents` is missing or empty: say something", param="contents")
    reader = _Reader(losses)
    system = optional(fields, "systemInstruction", _system, "an object with `parts`")
    messages = [] if system is None else reader.system(system)
    for index, content in enumerate([told] if isinstance(told, dict) else told):
        messages.append(reader.message(content, f"contents[{index}]"))
    return tuple(messages)


class _Reader:
    """What has to be remembered from one content to the next."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._calls = 0
        self._unanswered: list[tuple[str, str, bool]] = []  # id, name, id is ours
        self._thought: list[str] = []  # pieces of thinking that has no seal yet

    def system(self, told: dict[str, object] | str) -> list[Message]:
        if isinstance(told, str):
            return [Message("system", (Text(told),))] if told else []
        parts: list[Part] = []
        content = named(told, "systemInstruction")
        lose_unknown(content, _CONTENT, "systemInstruction.", self._losses)
        for where, part in self._parts(content, "systemInstruction"):
            if text := text_of(part.get("text"), f"{where}.text"):
                parts.append(Text(text))
            self._check(part, frozenset(("text",)), "systemInstruction.")
        return [Message("system", tuple(parts))] if parts else []

    def message(self, content: Json, where: str) -> Message:
        content = named(content, where)
        lose_unknown(content, _CONTENT, "contents.", self._losses)
        match content.get("role"):
            case None | "" | "user" | "function":
                return Message("user", tuple(self._said(content, where)))
            case "model":
                return Message("assistant", tuple(_joined(self._said(content, where))))
        raise wrong(f"{where}.role", "user or model")

    def _parts(self, content: Json, where: str) -> list[tuple[str, Json]]:
        parts = listed(content.get("parts"))
        if parts is None:
            return []
        if not isinstance(parts, list):
            raise wrong(f"{where}.parts", "a list of parts")
        found: list[tuple[str, Json]] = []
        for index, part in enumerate(parts):
            place = f"{where}.parts[{index}]"
            if not isinstance(part, dict):
                raise wrong(place, "an object")
            found.append((place, named(part, place)))
        return found

    def _said(self, content: Json, where: str) -> list[Part]:
        found: list[Part] = []
        for place, part in self._parts(content, where):
            if part.get("thought") is True and "functionCall" not in part:
                self._think(part, place, found)
                continue
            self._end_thought(found)
            self._read(part, place, found)
        self._end_thought(found)
        return found

    def _think(self, part: Json, place: str, found: list[Part]) -> None:
        self._thought.append(text_of(part.get("text"), f"{place}.text"))
        self._check(part, frozenset(("text", "thought", "thoughtSignature")), "contents.parts.")
        if signature := text_of(part.get("thoughtSignature"), f"{place}.thoughtSignature"):
            seal, redacted = open_signature(signature)
            found.append(Thinking("".join(self._thought), seal, redacted))
            self._thought = []

    def _end_thought(self, found: list[Part]) -> None:
        if text := "".join(self._thought):
            found.append(Thinking(text))
        self._thought = []

    def _read(self, part: Json, place: str, found: list[Part]) -> None:
        signature = text_of(part.get("thoughtSignature"), f"{place}.thoughtSignature")
        if not part.keys() <= _PART:
            self._check(part, _PART, "contents.parts.")
        if text := text_of(part.get("text"), f"{place}.text"):
            found.append(Text(text))
        for key in _DATA:
            told = part.get(key)
            if told is None:
                continue
            if not isinstance(told, dict):
                raise wrong(f"{place}.{key}", "an object")
            inner, there = named(told, f"{place}.{key}"), f"{place}.{key}"
            match key:
                case "functionCall":
                    seal, thoughts = open_call_signature(signature)
                    if thoughts:
                        _bring_back(thoughts, found)
                    found.append(self._call(inner, there, seal))
                    signature = ""
                case "functionResponse":
                    found.append(self._result(inner, there))
                case _:
                    if (media := read_media(key, inner, there, self._losses)) is not None:
                        found.append(media)
        if signature:
            seal, redacted = open_signature(signature)
            found.append(Thinking("", seal, redacted))

    def _check(self, part: Json, known: frozenset[str], prefix: str) -> None:
        for key in part:
            if key not in known and not says_nothing(part[key]):
                lose(self._losses, prefix, key, "other dialects have no place for it")

    def _call(self, told: Json, where: str, seal: Seal | None) -> ToolCall:
        lose_unknown(told, _CALL, "contents.parts.functionCall.", self._losses)
        name = text_of(told.get("name"), f"{where}.name")
        if not name:
            raise wrong(f"{where}.name", "the name of a function")
        args = told.get("args")
        if args is not None and not isinstance(args, dict):
            raise wrong(f"{where}.args", "an object")
        given = text_of(told.get("id"), f"{where}.id")
        call_id = given or made_up_id("gemini", self._calls)
        self._calls += 1
        self._unanswered.append((call_id, name, not given))
        return ToolCall(call_id, name, _encode(args or {}).decode(), seal=seal)

    def _result(self, told: Json, where: str) -> ToolResult:
        lose_unknown(told, _RESULT, "contents.parts.functionResponse.", self._losses)
        name = text_of(told.get("name"), f"{where}.name")
        call_id = text_of(told.get("id"), f"{where}.id")
        if (answered := self._answered(call_id, name)) is not None:
            self._unanswered.remove(answered)
            call_id, called, _ = answered
            name = name or called
        if not call_id:
            raise MalformedRequest(
                f"`{where}` has no `id`, and no call of its name lacks a result: send the call, too",
                param=where,
            )
        parts, failed = _response(told.get("response"), f"{where}.response")
        for place, part in self._parts(told, where):
            parts += self._result_part(part, place)
        return ToolResult(call_id, tuple(parts), name, failed)

    def _answered(self, call_id: str, name: str) -> tuple[str, str, bool] | None:
        """Return the call that a result answers. Clients make up ids for their results alone, too."""
        waiting = self._unanswered
        if call_id:
            same = next((call for call in waiting if call[0] == call_id), None)
            if same is not None:
                return same
            waiting = [call for call in waiting if call[2]]
        return next((call for call in waiting if name in ("", call[1])), None)

    def _result_part(self, part: Json, where: str) -> list[ResultPart]:
        found: list[Part] = []
        self._read(part, where, found)
        kept: list[ResultPart] = [each for each in found if isinstance(each, Text | Image | Document)]
        if len(kept) < len(found):
            self._losses.add(
                "contents.parts.functionResponse.parts", "no other dialect has it in a tool's result"
            )
        return kept


def _bring_back(thoughts: Sequence[Thought], found: list[Part]) -> None:
    """Put what was thought before a call where it was, whatever of it the client kept itself."""
    since = next((at for at in range(len(found), 0, -1) if isinstance(found[at - 1], ToolCall)), 0)
    said = [part for part in found[since:] if not isinstance(part, Thinking)]
    early = [thought.thinking() for thought in thoughts if thought.early]
    late = [thought.thinking() for thought in thoughts if not thought.early]
    found[since:] = [*early, *said, *late]


def _response(told: object, where: str) -> tuple[list[ResultPart], bool]:
    """Return what a tool answered, and whether that is an error: by the names that the API documents."""
    if told is None:
        return [], False
    if not isinstance(told, dict):
        raise wrong(where, "an object")
    if len(told) == 1:
        ((key, value),) = told.items()
        if key in _SAID or key == "error":
            text = value if isinstance(value, str) else "" if value is None else _encode(value).decode()
            return ([Text(text)] if text else []), key == "error"
    if not told:
        return [], False
    return [Text(_encode(told).decode())], bool(told.get("error")) and "output" not in told


def _joined(parts: list[Part]) -> list[Part]:
    """Return the model's parts with texts that follow each other as one, as they were said."""
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, Text) and isinstance(last, Text):
            found[-1] = Text(last.text + part.text)
        else:
            found.append(part)
    return found
