"""Companions as rows: invited, enrolled, seen, revoked, and which bridges each of them offers.

No secret is here: of a join token its HMAC, of a companion its public key. Who may connect is decided in
`companion/enrolment.py`.
"""

import sqlite3
from collections.abc import Sequence

import msgspec

from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.store import Row, Rows, Statement, Store
from llm_gateway.ledger.trouble import trouble
from llm_gateway.wire.ready import ready

__all__ = [
    "Claim",
    "CompanionRow",
    "Invitation",
    "claim",
    "claims",
    "companions",
    "enrol",
    "invitations",
    "invite",
    "revoke_companion",
    "seen",
    "withdraw",
]

_INVITATION = "digest, machine, person, bridges, created_us, expires_us, used_us"
_COMPANION = "id, machine, person, bridges, public_key, enrolled_us, last_seen_us, revoked_us"
_INVITE = f"INSERT INTO enrolments ({_INVITATION}) VALUES (?, ?, ?, ?, ?, ?, ?)"
_WITHDRAW = "DELETE FROM enrolments WHERE machine = ? AND used_us = 0"
_INVITATIONS = f"SELECT {_INVITATION} FROM enrolments ORDER BY created_us, machine"
_COMPANIONS = f"SELECT {_COMPANION} FROM companions ORDER BY enrolled_us, id"
# One transaction: the token is used up by who gets in, and who gets in has used it up.
_ENROL = (
    f"INSERT INTO companions ({_COMPANION}) "
    "SELECT ?, machine, person, bridges, ?, ?, ?, 0 FROM enrolments "
    "WHERE digest = ? AND used_us = 0 AND expires_us > ? "
    "AND NOT EXISTS (SELECT 1 FROM companions WHERE public_key = ?) "
    "AND NOT EXISTS "
    "(SELECT 1 FROM companions WHERE companions.machine = enrolments.machine AND revoked_us = 0)"
)
_USE_UP = (
    "UPDATE enrolments SET used_us = ? WHERE digest = ? AND used_us = 0 AND expires_us > ? "
    "AND EXISTS (SELECT 1 FROM companions WHERE id = ? AND enrolled_us = ?)"
)
_SEEN = "UPDATE companions SET last_seen_us = ? WHERE id = ? AND last_seen_us < ?"
_REVOKE = "UPDATE companions SET revoked_us = ? WHERE id = ? AND revoked_us = 0"
_UNCLAIM = "DELETE FROM bridge_claims WHERE companion = ?"
_CLAIM = (
    "INSERT INTO bridge_claims (bridge, companion, claimed_us) VALUES (?, ?, ?) "
    "ON CONFLICT (bridge, companion) DO NOTHING"
)
# Of two that offer a bridge from the same moment on, the one that was enrolled first comes first.
_CLAIMS = (
    "SELECT bridge, companion, claimed_us FROM bridge_claims "
    "JOIN companions ON companions.id = bridge_claims.companion WHERE companions.revoked_us = 0 "
    "ORDER BY claimed_us, enrolled_us, companion, bridge"
)


@ready
class Invitation(msgspec.Struct, frozen=True):
    """Leave for one machine to enrol; `bridges` () lets it offer any."""

    digest: bytes
    machine: str
    person: str
    bridges: tuple[str, ...]
    created_us: int
    expires_us: int
    used_us: int = 0


@ready
class CompanionRow(msgspec.Struct, frozen=True):
    """A machine that was enrolled; `id` is the thumbprint of its public key, and time 0 means never."""

    id: str
    machine: str
    person: str
    bridges: tuple[str, ...]
    public_key: bytes
    enrolled_us: int
    last_seen_us: int = 0
    revoked_us: int = 0


@ready
class Claim(msgspec.Struct, frozen=True):
    """That a companion offers a bridge, and since when."""

    bridge: str
    companion: str
    claimed_us: int


def invite(store: Store, invitation: Invitation) -> None:
    """Keep an invitation, in place of one for the same machine that nobody has used."""
    values = [*msgspec.structs.astuple(invitation)]
    values[3] = ",".join(invitation.bridges)
    _write(store, [(_WITHDRAW, (invitation.machine,)), (_INVITE, values)])


def withdraw(store: Store, machine: str) -> bool:
    """Take back what nobody has used; False when there was nothing."""
    return _write(store, [(_WITHDRAW, (machine,))]) != [0]


def invitations(rows: Rows) -> list[Invitation]:
    """Return every invitation, used or not, the oldest first."""
    return [msgspec.convert(_named(Invitation, row), Invitation) for row in _read(rows, _INVITATIONS)]


def companions(rows: Rows) -> list[CompanionRow]:
    """Return every companion there ever was, the first enrolled first."""
    return [msgspec.convert(_named(CompanionRow, row), CompanionRow) for row in _read(rows, _COMPANIONS)]


def enrol(store: Store, digest: bytes, companion_id: str, public_key: bytes, now_us: int) -> bool:
    """Enrol a key by an invitation, which is used up by that; False when nothing was done."""
    enrolled, _ = _write(
        store,
        [
            (_ENROL, (companion_id, public_key, now_us, now_us, digest, now_us, public_key)),
            (_USE_UP, (now_us, digest, now_us, companion_id, now_us)),
        ],
    )
    return enrolled == 1


def seen(store: Store, companion_id: str, now_us: int) -> None:
    """Take note of when a companion was connected last."""
    _write(store, [(_SEEN, (now_us, companion_id, now_us))])


def revoke_companion(store: Store, companion_id: str, now_us: int) -> bool:
    """Let a companion in no longer, and others have its bridges' names; False when it was not let in."""
    revoked, _ = _write(store, [(_REVOKE, (now_us, companion_id)), (_UNCLAIM, (companion_id,))])
    return revoked == 1


def claim(store: Store, companion_id: str, bridges: Sequence[str], now_us: int) -> None:
    """Take note of bridges that a companion offers; what it offered before keeps its time."""
    if bridges:
        _write(store, [(_CLAIM, (bridge, companion_id, now_us)) for bridge in bridges])


def claims(rows: Rows) -> list[Claim]:
    """Return who offers which bridge, the first first; revoked companions offer none."""
    return [msgspec.convert(_named(Claim, row), Claim) for row in _read(rows, _CLAIMS)]


def _write(store: Store, statements: Sequence[Statement]) -> list[int]:
    try:
        return store.write(statements)
    except sqlite3.Error as error:
        raise _unavailable(error) from error


def _read(rows: Rows, sql: str) -> list[Row]:
    try:
        return rows.rows(sql)
    except sqlite3.Error as error:
        raise _unavailable(error) from error


def _unavailable(error: sqlite3.Error) -> LedgerUnavailable:
    told = trouble(error)
    return LedgerUnavailable(f"what is known of companions cannot be kept: {told.what}. {told.way_out}")


def _named(kind: type[msgspec.Struct], row: Row) -> dict[str, object]:
    named: dict[str, object] = dict(zip(kind.__struct_fields__, row, strict=True))
    if isinstance(bridges := named.get("bridges"), str):
        named["bridges"] = tuple(each for each in bridges.split(",") if each)
    return named
