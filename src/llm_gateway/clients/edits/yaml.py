"""YAML, edited by lines: entries of mappings and items of lists, in blocks; everything else keeps its bytes.

PyYAML reads it and says where each node lies. New entries are laid out as their neighbours are. Collections
that are written in one line, `[a, b]`, are replaced when they are empty and refused otherwise; what aliases
or tags make of an edit is found out by reading it again.
"""

import importlib
import json
import re
from collections.abc import Iterator, Sequence
from types import ModuleType

from llm_gateway.clients.edits import lines
from llm_gateway.clients.edits.values import CannotEdit, at_name
from llm_gateway.clients.edits.yaml_reading import Part, read_parts

__all__ = ["append", "cut", "parse", "put"]

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./:@+-]*[A-Za-z0-9_/]|[A-Za-z]")
# What a reader of YAML 1.1 or 1.2 takes for something else than a text.
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_INDENT = 2


def parse(text: str) -> object:
    """Return what the text says; None for one that says nothing."""
    yaml = _yaml()
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise CannotEdit(f"line {mark.line + 1} is not YAML" if mark else "it is not YAML") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise CannotEdit("it is not YAML, or it is nested too deeply") from None


def put(text: str, at: Sequence[str], value: object) -> str:
    """Return the text with a value at a place."""
    here = _root(text)
    if here is None:
        return lines.insert(text, lines.tail(text), _block(_nested(at, value)))
    inside = here
    for depth, name in enumerate(at):
        if _is_empty(text, here):
            return _filled(text, here, _nested(at[depth:], value), root=not depth)
        if here.kind != "mapping" or here.in_line:
            raise CannotEdit(
                f"{at_name(at[:depth])} is no table of lines, so {at_name(at)} cannot be set in it"
            )
        part = here.part(name)
        if part is None:
            return _added(text, here, _block({name: _nested(at[depth + 1 :], value)}))
        inside, here = here, part
    simple = not isinstance(value, dict | list) or not value
    if simple and here.kind == "scalar" and text[here.value_start : here.value_start + 1] not in ("|", ">"):
        gap = "" if text[here.value_start - 1 : here.value_start] in (" ", "\t") else " "
        return text[: here.value_start] + gap + _scalar(value) + text[here.end :]
    block = _block({here.name: value} if inside.kind == "mapping" else [value])
    indent = " " * (here.start - lines.line_start(text, here.start))
    return text[: here.start] + (lines.newline(text) + indent).join(block) + text[here.end :]


def append(text: str, at: Sequence[str], item: object) -> str:
    """Return the text with an item at the end of the list at a place."""
    here = _root(text)
    for name in at:
        here = here.part(name) if here is not None else None
    if here is None and not at:
        return lines.insert(text, lines.tail(text), _block([item]))
    if here is None:
        return put(text, at, [item])
    if _is_empty(text, here):
        return _filled(text, here, [item], root=not at)
    if here.kind != "list" or here.in_line:
        raise CannotEdit(f"{at_name(at)} is no list of lines, so nothing can be put at its end")
    return _added(text, here, _block([item]))


def cut(text: str, at: Sequence[str]) -> str:
    """Return the text without what is at a place."""
    here = _root(text)
    for name in at:
        here = here.part(name) if here is not None else None
    if here is None or not at:
        raise CannotEdit(f"{at_name(at)} is written in one line with others; take it out by hand")
    if text[lines.line_start(text, here.start) : here.start].strip():
        raise CannotEdit(f"{at_name(at)} shares its line with what it is in; take it out by hand")
    return lines.cut(text, [(here.start, here.end)])


def _root(text: str) -> Part | None:
    here = read_parts(text)
    return None if here is None or (here.kind == "scalar" and here.value_start == here.end) else here


def _nested(at: Sequence[str], value: object) -> object:
    for name in reversed(at):
        value = {name: value}
    return value


def _is_empty(text: str, here: Part) -> bool:
    """Return whether nothing is there: no value, a null, or a collection with nothing in it."""
    written = text[here.value_start : here.end]
    return "".join(written.split()) in ("", "~", "null", "[]", "{}")


def _filled(text: str, here: Part, value: object, *, root: bool) -> str:
    """Return the text with a value where nothing is."""
    if root:
        return text[: here.start] + lines.newline(text).join(_block(value)) + text[here.end :]
    kept = text[: here.value_start].rstrip(" \t") if here.end > here.value_start else text[: here.value_start]
    text = kept + text[here.end :]
    indent = " " * (here.start - lines.line_start(text, here.start) + _INDENT)
    end = lines.content_end(text, len(kept))
    return lines.insert(text, end, [indent + line for line in _block(value)])


def _added(text: str, here: Part, block: Iterator[str]) -> str:
    """Return the text with lines behind the last part of a collection."""
    indent = " " * here.column
    return lines.insert(text, lines.content_end(text, here.end), [indent + line for line in block])


def _block(value: object) -> Iterator[str]:
    """Yield the lines of a collection."""
    match value:
        case dict():
            for name, each in value.items():
                if isinstance(each, dict | list) and each:
                    yield f"{_scalar(name)}:"
                    yield from (" " * _INDENT + line for line in _block(each))
                else:
                    yield f"{_scalar(name)}: {_scalar(each)}"
        case list():
            for each in value:
                inside = list(_block(each)) if isinstance(each, dict | list) and each else [_scalar(each)]
                yield from (f"{'  ' if index else '- '}{line}" for index, line in enumerate(inside))
        case _:
            yield _scalar(value)


def _scalar(value: object) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def _yaml() -> ModuleType:
    # Loaded when settings in YAML are edited, which a gateway that serves never does.
    return importlib.import_module("yaml")
