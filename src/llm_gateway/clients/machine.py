"""Where things are on a machine: folders by its platform's conventions, commands, and what runs.

A machine is a value. Tests make one of any platform from a folder and an environment; `this_machine` is the
one that the gateway runs on. Nothing is written, and nothing is read but names: of files and of processes.
What is kept of a process is which known program it is, its id and when it was started: never an argument.
"""

import fnmatch
import importlib
import os
import re
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from llm_gateway.clients.catalog import Client, Places, Platform, catalog

__all__ = ["Machine", "Process", "machine_name", "running", "this_machine"]

_PLATFORMS: dict[str, Platform] = {"darwin": "macos", "win32": "windows"}
_LEADING_NAME = re.compile(r"\{(home|config|data|applications|extensions|shell)\}/?")
_WILD = frozenset("*?[")
_ONE_NAME = re.compile(r"(?!\.+$)[^/\\\0*?\[]+")

# Where editors that take the extensions of VS Code keep them.
_EDITORS = (".vscode", ".vscode-insiders", ".vscode-oss", ".vscode-server", ".cursor", ".windsurf")

# Where installers put commands: a service or an application that was not started in a terminal has a short
# PATH, without these. The first parts are the home folder and the root of the file system.
_BIN_IN_HOME = (
    ".local/bin",
    "bin",
    ".npm-global/bin",
    ".bun/bin",
    ".volta/bin",
    ".cargo/bin",
    ".claude/local",
    ".opencode/bin",
    ".asdf/shims",
    ".local/share/mise/shims",
    ".nvm/versions/node/*/bin",
)
_BIN_IN_ROOT = ("usr/local/bin", "opt/homebrew/bin", "home/linuxbrew/.linuxbrew/bin", "usr/bin")

_INTERPRETER = re.compile(r"(python|pypy|node|nodejs|bun|deno)[\d.]*", re.IGNORECASE)
_SCRIPT_ENDING = re.compile(r"\.(js|mjs|cjs|ts|mts|py|pyw|exe|cmd)$", re.IGNORECASE)
# What follows these is a program's text, or a module's name; any other option is passed over.
_NOT_OF_A_NAME = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST_NAME = 32
_INLINE = frozenset({"-c", "-e", "-p", "-pe", "--eval", "--print", "-"})


class Process(msgspec.Struct, frozen=True):
    """A program that runs: the name of its executable, or of the script that an interpreter runs."""

    name: str
    pid: int
    started_us: int


