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
        text = writer.container(value)
    except _TooDeep:
        return None
    return Written(text, spelling, value, writer.first, writer.kin)


class _Table(NamedTuple):
    heads: _Heads
    keys: list[str]


class _Writer:
    def __init__(self, places: Places, root: str, spelling: Spelling) -> None:
        self._places = places
        self._root = root
        self._text = spelling.write
        self._quote = spelling.quote
        self._steps: list[str] = []
        self.first: dict[str, Place] = {}
        self.kin: dict[tuple[str, ...], Kin] = {}

    def container(self, value: Value) -> str:
        """Return how an object, an array or a long string is written."""
        plain = self._text(value)
        if len(plain) < LONG:
            return plain
        if (place := self._known(plain)) is not None:
            reference = self._reference("$ref", place) + "}"
            return reference if len(reference) < len(plain) else plain
        if isinstance(value, dict):
            return self._object(value, plain)
        self.first[plain] = self._here()
        if isinstance(value, list):
            return self._array(value)
        return plain

    def _below(self, name: str, value: Value) -> str:
        """Return how a member or element is written."""
        if isinstance(value, (dict, list)) or (isinstance(value, str) and len(value) >= LONG):
            self._steps.append(name)
            if len(self._steps) > _DEEPEST:
                raise _TooDeep
            text = self.container(value)
            self._steps.pop()
            return text
        return self._text(value)

    def _object(self, value: dict[str, Value], plain: str) -> str:
        if (alike := self._alike(value, len(plain))) is None:
            short = self._members(value)
            self._keep(value, plain)  # not before: what is within it cannot be like it
            return short
        return alike

    def _keep(self, value: dict[str, Value], plain: str) -> None:
        """Keep where an object stands that is written in full."""
        self.first[plain] = here = self._here()
        if len(plain) >= _LEAST_LIKE:
            self.kin[tuple(value)] = Kin(here, value)

    def _members(self, value: dict[str, Value]) -> str:
        """Return how the members of an object are written."""
        quote = self._quote
        rows = _alike(list(value.values()))
        if not self._are_worth_it(rows):
            members = [f"{quote(key)}:{self._below(step(key), each)}" for key, each in value.items()]
            return "{" + ",".join(members) + "}"
        table = _Table(_heads(rows), list(rows[0]))
        written = [f"{quote(key)}:{self._in_table(table, step(key), each)}" for key, each in value.items()]
        return '{"$cols":' + self._heading(table.heads) + ',"$rows":{' + ",\n".join(written) + "}}"

    def _are_worth_it(self, rows: list[dict[str, Value]]) -> bool:
        """Whether their keys said once save more than a heading costs."""
        if not rows:
            return False
        return (len(rows) - 1) * sum(len(key) + 3 for key in rows[0]) > _HEADING

    def _in_table(self, table: _Table, name: str, value: Value) -> str:
        """Return how a member or element of a table is written: as a row, or as it is."""
        if not isinstance(value, dict) or list(value) != table.keys:
            return self._below(name, value)
        self._steps.append(name)
        written = self._row(table.heads, value)
        self._steps.pop()
        return written

    def _alike(self, value: dict[str, Value], size: int) -> str | None:
        """Return what an object differs in from one with the same keys, where that is much shorter."""
        keys = tuple(value)
        kin = self.kin.get(keys) or self._places.kin.get(keys)
        if kin is None:
            return None
        differing = {key: each for key, each in value.items() if not self._equal(kin.value[key], each)}
        if len(self._text(differing)) + len(kin.place.pointer) > _LIKE_SHARE * size:
            return None
        parts = [self._reference("$like", kin.place)]
        parts += [f"{self._quote(key)}:{self._below(step(key), each)}" for key, each in differing.items()]
        return ",".join(parts) + "}"

    def _equal(self, one: Value, other: Value) -> bool:
        """Whether two values have the same text: 1, 1.0 and true are equal to Python."""
        return one == other and self._text(one) == self._text(other)

    def _array(self, value: list[Value]) -> str:
        rows = _alike(value)
        if not self._are_worth_it(rows):
            return "[" + ",".join([self._below(str(index), each) for index, each in enumerate(value)]) + "]"
        table = _Table(_heads(rows), list(rows[0]))
        written = [self._in_table(table, str(index), each) for index, each in enumerate(value)]
        return '{"$cols":' + self._heading(table.heads) + ',"$rows":[\n' + ",\n".join(written) + "]}"

    def _row(self, heads: _Heads, row: dict[str, Value]) -> str:
        if len(self._steps) > _DEEPEST:
            raise _TooDeep
        plain = self._text(row)
        if len(plain) < LONG:
            return self._cells(heads, row)
        if (place := self._known(plain)) is not None:
            return self._reference("$ref", place) + "}"
        if (alike := self._alike(row, len(self._text(list(row.values()))))) is not None:
            return alike
        cells = self._cells(heads, row)
        self._keep(row, plain)
        return cells

    def _cells(self, heads: _Heads, row: dict[str, Value]) -> str:
        if all(below is None and _is_short(row[key]) for key, below in heads):
            return self._text(list(row.values()))
        cells: list[str] = []
        for key, below in heads:
            each = row[key]
            if below is not None and isinstance(each, dict):
                self._steps.append(step(key))
                cells.append(self._row(below, each))
                self._steps.pop()
            else:
                cells.append(self._below(step(key), each))
        return "[" + ",".join(cells) + "]"

    def _known(self, plain: str) -> Place | None:
        return self._places.first.get(plain) or self.first.get(plain)

    def _here(self) -> Place:
        return Place(self._root, "".join([f"/{name}" for name in self._steps]))

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


def _is_short(value: Value) -> bool:
    return not isinstance(value, (dict, list)) and not (isinstance(value, str) and len(value) >= LONG)


def _alike(value: list[Value]) -> list[dict[str, Value]]:
    """Return the objects that have the keys of the first one, where all are objects and two of them do."""
    first = value[0] if len(value) > 1 else None
    if not isinstance(first, dict) or not first:
        return []
    keys = list(first)
    found: list[dict[str, Value]] = []
    for each in value:
        if not isinstance(each, dict):
            return []
        if list(each) == keys:
            found.append(each)
    return found if len(found) > 1 else []


def _heads(rows: list[dict[str, Value]], depth: int = 0) -> _Heads:
    """Return the columns of objects with the same keys; objects in a column that are alike have their own."""
    heads: _Heads = []
    for key in rows[0]:
        if not isinstance(rows[0][key], dict):
            heads.append((key, None))
            continue
        below = [each for row in rows if isinstance(each := row[key], dict)]
        keys = list(below[0])
        alike = len(below) == len(rows) and bool(keys) and all(list(each) == keys for each in below)
        heads.append((key, _heads(below, depth + 1) if alike and depth < _DEEPEST else None))
    return heads
