"""What the page of applications says of each: how it is found and connected, or why not, and what is set.

Taken from the catalog; which part belongs where is told in `docs.py`.
"""

from collections.abc import Iterable
from typing import Literal

from llm_gateway.clients.catalog import Client, File, Places, Way, catalog
from references import table

__all__ = ["applications", "settings"]

Shown = Literal["any", "linux", "macos", "windows"]

_WAYS = {"key": "a key of the gateway's", "login": "its own login, passed on"}
_PLATFORMS: dict[Shown, str] = {"linux": "Linux", "macos": "macOS", "windows": "Windows"}


def applications() -> str:
    """Return every application: how it is found, how it is connected or why not, and what is left."""
    rows = [
        [f"`{row.id}`", row.label, _found(row), _connected(row), _left(row)] for row in catalog().values()
    ]
    return table(("id", "application", "found by", "connected by", "what is left"), rows)


def settings() -> str:
    """Return what is set where: the files of each way and of the telemetry, and the variables."""
    rows = [
        [f"`{row.id}`", kind, _places(file.path, row), ", ".join(f"`{name}`" for name in _names(file))]
        for row in catalog().values()
        for kind, files in _kinds(row)
        for file in files
    ]
    return table(("id", "for", "file", "settings in it"), rows)


def _found(row: Client) -> str:
    told = [f"command `{name}`" for name in row.commands]
    told += [_places(each, row) for each in (row.applications, row.settings) if each]
    if row.moved_by:
        told[-1] += f" or where `{row.moved_by}` says"
    return "; ".join(told) or "its requests"


def _connected(row: Client) -> str:
    if row.cannot:
        return f"**cannot be**: {row.cannot}"
    if row.part_of:
        return f"with `{row.part_of}`, whose settings it reads"
    return "; ".join(f"{_WAYS[name]}: {_means(way)}" for name, way in row.ways.items())


def _means(way: Way) -> str:
    if way.files:
        return "its settings"
    if way.env and not way.steps:
        return "variables"
    return "variables, or by hand" if way.env else "by hand"


def _left(row: Client) -> str:
    if row.cannot:
        return row.instead
    told = [f"by hand: {step}" for way in row.ways.values() for step in way.steps]
    told += [way.note for way in row.ways.values() if way.note]
    if any(way.restart for way in row.ways.values()):
        told.append("start it anew")
    return "; ".join(_plain(each) for each in told)


def _kinds(row: Client) -> Iterable[tuple[str, tuple[File, ...]]]:
    yield from ((_WAYS[name], way.files) for name, way in row.ways.items())
    if row.telemetry:
        yield "telemetry", row.telemetry.files


def _names(file: File) -> list[str]:
    """Return the settings of a file that are set, each with where it stands."""
    return [".".join(edit.at) or "one more entry" for edit in file.edits]


def _places(places: Places, row: Client) -> str:
    """Return paths as they are shown, with their platforms where these differ."""
    where: dict[str, list[Shown]] = {}
    for platform, path in _paths(places):
        plain: list[tuple[Shown, str]] = [("any", "")]
        homes = _paths(row.home) if "{home}" in path else plain
        for of_home, home in homes:
            shown = platform if of_home == "any" else of_home
            if shown == "any" and len(row.platforms) < len(_PLATFORMS):
                where.setdefault(path.replace("{home}", home), []).extend(row.platforms)
            else:
                where.setdefault(path.replace("{home}", home), []).append(shown)
    return ", ".join(
        f"`{path}`"
        if "any" in platforms
        else f"`{path}` ({', '.join(_PLATFORMS[each] for each in platforms)})"
        for path, platforms in where.items()
    )


def _paths(places: Places) -> list[tuple[Shown, str]]:
    return [
        (platform, path)
        for platform, paths in places.items()
        for path in ((paths,) if isinstance(paths, str) else paths)
    ]


def _plain(text: str) -> str:
    """Return a text with words for the gateway's address, an application's key and a model."""
    words = {"{url}": "`ADDRESS/v1`", "{base}": "`ADDRESS`", "{key}": "`KEY`", "{model}": "MODEL"}
    for name, word in words.items():
        text = text.replace(name, word)
    return text
