"""Bring a database to the schema of this version, one numbered file after another.

An applied file is never edited: its checksum is kept beside its number. Nothing goes back: a database that a
later version has touched is refused.
"""

import hashlib
from collections.abc import Sequence
from importlib import resources
from importlib.resources.abc import Traversable

import msgspec

from llm_gateway.ledger.refusal import LedgerDamaged, LedgerTooNew
from llm_gateway.ledger.store import Row, Statement

__all__ = ["CREATE_TABLE", "READ_TABLE", "Migration", "load_migrations", "pending"]

CREATE_TABLE = (
    "CREATE TABLE IF NOT EXISTS migrations "
    "(number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_us BIGINT NOT NULL)"
)
READ_TABLE = "SELECT number, name, checksum FROM migrations ORDER BY number"
_RECORD = "INSERT INTO migrations (number, name, checksum, applied_us) VALUES (?, ?, ?, ?)"


class Migration(msgspec.Struct, frozen=True):
    """One step: its number, its name and its statements."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """Return what tells this text from any other."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def statements(self, now_us: int) -> list[Statement]:
        """Return the statements and the record that they were run, for one transaction."""
        # Statements are set apart by a semicolon that ends a line; our own files keep to it.
        parts = [part.strip() for part in self.text.split(";\n")]
        run: list[Statement] = [(part, ()) for part in parts if part]
        return [*run, (_RECORD, (self.number, self.name, self.checksum, now_us))]


def load_migrations(folder: Traversable | None = None) -> tuple[Migration, ...]:
    """Return the migrations of this version in order; files are `NNNN_name.sql`, without a gap."""
    folder = folder or resources.files("llm_gateway.ledger") / "migrations"
    texts = {
        each.name: each.read_text(encoding="utf-8") for each in folder.iterdir() if each.name.endswith(".sql")
    }
    found = tuple(
        Migration(int(name[:4]), name.removesuffix(".sql"), texts[name].replace("\r\n", "\n"))
        for name in sorted(texts)
    )
    if [each.number for each in found] != list(range(1, len(found) + 1)):
        raise LedgerDamaged(f"the migrations are not numbered 1 to {len(found)}: {', '.join(sorted(texts))}")
    return found


def pending(known: Sequence[Migration], applied: Sequence[Row], database: str) -> tuple[Migration, ...]:
    """Return what is still to be applied; refuse a database that is ahead of us or was migrated otherwise."""
    if len(applied) > len(known):
        number, name, _ = applied[-1]
        raise LedgerTooNew(
            f"{database}: it was written by a later version of LLM Gateway (migration {number!r}, {name!r}); "
            f"this version knows {len(known)}. Install the later one, or restore a backup from before the "
            "upgrade"
        )
    for migration, (number, name, checksum) in zip(known, applied, strict=False):
        if (migration.number, migration.checksum) != (number, checksum):
            raise LedgerDamaged(
                f"{database}: migration {number!r} ({name!r}) is not the one that this version carries; "
                "the installation or the database was altered. Reinstall LLM Gateway, or restore a backup"
            )
    return tuple(known[len(applied) :])
