"""TOML, edited statement by statement: a key's line, a table's header, everything else keeps its bytes.

The standard library reads it; where each statement lies is found here. A new table becomes a section of its
own at the end. What is written in one line, `x = { … }`, is replaced as a whole and never edited inside.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Sequence

from llm_gateway.clients.edits import lines
from llm_gateway.clients.edits.toml_reading import statements
from llm_gateway.clients.edits.values import CannotEdit, Missing, at_name, get

__all__ = ["append", "cut", "parse", "put"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def parse(text: str) -> object:
    """Return what the text says."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"\(at line (\d+)", str(error))
        raise CannotEdit(f"line {where[1]} is not TOML" if where else "it ends within a value") from None


def put(text: str, at: Sequence[str], value: object) -> str:
    """Return the text with a value at a place."""
    found = list(statements(text))
    ours = [each for each in found if each.covers(at)]
    if len(ours) == 1 and ours[0].path == tuple(at) and ours[0].kind == "key" and not isinstance(value, dict):
        return text[: ours[0].value_start] + _written(value) + text[ours[0].end :]
    if ours:
        text = cut(text, at)
        found = list(statements(text))
    if isinstance(value, dict) and value:
        return _section(text, f"[{_path(at)}]", value)
    table = tuple(at[:-1])
    inside = [each for each in found if (each.path if each.kind == "table" else each.table) == table]
    if table and any(each.kind == "table" for each in inside):
        line = f"{_key(at[-1])} = {_written(value)}"
        return lines.insert(text, lines.content_end(text, inside[-1].end), [line])
    if table and not any(each.covers(table) for each in found):
        return _section(text, f"[{_path(table)}]", {at[-1]: value})
    # At the top, in a table that is there only by what is in it, too: that has no header to put it under.
    top = [each for each in found if each.kind == "key" and not each.table]
    line = f"{_path(at)} = {_written(value)}"
    return lines.insert(text, lines.content_end(text, top[-1].end) if top else None, [line])


def append(text: str, at: Sequence[str], item: object) -> str:
    """Return the text with one more table of the list at a place, or one more value in it."""
    found = [each for each in statements(text) if each.path == tuple(at) and each.kind == "key"]
    if found:
        known = get(parse(text), at)
        if not isinstance(known, list):
            raise CannotEdit(f"{at_name(at)} is no list, so nothing can be put at its end")
        if any(mark in text[found[0].value_start : found[0].end] for mark in "\r\n"):
            raise CannotEdit(f"{at_name(at)} is a list over several lines; add to it by hand")
        return put(text, at, [*known, item])
    if isinstance(item, dict):
        return _section(text, f"[[{_path(at)}]]", item)
    return put(text, at, [item])


def cut(text: str, at: Sequence[str]) -> str:
    """Return the text without what is at a place, and without the blank line before its header."""
    spans: list[tuple[int, int]] = []
    for each in statements(text):
        if not each.covers(at):
            continue
        start = each.start
        if each.kind != "key":
            before = lines.line_start(text, start) - 1
            blank = lines.line_start(text, before) if before > 0 else 0
            if before >= 0 and not text[blank:before].strip() and (not spans or blank > spans[-1][1]):
                start = blank
        spans.append((start, each.end))
    if not spans and at and at[-1].isdecimal():
        return _cut_item(text, at)
    return lines.cut(text, spans)


def _cut_item(text: str, at: Sequence[str]) -> str:
    """Return the text without an item of a list that is written in one line."""
    match get(parse(text), at[:-1]):
        case list(items) if int(at[-1]) < len(items):
            left = [each for index, each in enumerate(items) if index != int(at[-1])]
            return put(text, at[:-1], left)
        case Missing.MISSING | _:
            return text


def _section(text: str, header: str, table: dict[str, object]) -> str:
    """Return the text with a section at its end, after a blank line."""
    written = [header, *(f"{_key(name)} = {_written(each)}" for name, each in table.items())]
    return lines.insert(text, lines.tail(text), ["", *written] if text else written)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _path(at: Sequence[str]) -> str:
    return ".".join(map(_key, at))


def _written(value: object) -> str:
    match value:
        case bool() | str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case int() | float():
            return repr(value)
        case dict():
            members = _members(value)
            return "{ " + ", ".join(members) + " }" if value else "{}"
        case list():
            return "[" + ", ".join(map(_written, value)) + "]"
        case _:
            raise CannotEdit(f"a {type(value).__name__} cannot be written in TOML")


def _members(table: dict[str, object]) -> Iterator[str]:
    return (f"{_key(str(name))} = {_written(each)}" for name, each in table.items())
