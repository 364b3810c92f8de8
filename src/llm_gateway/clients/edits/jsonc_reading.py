"""Where everything lies in a JSON text with comments: each value, its name, and the comma behind it."""

import json
import re
from typing import NamedTuple

from llm_gateway.clients.edits.values import CannotEdit

__all__ = ["Member", "Node", "read_document"]

_BETWEEN = re.compile(r"(?:[ \t\r\n]+|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\r\n]|\\.)*"')
_SCALAR = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")
_DEEPEST = 100


class Node(NamedTuple):
    """A value, from where to where it is written, and what is in it."""

    start: int
    end: int
    value: object
    members: "tuple[Member, ...]" = ()


class Member(NamedTuple):
    """A value in another: its name, or its number in a list; `comma` is where one follows, else -1."""

    name: str
    start: int
    name_end: int
    node: Node
    comma: int


def read_document(text: str) -> Node | None:
    """Return the one value of a text, or None where there is none; CannotEdit when it is not such a text."""
    reading = _Reading(text)
    start = reading.skip(0)
    if start == len(text):
        return None
    node = reading.value(start, 0)
    end = reading.skip(node.end)
    if end != len(text):
        raise reading.wrong(end)
    return node


class _Reading:
    def __init__(self, text: str) -> None:
        self._text = text

    def skip(self, position: int) -> int:
        found = _BETWEEN.match(self._text, position)
        return found.end() if found else position

    def value(self, position: int, depth: int) -> Node:
        match self._text[position : position + 1]:
            case "{" if depth < _DEEPEST:
                members = self._members(position, "}", depth)
                return self._whole(position, members, {each.name: each.node.value for each in members})
            case "[" if depth < _DEEPEST:
                members = self._members(position, "]", depth)
                return self._whole(position, members, [each.node.value for each in members])
            case '"':
                name, end = self._string(position)
                return Node(position, end, name)
        found = _SCALAR.match(self._text, position)
        if found is None:
            raise self.wrong(position)
        return Node(position, found.end(), json.loads(found[0]))

    def wrong(self, position: int) -> CannotEdit:
        line = self._text.count("\n", 0, position) + 1
        return CannotEdit(f"line {line} is not JSON, even with comments and commas behind the last member")

    def _whole(self, start: int, members: tuple[Member, ...], value: object) -> Node:
        last = start + 1
        if members:
            last = members[-1].node.end if members[-1].comma < 0 else members[-1].comma + 1
        return Node(start, self.skip(last) + 1, value, members)

    def _members(self, start: int, close: str, depth: int) -> tuple[Member, ...]:
        members: list[Member] = []
        position = self.skip(start + 1)
        while self._text[position : position + 1] != close:
            if members and members[-1].comma < 0:
                raise self.wrong(position)
            member = self._member(position, close, len(members), depth)
            position = self.skip(member.node.end)
            if self._text[position : position + 1] == ",":
                member = member._replace(comma=position)
                position = self.skip(position + 1)
            members.append(member)
        return tuple(members)

    def _member(self, position: int, close: str, index: int, depth: int) -> Member:
        if close == "]":
            return Member(str(index), position, position, self.value(position, depth + 1), -1)
        name, end = self._string(position)
        colon = self.skip(end)
        if self._text[colon : colon + 1] != ":":
            raise self.wrong(colon)
        return Member(name, position, end, self.value(self.skip(colon + 1), depth + 1), -1)

    def _string(self, position: int) -> tuple[str, int]:
        found = _STRING.match(self._text, position)
        try:
            text = json.loads(found[0], strict=False) if found else None
        except ValueError:
            text = None
        if found is None or not isinstance(text, str):
            raise self.wrong(position)
        return text, found.end()
