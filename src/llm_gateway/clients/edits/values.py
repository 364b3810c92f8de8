"""Trees of values, as every format of settings gives them: what is at a place, and what an edit makes of it.

Nothing here knows a text. An edit of a text is compared with the same edit of its tree: what an editor of a
format gets wrong is refused by that, and never written.
"""

import copy
import enum
from collections.abc import Sequence
from typing import Final

__all__ = ["MISSING", "CannotEdit", "Missing", "appended", "at_name", "dropped", "get", "placed", "same"]


class Missing(enum.Enum):
    """The type of MISSING, which says that nothing is there: a file can hold a null."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


class CannotEdit(Exception):
    """A text that cannot be read as its format, or an edit that would change more than it should.

    The message names places and lines, never what stands there.
    """


def at_name(at: Sequence[str]) -> str:
    """Return a place in words."""
    return ".".join(at) or "the top level"


def get(tree: object, at: Sequence[str]) -> object | Missing:
    """Return what is at a place; a number names an item of a list."""
    for name in at:
        match tree:
            case dict():
                if name not in tree:
                    return MISSING
                tree = tree[name]
            case list():
                if not name.isdecimal() or int(name) >= len(tree):
                    return MISSING
                tree = tree[int(name)]
            case _:
                return MISSING
    return tree


def placed(tree: object, at: Sequence[str], value: object) -> object:
    """Return a tree with a value at a place; what is missing on the way there is made."""
    if not at:
        return value
    made = copy.deepcopy(tree) if tree is not None else {}
    here = made
    for depth, name in enumerate(at):
        last = depth + 1 == len(at)
        match here:
            case dict():
                if last:
                    here[name] = value
                elif here.get(name) is None:
                    here[name] = {}
                here = here[name]
            case list() if name.isdecimal() and int(name) < len(here):
                if last:
                    here[int(name)] = value
                here = here[int(name)]
            case _:
                raise CannotEdit(f"{at_name(at[:depth])} is no table, so {at_name(at)} cannot be set in it")
    return made


def appended(tree: object, at: Sequence[str], item: object) -> object:
    """Return a tree with one more item in the list at a place, which is made where there is none."""
    match get(tree, at):
        case Missing.MISSING | None:
            return placed(tree, at, [item])
        case list(items):
            return placed(tree, at, [*items, item])
        case _:
            raise CannotEdit(f"{at_name(at)} is no list, so nothing can be put at its end")


def dropped(tree: object, at: Sequence[str]) -> object:
    """Return a tree without what is at a place."""
    made = copy.deepcopy(tree)
    match get(made, at[:-1]):
        case dict(table):
            table.pop(at[-1], None)
        case list(items) if at[-1].isdecimal() and int(at[-1]) < len(items):
            del items[int(at[-1])]
        case _:
            pass
    return made


def same(one: object, other: object) -> bool:
    """Return whether two trees say the same; what is empty says no more than what is not there."""
    return repr(_plain(one)) == repr(_plain(other))


def _plain(value: object) -> object:
    match value:
        case dict():
            items = {str(name): _plain(each) for name, each in value.items()}
            kept = {name: items[name] for name in sorted(items) if items[name] is not None}
            return kept or None
        case list():
            return [_plain(each) for each in value] or None
        case _:
            return value
