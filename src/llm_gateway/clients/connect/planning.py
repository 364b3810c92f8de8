"""What would be changed on a machine to connect an application: every file, before and after; nothing is.

Where the application is connected already, its files are taken as they would be without that: a plan is
always made from what is the user's own.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from llm_gateway.clients.catalog import Client, Edit, File, Format, Way
from llm_gateway.clients.connect.files import PRIVATE, CannotChange, Change, digest, look, missing_folders
from llm_gateway.clients.connect.record import Kept, Made, Record, exports_path
from llm_gateway.clients.connect.traces import Trace, filled, traces
from llm_gateway.clients.connect.undoing import undoing
from llm_gateway.clients.edits import MISSING, CannotEdit, Setting, put, read, wanted
from llm_gateway.clients.edits.shell import BLOCK
from llm_gateway.clients.machine import Machine

__all__ = ["Plan", "Step", "Wish", "Words", "needs_models", "plan", "steps_of", "variables_of"]


class Words(msgspec.Struct, frozen=True):
    """What the names in braces stand for. `base` is the gateway's address, without a path."""

    base: str
    key: str
    client: str
    model: str = ""
    models: tuple[str, ...] = ()

    def by_name(self) -> Mapping[str, str]:
        """Return the words but the model's name."""
        host = self.base.partition("://")[2]
        return {
            "url": f"{self.base}/v1",
            "base": self.base,
            "host": host,
            "key": self.key,
            "client": self.client,
        }

    def with_model(self) -> Mapping[str, str]:
        """Return all words."""
        return {**self.by_name(), "model": self.model}


class Wish(msgspec.Struct, frozen=True):
    """Which application is to be connected, by which of its ways, and whether its telemetry is wanted too."""

    row: Client
    name: Literal["key", "login"]
    telemetry: bool = False

    @property
    def way(self) -> Way:
        """Return the way."""
        return self.row.ways[self.name]

    @property
    def files(self) -> tuple[File, ...]:
        """Return the files of settings."""
        told = self.row.telemetry if self.telemetry else None
        return self.way.files + (told.files if told else ())


class Step(msgspec.Struct, frozen=True):
    """One file: what becomes of it, and what is put on record of it."""

    change: Change
    kept: Kept


class Plan(msgspec.Struct, frozen=True):
    """What would be done. `said` is what has to be known of files that were changed since the last time."""

    wish: Wish
    steps: tuple[Step, ...]
    said: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Return whether anything would change."""
        return any(step.change.changes for step in self.steps)


class _Draft(msgspec.Struct):
    """A file while its edits come together."""

    format: Format
    original: bytes | None
    mode: int
    folders: tuple[str, ...]
    now: tuple[bytes | None, int]
    text: str
    made: list[Made] = []
    secret: bool = False


def plan(wish: Wish, machine: Machine, words: Words, home: Path, known: Record | None = None) -> Plan:
    """Return what connecting would change; CannotChange or CannotEdit when it cannot be done."""
    drafts: dict[str, _Draft] = {}
    said: list[str] = []
    old = {kept.path: kept for kept in known.files} if known else {}
    for kept in old.values():
        step = undoing(kept)
        said.extend(step.said)
        drafts[kept.path] = _Draft(
            kept.format,
            step.change.after,
            step.change.after_mode,
            tuple(dict.fromkeys((*kept.folders, *missing_folders(Path(kept.path))))),
            (step.change.before, step.change.mode),
            _text(step.change.after, kept.path),
        )
    for file in wish.files:
        for path, format, edits in _edits(file, wish.row, machine, home):
            draft = drafts.get(str(path)) or _drafted(path, format)
            drafts[str(path)] = draft
            _edit(draft, path, edits, words)
    return Plan(wish, tuple(_step(path, draft) for path, draft in drafts.items()), tuple(said))


def needs_models(wish: Wish) -> bool:
    """Return whether it has to be known which models there are."""
    edits = [edit for file in wish.files for edit in file.edits]
    listed = any(edit.each_model or edit.models_in for edit in edits)
    texts = (*(edit.to for edit in edits), *wish.way.env.values(), *wish.way.steps)
    return listed or "{model}" in repr(texts)


def variables_of(wish: Wish, words: Words) -> dict[str, str]:
    """Return the variables that connect one process."""
    told = wish.row.telemetry.env if wish.telemetry and wish.row.telemetry else {}
    return {name: str(filled(value, words.with_model())) for name, value in {**wish.way.env, **told}.items()}


def steps_of(wish: Wish, words: Words) -> list[str]:
    """Return what is left to do for a person."""
    return [str(filled(step, words.with_model())) for step in wish.way.steps]


def _edits(
    file: File, row: Client, machine: Machine, home: Path
) -> Iterator[tuple[Path, Format, Sequence[Edit]]]:
    """Yield the files that a row's file comes to here: a profile of a shell comes with one that it reads."""
    path = machine.place(file.path, row)
    if path is None:
        return
    path = path.resolve() if path.is_symlink() else path
    if file.format != "shell":
        yield path, file.format, file.edits
        return
    exports = exports_path(home, row.id)
    yield exports, "shell", file.edits
    yield path, "shell", [Edit((BLOCK, row.id), str(exports))]


def _drafted(path: Path, format: Format) -> _Draft:
    data, mode = look(path)
    return _Draft(format, data, mode, missing_folders(path), (data, mode), _text(data, str(path)))


def _edit(draft: _Draft, path: Path, edits: Sequence[Edit], words: Words) -> None:
    """Make the edits of one file in its draft."""
    try:
        for setting, template in _settings(edits, words):
            known = read(draft.format, draft.text, setting.at)
            if setting.if_missing and known is not MISSING:
                continue
            text = put(draft.format, draft.text, [setting])
            if text == draft.text and setting.append:
                continue  # the user's own
            draft.text = text
            draft.made.append(Made(setting.at, setting.append, template))
    except CannotEdit as error:
        raise CannotChange(f"{path} cannot be edited: {error}") from None
    draft.secret = draft.secret or words.key in draft.text


def _settings(edits: Sequence[Edit], words: Words) -> Iterator[tuple[Setting, tuple[Trace, ...]]]:
    """Yield the settings that edits come to, each with what it is known again by."""
    spelled = words.with_model()
    for template in wanted(edits, words.models):
        value = filled(template.value, spelled)
        # A setting that names itself after each model has that name in its text by now.
        yield template._replace(value=value), traces(template.value, words.by_name())


def _step(path: str, draft: _Draft) -> Step:
    now, mode = draft.now
    after = draft.text.encode() if draft.made else draft.original
    after_mode = draft.mode & ~0o077 if draft.secret else draft.mode
    if draft.original is None:
        after_mode = PRIVATE
    change = Change(Path(path), now, after, mode, after_mode)
    kept = Kept(
        path,
        draft.format,
        draft.original,
        draft.mode,
        digest(after),
        after_mode,
        tuple(draft.made),
        draft.folders,
    )
    return Step(change, kept)


def _text(data: bytes | None, path: str) -> str:
    try:
        return (data or b"").decode()
    except UnicodeDecodeError:
        raise CannotChange(f"{path} is not text in UTF-8, so nothing can be set in it") from None
