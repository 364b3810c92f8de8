"""A model that behaves: what it says follows from what it was asked, by rules that can be read here.

It calls the tool that it is told to call, once, and fills arguments and schemas with what the last words say:
numbers with its numbers, texts with what stands in quotes. It knows nothing and looks at no picture.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from clients_e2e.speech import Tool
from clients_e2e.speech.turns import records, strings

__all__ = ["Asked", "Calling", "Saying", "answer", "filled"]

Json = Mapping[str, object]

SAID = "I heard you, and I know nothing about it."
_QUOTED = re.compile("['\"「“]([^'\"」”]+)['\"」”]")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?![\w.])")
_RESULT_KEYS = ("tool_result", "functionResponse", "function_call_output", "tool_call_id", "tool_name")


@dataclass(frozen=True)
class Asked:
    """A request, as far as this model reads it. `schema` is what an answer has to be of: {} for any JSON."""

    body: Json
    tools: Sequence[Tool] = ()
    choice: object = None
    schema: Json | None = None


@dataclass(frozen=True)
class Saying:
    """An answer in words."""

    text: str


@dataclass(frozen=True)
class Calling:
    """The call of a tool."""

    name: str
    arguments: dict[str, object]


def answer(asked: Asked) -> Saying | Calling:
    """Return what the model does about a request."""
    last = _last(asked.body)
    words = "\n".join(_words(last))
    told = set(strings(asked.choice))
    named = [tool for tool in asked.tools if tool.name in told]
    forced = bool(named or told & {"required", "any", "ANY"})
    is_result = any(f'"{key}"' in json.dumps(last) for key in _RESULT_KEYS)
    if asked.tools and not told & {"none", "NONE"} and (forced or not is_result):
        meant = named or [tool for tool in asked.tools if tool.name in words] or list(asked.tools)
        return Calling(meant[0].name, _object(meant[0].schema, words))
    match asked.schema:
        case None:
            return Saying(SAID)
        case {"type": _} | {"properties": _} | {"$ref": _}:
            return Saying(json.dumps(filled(asked.schema, words), ensure_ascii=False))
    return Saying(json.dumps(dict.fromkeys(_QUOTED.findall(words), SAID)))


def filled(schema: Json, words: str) -> object:
    """Return a value of this schema that is made of these words."""
    return _Filler(schema, words).value(schema)


def _object(schema: Json, words: str) -> dict[str, object]:
    value = filled(schema, words)
    return value if isinstance(value, dict) else {}


class _Filler:
    """Fill one schema; numbers and quoted texts are used up in their order, and the last one again."""

    def __init__(self, root: Json, words: str) -> None:
        self._root = root
        self._numbers = [int(number) for number in _NUMBER.findall(words)] or [1]
        self._texts = _QUOTED.findall(words) or [words[:60] or SAID]

    def value(self, schema: Json) -> object:
        match schema:
            case {"$ref": str(place)}:
                return self.value(self._referred(place))
            case {"enum": [first, *_]} | {"const": first}:
                return first
            case {"anyOf": list(kinds)} | {"oneOf": list(kinds)} | {"allOf": list(kinds)}:
                chosen = [kind for kind in records(kinds) if kind.get("type") != "null"]
                return self.value(chosen[0]) if chosen else None
            case {"properties": dict(properties)}:
                return {name: self.value(kind) for name, kind in properties.items() if isinstance(kind, dict)}
        kind = schema.get("type")
        match str(kind[0] if isinstance(kind, list) else kind).lower():
            case "integer" | "number":
                return self._numbers.pop(0) if len(self._numbers) > 1 else self._numbers[0]
            case "string":
                return self._texts.pop(0) if len(self._texts) > 1 else self._texts[0]
            case "boolean":
                return True
            case "array":
                items = schema.get("items")
                return [self.value(items)] if isinstance(items, dict) else []
        return {}

    def _referred(self, place: str) -> Json:
        found: object = self._root
        for step in place.removeprefix("#/").split("/"):
            found = found.get(step) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}


def _last(body: Json) -> Json:
    """Return the last thing that was said to the model, in whatever dialect."""
    for key in ("messages", "contents", "input"):
        match body.get(key):
            case str(text):
                return {"text": text}
            case [*_, dict(last)]:
                return last
    return {}


def _words(value: object) -> Iterator[str]:
    """Return the texts that are meant to be read: no roles, no names, no pictures."""
    match value:
        case dict():
            for key, part in value.items():
                if key in ("text", "content") and isinstance(part, str):
                    yield part
                elif key in ("content", "parts"):
                    yield from _words(part)
        case list():
            for part in value:
                yield from _words(part)