class Machine(msgspec.Struct, frozen=True):
    """A machine, as one of its users sees it. `root` is where its file system begins."""

    platform: Platform
    home: Path
    environ: Mapping[str, str]
    root: Path = Path("/")
    processes: tuple[Process, ...] = ()

    def expand(self, places: Places, row: Client | None = None, chosen: str = "") -> list[Path]:
        """Return the paths that places stand for here, there or not; a `*` stays as it is."""
        return [folder.joinpath(*rest) for folder, rest in self._spelled(places, row, chosen)]

    def there(self, places: Places, row: Client | None = None) -> list[Path]:
        """Return what is there of places, each once."""
        found = [
            path
            for folder, rest in self._spelled(places, row, "")
            for path in _matching(folder, rest)
            if os.path.exists(path)
        ]
        return list(dict.fromkeys(found))

    def place(self, places: Places, row: Client | None = None, chosen: str = "") -> Path | None:
        """Return the one path that is meant: the first that is there, else the first that could be."""
        first: Path | None = None
        for folder, rest in self._spelled(places, row, chosen):
            for path in _matching(folder, rest):
                if os.path.exists(path):
                    return path
                first = first or path
        return first

    def home_of(self, row: Client) -> Path | None:
        """Return an application's own folder: where its variable moved it, or where it usually is."""
        moved = self.environ.get(row.moved_by, "") if row.moved_by else ""
        if moved:
            path = self._from_home(moved)
            if path.is_absolute():
                return path
        return self.place(row.home)

    def which(self, command: str) -> Path | None:
        """Return the executable of a command: on the path, or where installers put it."""
        names: tuple[str, ...] = (command,)
        if self.platform == "windows":
            names = tuple(f"{command}{ending}" for ending in (".exe", ".cmd", ".bat"))
        for folder in self._bins():
            for name in names:
                path = folder / name
                if os.path.isfile(path) and (self.platform == "windows" or os.access(path, os.X_OK)):
                    return path
        return None

    def shown(self, path: Path) -> str:
        """Return a path as it is shown to its user, with `~` for the home folder."""
        if path.is_relative_to(self.home):
            rest = path.relative_to(self.home).as_posix()
            return "~" if rest == "." else f"~/{rest}"
        return path.as_posix()

    # details

    def _spelled(
        self, places: Places, row: Client | None, chosen: str
    ) -> Iterator[tuple[Path, tuple[str, ...]]]:
        """Yield each path as a folder that is spelled out, and the rest, in which a `*` may be."""
        texts = places.get(self.platform, places.get("any", ()))
        for text in (texts,) if isinstance(texts, str) else texts:
            if "{chosen}" in text and not _ONE_NAME.fullmatch(chosen):
                continue  # whatever was chosen must not lead out of the folder
            named = _LEADING_NAME.match(text)
            rest = text[named.end() :] if named else text.removeprefix("~").lstrip("/")
            parts = tuple(part.replace("{chosen}", chosen) for part in rest.split("/") if part)
            for folder in self._folders(named[1], row) if named else (self._beginning(text),):
                yield folder, parts

    def _beginning(self, text: str) -> Path:
        return self.root if text.startswith("/") else self.home

    def _folders(self, name: str, row: Client | None) -> Sequence[Path]:
        match name:
            case "home":
                home = self.home_of(row) if row else None
                return (home,) if home else ()
            case "config":
                return (self._config(),)
            case "data":
                return (self._data(),)
            case "applications":
                return self._applications()
            case "extensions":
                return tuple(self.home / editor / "extensions" for editor in _EDITORS)
            case _:
                shell = self._shell_file()
                return (shell,) if shell else ()

    def _config(self) -> Path:
        """Return where settings are: the XDG base folders, Apple's and Microsoft's conventions."""
        match self.platform:
            case "linux":
                return self._absolute("XDG_CONFIG_HOME") or self.home / ".config"
            case "macos":
                return self.home / "Library" / "Application Support"
            case "windows":
                return self._absolute("APPDATA") or self.home / "AppData" / "Roaming"

    def _data(self) -> Path:
        match self.platform:
            case "linux":
                return self._absolute("XDG_DATA_HOME") or self.home / ".local" / "share"
            case "macos":
                return self.home / "Library" / "Application Support"
            case "windows":
                return self._absolute("LOCALAPPDATA") or self.home / "AppData" / "Local"

    def _applications(self) -> Sequence[Path]:
        match self.platform:
            case "linux":
                shared = (
                    "usr/share",
                    "usr/local/share",
                    "var/lib/flatpak/exports/share",
                    "var/lib/snapd/desktop",
                )
                return (
                    self._data() / "applications",
                    *(self.root / each / "applications" for each in shared),
                )
            case "macos":
                return (self.root / "Applications", self.home / "Applications")
            case "windows":
                programs = self._absolute("PROGRAMFILES")
                data = self._data()
                return (data / "Programs", data, *((programs,) if programs else ()))

    def _shell_file(self) -> Path | None:
        if self.platform == "windows":
            return None
        shell = self.environ.get("SHELL", "").rpartition("/")[2]
        match shell or ("zsh" if self.platform == "macos" else ""):
            case "zsh":
                return (self._absolute("ZDOTDIR") or self.home) / ".zshrc"
            case "bash":
                return self.home / (".bash_profile" if self.platform == "macos" else ".bashrc")
            case "fish":
                return (self._absolute("XDG_CONFIG_HOME") or self.home / ".config") / "fish" / "config.fish"
        return self.home / ".profile"

    def _bins(self) -> Iterator[Path]:
        """Yield the folders that commands are looked for in."""
        windows = self.platform == "windows"
        for each in self.environ.get("PATH", "").split(";" if windows else ":"):
            if each and (folder := Path(each)).is_absolute():
                yield folder
        if windows:
            yield from (self._config() / "npm", self.home / ".local" / "bin", self.home / ".bun" / "bin")
            return
        for each in _BIN_IN_HOME:
            yield from _matching(self.home, tuple(each.split("/")))
        yield from (self.root / each for each in _BIN_IN_ROOT)

    def _absolute(self, variable: str) -> Path | None:
        """Return the folder that a variable names; the XDG specification has others ignored."""
        value = self.environ.get(variable, "")
        path = Path(value)
        return path if value and path.is_absolute() else None

    def _from_home(self, text: str) -> Path:
        if text == "~" or text.startswith(("~/", "~\\")):
            return self.home / text[2:]
        return Path(text)


