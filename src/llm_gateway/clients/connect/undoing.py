"""How a file is without what was set in it, and whether that is in it still.

Without it a file is as it was, byte for byte; where others wrote it since, it is as they left it, without our
settings and with what these replaced.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from llm_gateway.clients.connect.files import (
    CannotChange,
    Change,
    digest,
    look,
    remove_folders,
    write,
)
from llm_gateway.clients.connect.record import Kept, Made, Record, forget
from llm_gateway.clients.connect.traces import is_ours
from llm_gateway.clients.edits import (
    MISSING,
    CannotEdit,
    Setting,
    put,
    read,
    remove,
    remove_item,
)
from llm_gateway.clients.edits.values import at_name

__all__ = ["State", "Undoing", "Undone", "state", "undo", "undoing"]

_NOTHING = ("", "{}", "[]")


class Undoing(msgspec.Struct, frozen=True):
    """What becomes of a file, and what is to be said of it."""

    kept: Kept
    change: Change
    said: tuple[str, ...] = ()


class Undone(msgspec.Struct, frozen=True):
    """What came of it: what is to be said, and the files that could not be put right."""

    said: tuple[str, ...]
    failed: tuple[str, ...]


class State(msgspec.Struct, frozen=True):
    """Whether the settings of a connection are `as written`, `rewritten` by somebody, or `gone`.

    `missing` are those that are not as they were made, each with its place in its file.
    """

    name: str
    missing: tuple[str, ...] = ()


def state(record: Record) -> State:
    """Return how the settings of a connection are by now."""
    there, missing = 0, list[str]()
    for kept in record.files:
        try:
            data, _ = look(Path(kept.path))
            text = (data or b"").decode()
            for made in kept.made:
                if _stands(kept, text, made):
                    there += 1
                else:
                    missing.append(at_name(made.at))
        except (CannotChange, CannotEdit, UnicodeDecodeError):
            missing.extend(at_name(made.at) for made in kept.made)
    if not missing:
        return State("as written")
    return State("rewritten" if there else "gone", tuple(dict.fromkeys(missing)))


def undo(record: Record, home: Path) -> Undone:
    """Take back everything that a record tells of, and the record with it where all of it could be."""
    said, failed = list[str](), list[str]()
    for kept in reversed(record.files):
        try:
            step = undoing(kept)
            if step.change.changes:
                write(step.change)
            said.extend(step.said)
        except CannotChange as error:
            failed.append(str(error))
        else:
            remove_folders(kept.folders)
    if not failed:
        forget(home, record.client)
    return Undone(tuple(said), tuple(failed))


def undoing(kept: Kept) -> Undoing:
    """Return what becomes of a file without what was set in it; CannotChange where that cannot be said."""
    path = Path(kept.path)
    now, mode = look(path)
    back = kept.mode if mode == kept.wrote_mode else mode
    if now is None:
        deleted = kept.original is not None and kept.wrote
        said = (f"{path} was deleted since, and stays so",) if deleted else ()
        return Undoing(kept, Change(path, None, None, mode, mode), said)
    if digest(now) == kept.wrote or now == kept.original:
        after_mode = back if digest(now) == kept.wrote else mode
        return Undoing(kept, Change(path, now, kept.original, mode, after_mode))
    try:
        text, left = _without(kept, now.decode())
    except (CannotEdit, UnicodeDecodeError) as error:
        why = error if isinstance(error, CannotEdit) else "it is no text"
        raise CannotChange(
            f"{path} was changed since and cannot be put right: {why}; take the settings of LLM Gateway out "
            "by hand, or put the file right, and run the command again"
        ) from None
    if kept.original is None and text.strip("\ufeff \t\r\n") in _NOTHING:
        return Undoing(kept, Change(path, now, None, mode, mode), left)
    left = (*left, f"{path} was changed since; those changes are kept")
    return Undoing(kept, Change(path, now, text.encode(), mode, back), left)


def _without(kept: Kept, text: str) -> tuple[str, tuple[str, ...]]:
    """Return a text that others wrote without our settings, and what has to be said of it."""
    original = (kept.original or b"").decode()
    said: list[str] = []
    for made in reversed(kept.made):
        parents = _depth(kept, original, made.at)
        if made.append:
            text = _without_item(kept, text, made, parents)
            continue
        value, before = read(kept.format, text, made.at), read(kept.format, original, made.at)
        if value is MISSING:
            continue
        if not is_ours(made.traces, value, wholly=not isinstance(value, dict)):
            said.append(f"{at_name(made.at)} in {kept.path} was changed since and stays as it is")
        elif before is MISSING:
            text = remove(kept.format, text, made.at, parents)
        else:
            text = put(kept.format, text, [Setting(made.at, before)])
    return text, tuple(said)


def _without_item(kept: Kept, text: str, made: Made, parents: int) -> str:
    match read(kept.format, text, made.at):
        case list(items):
            for index in reversed(range(len(items))):
                if is_ours(made.traces, items[index], wholly=not isinstance(items[index], dict)):
                    return remove_item(kept.format, text, made.at, index, parents)
    return text


def _stands(kept: Kept, text: str, made: Made) -> bool:
    value = read(kept.format, text, made.at)
    if not made.append:
        return is_ours(made.traces, value, wholly=True)
    return isinstance(value, list) and any(is_ours(made.traces, each, wholly=True) for each in value)


def _depth(kept: Kept, text: str, at: Sequence[str]) -> int:
    """Return how many of the names of a place were there before."""
    return sum(read(kept.format, text, at[:depth]) is not MISSING for depth in range(1, len(at) + 1))
