"""JSON values with less said twice: like objects as rows under one heading, and references to earlier values.

`{"$cols": [...], "$rows": [...]}` stands for an array of objects: a row that is an array has the values of
the columns, one that is an object is itself; a column `{"user": ["login", "id"]}` holds objects as rows, too.
With an object for `$rows` it stands for an object of objects.
`{"$ref": "#/items/0/user"}` is the value at that JSON Pointer (RFC 6901) of the same text, and
`result 3#/items/0` that of an earlier result. `{"$like": "#/items/0", "id": 2}` is the object there with
another `id`. Values that use these names themselves are none of ours. Reading it back: `values.py`.
"""

from collections.abc import Iterable
from typing import NamedTuple

from llm_gateway.compression.places import Kin, Places, Value, step
from llm_gateway.compression.spelling import Spelling, spelling_of

__all__ = ["ELSEWHERE", "LONG", "Written", "written"]

ELSEWHERE = "result "
"""What comes before the root in a reference to an earlier result."""

LONG = 80
"""Characters of a string, or of a value's text, from which it is referred to."""

_OURS = ('"$ref"', '"$cols"', '"$rows"', '"$like"')
_LEAST_LIKE = 120
_HEADING = 40  # characters that a heading is worth
_LIKE_SHARE = 0.7  # of an object's length, from which what it differs in is not worth saying alone
_DEEPEST = 64  # so that how deep the interpreter can go decides nothing
_NESTED = (dict, list)


class Written(NamedTuple):
    """A value with less said twice, how it is spelt, and what is new in it."""

    text: str
    spelling: Spelling
    value: Value
    first: dict[str, str]
    kin: dict[tuple[str, ...], Kin]


class _TooDeep(Exception):
    pass


def written(compact: str, places: Places, root: str) -> Written | None:
    """Return a compact JSON text with less said twice, as that root.

    None where it is spelt in a way that is not known, or uses our names.
    """
    if '"$' in compact and any(name in compact for name in _OURS):
        return None
    if (found := spelling_of(compact)) is None:
        return None
    spelling, value = found
    writer = _Writer(places, root, spelling)
    try:
        text = writer.value(value, compact, root + "#")
    except _TooDeep:
        return None
    return Written(text, spelling, value, writer.first, writer.kin)


class _Heads(NamedTuple):
    """The columns of a table, and the columns of the objects in a column; `flat`: there are none of these."""

    columns: "list[tuple[str, _Heads | None]]"
    flat: bool


class _Table(NamedTuple):
    """Columns, and the keys of an object that is a row; `every`: all that is in the table are rows."""

    heads: _Heads
    keys: list[str]
    every: bool


