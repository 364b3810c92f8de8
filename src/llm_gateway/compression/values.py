"""JSON values read back that `columns.py` wrote, in its order: what is referred to was read before."""

from llm_gateway.compression.columns import ELSEWHERE, LONG
from llm_gateway.compression.places import Places, Value, step, value_at
from llm_gateway.compression.spelling import Spelling

__all__ = ["value_of"]


def value_of(text: str, places: Places, spelling: Spelling) -> Value:
    """Return the value that was written so; ValueError, KeyError or IndexError for what never was."""
    value = spelling.read(text)
    if '"$' not in text:
        return value
    return _Reader(places, points_back='":"#' in text).value(value, "")


class _Reader:
    """Keeps what it has read by its JSON Pointer, where the text points back to itself."""

    def __init__(self, places: Places, *, points_back: bool) -> None:
        self._places = places
        self._points_back = points_back
        self._made: dict[str, Value] = {}

    def value(self, short: Value, path: str) -> Value:
        """Return the value that was written so."""
        made: Value = short
        if isinstance(short, dict):
            if "$ref" in short:
                return self._at(short["$ref"])
            made = self._object(short, path)
        elif isinstance(short, list):
            made = [self._below(each, path, index) for index, each in enumerate(short)]
        if self._points_back:
            self._made[path] = made
        return made

    def _below(self, short: Value, path: str, name: str | int) -> Value:
        """Return a member or element: only what may be referred to needs its pointer."""
        if isinstance(short, (dict, list)) or (isinstance(short, str) and len(short) >= LONG):
            return self.value(short, self._pointer(path, name))
        return short

    def _pointer(self, path: str, name: str | int) -> str:
        if not self._points_back:
            return ""
        return f"{path}/{step(name) if isinstance(name, str) else name}"

    def _object(self, short: dict[str, Value], path: str) -> Value:
        if "$like" in short:
            there = self._at(short["$like"])
            if not isinstance(there, dict):
                raise ValueError("an object that is like what is none")
            return {
                key: self._below(short[key], path, key) if key in short else each
                for key, each in there.items()
            }
        if "$cols" in short:
            return self._table(short, path)
        return {key: self._below(each, path, key) for key, each in short.items()}

    def _table(self, short: dict[str, Value], path: str) -> Value:
        heads, rows = short["$cols"], short["$rows"]
        if not isinstance(heads, list) or not isinstance(rows, (dict, list)):
            raise ValueError("a table without columns or rows")
        if isinstance(rows, dict):
            return {key: self._in_table(heads, row, path, key) for key, row in rows.items()}
        return [self._in_table(heads, row, path, index) for index, row in enumerate(rows)]

    def _in_table(self, heads: list[Value], row: Value, path: str, name: str | int) -> Value:
        if isinstance(row, list):
            return self._row(heads, row, self._pointer(path, name))
        return self._below(row, path, name)

    def _row(self, heads: list[Value], row: list[Value], path: str) -> Value:
        if not self._points_back and not any(isinstance(each, (dict, list)) for each in (*heads, *row)):
            return dict(zip(map(str, heads), row, strict=True))
        made: dict[str, Value] = {}
        for head, each in zip(heads, row, strict=True):
            if isinstance(head, dict):
                ((key, below),) = head.items()
                if isinstance(each, list) and isinstance(below, list):
                    made[key] = self._row(below, each, self._pointer(path, key))
                else:
                    made[key] = self._below(each, path, key)
            else:
                key = str(head)
                made[key] = self._below(each, path, key)
        if self._points_back:
            self._made[path] = made
        return made

    def _at(self, place: Value) -> Value:
        if not isinstance(place, str):
            raise ValueError("a reference to nowhere")
        root, _, pointer = place.partition("#")
        if not root:
            return self._made[pointer]
        return value_at(self._places.roots[root.removeprefix(ELSEWHERE)], pointer)
