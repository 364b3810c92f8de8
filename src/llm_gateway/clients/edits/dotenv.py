"""Files of variables, `NAME=value` a line, as programs read them for themselves: `.env`.

Not a shell: nothing is expanded. A value is quoted where it has to be, in a way that every reader of such
files knows. Where a name stands twice, readers differ on which one counts, so both are set.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from llm_gateway.clients.edits import lines
from llm_gateway.clients.edits.values import CannotEdit, at_name

__all__ = ["append", "cut", "parse", "put"]

_LINE = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_.]*)[ \t]*=[ \t]*
    (?P<value>'[^']*'|"(?:[^"\\]|\\.)*"|[^\r\n]*?)[ \t]*(?:(?<=[ \t])\#[^\r\n]*)?\r?$""",
    re.MULTILINE | re.VERBOSE,
)
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MEANT = {"n": "\n", "r": "\r", "t": "\t"}


class _Entry(NamedTuple):
    name: str
    value: str
    start: int  # of the value as it is written
    end: int


def parse(text: str) -> object:
    """Return the variables; of a name that stands twice, the last."""
    return {entry.name: entry.value for entry in _entries(text)}


def put(text: str, at: Sequence[str], value: object) -> str:
    """Return the text with a variable set."""
    name, written = _name(at), _quoted(value)
    found = [entry for entry in _entries(text) if entry.name == name]
    for entry in reversed(found):
        text = text[: entry.start] + written + text[entry.end :]
    return text if found else lines.insert(text, lines.tail(text), [f"{name}={written}"])


def append(text: str, at: Sequence[str], item: object) -> str:
    """Refuse: there are no lists in such a file."""
    raise CannotEdit(f"{at_name(at)} is a variable, and variables hold no lists")


def cut(text: str, at: Sequence[str]) -> str:
    """Return the text without a variable."""
    name = _name(at)
    return lines.cut(text, ((each.start, each.end) for each in _entries(text) if each.name == name))


def _entries(text: str) -> list[_Entry]:
    return [
        _Entry(found["name"], _meaning(found["value"]), *found.span("value"))
        for found in _LINE.finditer(text)
    ]


def _name(at: Sequence[str]) -> str:
    if len(at) != 1:
        raise CannotEdit(f"{at_name(at)} is no name of a variable")
    return at[0]


def _meaning(written: str) -> str:
    if len(written) < 2 or written[0] != written[-1]:
        return written
    if written[0] == "'":
        return written[1:-1]
    if written[0] == '"':
        return _ESCAPED.sub(lambda found: _MEANT.get(found[1], found[1]), written[1:-1])
    return written


def _quoted(value: object) -> str:
    text = str(value)
    if _PLAIN.fullmatch(text):
        return text
    if "'" not in text and "\n" not in text and "\r" not in text:
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
