"""JSON values with less said twice: like objects as rows under one heading, and references to earlier values.

`{"$cols": [...], "$rows": [...]}` stands for an array of objects: a row that is an array has the values of
the columns, one that is an object is itself; a column `{"user": ["login", "id"]}` holds objects as rows, too.
`{"$ref": "#/items/0/user"}` is the value at that JSON Pointer (RFC 6901) of the same text, and
`result 3#/items/0` that of an earlier result. `{"$like": "#/items/0", "id": 2}` is the object there with
another `id`. Values that use these names themselves are none of ours. Reading it back: `values.py`.
"""

import json
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from llm_gateway.compression.places import Kin, Place, Places, Value, step

__all__ = ["ELSEWHERE", "LONG", "Spelling", "Written", "written"]

ELSEWHERE = "result "
"""What comes before the root in a reference to an earlier result."""

LONG = 80
"""Characters of a string from which it is referred to."""

_OURS = ('"$ref"', '"$cols"', '"$rows"', '"$like"')
_LEAST = 80  # characters of a value from which it is referred to
_LEAST_LIKE = 120
_LIKE_SHARE = 0.7  # of an object's length, from which what it differs in is not worth saying alone
_DEEPEST = 64  # so that how deep the interpreter can go decides nothing
_Heads: TypeAlias = "list[tuple[str, _Heads | None]]"
_Both: TypeAlias = tuple[str, str]  # a value with less said twice, and as it is


class Spelling(str):
    """A number as it is spelt, where Python would spell it in another way."""

    __slots__ = ()


class Written(NamedTuple):
    """A value with less said twice, how it is spelt, and what is new in it."""

    text: str
    ascii: bool
    spelt: bool
    value: Value
    first: dict[str, Place]
    kin: dict[tuple[str, ...], Kin]


class _TooDeep(Exception):
    pass


def written(compact: str, places: Places, root: str) -> Written | None:
    """Return a compact JSON text with less said twice, as that root.

    None where its strings are spelt in another way than Python's, or where it uses our names.
    """
    if any(name in compact for name in _OURS):
        return None
    try:
        try:
            if (found := _written(compact, json.loads(compact), places, root, spelt=False)) is not None:
                return found
        except ValueError:  # a number with too many digits
            pass
        value: Value = json.loads(compact, parse_float=Spelling, parse_int=Spelling)
        return _written(compact, value, places, root, spelt=True)
    except (_TooDeep, ValueError, RecursionError):
        return None


def _written(compact: str, value: Value, places: Places, root: str, *, spelt: bool) -> Written | None:
    """Return a value as it is written, where it says the same as the compact text."""
    ascii_only = compact.isascii() and "\\u" in compact
    for escaped in (True, False) if ascii_only else (False,):
        writer = _Writer(places, root, escaped)
        text, plain = writer.value(value)
        if plain == compact:
            return Written(text, escaped, spelt, value, writer.first, writer.kin)
    return None


