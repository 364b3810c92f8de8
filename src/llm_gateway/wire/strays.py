"""JSON read into structs, and the members of it for which the structs have no place.

Not a validator: what nobody knows is no fault of an answer, but it must not be dropped without a word. A
decoder of the `strict` struct refuses it and costs no more than one that skips it, so that the usual answer
pays nothing; what was refused is read again by the tolerant struct, and `strays` says what it skipped.
"""

import functools
import types
from collections.abc import Mapping
from typing import TypeAlias, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import inspect

__all__ = ["strays", "strict"]

_S = TypeVar("_S", bound=msgspec.Struct)
_Shape: TypeAlias = Mapping[str, "_Shape"]
"""The names of a struct's members, and of what those hold; nothing of what is read as it comes."""

_anything = msgspec.json.Decoder()


def strict(kind: type[_S]) -> type[_S]:
    """Return the struct that refuses members which `kind`, and what it holds, would skip."""
    fields = [
        (field.name, inner) if field.required else (field.name, inner, field.default)
        for field in msgspec.structs.fields(kind)
        if (inner := _strict(field.type)) != field.type
    ]
    made = msgspec.defstruct(kind.__name__, fields, bases=(kind,), forbid_unknown_fields=True, kw_only=True)
    assert issubclass(made, kind)
    return made


def _strict(kind: object) -> object:
    """Return a type with the structs in it made strict: one alone, one that may be null, a list of them."""
    match get_origin(kind):
        case None:
            return strict(kind) if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else kind
        case types.UnionType:
            return Union[tuple(_strict(each) for each in get_args(kind))]  # noqa: UP007 - made of a tuple
        case origin if origin is list:
            (inner,) = get_args(kind)
            return list[_strict(inner)]  # type: ignore[misc]  # a type made at run time
    return kind


def strays(data: bytes, kind: type[msgspec.Struct]) -> list[str]:
    """Return the names of members that say something and that `kind` skips, each once."""
    found: list[str] = []
    try:
        value = _anything.decode(data)
    except UnicodeDecodeError:  # in what was skipped, which nobody has looked at so far
        value = _anything.decode(data.decode("utf-8", "replace"))
    _look(value, _shape(kind), found)
    return list(dict.fromkeys(found)) if len(found) > 1 else found


def _look(value: object, shape: _Shape, found: list[str]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            below = shape.get(key, shape)  # no shape holds itself
            if below is shape:
                if inner:
                    found.append(key)
            elif below and inner:
                _look(inner, below, found)
    elif isinstance(value, list):
        for inner in value:
            _look(inner, shape, found)


@functools.cache
def _shape(kind: type[msgspec.Struct]) -> _Shape:
    return _found(inspect.type_info(kind))


def _found(kind: inspect.Type) -> _Shape:
    """Return the members of a struct, of one that may be null, of those in a list; none of anything else."""
    match kind:
        case inspect.StructType(fields=fields):
            return {field.encode_name: _found(field.type) for field in fields}
        case inspect.ListType(item_type=item):
            return _found(item)
        case inspect.UnionType(types=kinds):
            return {key: below for each in kinds for key, below in _found(each).items()}
    return {}
