"""JSON as people write it into settings: with comments, with commas behind the last member.

An editor of texts, not a printer: a new member is laid out as its neighbours are, everything else keeps its
bytes. What goes beyond comments and commas, names without quotes say, is refused.
"""

import functools
import json
import re
from collections.abc import Sequence

from llm_gateway.clients.edits import lines
from llm_gateway.clients.edits.jsonc_reading import Member, Node, read_document
from llm_gateway.clients.edits.values import CannotEdit, at_name

__all__ = ["append", "cut", "parse", "put"]

# Comments that stand behind something on its line; they are about it, and stay beside it.
_BESIDE = re.compile(r"(?:[ \t]*(?:/\*(?:(?!\*/)[^\r\n])*\*/|//[^\r\n]*))*")
_INDENTED = re.compile(r"^([ \t]+)[\"{\[\]}\-0-9a-z]", re.MULTILINE)


def parse(text: str) -> object:
    """Return what the text says; None for one that says nothing."""
    root = read_document(text)
    return None if root is None else root.value


def put(text: str, at: Sequence[str], value: object) -> str:
    """Return the text with a value at a place."""
    root = read_document(text)
    if root is None:
        return _begun(text, functools.reduce(lambda inner, name: {name: inner}, reversed(at), value))
    node = root
    for depth, name in enumerate(at):
        member = _member(node, name)
        if member is None and isinstance(node.value, dict):
            inner = functools.reduce(lambda made, each: {each: made}, reversed(at[depth + 1 :]), value)
            return _inserted(text, root, node, (name, inner))
        if member is None and node.value is None:
            inner = functools.reduce(lambda made, each: {each: made}, reversed(at[depth:]), value)
            return _replaced(text, root, node, inner)
        if member is None:
            raise CannotEdit(f"{at_name(at[:depth])} is no table, so {at_name(at)} cannot be set in it")
        node = member.node
    return _replaced(text, root, node, value)


def append(text: str, at: Sequence[str], item: object) -> str:
    """Return the text with an item at the end of the list at a place."""
    root = read_document(text)
    node: Node | None = root
    for name in at:
        member = _member(node, name) if node is not None else None
        node = member.node if member is not None else None
    if root is None or node is None or node.value is None:
        return put(text, at, [item])
    if not isinstance(node.value, list):
        raise CannotEdit(f"{at_name(at)} is no list, so nothing can be put at its end")
    return _inserted(text, root, node, (None, item))


def cut(text: str, at: Sequence[str]) -> str:
    """Return the text without what is at a place."""
    node = read_document(text)
    for name in at[:-1]:
        member = _member(node, name) if node is not None else None
        node = member.node if member is not None else None
    found = _member(node, at[-1]) if node is not None else None
    if node is None or found is None:
        return text
    index = node.members.index(found)
    start, end = _extent(text, found)
    if index and found.comma < 0:
        comma = node.members[index - 1].comma
        text, start, end = text[:comma] + text[comma + 1 :], start - 1, end - 1
        closing = node.end - 2
    else:
        closing = node.end - 1
    if len(node.members) == 1 and not (text[node.start + 1 : start] + text[end:closing]).strip():
        start, end = node.start + 1, closing
    return text[:start] + text[end:]


def _member(node: Node, name: str) -> Member | None:
    """Return the member of this name: the last, which is the one that counts where a name stands twice."""
    return next((member for member in reversed(node.members) if member.name == name), None)


def _extent(text: str, member: Member) -> tuple[int, int]:
    """Return from where to where a member goes, with its line, or with the space before it."""
    end = member.comma + 1 if member.comma >= 0 else member.node.end
    start = len(text[: member.start].rstrip(" \t"))
    if text[start - 1] == "\n":
        start -= 2 if text.endswith("\r\n", 0, start) else 1
        beside = _beside(text, end)
        return start, beside if text[beside : beside + 2].lstrip("\r")[:1] == "\n" else end
    if text[start - 1] in "{[" and member.comma >= 0:
        behind = len(text) - len(text[end:].lstrip(" \t"))
        return member.start, behind
    return start, end


