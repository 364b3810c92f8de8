"""JSON values read back that `columns.py` wrote, in its order: what is referred to was read before."""

import json
from functools import partial

from llm_gateway.compression.columns import ELSEWHERE, LONG, Spelling
from llm_gateway.compression.places import Places, Value, step, value_at

__all__ = ["compact_of", "value_of"]


def value_of(text: str, places: Places, *, spelt: bool) -> Value:
    """Return the value that was written so; ValueError, KeyError or IndexError for what never was."""
    number = Spelling if spelt else None
    return _Reader(places).value(json.loads(text, parse_float=number, parse_int=number), "")


def compact_of(value: Value, *, ascii_only: bool, spelt: bool) -> str:
    """Return the compact text of a value."""
    if not spelt:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=ascii_only)
    spell = partial(compact_of, ascii_only=ascii_only, spelt=True)
    if isinstance(value, Spelling):
        return value
    if isinstance(value, dict):
        pairs = [f"{json.dumps(key, ensure_ascii=ascii_only)}:{spell(each)}" for key, each in value.items()]
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(spell, value)) + "]"
    return json.dumps(value, ensure_ascii=ascii_only)


class _Reader:
    """Keeps what it has read by its JSON Pointer."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._made: dict[str, Value] = {}

    def value(self, short: Value, path: str) -> Value:
        """Return the value that was written so."""
        if isinstance(short, dict):
            return self._object(short, path)
        made: Value = short
        if isinstance(short, list):
            made = [self._below(each, path, index) for index, each in enumerate(short)]
        self._made[path] = made
        return made

    def _below(self, short: Value, path: str, name: str | int) -> Value:
        """Return a member or element: only what may be referred to needs its pointer."""
        if isinstance(short, dict | list) or (isinstance(short, str) and len(short) >= LONG):
            return self.value(short, f"{path}/{step(name) if isinstance(name, str) else name}")
        return short

    def _object(self, short: dict[str, Value], path: str) -> Value:
        made: Value
        if "$ref" in short:
            return self._at(short["$ref"])
        if "$like" in short:
            there = self._at(short["$like"])
            if not isinstance(there, dict):
                raise ValueError("an object that is like what is none")
            made = {
                key: self._below(short[key], path, key) if key in short else each
                for key, each in there.items()
            }
        elif "$cols" in short:
            made = self._table(short, path)
        else:
            made = {key: self._below(each, path, key) for key, each in short.items()}
        self._made[path] = made
        return made

    def _table(self, short: dict[str, Value], path: str) -> list[Value]:
        heads, rows = short["$cols"], short["$rows"]
        if not isinstance(heads, list) or not isinstance(rows, list):
            raise ValueError("a table without columns or rows")
        return [
            self._row(heads, row, f"{path}/{index}")
            if isinstance(row, list)
            else self._below(row, path, index)
            for index, row in enumerate(rows)
        ]

    def _row(self, heads: list[Value], row: list[Value], path: str) -> Value:
        made: dict[str, Value] = {}
        for head, each in zip(heads, row, strict=True):
            if isinstance(head, dict):
                ((key, below),) = head.items()
                if isinstance(each, list) and isinstance(below, list):
                    made[key] = self._row(below, each, f"{path}/{step(key)}")
                else:
                    made[key] = self._below(each, path, key)
            else:
                key = str(head)
                made[key] = self._below(each, path, key)
        self._made[path] = made
        return made

    def _at(self, place: Value) -> Value:
        if not isinstance(place, str):
            raise ValueError("a reference to nowhere")
        root, _, pointer = place.partition("#")
        if not root:
            return self._made[pointer]
        return value_at(self._places.roots[root.removeprefix(ELSEWHERE)], pointer)
