"""Read the configuration: flag before environment before file before default, each value with its origin.

Pure but for the files it reads. What the settings are is in `settings.py`; nothing is started here.
"""

import difflib
import importlib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.config.building import Found, build, read_tables
from llm_gateway.config.checks import faults
from llm_gateway.config.environment import ADDRESSES, PREFIX, SECRETS, VARIABLES, own_secret, settable
from llm_gateway.config.lines import Path as KeyPath
from llm_gateway.config.lines import locate
from llm_gateway.config.problems import Origin, Problem, dotted, refuse, unknown_key
from llm_gateway.config.schema import Leaf, Section, Table, describe, find
from llm_gateway.config.settings import Settings
from llm_gateway.errors import ConfigError
from llm_gateway.vault import Secret

__all__ = ["Loaded", "check", "default_home", "load", "reload"]

# A file that a program wrote wrongly must not take the memory: this holds thousands of providers.
_LONGEST_FILE = 1024 * 1024

_Values = dict[KeyPath, Found]


class Loaded(msgspec.Struct, frozen=True):
    """The configuration as it is used.

    `origins` has every value that is not a default, by its dotted name (`server.port`,
    `providers.ollama.base_url`, `bootstrap_key`). `file` is where the file is or would be.
    `warnings` are for the log: what was read and may not be what was meant.
    """

    settings: Settings
    origins: Mapping[str, Origin]
    home: Path
    file: Path
    bootstrap_key: Secret | None = None
    dashboard_token: Secret | None = None
    master_key_file: Path | None = None
    warnings: tuple[str, ...] = ()


def load(*, flags: Mapping[str, object], environ: Mapping[str, str]) -> Loaded:
    """Return the configuration; ConfigError says everything that is wrong with it, one thing a line.

    `flags` are `home`, `config` and dotted names such as `server.port`; None is a flag that was not given.
    """
    home_named = flags.get("home") or environ.get("LLM_GATEWAY_HOME")
    home = Path(str(home_named)).expanduser() if home_named else default_home()
    file_named = flags.get("config") or environ.get("LLM_GATEWAY_CONFIG")
    file = Path(str(file_named)).expanduser() if file_named else home / "gateway.toml"
    tree = describe()
    problems: list[Problem] = []
    values = _from_file(file, tree, problems, required=bool(file_named))
    _overlay(values, environ, tree, problems)
    _add_flags(values, flags, tree)
    warnings = [*_add_addresses(values, environ), *_misspelt(environ)]
    secrets = _secrets(environ, problems)
    settings = build(values, tree, problems)
    if not problems:
        problems += [Problem(path, why, _origin(path, values)) for path, why in faults(settings)]
    names = {
        path[:2]: str(found.value) for path, found in values.items() if path[::2] == ("providers", "name")
    }
    refuse(problems, names)
    origins = {dotted(path, names): found.origin for path, found in values.items()}
    origins |= {name: origin for name, (_, origin) in secrets.items()}
    return Loaded(
        settings,
        origins,
        home.absolute(),
        file.absolute(),
        secrets["bootstrap_key"][0] if "bootstrap_key" in secrets else None,
        secrets["dashboard_token"][0] if "dashboard_token" in secrets else None,
        Path(master).expanduser().absolute()
        if (master := environ.get("LLM_GATEWAY_MASTER_KEY_FILE"))
        else None,
        tuple(warnings),
    )


def reload(
    current: Loaded, *, flags: Mapping[str, object], environ: Mapping[str, str]
) -> Loaded | ConfigError:
    """Return the configuration as it is now, or why it cannot be used; then the current one stays in use.

    What only a start can change keeps its present value in the result, and its warnings say so.
    """
    try:
        fresh = load(flags={**flags, "home": current.home, "config": _same_file(current)}, environ=environ)
    except ConfigError as error:
        return error
    kept: dict[str, msgspec.Struct] = {}
    warnings = list(fresh.warnings)
    for name in ("server", "upstream", "ledger", "content", "local", "clients", "telemetry"):
        old, new = getattr(current.settings, name), getattr(fresh.settings, name)
        if old != new:
            changed = [key for key in old.__struct_fields__ if getattr(old, key) != getattr(new, key)]
            warnings += [f"{name}.{key} has changed; it takes effect at the next start" for key in changed]
            kept[name] = old
    warnings += [
        f"bridges.{name} has changed; it takes effect at the next start, but whom it is taken from: now"
        for name in _changed_bridges(current.settings, fresh.settings)
    ]
    return msgspec.structs.replace(
        fresh,
        settings=msgspec.structs.replace(fresh.settings, **kept),
        bootstrap_key=current.bootstrap_key,
        dashboard_token=current.dashboard_token,
        master_key_file=current.master_key_file,
        warnings=tuple(warnings),
    )


def _changed_bridges(old: Settings, new: Settings) -> list[str]:
    """Return the bridges of which more has changed than whom they are shared with no longer."""
    was, now = ({each.name: each for each in settings.bridges} for settings in (old, new))
    changed = []
    for name in {**was, **now}:
        before, after = was.get(name, BridgeSettings(name)), now.get(name, BridgeSettings(name))
        others = set(after.share_with) - set(before.share_with)
        if others or msgspec.structs.replace(after, share_with=before.share_with) != before:
            changed.append(name)
    return changed


def check(file: Path) -> Settings:
    """Return the settings of one file alone; ConfigError says everything that is wrong with it."""
    return load(flags={"config": file, "home": file.parent}, environ={}).settings


