"""The tree of settings as data, read off its types: what can be set, of which type, and what it is for.

The loader walks it beside a file's tables, the reference page prints it. It holds no values.
"""

from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from llm_gateway.config.settings import Settings

__all__ = ["Leaf", "Node", "Repeated", "Section", "Table", "describe", "find"]


class Leaf(msgspec.Struct, frozen=True):
    """One plain setting."""

    type: Any  # a type as typing spells it, constraints and all: what msgspec converts to
    description: str
    default: object = msgspec.UNSET
    """What it is when it is not set; UNSET for one that has to be."""

    @property
    def choices(self) -> tuple[str, ...]:
        """Return the texts that it may be, or nothing when it is free."""
        plain = _plain(self.type)
        return get_args(plain) if get_origin(plain) is Literal else ()

    @property
    def is_list(self) -> bool:
        """Return whether it holds any number of texts."""
        return get_origin(_plain(self.type)) is tuple

    @property
    def type_name(self) -> str:
        """Return its type in words of the file."""
        if self.is_list:
            return "list of strings"
        names = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
        return "string" if self.choices else names[_plain(self.type).__name__]


class Table(msgspec.Struct, frozen=True):
    """A table whose keys the user chooses; each value is like `entry`, or a table like `long`."""

    entry: Leaf
    long: "Section | None" = None


class Section(msgspec.Struct, frozen=True):
    """A table of settings."""

    made: Any  # the class of the values; its fields are `members`
    description: str
    members: dict[str, "Node"]


class Repeated(msgspec.Struct, frozen=True):
    """A list of tables, each like `each`; where there is a `short` form, that may stand for a table."""

    each: Section
    description: str = ""
    short: Leaf | None = None


Node = Leaf | Table | Section | Repeated


def describe(kind: Any = Settings) -> Section:
    """Return the tree below a class of settings."""
    members = {field.name: _node(field) for field in msgspec.structs.fields(kind)}
    return Section(kind, (kind.__doc__ or "").strip(), members)


def find(path: tuple[str | int, ...], tree: Section) -> Node | None:
    """Return what stands at a path, None when that is no setting."""
    node: Node = tree
    for key in path:
        match node:
            case Section() if key in node.members:
                node = node.members[str(key)]
            case Repeated() if isinstance(key, int):
                node = node.each
            case Table():
                node = node.entry
            case _:
                return None
    return node


def _node(field: msgspec.structs.FieldInfo) -> Node:
    plain, description = _plain(field.type), _description(field.type)
    if _is_struct(plain):
        return describe(plain)
    match get_origin(plain), get_args(plain):
        case origin, (_, entry) if origin is dict:
            short, table = _forms(entry)
            return Table(Leaf(short, description), describe(table) if table is not None else None)
        case origin, (element, _) if origin is tuple:
            short, table = _forms(element)
            if table is not None:
                leaf = Leaf(short, description) if short is not None else None
                return Repeated(describe(table), description, leaf)
    default = msgspec.UNSET if field.required else field.default
    return Leaf(_settable(field.type), description, default)


def _settable(kind: Any) -> Any:
    """Return what may be set: `X | None` may be left out, and TOML has no null. Bounds are those of X."""
    plain = _plain(kind)
    if not isinstance(plain, UnionType):
        return kind
    (settable,) = (each for each in get_args(plain) if each is not type(None))
    return Annotated[settable, *get_args(kind)[1:]]


def _forms(kind: Any) -> tuple[Any, Any]:
    """Return what a value may be when it is no table, and the class of the table that it may be."""
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    plain = next((each for each in kinds if not _is_struct(each)), None)
    return plain, next((each for each in kinds if _is_struct(each)), None)


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _plain(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _description(kind: Any) -> str:
    notes = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    return "".join(note.description or "" for note in notes if isinstance(note, msgspec.Meta))
