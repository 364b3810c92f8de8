"""Where everything lies in a YAML text: each entry of a mapping, each item of a list, from where to where."""

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Literal, NamedTuple

from llm_gateway.clients.edits.values import CannotEdit

if TYPE_CHECKING:
    from yaml.nodes import Node

__all__ = ["Part", "read_parts"]

_DEEPEST = 100


class Part(NamedTuple):
    """A value, and the entry or item that it is: `name` is its key, or its number in a list.

    `start` is where its key or its dash begins, `value_start` and `end` are of the value itself. `column` is
    that of the parts in it. In a collection that is written in one line, nothing is told of what is in it.
    """

    name: str
    kind: Literal["mapping", "list", "scalar"]
    in_line: bool
    start: int
    value_start: int
    end: int
    column: int
    parts: "tuple[Part, ...]" = ()

    def part(self, name: str) -> "Part | None":
        """Return the part of this name; the last, where it stands twice."""
        return next((part for part in reversed(self.parts) if part.name == name), None)


def read_parts(text: str) -> Part | None:
    """Return the one value of a text that was read before without an error; None where it says nothing."""
    yaml = _yaml()
    root: Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    return None if root is None else _part(text, "", root, root.start_mark.index, 0)


def _part(text: str, name: str, node: "Node", start: int, depth: int) -> Part:
    first, last = node.start_mark.index, node.end_mark.index
    if first < start or depth > _DEEPEST:
        raise CannotEdit(f"line {text.count(chr(10), 0, start) + 1} holds an alias, which cannot be edited")
    kind: Literal["mapping", "list", "scalar"] = "scalar"
    parts: tuple[Part, ...] = ()
    in_line = False
    yaml = _yaml()
    if isinstance(node, yaml.CollectionNode):
        kind = "mapping" if isinstance(node, yaml.MappingNode) else "list"
        in_line = bool(node.flow_style)
        parts = () if in_line else tuple(_parts(text, node, kind, depth))
    # The marks of a block go on over what is blank behind it.
    end = parts[-1].end if parts else max(first, len(text[:last].rstrip()))
    return Part(name, kind, in_line, start, first, end, node.start_mark.column, parts)


def _parts(text: str, node: "Node", kind: str, depth: int) -> Iterator[Part]:
    if kind == "mapping":
        for key, value in node.value:
            yield _part(text, str(key.value), value, key.start_mark.index, depth + 1)
        return
    from_ = node.start_mark.index
    for index, item in enumerate(node.value):
        dash = text.rfind("-", from_, max(item.start_mark.index, from_ + 1))
        yield _part(text, str(index), item, dash if dash >= 0 else item.start_mark.index, depth + 1)


def _yaml() -> ModuleType:
    # Loaded when settings in YAML are edited, which a gateway that serves never does.
    return importlib.import_module("yaml")
