"""How many tokens compression took out of conversations, as rows; `pipeline/removals.py` has them counted.

A row is what is known up to a result, by its chain; the last count replaces the one before. What is lost is
counted again.
"""

import sqlite3
from collections.abc import Iterable, Sequence

import msgspec

from llm_gateway.ledger.reader import QueryTooSlow
from llm_gateway.ledger.store import Rows, Store

__all__ = ["RemovalRow", "keep_removals", "prune_removals", "removals"]

_AT_ONCE = 500  # SQLite binds 999 values in a statement where it is old
_READ = "SELECT chain, saved, tokens, at_us FROM removals WHERE chain IN ({0})"
_KEEP = (
    "INSERT INTO removals (chain, saved, tokens, at_us) VALUES (?, ?, ?, ?) ON CONFLICT (chain) "
    "DO UPDATE SET saved = excluded.saved, tokens = excluded.tokens, at_us = excluded.at_us"
)
_PRUNE = "DELETE FROM removals WHERE at_us < ?"


class RemovalRow(msgspec.Struct, frozen=True):
    """The tokens of o200k, and the bytes, that a conversation was sent shorter by up to a result."""

    chain: bytes
    saved: int
    tokens: int
    at_us: int


def removals(reader: Rows, chains: Sequence[bytes]) -> list[RemovalRow]:
    """Return what is known of these; nothing while the database cannot be read: then it is counted again."""
    try:
        return _found(reader, chains)
    except (sqlite3.Error, QueryTooSlow):
        return []


def _found(reader: Rows, chains: Sequence[bytes]) -> list[RemovalRow]:
    found: list[RemovalRow] = []
    for start in range(0, len(chains), _AT_ONCE):
        some = chains[start : start + _AT_ONCE]
        found += (
            RemovalRow(chain, saved, tokens, at_us)
            for chain, saved, tokens, at_us in reader.rows(_READ.format(", ".join("?" * len(some))), some)
            if isinstance(chain, bytes)
            and isinstance(saved, int)
            and isinstance(tokens, int)
            and isinstance(at_us, int)
        )
    return found


def keep_removals(store: Store, rows: Iterable[RemovalRow]) -> None:
    """Keep what is known, for what was kept of the same before."""
    store.write([(_KEEP, (row.chain, row.saved, row.tokens, row.at_us)) for row in rows])


def prune_removals(store: Store, before_us: int) -> int:
    """Delete what was counted before then; who goes on with such a conversation has it counted again."""
    return store.write([(_PRUNE, (before_us,))])[0]
