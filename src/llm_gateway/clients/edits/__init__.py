"""Settings of applications, edited in place: comments, order, unknown names and every other byte survive.

Each format has an editor that changes a text where it has to; what it made is read again and compared with
what was wanted, so an edit is whole and right, or it is refused with CannotEdit. Texts are as they are on the
disk, with their line endings and their byte order mark. Nothing here opens a file.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from llm_gateway.clients.catalog import Edit, Format
from llm_gateway.clients.edits import dotenv, jsonc, shell, toml, yaml
from llm_gateway.clients.edits.values import (
    MISSING,
    CannotEdit,
    Missing,
    appended,
    at_name,
    dropped,
    get,
    placed,
    same,
)

__all__ = [
    "MISSING",
    "CannotEdit",
    "Missing",
    "Setting",
    "apply",
    "put",
    "read",
    "remove",
    "remove_item",
    "same",
    "wanted",
]

_BOM = "\ufeff"
_MODEL = "{model}"


class _Editor(Protocol):
    def parse(self, text: str) -> object: ...
    def put(self, text: str, at: Sequence[str], value: object) -> str: ...
    def append(self, text: str, at: Sequence[str], item: object) -> str: ...
    def cut(self, text: str, at: Sequence[str]) -> str: ...


_EDITORS: Mapping[Format, _Editor] = {
    "json": jsonc,
    "toml": toml,
    "yaml": yaml,
    "dotenv": dotenv,
    "shell": shell,
}


class Setting(NamedTuple):
    """One value at one place, or, with `append`, one more item of the list there.

    With `if_missing`, what is there already stays.
    """

    at: tuple[str, ...]
    value: object
    append: bool = False
    if_missing: bool = False


def wanted(edits: Iterable[Edit], models: Sequence[str] = ()) -> list[Setting]:
    """Return what edits come to, when these are the models that the gateway serves.

    What is set within a table that an edit before it made is a part of that table.
    """
    made: list[Setting] = []
    for each in (each for edit in edits for each in _expanded(edit, models)):
        around = next((index for index, other in enumerate(made) if _is_within(each, other)), None)
        if around is None:
            made.append(each)
        else:
            table = made[around]
            value = placed(table.value, each.at[len(table.at) :], each.value)
            made[around] = table._replace(value=value)
    return made


def read(format: Format, text: str, at: Sequence[str]) -> object | Missing:
    """Return what a text of settings has at a place, or MISSING; CannotEdit when it cannot be read."""
    return get(_EDITORS[format].parse(text.removeprefix(_BOM)), at)


def apply(format: Format, text: str, edits: Iterable[Edit], models: Sequence[str] = ()) -> str:
    """Return a text of settings with edits made; what is so already stays as it is written."""
    return put(format, text, wanted(edits, models))


def put(format: Format, text: str, values: Iterable[Setting]) -> str:
    """Return a text of settings with values put in their places."""
    editor = _EDITORS[format]
    mark, text = _split(text)
    for at, value, append, if_missing in values:
        tree = editor.parse(text)
        known = get(tree, at)
        if if_missing and known is not MISSING:
            continue
        if append:
            if isinstance(known, list) and any(same(each, value) for each in known):
                continue
            text = _checked(editor, editor.append(text, at, value), appended(tree, at, value), at)
        elif known is MISSING or not same(known, value) or (value is None) != (known is None):
            text = _checked(editor, editor.put(text, at, value), placed(tree, at, value), at)
    return mark + text


def remove(format: Format, text: str, at: Sequence[str], kept: int = 0) -> str:
    """Return a text of settings without what is at a place.

    What is empty around it then goes as well, but for the first `kept` names of the place: these were there
    before.
    """
    editor = _EDITORS[format]
    mark, text = _split(text)
    tree = editor.parse(text)
    if get(tree, at) is MISSING:
        return mark + text
    text = _checked(editor, editor.cut(text, at), dropped(tree, at), at)
    for depth in range(len(at) - 1, kept, -1):
        tree = editor.parse(text)
        if get(tree, at[:depth]) not in ({}, [], None):
            break
        text = _checked(editor, editor.cut(text, at[:depth]), dropped(tree, at[:depth]), at)
    return mark + text


def remove_item(format: Format, text: str, at: Sequence[str], index: int, kept: int = 0) -> str:
    """Return a text of settings without one item of a list, nor the list where that was its last."""
    return remove(format, text, (*at, str(index)), kept)


def _checked(editor: _Editor, text: str, meant: object, at: Sequence[str]) -> str:
    """Return an edited text when it says what is meant, and nothing else that is new."""
    try:
        made = editor.parse(text)
    except CannotEdit:
        made = MISSING
    if made is MISSING or not same(made, meant):
        raise CannotEdit(
            f"{at_name(at)} stands there in a form that cannot be changed safely; set it by hand"
        )
    return text


def _split(text: str) -> tuple[str, str]:
    return (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)


def _expanded(edit: Edit, models: Sequence[str]) -> Iterator[Setting]:
    value = edit.to
    for name in edit.models_in:
        match value:
            case dict() if isinstance(items := value.get(name), list):
                value = {**value, name: [_about(item, model) for model in models for item in items]}
    if not edit.each_model:
        yield Setting(edit.at, value, edit.append, edit.if_missing)
    elif edit.append:
        yield from (Setting(edit.at, _about(value, model), append=True) for model in models)
    elif edit.keyed:
        yield Setting(edit.at, {model: _about(value, model) for model in models})
    else:
        yield Setting(edit.at, [_about(value, model) for model in models])


def _is_within(inner: Setting, outer: Setting) -> bool:
    if inner.append or outer.append or not isinstance(outer.value, dict):
        return False
    return len(inner.at) > len(outer.at) and inner.at[: len(outer.at)] == outer.at


def _about(value: object, model: str) -> object:
    """Return a value with a model's name in its texts."""
    match value:
        case str():
            return value.replace(_MODEL, model)
        case dict():
            return {_about(name, model): _about(each, model) for name, each in value.items()}
        case list():
            return [_about(each, model) for each in value]
        case _:
            return value