class _Writer:
    """`plain` is always a value's own text, `here` its place.

    Most values are short and stay as they are: those that stand side by side are written at once.
    """

    def __init__(self, places: Places, root: str, spelling: Spelling) -> None:
        self._places = places
        self._root = root + "#"
        self._text = spelling.write
        self._each = spelling.write_each
        self._quote = spelling.quote
        self.first: dict[str, str] = {}
        self.kin: dict[tuple[str, ...], Kin] = {}

    def value(self, value: Value, plain: str, here: str) -> str:
        """Return how a value is written."""
        if len(plain) < LONG:
            return plain
        if (place := self._known(plain)) is not None:
            reference = self._reference("$ref", place) + "}"
            return reference if len(reference) < len(plain) else plain
        if isinstance(value, dict):
            return self._object(value, plain, here)
        self.first[plain] = here
        return self._array(value, plain, here) if isinstance(value, list) else plain

    def _object(self, value: dict[str, Value], plain: str, here: str) -> str:
        if (kin := self._kin(value)) is not None:
            alike = self._alike(kin, value, len(plain), here)
            if alike is not None:
                return alike
        values = list(value.values())
        if (table := _table(values)) is not None:
            rows = map(
                ":".join, zip(map(self._quote, value), self._rows(table, values, here, value), strict=True)
            )
            short = '{"$cols":' + self._heading(table) + ',"$rows":{' + ",\n".join(rows) + "}}"
        else:
            members = self._members(value, here)
            short = "{" + ",".join(members) + "}" if members else plain
        self._keep(value, plain, here)  # not before: what is within it cannot be like it
        return short

    def _keep(self, value: dict[str, Value], plain: str, here: str) -> None:
        """Keep where an object stands that is written in full."""
        self.first[plain] = here
        if len(plain) >= _LEAST_LIKE:
            self.kin[tuple(value)] = Kin(here, value)

    def _members(self, value: dict[str, Value], here: str) -> list[str]:
        """Return the members of an object in parts as they are written; none where all are short."""
        parts: list[str] = []
        short: dict[str, Value] = {}
        for key, each in value.items():
            if len(each) < LONG if isinstance(each, str) else not isinstance(each, _NESTED):
                short[key] = each
                continue
            plain = self._text(each)
            if len(plain) < LONG:
                short[key] = each
                continue
            if short:
                parts.append(self._text(short)[1:-1])
                short = {}
            parts.append(f"{self._quote(key)}:{self.value(each, plain, _below(here, key))}")
        if parts and short:
            parts.append(self._text(short)[1:-1])
        return parts

    def _array(self, value: list[Value], plain: str, here: str) -> str:
        if (table := _table(value)) is not None:
            rows = self._rows(table, value, here, map(str, range(len(value))))
            return '{"$cols":' + self._heading(table) + ',"$rows":[\n' + ",\n".join(rows) + "]}"
        parts: list[str] = []
        short: list[Value] = []
        for index, each in enumerate(value):
            if len(each) < LONG if isinstance(each, str) else not isinstance(each, _NESTED):
                short.append(each)
                continue
            text = self._text(each)
            if len(text) < LONG:
                short.append(each)
                continue
            if short:
                parts.append(self._text(short)[1:-1])
                short = []
            parts.append(self.value(each, text, _below(here, str(index))))
        if parts and short:
            parts.append(self._text(short)[1:-1])
        return "[" + ",".join(parts) + "]" if parts else plain

    def _rows(self, table: _Table, values: list[Value], here: str, names: Iterable[str]) -> list[str]:
        """Return how the members or elements of a table are written: as rows, or as they are."""
        heads = table.heads
        rows = [
            each if isinstance(each, dict) and (table.every or list(each) == table.keys) else None
            for each in values
        ]
        cells = self._each([None if row is None else _cells(heads, row) for row in rows])
        found: list[str] = []
        for name, each, row, plain, short in zip(names, values, rows, self._each(values), cells, strict=True):
            if len(plain) < LONG:
                found.append(plain if row is None else short)
            elif row is None:
                found.append(self.value(each, plain, _below(here, name)))
            else:
                found.append(self._row(heads, row, plain, short, _below(here, name)))
        return found

    def _row(self, heads: _Heads, row: dict[str, Value], plain: str, short: str, here: str) -> str:
        """Return how a row is written that is long; `short`: its cells where none of them is long."""
        if (place := self._known(plain)) is not None:
            return self._reference("$ref", place) + "}"
        if (kin := self._kin(row)) is not None:
            size = len(short if heads.flat else self._text(list(row.values())))
            if (alike := self._alike(kin, row, size, here)) is not None:
                return alike
        if not (heads.flat and len(short) < LONG):
            short = self._long_cells(heads, row, here)
        self._keep(row, plain, here)
        return short

    def _long_cells(self, heads: _Heads, row: dict[str, Value], here: str) -> str:
        parts: list[str] = []
        short: list[Value] = []
        for (key, below), each in zip(heads.columns, row.values(), strict=True):
            if len(each) < LONG if isinstance(each, str) else not isinstance(each, _NESTED):
                short.append(each)
                continue
            text = self._text(each)
            if len(text) < LONG:
                short.append(_cells(below, each) if below is not None and isinstance(each, dict) else each)
                continue
            if short:
                parts.append(self._text(short)[1:-1])
                short = []
            if below is not None and isinstance(each, dict):
                cells = self._text(_cells(below, each))
                parts.append(self._row(below, each, text, cells, _below(here, key)))
            else:
                parts.append(self.value(each, text, _below(here, key)))
        if not parts:
            return self._text(short)
        if short:
            parts.append(self._text(short)[1:-1])
        return "[" + ",".join(parts) + "]"

    def _kin(self, value: dict[str, Value]) -> Kin | None:
        keys = tuple(value)
        return self.kin.get(keys) or self._places.kin.get(keys)

    def _alike(self, kin: Kin, value: dict[str, Value], size: int, here: str) -> str | None:
        """Return what an object differs in from one with the same keys, where that is much shorter."""
        text, there = self._text, kin.value
        differing: dict[str, Value] = {}
        for key, each in value.items():
            other = there[key]
            # 1, 1.0 and true are equal to Python
            if each != other or (not type(each) is type(other) is str and text(each) != text(other)):
                differing[key] = each
        short = text(differing)
        if len(short) + len(kin.place) - kin.place.index("#") - 1 > _LIKE_SHARE * size:
            return None
        parts = self._members(differing, here) or [short[1:-1]]
        return ",".join([self._reference("$like", kin.place), *parts]) + "}"

    def _known(self, plain: str) -> str | None:
        return self._places.first.get(plain) or self.first.get(plain)

    def _reference(self, name: str, place: str) -> str:
        """Return an object that refers to a place, without its closing brace."""
        there = place[len(self._root) - 1 :] if place.startswith(self._root) else ELSEWHERE + place
        return f'{{"{name}":{self._quote(there)}'

    def _heading(self, table: _Table) -> str:
        return self._text(_heading(table.heads))


