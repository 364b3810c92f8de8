"""The catalog of AI applications: rows of `catalog.toml`, read once and checked.

A row says how an application is found, how it is pointed at the gateway and back, how it names itself, where
it writes down what it used, and what cannot be done and why. Nothing here looks at a machine.

Texts hold names in braces. In paths: `{home}`, the application's own folder; `{config}`, `{data}` and
`{applications}`, the platform's. In settings: `{url}` and `{base}`, the gateway's address with and without
`/v1`; `{key}`, the application's own key; `{host}`; `{model}`; `{client}`, the row's id.
"""

import functools
import tomllib
from importlib import resources
from typing import Literal

import msgspec

__all__ = [
    "Background",
    "Client",
    "Edit",
    "File",
    "Format",
    "Log",
    "Places",
    "Platform",
    "Telemetry",
    "Way",
    "catalog",
    "read_catalog",
]

Platform = Literal["linux", "macos", "windows"]
Format = Literal["json", "toml", "yaml", "dotenv", "shell"]
Places = dict[Literal["any", "linux", "macos", "windows"], str | tuple[str, ...]]
"""One or more paths by platform; `any` where none is named."""


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One setting of a file: `at` is where, `to` what it becomes; texts in it hold names in braces.

    With `append`, `to` is put at the end of the list there; with `each_model` it is made once for every model
    that the gateway serves: a list, or, where `keyed`, a table by the model's name.
    """

    at: tuple[str, ...]
    to: object
    append: bool = False
    each_model: bool = False
    keyed: bool = False


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of settings and what is set in it. `rewritten`: its application writes it anew by itself."""

    path: Places
    format: Format
    edits: tuple[Edit, ...]
    rewritten: bool = False


class Way(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A way to point an application at the gateway.

    `key`: it gets a key of the gateway's in place of its vendor's. `login`: it keeps its own login, which is
    passed on to its vendor; the gateway's key travels in a header beside it. `env` are the variables that do
    the same for one process. `steps` are for a person, where no file can be written. `restart`: it reads its
    settings only when it starts.
    """

    files: tuple[File, ...] = ()
    env: dict[str, str] = {}
    steps: tuple[str, ...] = ()
    note: str = ""
    restart: bool = False


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


class Client(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An application. What is empty does not exist, or is not known.

    `commands` are looked for on the path, `processes` among what runs (the name of the executable, or of the
    script that an interpreter runs), `applications` and `settings` on the disk. `moved_by` names the variable
    that moves `home`. `agents` begin its User-Agent, `entries` stand in it where several programs share one.
    `headless` is a command that asks one question and ends. `part_of` is the row whose settings it shares.
    `cannot` says why it cannot be routed through a gateway, and `instead` what is left.
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
    headless: tuple[str, ...] = ()
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
