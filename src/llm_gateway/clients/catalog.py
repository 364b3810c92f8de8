"""The catalog of AI applications: rows of `catalog.toml`, read once and checked.

A row says how an application is found, how it is pointed at the gateway and back, how it names itself, where
it writes down what it used, and what cannot be done and why. Nothing here looks at a machine.

Texts hold names in braces. In paths: `{home}`, the application's own folder; `{config}`, `{data}` and
`{applications}`, the platform's; `{extensions}`, the folders of editors' extensions; `{shell}`, the file that
the person's shell reads when it starts. A `*` there is any name. In settings: `{url}` and `{base}`, the
gateway's address with and without `/v1`; `{key}`, the application's own key; `{host}`; `{model}`; `{client}`,
the row's id.
"""

import functools
import tomllib
from importlib import resources
from typing import Literal

import msgspec

from llm_gateway.wire.ready import ready

__all__ = [
    "Background",
    "Client",
    "Edit",
    "File",
    "Format",
    "Log",
    "Places",
    "Platform",
    "Pointer",
    "Setting",
    "Telemetry",
    "Way",
    "catalog",
    "pointers",
    "read_catalog",
]

Platform = Literal["linux", "macos", "windows"]
Format = Literal["json", "toml", "yaml", "dotenv", "shell"]
Places = dict[Literal["any", "linux", "macos", "windows"], str | tuple[str, ...]]
"""One or more paths by platform; `any` where none is named."""


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One setting of a file: `at` is where, `to` what it becomes; texts in it hold names in braces.

    With `append`, `to` is put at the end of the list there; with `each_model` it is made once for every model
    that the gateway serves: a list, or, where `keyed`, a table by the model's name. `models_in` are members
    of the table `to` that are lists with one item, which is made once for every model in the same way. With
    `if_missing`, what is there stays.
    """

    at: tuple[str, ...]
    to: object
    append: bool = False
    each_model: bool = False
    keyed: bool = False
    models_in: tuple[str, ...] = ()
    if_missing: bool = False


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of settings and what is set in it. `rewritten`: its application writes it anew by itself.

    Of several paths it is the first that is there, else the first. With no path for a platform, there is no
    such file there.
    """

    path: Places
    format: Format
    edits: tuple[Edit, ...]
    rewritten: bool = False


class Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A setting that is read: where it stands. `*` in `at` is any item of a list."""

    path: Places
    format: Format
    at: tuple[str, ...]


class Pointer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A setting that holds the address where an application sends its requests.

    `chosen` is the setting whose text, up to `until`, stands for `{chosen}` in the path and in `at`: the name
    of the one provider of several that is used.
    """

    path: Places
    format: Format
    at: tuple[str, ...]
    chosen: Setting | None = None
    until: str = ""


class Way(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A way to point an application at the gateway.

    `key`: it gets a key of the gateway's in place of its vendor's. `login`: it keeps its own login, which is
    passed on to its vendor; the gateway's key travels in a header beside it. `env` are the variables that do
    the same for one process. `steps` are for a person: what no file can do. `restart`: it reads its settings
    only when it starts. `local_or_https`: it takes no address but https, or http of 127.0.0.1 by number.
    """

    files: tuple[File, ...] = ()
    env: dict[str, str] = {}
    steps: tuple[str, ...] = ()
    note: str = ""
    restart: bool = False
    local_or_https: bool = False


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an application writes down what it used: patterns of paths, and which reader knows the form."""

    reader: str
    paths: Places


class Telemetry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an application is made to send its usage by OTLP; `service` is how it names itself there."""

    service: tuple[str, ...]
    env: dict[str, str] = {}
    files: tuple[File, ...] = ()


class Background(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a call that an application makes for itself is told from a person's, by the body's members.

    All of it has to be so: the operation, whether it is a stream, members that are `empty` or not there, and
    members that hold a text.
    """

    label: str
    operation: str = ""
    stream: bool | None = None
    empty: tuple[str, ...] = ()
    holds: dict[str, str] = {}


@ready
class Client(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An application. What is empty does not exist, or is not known.

    `commands` are looked for on the path, `processes` among what runs (the name of the executable, or of the
    script that an interpreter runs), `applications` and `settings` on the disk. `moved_by` names the variable
    that moves `home`. `agents` begin its User-Agent, `entries` stand in it where several programs share one.
    `headless` is a command that asks one question and ends, `headless_env` the variables that it needs for
    that in a folder that it does not know. `part_of` is the row whose settings it shares.
    `points` are the settings that tell where it sends its requests, where its first edit with the gateway's
    address is not that. `cannot` says why it cannot be routed through a gateway, and `instead` what is left.
    """

    id: str
    label: str
    vendor: str
    dialects: tuple[str, ...] = ()
    platforms: tuple[Platform, ...] = ("linux", "macos", "windows")
    commands: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()
    applications: Places = {}
    settings: Places = {}
    home: Places = {}
    moved_by: str = ""
    agents: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    background: tuple[Background, ...] = ()
    part_of: str = ""
    ways: dict[Literal["key", "login"], Way] = {}
    points: tuple[Pointer, ...] = ()
    headless: tuple[str, ...] = ()
    headless_env: dict[str, str] = {}
    version: tuple[str, ...] = ()
    logs: tuple[Log, ...] = ()
    telemetry: Telemetry | None = None
    cannot: str = ""
    instead: str = ""
    source: str = ""


@functools.cache
def catalog() -> dict[str, Client]:
    """Return the rows of this version by id, in the order in which they are shown."""
    text = (resources.files("llm_gateway.clients") / "catalog.toml").read_text(encoding="utf-8")
    return read_catalog(text)


def read_catalog(text: str) -> dict[str, Client]:
    """Return the rows of a catalog; msgspec.ValidationError or TOMLDecodeError for one that is none."""
    tables = tomllib.loads(text)
    return {name: msgspec.convert({"id": name, **table}, Client) for name, table in tables.items()}


def pointers(row: Client) -> tuple[Pointer, ...]:
    """Return the settings that tell where an application sends its requests, the ones that win first."""
    if row.points:
        return row.points
    for way in row.ways.values():
        for file in way.files:
            for edit in file.edits:
                if (rest := _address_in(edit.to)) is not None:
                    at = (*edit.at, "*", *rest) if edit.append or edit.each_model else (*edit.at, *rest)
                    return (Pointer(file.path, file.format, at),)
    return ()


def _address_in(template: object) -> tuple[str, ...] | None:
    """Return where in a template the gateway's address stands; None where it does not."""
    match template:
        case str() if "{url}" in template or "{base}" in template:
            return ()
        case dict():
            for name, value in template.items():
                if (rest := _address_in(value)) is not None:
                    return (str(name), *rest)
        case list():
            for value in template:
                if (rest := _address_in(value)) is not None:
                    return ("*", *rest)
    return None
