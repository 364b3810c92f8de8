"""JSON values with less said twice: like objects as rows under one heading, and references to earlier values.

`{"$cols": [...], "$rows": [...]}` stands for an array of objects: a row that is an array has the values of
the columns, one that is an object is itself; a column `{"user": ["login", "id"]}` holds objects as rows, too.
`{"$ref": "#/items/0/user"}` is the value at that JSON Pointer (RFC 6901) of the same text, and
`result 3#/items/0` that of an earlier result. Values that use these names themselves are none of ours.
"""

import json
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Places", "Value", "Written", "values", "written"]

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]

_OURS = ('"$ref"', '"$cols"', '"$rows"')
_LEAST = 80  # characters of a value from which it is referred to
_DEEPEST = 64  # so that how deep the interpreter can go decides nothing
_Heads = list[tuple[str, "_Heads | None"]]
_Place = tuple[int, str]
_ELSEWHERE = "result "


class Places:
    """The values of the results so far, by number, and where each large one stood first."""

    def __init__(self) -> None:
        self.first: dict[str, _Place] = {}
        self.roots: dict[int, Value] = {}

    def add(self, number: int, wrote: "Written") -> None:
        """Keep what was written as a result, so that later ones may refer to it."""
        self.first.update(wrote.new)
        self.roots[number] = wrote.value


class Written(NamedTuple):
    """A value with less said twice; `ascii`: what is not, is escaped; the large values that are new in it."""

    text: str
    ascii: bool
    value: Value
    new: dict[str, _Place]


def written(compact: str, places: Places, number: int) -> Written | None:
    """Return a compact JSON text with less said twice, as a result of that number.

    None where it is spelt in another way than Python's, or uses our names.
    """
    if any(name in compact for name in _OURS):
        return None
    try:
        value: Value = json.loads(compact)
    except (ValueError, RecursionError):
        return None
    for ascii_only in (False, True):
        writer = _Writer(places, number, ascii_only)
        text, plain = writer.value(value, "", 0)
        if plain == compact:
            return Written(text, ascii_only, value, writer.new)
    return None


def values(text: str, places: Places, number: int, *, ascii_only: bool) -> tuple[str, Value]:
    """Return the compact text of what was written so, and its value; ValueError for what never was."""
    value = _Reader(places, number).value(json.loads(text), "")
    return json.dumps(value, separators=(",", ":"), ensure_ascii=ascii_only), value


class _Writer:
    """Writes a value twice at once: with less said twice, and as it is."""

    def __init__(self, places: Places, number: int, ascii_only: bool) -> None:
        self._known = places.first
        self._number = number
        self.new: dict[str, _Place] = {}
        encoder = json.encoder
        self._quote: Callable[[str], str] = (
            encoder.encode_basestring_ascii if ascii_only else encoder.encode_basestring
        )

    def value(self, value: Value, path: str, depth: int) -> tuple[str, str]:
        """Return how a value is written, and its compact text."""
        if isinstance(value, str):
            text = self._quote(value)
            return text, text
        if depth > _DEEPEST:
            raise ValueError("values within values within values: more than are looked at")
        if isinstance(value, dict):
            return self._object(value, path, depth + 1)
        if isinstance(value, list):
            return self._array(value, path, depth + 1)
        text = json.dumps(value)
        return text, text

    def _object(self, value: dict[str, Value], path: str, depth: int) -> tuple[str, str]:
        short: list[str] = []
        compact: list[str] = []
        for key, each in value.items():
            text, plain = self.value(each, f"{path}/{_token(key)}", depth)
            name = self._quote(key)
            short.append(f"{name}:{text}")
            compact.append(f"{name}:{plain}")
        return self._known_or("{" + ",".join(short) + "}", "{" + ",".join(compact) + "}", path)

    def _array(self, value: list[Value], path: str, depth: int) -> tuple[str, str]:
        rows = _alike(value)
        heads = _heads(rows) if rows else []
        keys = list(rows[0]) if rows else []
        short: list[str] = []
        compact: list[str] = []
        for index, each in enumerate(value):
            at = f"{path}/{index}"
            if rows and isinstance(each, dict) and list(each) == keys:
                text, plain = self._row(heads, each, at, depth + 1)
            else:
                text, plain = self.value(each, at, depth)
            short.append(text)
            compact.append(plain)
        whole = "[" + ",".join(compact) + "]"
        if not rows:
            return self._known_or("[" + ",".join(short) + "]", whole, path)
        table = '{"$cols":' + self._heading(heads) + ',"$rows":[\n' + ",\n".join(short) + "]}"
        return self._known_or(table, whole, path)

    def _row(self, heads: "_Heads", row: dict[str, Value], path: str, depth: int) -> tuple[str, str]:
        short: list[str] = []
        compact: list[str] = []
        for key, below in heads:
            at, each = f"{path}/{_token(key)}", row[key]
            if below is not None and isinstance(each, dict):
                text, plain = self._row(below, each, at, depth + 1)
            else:
                text, plain = self.value(each, at, depth)
            short.append(text)
            compact.append(f"{self._quote(key)}:{plain}")
        return self._known_or("[" + ",".join(short) + "]", "{" + ",".join(compact) + "}", path)

    def _known_or(self, short: str, compact: str, path: str) -> tuple[str, str]:
        """Return a reference where the value was there before, else how it is written."""
        if len(compact) >= _LEAST:
            place = self._known.get(compact) or self.new.get(compact)
            if place is not None:
                number, pointer = place
                root = "#" if number == self._number else f"{_ELSEWHERE}{number}#"
                return '{"$ref":' + self._quote(root + pointer) + "}", compact
            self.new[compact] = (self._number, path)
        return short, compact

    def _heading(self, heads: "_Heads") -> str:
        names = [
            self._quote(key) if below is None else "{" + self._quote(key) + ":" + self._heading(below) + "}"
            for key, below in heads
        ]
        return "[" + ",".join(names) + "]"