def _below(here: str, name: str) -> str:
    """Return the place of a member or element."""
    if len(here) >= _DEEPEST and here.count("/") >= _DEEPEST:
        raise _TooDeep
    return f"{here}/{step(name)}"


def _table(values: list[Value]) -> _Table | None:
    """Return the table that objects make whose keys, said once, save more than a heading costs."""
    first = values[0] if len(values) > 1 else None
    if not isinstance(first, dict) or not first:
        return None
    keys = list(first)
    rows: list[dict[str, Value]] = []
    for each in values:
        if not isinstance(each, dict):
            return None
        if list(each) == keys:
            rows.append(each)
    if (len(rows) - 1) * (len("".join(keys)) + 3 * len(keys)) <= _HEADING:
        return None
    return _Table(_heads(rows), keys, len(rows) == len(values))


def _heads(rows: list[dict[str, Value]], depth: int = 0) -> _Heads:
    """Return the columns of objects with the same keys; objects in a column that are alike have their own."""
    heads: list[tuple[str, _Heads | None]] = []
    flat = True
    for key, first in rows[0].items():
        if not isinstance(first, dict):
            heads.append((key, None))
            continue
        below = [each for row in rows if isinstance(each := row[key], dict)]
        keys = list(first)
        alike = len(below) == len(rows) and bool(keys) and all(list(each) == keys for each in below)
        inner = _heads(below, depth + 1) if alike and depth < _DEEPEST else None
        flat = flat and inner is None
        heads.append((key, inner))
    return _Heads(heads, flat)


def _heading(heads: _Heads) -> list[Value]:
    return [key if below is None else {key: _heading(below)} for key, below in heads.columns]


def _cells(heads: _Heads, row: dict[str, Value]) -> list[Value]:
    """Return the cells of a row, as they are where none of them is long."""
    if heads.flat:
        return list(row.values())
    return [
        _cells(below, each) if below is not None and isinstance(each, dict) else each
        for (_, below), each in zip(heads.columns, row.values(), strict=True)
    ]
