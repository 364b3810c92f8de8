"""Copy the database, consistent in itself, while a gateway writes to it or not."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from llm_gateway.ledger.folder import NO_FOLLOW, Folder
from llm_gateway.ledger.refusal import LedgerRefused

__all__ = ["copy", "copy_database"]


def copy(home: Path, target: Path) -> int:
    """Copy the ledger of a home to a new private file and return its size; LedgerRefused says why not.

    What the gateway wrote in the last quarter of a second may be in its journal only, and is then not copied.
    """
    source = Folder(home).database
    if not source.exists():
        raise LedgerRefused(f"{source}: there is no ledger yet; `llm-gateway up` makes one")
    try:
        copy_database(source, target)
    except OSError as error:
        raise LedgerRefused(f"{target}: a copy cannot be made there: {error.strerror}") from error
    except sqlite3.Error as error:
        raise LedgerRefused(f"{source}: it cannot be copied: {error}") from error
    return target.stat().st_size


def copy_database(source: Path, target: Path) -> None:
    """Copy one database to a new private file, which is there whole or not at all.

    OSError says that the file cannot be made, sqlite3.Error that the copy cannot.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW, 0o600))
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as reader,
            closing(sqlite3.connect(target)) as writer,
        ):
            reader.backup(writer)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