def _begun(text: str, value: object) -> str:
    """Return a text that says nothing yet with a value at its end."""
    ending = lines.newline(text)
    written = json.dumps(value, ensure_ascii=False, indent=2).replace("\n", ending)
    if text and not text.endswith("\n"):
        text += ending
    return f"{text}{written}{ending}"


def _replaced(text: str, root: Node, node: Node, value: object) -> str:
    """Return the text with a value in place of another."""
    inline = not _is_open(text, root)
    written = _written(text, root, value, lines.indent_of(text, node.start), inline=inline)
    return text[: node.start] + written + text[node.end :]


def _inserted(text: str, root: Node, node: Node, member: tuple[str | None, object]) -> str:
    """Return the text with a member at the end of an object, or an item at the end of a list."""
    if not node.members:
        return _filled(text, root, node, member)
    last = node.members[-1]
    after = last.node.end if last.comma < 0 else last.comma + 1
    beside = _beside(text, after)
    first = node.members[0].start
    open_ = "\n" in text[node.start : first] or "//" in text[after:beside]
    indent = lines.indent_of(text, first)
    if "\n" not in text[node.start : first]:
        indent += _unit(text)
    near = "" if _colon(text, root) == ":" else " "
    gap = lines.newline(text) + indent if open_ else near
    written = gap + _named(text, root, member, indent, inline=not open_)
    comma = "," if last.comma < 0 else ""
    behind = "," if last.comma >= 0 else ""
    return text[: last.node.end] + comma + text[last.node.end : beside] + written + behind + text[beside:]


def _filled(text: str, root: Node, node: Node, member: tuple[str | None, object]) -> str:
    """Return the text with the first member of an object or a list."""
    inside = text[node.start + 1 : node.end - 1]
    position = node.start + 1 + len(inside.rstrip())
    if not inside.strip() and not _is_open(text, root) and node is not root:
        return text[:position] + _named(text, root, member, "", inline=True) + text[node.end - 1 :]
    outer = lines.indent_of(text, node.start)
    inner = outer + _unit(text)
    ending = lines.newline(text)
    written = ending + inner + _named(text, root, member, inner, inline=False)
    behind = text[position : node.end - 1]
    return text[:position] + written + (behind if "\n" in behind else ending + outer) + text[node.end - 1 :]


def _named(text: str, root: Node, member: tuple[str | None, object], indent: str, *, inline: bool) -> str:
    name, value = member
    written = _written(text, root, value, indent, inline=inline)
    return written if name is None else f"{json.dumps(name, ensure_ascii=False)}{_colon(text, root)}{written}"


def _written(text: str, root: Node, value: object, indent: str, *, inline: bool) -> str:
    colon = _colon(text, root)
    if inline:
        separators = ("," if colon == ":" else ", ", colon)
        return json.dumps(value, ensure_ascii=False, separators=separators)
    written = json.dumps(value, ensure_ascii=False, indent=_unit(text), separators=(",", colon))
    return written.replace("\n", lines.newline(text) + indent)


def _is_open(text: str, root: Node) -> bool:
    """Return whether the document is laid out in lines."""
    return "\n" in text[root.start : root.end]


def _unit(text: str) -> str:
    """Return what a level is indented by: as the first line is that is indented at all."""
    found = _INDENTED.search(text)
    return found[1] if found else "  "


def _colon(text: str, root: Node) -> str:
    """Return what stands between a name and its value, as it does at the first that is there."""
    nodes = [root]
    for node in nodes:
        for member in node.members:
            if isinstance(node.value, dict):
                between = text[member.name_end : member.node.start]
                return between if between.strip(" ") == ":" else ": "
            nodes.append(member.node)
    return ": "


def _beside(text: str, position: int) -> int:
    found = _BESIDE.match(text, position)
    return found.end() if found else position
