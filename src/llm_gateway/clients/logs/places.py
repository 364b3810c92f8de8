"""Where logs lie: the files that a pattern stands for. Nothing is opened.

`**` stands for any number of folders, but goes through no symbolic link, so that no loop has no end; the
other parts of a pattern may be links. A pattern that is a file is that file, whatever is in its name.
"""

import fnmatch
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["found"]

_DEEPEST = 32
_WILD = frozenset("*?[")


def found(pattern: Path, denied: list[Path]) -> Iterator[Path]:
    """Return the files that a pattern stands for, ordered by name; note folders that may not be listed."""
    if not _WILD.intersection(str(pattern)) or os.path.lexists(pattern):
        if os.path.lexists(pattern):
            yield pattern
        return
    first = next(index for index, word in enumerate(pattern.parts) if _WILD.intersection(word))
    yield from _below(Path(*pattern.parts[:first]), pattern.parts[first:], 0, denied)


def _below(folder: Path, words: tuple[str, ...], depth: int, denied: list[Path]) -> Iterator[Path]:
    word, rest = words[0], words[1:]
    if word == "**":
        if rest:
            yield from _below(folder, rest, depth, denied)
        if depth < _DEEPEST:
            for entry in _listed(folder, denied):
                if entry.is_dir(follow_symlinks=False):
                    yield from _below(folder / entry.name, words, depth + 1, denied)
        return
    for entry in _listed(folder, denied):
        if not fnmatch.fnmatchcase(entry.name, word):
            continue
        if rest:
            if _is_folder(entry):
                yield from _below(folder / entry.name, rest, depth, denied)
        elif not _is_folder(entry):
            yield folder / entry.name


def _listed(folder: Path, denied: list[Path]) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except PermissionError:
        denied.append(folder)
    except OSError:
        pass  # not there, no folder, or a link that leads to itself
    return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False
