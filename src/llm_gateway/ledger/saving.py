"""A copy of the database from before it is migrated, made beside it; `db restore` puts one back.

Only the newest copy of each schema is kept, and of those the last three.
"""

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from llm_gateway.ledger.copying import copy_database
from llm_gateway.ledger.folder import Folder
from llm_gateway.ledger.refusal import LedgerRefused
from llm_gateway.ledger.trouble import trouble

__all__ = ["save", "saved"]

_KEPT = 3


def save(folder: Folder, schema: int, now_us: int, free: Callable[[Path], int] | None = None) -> Path:
    """Copy the database, which has this schema, and return the copy; LedgerRefused says why not."""
    stamp = datetime.fromtimestamp(now_us / 1e6, UTC).strftime("%Y%m%dT%H%M%S")
    target = folder.root / f"schema-{schema}-{stamp}.sqlite3"
    part = folder.root / "schema.part"  # a crash leaves it, and nobody takes it for whole
    needed = 0
    try:
        part.unlink(missing_ok=True)
        needed = _size(folder.database)
        if (free or _free)(folder.root) < needed:
            raise OSError(errno.ENOSPC, "there is less room than that")
        copy_database(folder.database, part)
        os.replace(part, target)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise LedgerRefused(
            f"{folder.database}: it has to be migrated, and is copied to {target} before; that needs "
            f"{needed} bytes and cannot be done: {trouble(error).what} ({error}). Make room there (older "
            f"copies are {folder.root / 'schema-*.sqlite3'}) and start again; nothing was changed"
        ) from error
    _forget(folder, target)
    return target


def saved(folder: Folder) -> list[Path]:
    """Return the copies there are, the newest first."""
    return sorted(folder.root.glob("schema-*-*.sqlite3"), key=lambda path: _parts(path)[1], reverse=True)


def _forget(folder: Folder, newest: Path) -> None:
    schemas = {_parts(newest)[0]}
    for path in saved(folder):
        if path == newest:
            continue
        schema = _parts(path)[0]
        if schema in schemas or len(schemas) == _KEPT:
            path.unlink(missing_ok=True)
        schemas.add(schema)


def _parts(path: Path) -> tuple[str, str]:
    _, schema, stamp = path.stem.rsplit("-", 2)
    return schema, stamp


def _size(database: Path) -> int:
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        ((pages,),) = connection.execute("PRAGMA page_count").fetchall()
        ((each,),) = connection.execute("PRAGMA page_size").fetchall()
    return int(pages) * int(each)


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free
