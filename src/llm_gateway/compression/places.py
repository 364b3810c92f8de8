"""JSON values that can be referred to: those of the results so far, and where each large one stood first.

A place is a root and a JSON Pointer (RFC 6901): `3#/items/0`. A root is a result's number; the second JSON
text of a result is `3.2`, the third `3.3`.
"""

from typing import NamedTuple, TypeAlias

__all__ = ["Kin", "Places", "Value", "step", "value_at"]

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"


class Kin(NamedTuple):
    """An object that is written in full, and where."""

    place: str
    value: dict[str, Value]


class Places:
    """What was written in earlier results."""

    def __init__(self) -> None:
        self.roots: dict[str, Value] = {}
        self.first: dict[str, str] = {}
        self.kin: dict[tuple[str, ...], Kin] = {}

    def add(self, root: str, value: Value, first: dict[str, str], kin: dict[tuple[str, ...], Kin]) -> None:
        """Keep a value as a root, with the places of what is new in it."""
        self.roots[root] = value
        self.first.update(first)
        self.kin.update(kin)


def step(key: str) -> str:
    """Return a key as a step of a JSON Pointer."""
    if "~" in key or "/" in key:
        return key.replace("~", "~0").replace("/", "~1")
    return key


def value_at(value: Value, pointer: str) -> Value:
    """Return what a JSON Pointer points to; ValueError, KeyError or IndexError where nothing is."""
    for name in pointer.split("/")[1:]:
        if isinstance(value, list):
            value = value[int(name)]
        elif isinstance(value, dict):
            value = value[name.replace("~1", "/").replace("~0", "~")]
        else:
            raise ValueError(f"nothing is at {pointer}")
    return value
