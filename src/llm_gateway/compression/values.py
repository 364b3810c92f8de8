"""JSON values read back that `columns.py` wrote, in its order: what is referred to was read before."""

from typing import NamedTuple

from llm_gateway.compression.columns import ELSEWHERE, LONG
from llm_gateway.compression.places import Places, Value, step, value_at
from llm_gateway.compression.spelling import Spelling

__all__ = ["value_of"]

_NESTED = (dict, list)


def value_of(text: str, places: Places, spelling: Spelling) -> Value:
    """Return the value that was written so; ValueError, KeyError or IndexError for what never was."""
    value = spelling.read(text)
    names = text.count('"$')
    if not names or not isinstance(value, _NESTED):
        return value
    return _Reader(places, names, points_back='":"#' in text).value(value, "")


class _Table(NamedTuple):
    """The columns of a table, and of which of them the objects have columns of their own."""

    names: list[str]
    below: "dict[str, _Table]"


class _Reader:
    """Keeps what it has read by its JSON Pointer, where the text points back to itself.

    What the text gave is made into what it stands for where it is: nobody else has it. Values come in the
    order of the text: after the last of our names all is as it was.
    """

    def __init__(self, places: Places, names: int, *, points_back: bool) -> None:
        self._places = places
        self._left = names
        self._points_back = points_back
        self._made: dict[str, Value] = {}

    def value(self, short: Value, here: str) -> Value:
        """Return the value that was written so, at that JSON Pointer."""
        if not self._left:
            return short
        made: Value = short
        if isinstance(short, dict):
            if "$ref" in short:
                self._left -= 1
                return self._at(short["$ref"])
            if "$cols" in short:
                made = self._table(short, here)
            elif "$like" in short:
                made = self._like(short, here)
            else:
                self._members(short, here)
        elif isinstance(short, list):
            self._elements(short, here)
        if self._points_back:
            self._made[here] = made
        return made

    def _members(self, short: dict[str, Value], here: str) -> None:
        for key, each in short.items():
            if len(each) >= LONG if isinstance(each, str) else isinstance(each, _NESTED):
                short[key] = self.value(each, self._below(here, key))

    def _elements(self, short: list[Value], here: str) -> None:
        for index, each in enumerate(short):
            if len(each) >= LONG if isinstance(each, str) else isinstance(each, _NESTED):
                short[index] = self.value(each, self._below(here, str(index)))

    def _below(self, here: str, name: str) -> str:
        """Return a member's or element's pointer, where it may be pointed to."""
        return f"{here}/{step(name)}" if self._points_back else ""

    def _like(self, short: dict[str, Value], here: str) -> Value:
        self._left -= 1
        there = self._at(short.pop("$like"))
        if not isinstance(there, dict):
            raise ValueError("an object that is like what is none")
        self._members(short, here)
        made = there | short
        if len(made) != len(there):
            raise ValueError("an object that is like one with other keys")
        return made

    def _table(self, short: dict[str, Value], here: str) -> Value:
        self._left -= 2
        table, rows = _table(short["$cols"]), short["$rows"]
        if isinstance(rows, dict):
            for key, row in rows.items():
                rows[key] = self._in_table(table, row, here, key)
        elif isinstance(rows, list):
            for index, row in enumerate(rows):
                rows[index] = self._in_table(table, row, here, str(index))
        else:
            raise ValueError("a table without rows")
        return rows

    def _in_table(self, table: _Table, row: Value, here: str, name: str) -> Value:
        if not isinstance(row, list):
            return self.value(row, self._below(here, name))
        if not self._left and not table.below:
            return dict(zip(table.names, row, strict=True))
        return self._row(table, row, self._below(here, name))

    def _row(self, table: _Table, row: list[Value], here: str) -> Value:
        made: dict[str, Value] = dict(zip(table.names, row, strict=True))
        for key, each in made.items():
            if len(each) < LONG if isinstance(each, str) else not isinstance(each, _NESTED):
                continue
            below = table.below.get(key)
            if below is not None and isinstance(each, list):
                made[key] = self._row(below, each, self._below(here, key))
            else:
                made[key] = self.value(each, self._below(here, key))
        if self._points_back:
            self._made[here] = made
        return made

    def _at(self, place: Value) -> Value:
        if not isinstance(place, str):
            raise ValueError("a reference to nowhere")
        root, _, pointer = place.partition("#")
        if not root:
            return self._made[pointer]
        return value_at(self._places.roots[root.removeprefix(ELSEWHERE)], pointer)


def _table(heads: Value) -> _Table:
    if not isinstance(heads, list):
        raise ValueError("a table without columns")
    names: list[str] = []
    below: dict[str, _Table] = {}
    for head in heads:
        if isinstance(head, dict):
            ((key, inner),) = head.items()
            names.append(key)
            below[key] = _table(inner)
        else:
            names.append(str(head))
    return _Table(names, below)
