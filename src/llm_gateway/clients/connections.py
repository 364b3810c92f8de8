"""What is told of a connection of an application on this machine, and why there can be none.

Values alone, so that whoever shows them need not load what makes them: that reads and writes the files of
applications, and is in `connect/`.
"""

from typing import Literal

import msgspec

__all__ = ["Asked", "CannotConnect", "Connection", "FileShown", "Kind", "Opening", "PutBack"]

Kind = Literal["unknown", "refused", "offline", "failed", "changed"]


class CannotConnect(Exception):
    """An application that cannot be connected or put back: what is in the way, and what helps.

    `unknown`: there is no such application. `refused`: it takes no other address, or not in this way.
    `offline`: a gateway that runs is needed. `changed`: a file is not as it has to be. `failed`: all else.
    """

    def __init__(self, kind: Kind, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.message = message
        self.hint = hint


class Asked(msgspec.Struct, frozen=True):
    """How an application is to be connected: by which way, "" for its usual one, and to which model."""

    way: Literal["key", "login", ""] = ""
    model: str = ""
    telemetry: bool = False


class Opening(msgspec.Struct, frozen=True):
    """What has to be found out before there can be a plan: which application is meant, and what it needs.

    `key_id` is the key that it has, "" where it has none that is known.
    """

    client: str
    key_id: str = ""
    needs_models: bool = False


class FileShown(msgspec.Struct, frozen=True):
    """A file as a plan shows it: `made`, `changed`, `removed` or `kept`, and the lines that go and come."""

    path: str
    becomes: str
    diff: str


class PutBack(msgspec.Struct, frozen=True):
    """What becomes of the files when the connection is undone, and which of them cannot be put right."""

    files: tuple[FileShown, ...] = ()
    said: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class Connection(msgspec.Struct, frozen=True):
    """How an application is connected on this machine, and what connecting it would change.

    `settings` is "" where it is not connected, else whether what was set is `as written`, `rewritten` by
    somebody or `gone`; `missing` are the settings that are not as they were made. `plan` names exactly what
    is shown here; it is "" where `why` says that nothing can be done. `steps` are left to a person;
    `takes_model`, whether it is set to a model.
    """

    client: str
    label: str
    way: str = ""
    ways: tuple[str, ...] = ()
    possible: bool = False
    why: str = ""
    hint: str = ""
    connected: bool = False
    connected_way: str = ""
    connected_at: str | None = None
    settings: str = ""
    missing: tuple[str, ...] = ()
    takes_model: bool = False
    changes: bool = False
    files: tuple[FileShown, ...] = ()
    said: tuple[str, ...] = ()
    note: str = ""
    restart: bool = False
    steps: tuple[str, ...] = ()
    command: str = ""
    plan: str = ""
    undo: PutBack = PutBack()