def machine_name(chosen: str = "") -> str:
    """Return this machine's name, as keys may be called: the chosen one, else what it calls itself."""
    name = _NOT_OF_A_NAME.sub("-", chosen or socket.gethostname()).strip("-._")
    return name[:_LONGEST_NAME] or "this-machine"


class _Running(Protocol):
    """A process as psutil has it."""

    pid: int
    info: dict[str, object]

    def username(self) -> str: ...
    def cmdline(self) -> list[str]: ...


def this_machine(environ: Mapping[str, str], processes: tuple[Process, ...] | None = None) -> Machine:
    """Return the machine that this program runs on, with what runs now when no other is given."""
    platform = _PLATFORMS.get(sys.platform, "linux")
    named = environ.get("USERPROFILE" if platform == "windows" else "HOME", "")
    if processes is None:
        processes = running(frozenset(name for row in catalog().values() for name in row.processes))
    return Machine(platform, Path(named) if named else Path.home(), environ, processes=processes)


def running(names: frozenset[str], user: str = "") -> tuple[Process, ...]:
    """Return the processes of a user that are programs of these names; of no other is anything kept.

    The user is the one that this program runs as, when none is named.
    """
    # Loaded where it is used: it takes as long as everything else in this room, and most commands of the
    # program look at no process.
    psutil = importlib.import_module("psutil")
    gone: type[Exception] = psutil.Error
    user = user or psutil.Process().username()
    found: list[Process] = []
    each: _Running
    for each in psutil.process_iter(["name", "create_time"]):
        name, started = each.info.get("name"), each.info.get("create_time")
        if not isinstance(name, str) or not isinstance(started, float):
            continue  # ended meanwhile, or somebody else's
        try:
            program = _program(name, each, names)
            if program and each.username() == user:
                found.append(Process(program, each.pid, int(started * 1_000_000)))
        except gone:
            continue
    return tuple(found)


def _program(name: str, process: _Running, names: frozenset[str]) -> str:
    """Return which of the programs a process is; "" for any other."""
    name = re.sub(r"\.exe$", "", name, flags=re.IGNORECASE)
    if name in names:
        return name
    if not _INTERPRETER.fullmatch(name):
        return ""
    script = _script(process.cmdline()[1:])
    return script if script in names else ""


def _script(arguments: Sequence[str]) -> str:
    """Return the name of the script or the module that an interpreter was started with."""
    rest = iter(arguments)
    for each in rest:
        if each in _INLINE:
            return ""
        if each == "-m":
            return next(rest, "")
        if not each.startswith("-") and each != "run":  # bun run, deno run
            return _SCRIPT_ENDING.sub("", re.split(r"[/\\]", each)[-1])
    return ""


def _matching(folder: Path, parts: tuple[str, ...]) -> Iterator[Path]:
    """Yield the paths that a pattern stands for; what follows its last `*` need not be there."""
    at = next((index for index, part in enumerate(parts) if _WILD.intersection(part)), None)
    if at is None:
        yield folder.joinpath(*parts)
        return
    above = folder.joinpath(*parts[:at])
    try:
        names = sorted(os.listdir(above))
    except OSError:
        return  # not there, or not to be listed by this user
    for name in names:
        if fnmatch.fnmatchcase(name, parts[at]):
            yield from _matching(above / name, parts[at + 1 :])
