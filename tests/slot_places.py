"""Where the slots of a body are, as paths into its JSON: found by writing each of them over."""

import json
from collections.abc import Iterator

from llm_gateway.canonical.slots import Slots
from llm_gateway.wire.splice import splice

__all__ = ["paths", "written_as_they_are"]


def paths(slots: Slots) -> list[str]:
    """Return the path of every slot, as `messages/2/content`."""
    before = json.loads(slots.body)
    found: list[str] = []
    for start, literal in zip(slots.starts, slots.literals(), strict=True):
        written = splice(slots.body, [(start, start + len(literal), b'"\\u0000"')])
        (path,) = _changed(before, json.loads(written), "")
        found.append(path)
    return found


def written_as_they_are(slots: Slots) -> bytes:
    """Return the body with every slot written over by itself."""
    return splice(
        slots.body,
        [
            (start, start + len(literal), bytes(literal))
            for start, literal in zip(slots.starts, slots.literals(), strict=True)
        ],
    )


def _changed(before: object, after: object, path: str) -> Iterator[str]:
    match before, after:
        case dict(), dict():
            assert before.keys() == after.keys()
            for key in before:
                yield from _changed(before[key], after[key], f"{path}/{key}".lstrip("/"))
        case list(), list():
            assert len(before) == len(after)
            for index, (one, other) in enumerate(zip(before, after, strict=True)):
                yield from _changed(one, other, f"{path}/{index}")
        case _:
            if before != after:
                yield path
