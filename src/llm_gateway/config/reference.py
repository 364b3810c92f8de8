"""The reference of settings and environment variables, as tables for the documentation.

Printed from the same tree that the loader reads, so that what is documented is what there is.
"""

from collections.abc import Iterator, Sequence
from typing import get_args

import msgspec

from llm_gateway.config.environment import ADDRESSES, PREFIX, SECRETS, VARIABLES
from llm_gateway.config.schema import Leaf, Repeated, Section, Table, describe

__all__ = ["settings_reference", "variables_reference"]


def settings_reference() -> str:
    """Return a Markdown table for every section of the file."""
    return "\n\n".join(_sections(describe(), ""))


def variables_reference() -> str:
    """Return a Markdown table of the environment variables that are not one setting's overlay."""
    rows = [(variable.name, variable.description) for variable in VARIABLES]
    for variables in SECRETS.values():
        for variable in variables:
            rows.append((variable.name, variable.description))
            rows.append((f"{variable.name}_FILE", "A file that holds the same."))
    rows += [
        (address.name, f"{address.description} Base URL of the provider `{address.provider}`.")
        for address in ADDRESSES
    ]
    return _table(("variable", "what it is"), [(f"`{name}`", text) for name, text in rows])


def _sections(section: Section, name: str) -> Iterator[str]:
    plain: list[tuple[str, ...]] = []
    below: list[str] = []
    for key, node in section.members.items():
        inner = f"{name}.{key}" if name else key
        match node:
            case Leaf():
                plain.append((f"`{key}`", _type(node), _default(node), node.description))
            case Table():
                kind = _type(node.entry) + (", or a table" if node.long is not None else "")
                row = ("any name", kind, "", node.entry.description)
                below.append(_headed(f"[{inner}]", "", [row]))
                if node.long is not None:
                    below += _tables(f"[{inner}.NAME]", node.long, f"{inner}.NAME")
            case Section():
                below += _sections(node, inner)
            case Repeated():
                below += _tables(f"[[{inner}]]", node.each, inner)
    if plain:
        sample = f"{PREFIX}{name.upper().replace('.', '__')}__{next(iter(section.members)).upper()}"
        yield _headed(f"[{name}]", f"{section.description} In the environment: `{sample}` and so on.", plain)
    yield from below


def _tables(heading: str, section: Section, name: str) -> Iterator[str]:
    """Yield the table of a section that only the file can have, and of the lists of tables in it."""
    rows: list[tuple[str, ...]] = []
    lists: list[str] = []
    for key, node in section.members.items():
        match node:
            case Leaf():
                rows.append((f"`{key}`", _type(node), _default(node), node.description))
            case Repeated():
                either = node.short is not None
                kind, default = (
                    ("list of strings or tables", "required") if either else ("list of tables", "none")
                )
                rows.append((f"`{key}`", kind, default, node.description))
                lists += _tables(f"[[{name}.{key}]]", node.each, f"{name}.{key}")
            case Section() | Table():
                raise AssertionError(f"{name}.{key} is of a kind that no table of the file has")
    yield _headed(heading, section.description, rows)
    yield from lists


def _headed(heading: str, text: str, rows: Sequence[tuple[str, ...]]) -> str:
    table = _table(("key", "type", "default", "what it is"), rows)
    return f"### `{heading}`\n\n{text}\n\n{table}" if text else f"### `{heading}`\n\n{table}"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _type(leaf: Leaf) -> str:
    if leaf.choices:
        return ", ".join(f"`{choice}`" for choice in leaf.choices)
    bounds = next((note for note in get_args(leaf.type)[1:] if isinstance(note, msgspec.Meta)), None)
    if bounds is None or bounds.ge is None or bounds.le is None:
        return leaf.type_name
    return f"{leaf.type_name}, {bounds.ge:g} to {bounds.le:g}" if bounds.le < 10_000 else leaf.type_name


def _default(leaf: Leaf) -> str:
    if leaf.default is msgspec.UNSET:
        return "required"
    if leaf.default is None:
        return "none"
    return f"`{msgspec.json.encode(leaf.default).decode()}`"