class _Writer:
    """Writes a value twice at once: with less said twice, and as it is."""

    def __init__(self, places: Places, root: str, ascii_only: bool) -> None:
        self._places = places
        self._root = root
        self._steps: list[str] = []
        self.first: dict[str, Place] = {}
        self.kin: dict[tuple[str, ...], Kin] = {}
        encoder = json.encoder
        self._quote: Callable[[str], str] = (
            encoder.encode_basestring_ascii if ascii_only else encoder.encode_basestring
        )

    def value(self, value: Value) -> _Both:
        """Return how a value is written, and its compact text."""
        if isinstance(value, str):
            text = value if type(value) is Spelling else self._quote(value)
            return (text, text) if len(value) < LONG else self._known_or(text, text)
        if isinstance(value, dict):
            return self._object(value)
        if isinstance(value, list):
            return self._array(value)
        text = repr(value) if type(value) is int else json.dumps(value)
        return text, text

    def _below(self, name: str, value: Value) -> _Both:
        """Return how a member or element is written."""
        if isinstance(value, dict | list) or (isinstance(value, str) and len(value) >= LONG):
            self._steps.append(name)
            if len(self._steps) > _DEEPEST:
                raise _TooDeep
            both = self.value(value)
            self._steps.pop()
            return both
        return self.value(value)

    def _object(self, value: dict[str, Value]) -> _Both:
        short: dict[str, str] = {}
        compact: dict[str, str] = {}
        for key, each in value.items():
            short[key], compact[key] = self._below(step(key), each)
        quote = self._quote
        plain = "{" + ",".join([f"{quote(key)}:{text}" for key, text in compact.items()]) + "}"
        if len(plain) < _LEAST:
            return "{" + ",".join([f"{quote(key)}:{text}" for key, text in short.items()]) + "}", plain
        if (place := self._known(plain)) is not None:
            return self._reference("$ref", place) + "}", plain
        here = self._here()
        self.first[plain] = here
        full = "{" + ",".join([f"{quote(key)}:{text}" for key, text in short.items()]) + "}"
        if len(plain) < _LEAST_LIKE:
            return full, plain
        return self._like_or(full, short, compact, here), plain

    def _like_or(self, full: str, short: dict[str, str], compact: dict[str, str], here: Place) -> str:
        """Return what an object differs in from one with the same keys, where that is much shorter."""
        keys = tuple(compact)
        kin = self.kin.get(keys) or self._places.kin.get(keys)
        if kin is not None:
            others = kin.members
            differing = [key for key, text in compact.items() if others[key] != text]
            parts = [self._reference("$like", kin.place)]
            parts += [f"{self._quote(key)}:{short[key]}" for key in differing]
            alike = ",".join(parts) + "}"
            if len(alike) <= _LIKE_SHARE * len(full):
                return alike
        self.kin[keys] = Kin(here, compact)
        return full

    def _array(self, value: list[Value]) -> _Both:
        rows = _alike(value)
        heads = _heads(rows) if rows else []
        keys = list(rows[0]) if rows else []
        short: list[str] = []
        compact: list[str] = []
        for index, each in enumerate(value):
            if rows and isinstance(each, dict) and list(each) == keys:
                self._steps.append(str(index))
                text, plain = self._row(heads, each)
                self._steps.pop()
            else:
                text, plain = self._below(str(index), each)
            short.append(text)
            compact.append(plain)
        whole = "[" + ",".join(compact) + "]"
        if not rows:
            return self._known_or("[" + ",".join(short) + "]", whole)
        table = '{"$cols":' + self._heading(heads) + ',"$rows":[\n' + ",\n".join(short) + "]}"
        return self._known_or(table, whole)

    def _row(self, heads: _Heads, row: dict[str, Value]) -> _Both:
        if len(self._steps) > _DEEPEST:
            raise _TooDeep
        short: list[str] = []
        compact: list[str] = []
        for key, below in heads:
            each = row[key]
            if below is not None and isinstance(each, dict):
                self._steps.append(step(key))
                text, plain = self._row(below, each)
                self._steps.pop()
            else:
                text, plain = self._below(step(key), each)
            short.append(text)
            compact.append(f"{self._quote(key)}:{plain}")
        return self._known_or("[" + ",".join(short) + "]", "{" + ",".join(compact) + "}")

    def _known_or(self, short: str, compact: str) -> _Both:
        """Return a reference where the value was there before, else how it is written."""
        if len(compact) >= _LEAST:
            if (place := self._known(compact)) is not None:
                reference = self._reference("$ref", place) + "}"
                return (reference if len(reference) < len(short) else short), compact
            self.first[compact] = self._here()
        return short, compact

    def _known(self, compact: str) -> Place | None:
        return self._places.first.get(compact) or self.first.get(compact)

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
        below = [each for row in rows if isinstance(each := row[key], dict)]
        keys = list(below[0]) if below else []
        alike = len(below) == len(rows) and bool(keys) and all(list(each) == keys for each in below)
        heads.append((key, _heads(below, depth + 1) if alike and depth < _DEEPEST else None))
    return heads
