"""JSON with one thing taken out, changed or put in, to see whether anybody notices.

What nobody misses was never read.
"""

from collections.abc import Iterator
from typing import TypeAlias

__all__ = ["Place", "altered", "at", "objects", "pattern", "places", "with_more", "without", "words"]

Place: TypeAlias = tuple[str | int, ...]


def places(value: object, below: Place = ()) -> Iterator[Place]:
    """Return the place of every member and element, outer ones first."""
    pairs: Iterator[tuple[str | int, object]]
    if isinstance(value, dict):
        pairs = ((str(key), inner) for key, inner in value.items())
    elif isinstance(value, list):
        pairs = iter(enumerate(value))
    else:
        return
    for key, inner in pairs:
        yield (*below, key)
        yield from places(inner, (*below, key))


def at(value: object, place: Place) -> object:
    """Return what stands at a place."""
    for key in place:
        if isinstance(value, dict | list):
            value = value[key]  # type: ignore[index]  # a place fits the value that it was found in
    return value


def without(value: object, place: Place) -> object:
    """Return the value without what stands at a place."""
    key, rest = place[0], place[1:]
    if isinstance(value, dict):
        if not rest:
            return {name: inner for name, inner in value.items() if name != key}
        return {name: without(inner, rest) if name == key else inner for name, inner in value.items()}
    assert isinstance(value, list)
    if not rest:
        return [inner for index, inner in enumerate(value) if index != key]
    return [without(inner, rest) if index == key else inner for index, inner in enumerate(value)]


def altered(value: object, place: Place) -> object:
    """Return the value with another text, number or answer to a question at a place."""
    if not place:
        match value:
            case bool():
                return not value
            case int() | float():
                return value + 1
            case str():
                return f"{value}x"
            case _:
                return value
    key, rest = place[0], place[1:]
    if isinstance(value, dict):
        return {name: altered(inner, rest) if name == key else inner for name, inner in value.items()}
    assert isinstance(value, list)
    return [altered(inner, rest) if index == key else inner for index, inner in enumerate(value)]


def objects(value: object) -> Iterator[Place]:
    """Return the place of every object, the whole value first."""
    if isinstance(value, dict):
        yield ()
    yield from (place for place in places(value) if isinstance(at(value, place), dict))


def with_more(value: object, place: Place, name: str, more: object) -> object:
    """Return the value with one more member in the object at a place."""
    if not place:
        assert isinstance(value, dict)
        return {**value, name: more}
    key, rest = place[0], place[1:]
    if isinstance(value, dict):
        return {
            each: with_more(inner, rest, name, more) if each == key else inner
            for each, inner in value.items()
        }
    assert isinstance(value, list)
    return [with_more(inner, rest, name, more) if at == key else inner for at, inner in enumerate(value)]


def pattern(place: Place) -> str:
    """Return a place in words, any element of a list like any other: `messages.*.content`."""
    return ".".join("*" if isinstance(key, int) else key for key in place)


def words(value: object, place: Place) -> Iterator[str]:
    """Return the names by which a loss of this place may be told, of what is around it, too.

    They are its keys, and the types and names that the objects around it have.
    """
    for depth, key in enumerate(place):
        if isinstance(key, str):
            yield key
        kind = at(value, place[: depth + 1])
        if isinstance(kind, dict):
            yield from (each for each in (kind.get("type"), kind.get("name")) if isinstance(each, str))
