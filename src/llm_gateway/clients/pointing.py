"""Where the settings of an application point: to this gateway, to its vendor, or to somebody else.

Settings are read, not what else is in their files; no value of them is repeated but the host of an address.
The environment that is looked at is this program's: other programs' are their own. What cannot be read is
said. Nothing is changed.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from llm_gateway.clients.catalog import Client, Edit, File, Format, Pointer, Way, catalog, pointers
from llm_gateway.clients.edits import MISSING, CannotEdit, Missing, read
from llm_gateway.clients.machine import Machine

__all__ = ["Connection", "Pointed", "WayName", "is_made", "pointed"]

Connection = Literal["gateway", "elsewhere", "vendor", "unknown"]
WayName = Literal["key", "login"]

_LARGEST = 4 * 1024 * 1024
_ADDRESS = ("{url}", "{base}")
_NAME = re.compile(r"\{(?:url|base|key|host|model|client)\}")
_OF_ITSELF = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0", "::"})  # noqa: S104  compared, never bound
_PORTS = {"http": 80, "https": 443}


class Pointed(msgspec.Struct, frozen=True):
    """Where settings point, and what says so in words.

    To this `gateway`, `elsewhere` (to `host`), to the application's `vendor` because they choose nobody else,
    or `unknown` where that cannot be read. `way` is the way by which it is connected, where each of its
    settings is as it would be written.
    """

    connection: Connection
    how: tuple[str, ...] = ()
    host: str = ""
    way: WayName | Literal[""] = ""


def pointed(row: Client, machine: Machine, addresses: Sequence[str], *, installed: bool) -> Pointed:
    """Return where an application points; `addresses` are those under which the gateway is known."""
    return _Settings(catalog().get(row.part_of, row), machine, addresses).point(installed)


def is_made(edit: Edit, tree: object) -> bool:
    """Return whether an edit was made, whatever the key, the model and the address are."""
    value = _at(tree, edit.at)
    if value is MISSING:
        return False
    match value:
        case list() if edit.append or edit.each_model:
            return any(_agrees(edit.to, each) for each in value)
        case dict() if edit.keyed:
            return any(_agrees(edit.to, each) for each in value.values())
    return _agrees(edit.to, value)


class _Settings:
    """The settings of one application on one machine. Each file is read once."""

    def __init__(self, row: Client, machine: Machine, addresses: Sequence[str]) -> None:
        self._row = row
        self._machine = machine
        self._ours = {_endpoint(address) for address in addresses}
        self._trees: dict[Path, object] = {}
        self._problems: dict[str, None] = {}

    def point(self, installed: bool) -> Pointed:
        """Return where the application points."""
        where, values, chosen = self._addresses()
        problems = tuple(self._problems)
        hosts = [host for value in values if (host := _shown_host(value))]
        if any(_endpoint(value) in self._ours for value in values):
            way = self._way()
            how = [f"{where} names this gateway"]
            if not way and self._row.ways:
                how.append("not every setting is as the gateway would write it")
            return Pointed("gateway", (*how, *problems), way=way)
        if hosts and chosen:
            return Pointed("elsewhere", (f"{where} names {hosts[0]}", *problems), host=hosts[0])
        if hosts:
            return Pointed("vendor", (f"{where} names {hosts[0]}, to be chosen, not this gateway", *problems))
        if values:
            return Pointed("unknown", (f"{where} holds no address that can be read", *problems))
        if problems or not installed or not (pointers(self._row) or self._variables()):
            return Pointed("unknown", problems)
        return Pointed("vendor", ("its settings name no other address than its vendor's",))

    def _addresses(self) -> tuple[str, list[str], bool]:
        """Return which setting is the first that tells, in words, and what stands there.

        And whether that is where it sends its requests, or only one of several that a person chooses from.
        """
        for pointer in pointers(self._row):
            chosen = self._chosen(pointer)
            path = self._machine.place(pointer.path, self._row, chosen)
            at = tuple(part.replace("{chosen}", chosen) for part in pointer.at)
            if path is None or (pointer.chosen and not chosen):
                continue
            if values := [each for each in _values(self._tree(path, pointer.format), at) if each]:
                name = ".".join(part for part in at if part != "*")
                return f"{name} in {self._machine.shown(path)}", values, "*" not in at
        for name in self._variables():
            if value := self._machine.environ.get(name, ""):
                return f"{name} in this environment", [value], True
        return "", [], True

    def _chosen(self, pointer: Pointer) -> str:
        """Return the name that stands for `{chosen}`; "" where none was chosen."""
        if pointer.chosen is None:
            return ""
        path = self._machine.place(pointer.chosen.path, self._row)
        if path is None:
            return ""
        name = next(iter(_values(self._tree(path, pointer.chosen.format), pointer.chosen.at)), "")
        return name.partition(pointer.until)[0] if pointer.until else name

    def _variables(self) -> list[str]:
        """Return the variables that give the application another address."""
        templates = [item for way in self._row.ways.values() for item in way.env.items()]
        return [name for name, to in templates if any(word in to for word in _ADDRESS)]

    def _tree(self, path: Path, format: Format) -> object | Missing:
        if path not in self._trees:
            self._trees[path] = self._parsed(path, format)
        return self._trees[path]

    def _parsed(self, path: Path, format: Format) -> object | Missing:
        """Return everything that a file of settings says; MISSING, and say why, where it cannot be read."""
        shown = self._machine.shown(path)
        try:
            with path.open("rb") as file:
                content = file.read(_LARGEST + 1)
            if len(content) > _LARGEST:
                self._problems[f"{shown} is too large for settings"] = None
                return MISSING
            return read(format, content.decode("utf-8"), ())
        except (FileNotFoundError, NotADirectoryError):
            return MISSING
        except PermissionError:
            self._problems[f"{shown} may not be read by this user"] = None
        except OSError as error:
            self._problems[f"{shown} cannot be read: {error.strerror}"] = None
        except (UnicodeDecodeError, CannotEdit):
            self._problems[f"{shown} is not in a form that can be read"] = None
        return MISSING

    def _way(self) -> WayName | Literal[""]:
        """Return the way of which every setting is as it would be written."""
        for name, way in self._row.ways.items():
            if self._is_written(way) or (not way.files and self._is_in_environment(way)):
                return name
        return ""

    def _is_written(self, way: Way) -> bool:
        here = [(file, path) for file in way.files if (path := self._machine.place(file.path, self._row))]
        return bool(here) and all(self._is_in(path, file) for file, path in here)

    def _is_in(self, path: Path, file: File) -> bool:
        tree = self._tree(path, file.format)
        return all(is_made(edit, tree) for edit in file.edits if not edit.if_missing)

    def _is_in_environment(self, way: Way) -> bool:
        return bool(way.env) and all(self._machine.environ.get(name) for name in way.env)


def _agrees(template: object, value: object) -> bool:
    """Return whether a value is what a template makes; it may say more."""
    match template, value:
        case dict(), dict():
            return all(_agrees(to, value.get(name, MISSING)) for name, to in template.items())
        case list(), list():
            return all(any(_agrees(to, each) for each in value) for to in template)
        case str(), str():
            made = ".+".join(re.escape(part) for part in _NAME.split(template))
            return re.fullmatch(made, value) is not None
    return template == value


def _at(tree: object, at: Sequence[str]) -> object:
    """Return what stands at a place; MISSING where nothing does."""
    for name in at:
        if not isinstance(tree, dict) or name not in tree:
            return MISSING
        tree = tree[name]
    return tree


def _values(tree: object, at: Sequence[str]) -> list[str]:
    """Return the texts at a place, where a `*` is any item of a list."""
    found = [tree]
    for name in at:
        if name == "*":
            found = [item for each in found if isinstance(each, list) for item in each]
        else:
            found = [each[name] for each in found if isinstance(each, dict) and name in each]
    return [each for each in found if isinstance(each, str)]


def _endpoint(address: str) -> tuple[str, int]:
    """Return an address's host and port, this machine's own names being one; ("", 0) for none."""
    host, port = _host_and_port(address)
    return ("localhost" if host in _OF_ITSELF else host), port


def _shown_host(address: str) -> str:
    """Return the host of an address as it is shown: without a name, a password, a path or a query."""
    host, port = _host_and_port(address)
    host = f"[{host}]" if ":" in host else host
    return host if port in (0, *_PORTS.values()) else f"{host}:{port}"


def _host_and_port(address: str) -> tuple[str, int]:
    try:
        parts = urlsplit(address.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "", 0
    if not host or parts.scheme not in _PORTS:
        return "", 0
    return host, port or _PORTS[parts.scheme]
