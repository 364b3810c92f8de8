"""Where the statements of a TOML text lie: its keys, its headers, and of which table each is.

It finds ends, it judges nothing: the text has been read by the standard library before, so it is valid.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

__all__ = ["Statement", "statements"]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_NAME = re.compile(r"""[ \t]*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))[ \t]*""")
# What a value is made of, as far as its end is concerned.
_PIECE = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'|(?P<open>[\[{])|(?P<close>[\]}])'''
    r"|(?P<comment>\#[^\n]*)|(?P<line>\n)|[^\"'\[\]{}\#\n]+",
    re.DOTALL,
)


class Statement(NamedTuple):
    """A key with its value, a header of a table, or one of an item of a list of tables.

    `path` is the whole place, with the number of the item in lists of tables; `table` the place of the table
    that a key is written under. `start` and `end` are those of the statement itself, without a comment.
    """

    kind: Literal["key", "table", "item"]
    path: tuple[str, ...]
    table: tuple[str, ...]
    start: int
    value_start: int
    end: int

    def covers(self, at: Sequence[str]) -> bool:
        """Return whether it says something of a place or of what is in it."""
        return self.path[: len(at)] == tuple(at)


def statements(text: str) -> Iterator[Statement]:
    """Yield the statements of a valid text in order."""
    table: tuple[str, ...] = ()
    items: dict[tuple[str, ...], int] = {}
    position = _after(_BLANK, text, 0)
    while position < len(text):
        start = position
        if text[position] == "[":
            many = text.startswith("[[", position)
            names, position = _names(text, position + (2 if many else 1))
            position += 2 if many else 1
            table = (*_resolved(names[:-1], items), names[-1])
            if many:
                items[table] = items.get(table, -1) + 1
            table = _resolved(names, items)
            yield Statement("item" if many else "table", table, table, start, position, position)
        else:
            names, position = _names(text, position)
            value_start = _after(re.compile(r"[ \t]*"), text, position + 1)
            position = _value_end(text, value_start)
            yield Statement("key", table + names, table, start, value_start, position)
        position = _after(_BLANK, text, position)


def _resolved(names: tuple[str, ...], items: dict[tuple[str, ...], int]) -> tuple[str, ...]:
    """Return a place with the number of the newest item wherever a list of tables is on the way."""
    path: tuple[str, ...] = ()
    for name in names:
        path = (*path, name)
        if path in items:
            path = (*path, str(items[path]))
    return path


def _names(text: str, position: int) -> tuple[tuple[str, ...], int]:
    names: list[str] = []
    while found := _NAME.match(text, position):
        quoted, literal, bare = found.groups()
        # TOML's escapes are JSON's, but for the eight digits of \U, which names hardly hold.
        names.append(str(json.loads(f'"{quoted}"')) if quoted is not None else literal or bare or "")
        position = found.end()
        if text[position : position + 1] != ".":
            break
        position += 1
    return tuple(names), position


def _value_end(text: str, position: int) -> int:
    """Return where a value ends that begins here, before the space and the comment behind it."""
    depth, end = 0, position
    while found := _PIECE.match(text, position):
        if not depth and (found["comment"] or found["line"]):
            break
        depth += bool(found["open"]) - bool(found["close"])
        position = found.end()
        if found[0].strip():
            end = position - (len(found[0]) - len(found[0].rstrip()))
    return end


def _after(pattern: "re.Pattern[str]", text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position
