"""How a setting of ours is known again: by what of it names the gateway, not by every word of it.

An application may write its settings anew, add members to ours and let its user choose another model. What
has to stay for the setting to be ours are the addresses, the key and the names that were put in. None of
these is kept: digests are, since a record is read by people who look for what was done.
"""

import hashlib
from collections.abc import Iterator, Mapping

import msgspec

from llm_gateway.clients.edits import MISSING, Missing
from llm_gateway.clients.edits.values import get

__all__ = ["Trace", "filled", "is_ours", "traces"]

_MODEL = "{model}"
_OPEN = "{"


class Trace(msgspec.Struct, frozen=True):
    """A text in a setting, at a place in it: the whole by its digest, or how it begins and ends."""

    at: tuple[str, ...] = ()
    digest: str = ""
    starts: str = ""
    ends: str = ""


def filled(value: object, words: Mapping[str, str]) -> object:
    """Return a value with words in place of the names in braces; a name that is no word stays."""
    match value:
        case str():
            for name, word in words.items():
                value = value.replace(f"{{{name}}}", word)
            return value
        case dict():
            return {filled(name, words): filled(each, words) for name, each in value.items()}
        case list():
            return [filled(each, words) for each in value]
        case _:
            return value


def traces(template: object, words: Mapping[str, str]) -> tuple[Trace, ...]:
    """Return what a setting is known by, from what the catalog says of it.

    A value that is no table is known by itself. In a table, the texts with names in braces count.
    """
    if isinstance(template, list):
        return ()
    if not isinstance(template, dict):
        return tuple(_trace((), template, words))
    return tuple(
        trace for at, each in _texts(template) if _OPEN in str(each) for trace in _trace(at, each, words)
    )


def is_ours(known: tuple[Trace, ...], value: object | Missing, *, wholly: bool) -> bool:
    """Return whether a value has the traces of a setting: all of them, or any; one without any is ours."""
    if value is MISSING:
        return False
    found = [_matches(trace, get(value, trace.at)) for trace in known]
    return all(found) if wholly or not found else any(found)


def _trace(at: tuple[str, ...], template: object, words: Mapping[str, str]) -> Iterator[Trace]:
    if not isinstance(template, str) or _MODEL not in template:
        yield Trace(at, digest=_digest(filled(template, words)))
    elif template != _MODEL:
        before, _, behind = template.partition(_MODEL)
        yield Trace(at, starts=before, ends=behind.rpartition(_MODEL)[2])


def _texts(
    template: Mapping[str, object], at: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], object]]:
    for name, each in template.items():
        if isinstance(each, dict):
            yield from _texts(each, (*at, name))
        elif isinstance(each, str):
            yield (*at, name), each


def _matches(trace: Trace, value: object | Missing) -> bool:
    if value is MISSING:
        return False
    if trace.digest:
        return _digest(value) == trace.digest
    return isinstance(value, str) and value.startswith(trace.starts) and value.endswith(trace.ends)


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()
