"""Sessions of the dashboard as rows: begun, seen, ended, and forgotten when their time is over.

No secret is here: of a cookie its SHA-256. Whether a session counts is decided in `server/sessions.py`.
"""

import sqlite3
from collections.abc import Sequence
from typing import Literal

import msgspec

from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.store import Rows, Statement, Store
from llm_gateway.ledger.trouble import trouble
from llm_gateway.wire.ready import ready

__all__ = ["How", "SessionRow", "add_session", "end_sessions", "session_seen", "sessions"]

How = Literal["link", "token", "oidc"]
"""How somebody signed in: a one-time link, the dashboard token, or a provider of logins."""

_SESSION = "id, digest, how, who, agent, created_us, seen_us, expires_us, revoked_us"
_ADD = f"INSERT INTO dashboard_sessions ({_SESSION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FORGET = "DELETE FROM dashboard_sessions WHERE expires_us <= ?"
_SEEN = "UPDATE dashboard_sessions SET seen_us = ? WHERE id = ? AND seen_us < ?"
_END = "UPDATE dashboard_sessions SET revoked_us = ? WHERE id = ? AND revoked_us = 0"
_SESSIONS = f"SELECT {_SESSION} FROM dashboard_sessions WHERE revoked_us = 0 ORDER BY created_us, id"


@ready
class SessionRow(msgspec.Struct, frozen=True):
    """A browser that is signed in; `agent` is what it calls itself, `who` "" where nobody said."""

    id: str
    digest: bytes
    how: How
    who: str
    agent: str
    created_us: int
    seen_us: int
    expires_us: int
    revoked_us: int = 0


def add_session(store: Store, row: SessionRow) -> None:
    """Keep a session that begins, and forget those whose time was over before."""
    _write(store, [(_FORGET, (row.created_us,)), (_ADD, msgspec.structs.astuple(row))])


def session_seen(store: Store, session_id: str, now_us: int) -> None:
    """Take note of when a session was used last."""
    _write(store, [(_SEEN, (now_us, session_id, now_us))])


def end_sessions(store: Store, ids: Sequence[str], now_us: int) -> None:
    """Let these sessions count no longer."""
    _write(store, [(_END, (now_us, each)) for each in ids])


def sessions(rows: Rows) -> list[SessionRow]:
    """Return every session that nobody has ended, the oldest first; some may be over all the same."""
    names = SessionRow.__struct_fields__
    try:
        found = rows.rows(_SESSIONS)
    except sqlite3.Error as error:
        raise _unavailable(error) from error
    return [msgspec.convert(dict(zip(names, row, strict=True)), SessionRow) for row in found]


def _write(store: Store, statements: Sequence[Statement]) -> None:
    try:
        store.write(statements)
    except sqlite3.Error as error:
        raise _unavailable(error) from error


def _unavailable(error: sqlite3.Error) -> LedgerUnavailable:
    told = trouble(error)
    return LedgerUnavailable(f"who is signed in cannot be kept: {told.what}. {told.way_out}")