class _Reader:
    """Reads what a writer wrote, in its order: what is referred to was read before."""

    def __init__(self, places: Places, number: int) -> None:
        self._places = places
        self._made: dict[str, Value] = {}

    def value(self, short: Value, path: str) -> Value:
        """Return the value that was written so."""
        made: Value
        if isinstance(short, dict):
            if "$ref" in short:
                return self._at(short["$ref"])
            if "$cols" in short:
                made = self._table(short, path)
            else:
                made = {key: self.value(each, f"{path}/{_token(key)}") for key, each in short.items()}
        elif isinstance(short, list):
            made = [self.value(each, f"{path}/{index}") for index, each in enumerate(short)]
        else:
            return short
        self._made[path] = made
        return made

    def _table(self, short: dict[str, Value], path: str) -> list[Value]:
        heads, rows = short["$cols"], short["$rows"]
        if not isinstance(heads, list) or not isinstance(rows, list):
            raise ValueError("a table without columns or rows")
        return [
            self._row(heads, row, f"{path}/{index}")
            if isinstance(row, list)
            else self.value(row, f"{path}/{index}")
            for index, row in enumerate(rows)
        ]

    def _row(self, heads: list[Value], row: list[Value], path: str) -> Value:
        made: dict[str, Value] = {}
        for head, each in zip(heads, row, strict=True):
            if isinstance(head, dict):
                ((key, below),) = head.items()
                at = f"{path}/{_token(key)}"
                if isinstance(each, list) and isinstance(below, list):
                    made[key] = self._row(below, each, at)
                else:
                    made[key] = self.value(each, at)
            else:
                key = str(head)
                made[key] = self.value(each, f"{path}/{_token(key)}")
        self._made[path] = made
        return made

    def _at(self, place: Value) -> Value:
        if not isinstance(place, str):
            raise ValueError("a reference to nowhere")
        root, _, pointer = place.partition("#")
        if not root:
            return self._made[pointer]
        value = self._places.roots[int(root.removeprefix(_ELSEWHERE))]
        for step in pointer.split("/")[1:]:
            if isinstance(value, list):
                value = value[int(step)]
            elif isinstance(value, dict):
                value = value[step.replace("~1", "/").replace("~0", "~")]
            else:
                raise ValueError(f"nothing is at {place}")
        return value


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


def _heads(rows: list[dict[str, Value]]) -> "_Heads":
    """Return the columns of objects with the same keys; objects in a column that are alike have their own."""
    heads: _Heads = []
    for key in rows[0]:
        below = [each for row in rows if isinstance(each := row[key], dict)]
        keys = list(below[0]) if below else []
        alike = len(below) == len(rows) and bool(keys) and all(list(each) == keys for each in below)
        heads.append((key, _heads(below) if alike else None))
    return heads


def _token(key: str) -> str:
    """Return a key as a step of a JSON Pointer."""
    if "~" in key or "/" in key:
        return key.replace("~", "~0").replace("/", "~1")
    return key