def default_home() -> Path:
    """Return the data folder by the platform's conventions."""
    # Imported only where no home is named: it costs 20 ms, and every start pays for what is imported above.
    platformdirs = importlib.import_module("platformdirs")
    return Path(platformdirs.user_data_dir("llm-gateway", appauthor=False))


# the file


def _from_file(file: Path, tree: Section, problems: list[Problem], *, required: bool) -> _Values:
    text = _read(file, required=required)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: this is not TOML: {error}") from error
    return read_tables(tables, tree, file.name, locate(text) if tables else {}, problems)


def _read(file: Path, *, required: bool) -> str:
    try:
        if not file.exists() and not required:
            return ""
        if not file.is_file():
            raise ConfigError(
                f"{file}: there is no such file" if not file.exists() else f"{file}: not a file"
            )
        with file.open("rb") as opened:
            data = opened.read(_LONGEST_FILE + 1)
    except OSError as error:
        raise ConfigError(f"{file}: it cannot be read: {error.strerror}") from error
    if len(data) > _LONGEST_FILE:
        raise ConfigError(f"{file}: over {_LONGEST_FILE} bytes, which is no configuration")
    try:
        # Editors on Windows begin a file with a mark that TOML does not know, and end lines with two.
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: it is not UTF-8 (byte {error.start})") from error


# the environment and the flags


def _overlay(values: _Values, environ: Mapping[str, str], tree: Section, problems: list[Problem]) -> None:
    for name, text in environ.items():
        path = settable(name)
        if path is None:
            continue
        origin = Origin("environment", name)
        section = find(path[:-1], tree)
        first = tree.members.get(path[0])
        if first is None:
            problems.append(unknown_key(path[0], (), tree.members, origin))
        elif not isinstance(first, Section) or isinstance(find(path, tree), Table):
            problems.append(Problem(path, "this can only be set in the file", origin))
        elif not isinstance(section, Section) or path[-1] not in section.members:
            known = section.members if isinstance(section, Section) else first.members
            problems.append(unknown_key(path[-1], path[:-1], known, origin))
        else:
            values[path] = Found(text, origin, text=True)
    if environ.get("LLM_GATEWAY_DATABASE_URL", "").strip():
        problems.append(
            Problem(
                (),
                "LLM_GATEWAY_DATABASE_URL: this version keeps its ledger in SQLite in the home; unset it, "
                "and choose the place with LLM_GATEWAY_HOME",
            )
        )


def _add_flags(values: _Values, flags: Mapping[str, object], tree: Section) -> None:
    for name, value in flags.items():
        if name in ("home", "config") or value is None:
            continue
        path = tuple(name.split("."))
        if not isinstance(find(path, tree), Leaf):
            raise ConfigError(f"{name} is not a setting")
        flag = "--" + path[-1].replace("_", "-")
        values[path] = Found(value, Origin("flag", flag), text=isinstance(value, str))


def _add_addresses(values: _Values, environ: Mapping[str, str]) -> list[str]:
    """Add the providers that variables name, or put their addresses in; return what is said twice."""
    warnings: list[str] = []
    done: dict[str, str] = {}
    numbers = {
        str(found.value): path[1] for path, found in values.items() if path[::2] == ("providers", "name")
    }
    for address in ADDRESSES:
        url = environ.get(address.name, "").strip()
        if not url:
            continue
        if address.provider in done:
            if url != environ[done[address.provider]].strip():
                warnings.append(
                    f"{address.name} is ignored: {done[address.provider]} is set too, to another address"
                )
            continue
        done[address.provider] = address.name
        origin = Origin("environment", address.name)
        number = numbers.get(address.provider)
        if number is None:
            number = 1 + max((int(path[1]) for path in values if path[0] == "providers"), default=-1)
            values["providers", number, "name"] = Found(address.provider, origin)
            if address.plain:
                values["providers", number, "dialects"] = Found(["chat"], origin)
                values["providers", number, "subscription"] = Found(True, origin)
        values["providers", number, "base_url"] = Found(url, origin)
    return warnings


def _secrets(environ: Mapping[str, str], problems: list[Problem]) -> dict[str, tuple[Secret, Origin]]:
    found: dict[str, tuple[Secret, Origin]] = {}
    for name, variables in SECRETS.items():
        try:
            secret, variable = own_secret(environ, variables)
        except ConfigError as error:
            problems.append(Problem((), str(error)))
            continue
        if secret is not None:
            found[name] = secret, Origin("environment", variable)
    return found


def _misspelt(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for each name that is nearly one of ours."""
    secrets = [variable.name for variables in SECRETS.values() for variable in variables]
    known = [*(variable.name for variable in VARIABLES), *secrets, *(f"{name}_FILE" for name in secrets)]
    known.append("LLM_GATEWAY_DATABASE_URL")
    for name in environ:
        if name.startswith(PREFIX) and "__" not in name and name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
            if close:
                yield f"{name} has no effect; did you mean {close[0]}?"


def _origin(path: KeyPath, values: _Values) -> Origin:
    return values[path].origin if path in values else Origin()


def _same_file(current: Loaded) -> Path | None:
    """Return the file to insist on: one that was there, or was named, has to be there again."""
    named = current.file != current.home / "gateway.toml"
    return current.file if named or any(o.source == "file" for o in current.origins.values()) else None
