"""Structs that are read out of data by more than one thread.

msgspec finds out how a Struct is read when one is read first, and lets others see what it has found before
that is all. A thread that reads such a Struct meanwhile ends the process with a segmentation fault (seen with
0.22; the interpreter's lock is let go of in between, as Python code runs). So a Struct that is named by
`msgspec.convert` or by `type=` is made ready where it is declared: one thread runs a module.
"""

from typing import Any, TypeVar

import msgspec

__all__ = ["decoder", "ready"]

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")

_made: dict[object, Any] = {}  # to each type a decoder of it, which no type can say


def ready(kind: type[S]) -> type[S]:
    """Make a Struct ready to be read by any thread, and all that it is made of."""
    msgspec.json.Decoder(kind)
    return kind


def decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """Return a decoder of a type that is chosen while the program runs, made once."""
    known: msgspec.json.Decoder[T] | None = _made.get(kind)
    if known is None:
        known = _made[kind] = msgspec.json.Decoder(kind)
    return known
