"""From a file's tables to the settings, by way of single values with their origins.

Every value is converted on its own, so that a message can name its key and its place, and so that all
problems are found at once. Where values come from is the business of `loading.py`; what no type can say
is in `checks.py`.
"""

from collections.abc import Mapping
from typing import Any, assert_never

import msgspec

from llm_gateway.config.lines import Path, line_of
from llm_gateway.config.problems import Origin, Problem, misfit, shown, unknown_key
from llm_gateway.config.schema import Leaf, Node, Repeated, Section, Table
from llm_gateway.config.settings import Settings

__all__ = ["Found", "build", "read_tables"]


class Found(msgspec.Struct, frozen=True):
    """A value before it is converted. `text` marks one that is written as text whatever its type."""

    value: object
    origin: Origin
    text: bool = False


class _Tables:
    """One walk over a file's tables beside the tree of what can be set."""

    def __init__(self, file: str, lines: Mapping[Path, int], problems: list[Problem]) -> None:
        self.found: dict[Path, Found] = {}
        self._file = file
        self._lines = lines
        self._problems = problems

    def walk(self, value: object, node: Node, path: Path) -> None:
        match node:
            case Leaf():
                self.found[path] = Found(value, self._origin(path))
            case Table():
                for key, inner in self._table(value, path):
                    self._entry(inner, node, (*path, key))
            case Section():
                for key, inner in self._table(value, path):
                    self._member(key, inner, node, path)
            case Repeated():
                self._list(value, node, path)
            case _:
                assert_never(node)

    def _entry(self, value: object, table: Table, path: Path) -> None:
        if table.long is None or not isinstance(value, dict):
            self.walk(value, table.entry, path)
        elif value:
            self.walk(value, table.long, path)
        else:
            self._wrong(path, f"this is a table with {next(iter(table.long.members))}", value)

    def _list(self, value: object, node: Repeated, path: Path) -> None:
        if not isinstance(value, list):
            tables = f"[[{path[-1]}]] tables" if node.short is None else "provider/model or of tables"
            self._wrong(path, f"this is a list of {tables}", value)
            return
        for number, inner in enumerate(value):
            here = (*path, number)
            if node.short is not None and not isinstance(inner, dict):
                self.walk(inner, node.short, here)
                continue
            if inner == {}:
                self._wrong(here, f"this is a table with a {next(iter(node.each.members))}", inner)
            self.walk(inner, node.each, here)

    def _member(self, key: str, value: object, section: Section, path: Path) -> None:
        member = section.members.get(key)
        if member is not None:
            self.walk(value, member, (*path, key))
        else:
            self._problems.append(unknown_key(key, path, section.members, self._origin((*path, key))))

    def _table(self, value: object, path: Path) -> list[tuple[str, object]]:
        if isinstance(value, dict):
            return list(value.items())
        self._wrong(path, "this is a table", value)
        return []

    def _wrong(self, path: Path, wanted: str, value: object) -> None:
        self._problems.append(Problem(path, f"{wanted}, not {shown(value)}", self._origin(path)))

    def _origin(self, path: Path) -> Origin:
        return Origin("file", self._file, line_of(self._lines, path))


def read_tables(
    tables: Mapping[str, object], tree: Section, file: str, lines: Mapping[Path, int], problems: list[Problem]
) -> dict[Path, Found]:
    """Return the values of a file by path; what is no setting becomes a problem."""
    walk = _Tables(file, lines, problems)
    walk.walk(dict(tables), tree, ())
    return walk.found


def build(found: Mapping[Path, Found], tree: Section, problems: list[Problem]) -> Settings:
    """Return the settings; a value that does not fit becomes a problem and keeps its default."""
    made: Settings = _Builder(found, problems).section(tree, ())
    return made


class _Builder:
    def __init__(self, found: Mapping[Path, Found], problems: list[Problem]) -> None:
        self._found = found
        self._problems = problems

    def section(self, section: Section, path: Path) -> Any:  # an instance of `section.made`, or None
        values: dict[str, object] = {}
        for name, node in section.members.items():
            value = self._value(node, (*path, name))
            if value is not msgspec.UNSET:
                values[name] = value
            elif isinstance(node, Leaf) and node.default is msgspec.UNSET:
                return self._incomplete((*path, name))
        return section.made(**values)

    def _value(self, node: Node, path: Path) -> object:
        match node:
            case Leaf():
                return self._leaf(node, path)
            case Section():
                return self.section(node, path)
            case Table():
                entries = {
                    str(key[-1]): self._either(node.entry, node.long, key) for key in self._within(path)
                }
                return {key: value for key, value in entries.items() if value is not None}
            case Repeated():
                made = [self._either(node.short, node.each, key) for key in self._within(path)]
                return tuple(value for value in made if value is not None)
            case _:
                assert_never(node)

    def _leaf(self, leaf: Leaf, path: Path) -> object:
        found = self._found.get(path)
        if found is None:
            return msgspec.UNSET
        value = found.value
        if found.text and leaf.is_list and isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        try:
            made: object = msgspec.convert(value, leaf.type, strict=not found.text)
        except msgspec.ValidationError as error:
            reason = "expected one of " + ", ".join(leaf.choices) if leaf.choices else str(error)
            self._problems.append(misfit(path, found.value, reason, found.origin))
            return msgspec.UNSET
        return made

    def _either(self, short: Leaf | None, table: Section | None, path: Path) -> object:
        """Return what stands at a path in one of two forms, None when it cannot be used."""
        if table is not None and path not in self._found:
            made: object = self.section(table, path)
            return made
        value = self._leaf(short, path) if short is not None else msgspec.UNSET
        return None if value is msgspec.UNSET else value

    def _within(self, path: Path) -> list[Path]:
        """Return the paths one step below a path, each once."""
        return list(dict.fromkeys(key[: len(path) + 1] for key in self._below(path)))

    def _below(self, path: Path) -> list[Path]:
        return [key for key in self._found if len(key) > len(path) and key[: len(path)] == path]

    def _incomplete(self, path: Path) -> None:
        if path not in self._found:  # else its value has been refused already
            origin = next((self._found[key].origin for key in self._below(path[:-1])), Origin())
            self._problems.append(Problem(path, "this is missing", origin))
