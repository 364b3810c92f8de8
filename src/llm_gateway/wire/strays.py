"""JSON read into structs, and the members of it for which the structs have no place.

Not a validator: what nobody knows is no fault of an answer, but it must not be dropped without a word. A
decoder of the `strict` struct refuses it and costs no more than one that skips it, so that the usual answer
pays nothing; what was refused is read again by the tolerant struct, and `strays` says what it skipped.
"""

import types
from collections.abc import Iterator
from typing import TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import inspect

__all__ = ["strays", "strict"]

_S = TypeVar("_S", bound=msgspec.Struct)
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
    return list(dict.fromkeys(_strays(_anything.decode(data), inspect.type_info(kind))))


def _strays(value: object, kind: inspect.Type) -> Iterator[str]:
    match kind, value:
        case inspect.StructType(fields=fields), dict():
            known = {field.encode_name: field.type for field in fields}
            for key, inner in value.items():
                if key in known:
                    yield from _strays(inner, known[key])
                elif inner and isinstance(key, str):
                    yield key
        case inspect.ListType(item_type=item), list():
            for inner in value:
                yield from _strays(inner, item)
        case inspect.UnionType(types=kinds), _:
            for each in kinds:
                yield from _strays(value, each)
