"""Gateway keys as rows: made, listed, revoked, rotated, limited. Of a key only its HMAC is here.

The same functions serve a running gateway (`ledger.write`, `ledger.read`) and the command line without one.
What a key looks like and how it is digested is `vault.py`.
"""

import msgspec

from llm_gateway.ledger.key_limits import KeyLimits
from llm_gateway.ledger.store import Rows, Statement, Store
from llm_gateway.wire.ready import ready

__all__ = ["KeyRow", "insert", "keep", "limit", "listed", "revoke", "rotate"]

_COLUMNS = (
    "id, name, digest, hint, created_us, expires_us, revoked_us, keep_content_days, content_id, "
    "client, machine, limits, person"
)
_INSERT = f"INSERT INTO keys ({_COLUMNS}) VALUES ({', '.join('?' * 13)})"
_LIST = f"SELECT {_COLUMNS} FROM keys ORDER BY created_us, id"
_REVOKE = "UPDATE keys SET revoked_us = ? WHERE id = ? AND revoked_us = 0"
_KEEP = "UPDATE keys SET keep_content_days = ? WHERE id = ? AND revoked_us = 0"
# A limit holds for a name: for the key that was rotated as for its successor.
_LIMIT = (
    "UPDATE keys SET limits = ? WHERE revoked_us = 0 "
    "AND name = (SELECT name FROM keys WHERE id = ? AND revoked_us = 0)"
)
_EXPIRE = (
    "UPDATE keys SET expires_us = ? WHERE id = ? AND revoked_us = 0 AND (expires_us = 0 OR expires_us > ?)"
)


@ready
class KeyRow(msgspec.Struct, frozen=True):
    """A key as it is stored; `hint` is its last characters, and time 0 means never.

    What is said with it is kept for `keep_content_days`, under `kept_under`. Where it was made for one
    application on one machine, `client` and `machine` say which. `limits` is what it may use, as JSON;
    `person` is whose it is, "" for the gateway's owner.
    """

    id: str
    name: str
    digest: bytes
    hint: str
    created_us: int
    expires_us: int = 0
    revoked_us: int = 0
    keep_content_days: int = 0
    content_id: str = ""
    client: str = ""
    machine: str = ""
    limits: str = ""
    person: str = ""

    @property
    def kept_under(self) -> str:
        """Return the id under which content of this key is kept: that of the first key that it replaced."""
        return self.content_id or self.id

    @property
    def limited(self) -> KeyLimits:
        """Return what the key may use at most."""
        return KeyLimits.read(self.limits)

    def accepted(self, now_us: int) -> bool:
        """Return whether the key opens the door at this time."""
        return not self.revoked_us and (not self.expires_us or now_us < self.expires_us)


def listed(rows: Rows) -> list[KeyRow]:
    """Return all keys, the oldest first, those that are no longer accepted too."""
    names = KeyRow.__struct_fields__
    return [msgspec.convert(dict(zip(names, row, strict=True)), KeyRow) for row in rows.rows(_LIST)]


def insert(store: Store, key: KeyRow) -> None:
    """Add a key."""
    store.write([_insertion(key)])


def revoke(store: Store, key_id: str, now_us: int) -> bool:
    """Accept a key no longer; return False when there is none of this id that was accepted."""
    return store.write([(_REVOKE, (now_us, key_id))]) == [1]


def keep(store: Store, key_id: str, days: int) -> bool:
    """Keep what is said with a key from now on for so many days; False when no such key is accepted."""
    return store.write([(_KEEP, (days, key_id))]) == [1]


def limit(store: Store, key_id: str, limits: KeyLimits) -> bool:
    """Let the keys of a key's name use at most this from now on; False when no such key is accepted."""
    return store.write([(_LIMIT, (limits.stored, key_id))]) != [0]


def rotate(store: Store, key_id: str, successor: KeyRow, until_us: int) -> bool:
    """Add the successor and let the old key expire at `until_us`; False when there is no old one."""
    known = [key for key in listed(store) if key.id == key_id and not key.revoked_us]
    if not known:
        return False
    store.write([_insertion(successor), (_EXPIRE, (until_us, key_id, until_us))])
    return True


def _insertion(key: KeyRow) -> Statement:
    return _INSERT, msgspec.structs.astuple(key)
