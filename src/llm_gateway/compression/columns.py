"""JSON values with less said twice: like objects as rows under one heading, and references to earlier values.

`{"$cols": [...], "$rows": [...]}` stands for an array of objects: a row that is an array has the values of
the columns, one that is an object is itself; a column `{"user": ["login", "id"]}` holds objects as rows, too.
With an object for `$rows` it stands for an object of objects.
`{"$ref": "#/items/0/user"}` is the value at that JSON Pointer (RFC 6901) of the same text, and
`result 3#/items/0` that of an earlier result. `{"$like": "#/items/0", "id": 2}` is the object there with
another `id`. Values that use these names themselves are none of ours. Reading it back: `values.py`.
"""

from typing import NamedTuple, TypeAlias

from llm_gateway.compression.places import Kin, Place, Places, Value, step
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
_Heads: TypeAlias = "list[tuple[str, _Heads | None]]"
_NESTED = (dict, list)


class Written(NamedTuple):
    """A value with less said twice, how it is spelt, and what is new in it."""

    text: str
    spelling: Spelling
    value: Value
    first: dict[str, Place]
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
        text = writer.value(value, compact, "")
    except _TooDeep:
        return None
    return Written(text, spelling, value, writer.first, writer.kin)


class _Table(NamedTuple):
    """Columns, and the keys of an object that is a row; `every`: all that is in the table are rows."""

    heads: _Heads
    keys: list[str]
    every: bool


class _Writer:
    """`plain` is always a value's own text, `here` its JSON Pointer.

    Most values are short and stay as they are: those that stand side by side are written at once.
    """

    def __init__(self, places: Places, root: str, spelling: Spelling) -> None:
        self._places = places
        self._root = root
        self._text = spelling.write
        self._quote = spelling.quote
        self.first: dict[str, Place] = {}
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
        self.first[plain] = Place(self._root, here)
        return self._array(value, plain, here) if isinstance(value, list) else plain

    def _object(self, value: dict[str, Value], plain: str, here: str) -> str:
        if (kin := self._kin(value)) is not None:
            alike = self._alike(kin, value, len(plain), here)
            if alike is not None:
                return alike
        if (table := _table(list(value.values()))) is not None:
            rows = [
                f"{self._quote(key)}:{self._in_table(table, each, here, key)}" for key, each in value.items()
            ]
            short = '{"$cols":' + self._heading(table.heads) + ',"$rows":{' + ",\n".join(rows) + "}}"
        else:
            members = self._members(value, here)
            short = "{" + ",".join(members) + "}" if members else plain
        self._keep(value, plain, here)  # not before: what is within it cannot be like it
        return short

    def _keep(self, value: dict[str, Value], plain: str, here: str) -> None:
        """Keep where an object stands that is written in full."""
        self.first[plain] = place = Place(self._root, here)
        if len(plain) >= _LEAST_LIKE:
            self.kin[tuple(value)] = Kin(place, value)

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
            rows = [self._in_table(table, each, here, str(index)) for index, each in enumerate(value)]
            return '{"$cols":' + self._heading(table.heads) + ',"$rows":[\n' + ",\n".join(rows) + "]}"
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

    def _in_table(self, table: _Table, value: Value, here: str, name: str) -> str:
        """Return how a member or element of a table is written: as a row, or as it is."""
        plain = self._text(value)
        if isinstance(value, dict) and (table.every or list(value) == table.keys):
            return self._row(table.heads, value, plain, (here, name))
        return plain if len(plain) < LONG else self.value(value, plain, _below(here, name))

    def _row(self, heads: _Heads, row: dict[str, Value], plain: str, at: tuple[str, str]) -> str:
        if len(plain) < LONG:
            return self._text(_cells(heads, row))
        here = _below(*at)
        if (place := self._known(plain)) is not None:
            return self._reference("$ref", place) + "}"
        if (kin := self._kin(row)) is not None:
            alike = self._alike(kin, row, len(self._text(list(row.values()))), here)
            if alike is not None:
                return alike
        cells = self._long_cells(heads, row, here)
        self._keep(row, plain, here)
        return cells

    def _long_cells(self, heads: _Heads, row: dict[str, Value], here: str) -> str:
        parts: list[str] = []
        short: list[Value] = []
        for (key, below), each in zip(heads, row.values(), strict=True):
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
                parts.append(self._row(below, each, text, (here, key)))
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
        if len(short) + len(kin.place.pointer) > _LIKE_SHARE * size:
            return None
        parts = self._members(differing, here) or [short[1:-1]]
        return ",".join([self._reference("$like", kin.place), *parts]) + "}"

    def _known(self, plain: str) -> Place | None:
        return self._places.first.get(plain) or self.first.get(plain)

    def _reference(self, name: str, place: Place) -> str:
        """Return an object that refers to a place, without its closing brace."""
        root = "" if place.root == self._root else ELSEWHERE + place.root
        return f'{{"{name}":{self._quote(f"{root}#{place.pointer}")}'

    def _heading(self, heads: _Heads) -> str:
        names = [
            self._quote(key) if below is None else "{" + self._quote(key) + ":" + self._heading(below) + "}"
            for key, below in heads
        ]
        return "[" + ",".join(names) + "]"


def _below(here: str, name: str) -> str:
    """Return the JSON Pointer of a member or element."""
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
    heads: _Heads = []
    for key, first in rows[0].items():
        if not isinstance(first, dict):
            heads.append((key, None))
            continue
        below = [each for row in rows if isinstance(each := row[key], dict)]
        keys = list(first)
        alike = len(below) == len(rows) and bool(keys) and all(list(each) == keys for each in below)
        heads.append((key, _heads(below, depth + 1) if alike and depth < _DEEPEST else None))
    return heads


def _cells(heads: _Heads, row: dict[str, Value]) -> list[Value]:
    """Return the cells of a row that is short."""
    return [
        _cells(below, each) if below is not None and isinstance(each, dict) else each
        for (_, below), each in zip(heads, row.values(), strict=True)
    ]
