"""Variables for a shell: exports in a file of their own, and a marked block in a profile that reads it.

A profile is read by many eyes and copied to many places, so no value is ever written into one: it gets a
block that names the file, at ("block", MARK). The file holds the exports, at (NAME,). Both are lines that
every POSIX shell understands, and fish as well.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from llm_gateway.clients.edits import lines
from llm_gateway.clients.edits.values import CannotEdit, at_name

__all__ = ["BLOCK", "append", "cut", "export_line", "parse", "put"]

BLOCK = "block"
"""The first name of a place that is a block of a profile; the second is the block's mark."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EXPORT = re.compile(r"^[ \t]*export[ \t]+([A-Za-z_][A-Za-z0-9_]*)=([^\r\n]*)", re.MULTILINE)
_WHOLE = re.compile(
    r"^# >>> llm-gateway (?P<mark>[^\r\n]+) >>>\r?\n"
    r"(?:\[ -r (?P<file>[^\r\n]+) \] && \. (?P=file)[^\r\n]*\r?\n)?"
    r"(?P<more>(?:(?!# (?:<<<|>>>) llm-gateway )[^\r\n]*\r?\n)*?)"
    r"# <<< llm-gateway (?P=mark) <<<",
    re.MULTILINE,
)


class _Found(NamedTuple):
    at: tuple[str, ...]
    value: str
    start: int
    end: int


def parse(text: str) -> object:
    """Return the exports by name, and, at `block`, the files that marked blocks read."""
    tree: dict[str, object] = {}
    blocks: dict[str, str] = {}
    for found in _all(text):
        match found.at:
            case (_, mark):
                blocks[mark] = found.value
            case (name,):
                tree[name] = found.value
    return {**tree, BLOCK: blocks} if blocks else tree


def put(text: str, at: Sequence[str], value: object) -> str:
    """Return the text with a variable exported, or with a block that reads a file."""
    written = _lines(at, str(value))
    known = [found for found in _all(text) if found.at == tuple(at)]
    if not known:
        return lines.insert(text, lines.tail(text), written)
    for found in reversed(known):
        text = text[: found.start] + lines.newline(text).join(written) + text[found.end :]
    return text


def append(text: str, at: Sequence[str], item: object) -> str:
    """Refuse: variables hold no lists."""
    raise CannotEdit(f"{at_name(at)} is a variable, and variables hold no lists")


def cut(text: str, at: Sequence[str]) -> str:
    """Return the text without a variable or a block."""
    if tuple(at) == (BLOCK,):
        return text  # nothing is left of it once its marks are gone
    return lines.cut(text, ((each.start, each.end) for each in _all(text) if each.at == tuple(at)))


def export_line(name: str, value: str) -> str:
    """Return the line of a POSIX shell that exports a variable."""
    if not _NAME.fullmatch(name):
        raise CannotEdit(f"{name!r} is no name of a variable")
    return f"export {name}={shlex.quote(value)}"


def _lines(at: Sequence[str], value: str) -> list[str]:
    if "\n" in value or "\r" in value:
        raise CannotEdit(f"the value of {at_name(at)} has several lines, which a line of a shell cannot hold")
    match tuple(at):
        case ("block", mark):
            file = shlex.quote(value)
            return [
                f"# >>> llm-gateway {mark} >>>",
                f"[ -r {file} ] && . {file}",
                f"# <<< llm-gateway {mark} <<<",
            ]
        case (name,):
            return [export_line(name, value)]
        case _:
            raise CannotEdit(f"{at_name(at)} is no name of a variable")


def _all(text: str) -> Iterator[_Found]:
    for found in _WHOLE.finditer(text):
        yield _Found((BLOCK, found["mark"]), _plain(found["file"] or ""), *found.span())
    for found in _EXPORT.finditer(text):
        yield _Found((found[1],), _plain(found[2]), *found.span())


def _plain(written: str) -> str:
    """Return what a shell makes of a word; a word that it would have to work out stays as it is written."""
    try:
        words = shlex.split(written, comments=True)
    except ValueError:
        return written
    return words[0] if len(words) == 1 else "" if not words else written
