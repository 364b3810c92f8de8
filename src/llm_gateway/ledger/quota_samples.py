"""What vendors told of subscriptions' quotas, as it is kept: each change of a window, and who drew on what.

Bounded: a window's sample is one row for as long as it is told unchanged, and goes after 90 days. Whose an
account is cannot be told from it. What it means is `pipeline/burning.py` and `pipeline/pools.py`.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.store import Rows, Statement, Store
from llm_gateway.wire.ready import ready

__all__ = [
    "KEPT_US",
    "Draw",
    "Route",
    "Sample",
    "draws",
    "history",
    "keep",
    "kept",
    "latest",
    "put_draws",
    "put_samples",
    "without_older",
]

KEPT_US = 90 * 86_400 * 1_000_000
"""How long what was told is kept."""

Route = Literal["bridge", "login"]


@ready
class Sample(msgspec.Struct, frozen=True):
    """A window of a pool's quota as it was told from `at_us` until `last_us`: the share used, from 0 to 1."""

    pool: str
    name: str
    at_us: int
    last_us: int
    used: float
    resets_us: int = 0
    status: str = ""


@ready
class Draw(msgspec.Struct, frozen=True):
    """Something that draws on a pool: a bridge, or a caller's own login. `status` is what was told last.

    `plan` is the kind of it, where the vendor tells. `person` and `machine` are those of the caller's key, or
    of the companion that the bridge is at.
    """

    pool: str
    provider: str
    route: Route
    caller: str = ""
    person: str = ""
    machine: str = ""
    plan: str = ""
    status: str = ""
    first_us: int = 0
    last_us: int = 0


_SAMPLE = Sample.__struct_fields__
_DRAW = Draw.__struct_fields__
_PUT_SAMPLE = (
    f"INSERT INTO quota_samples ({', '.join(_SAMPLE)}) VALUES ({', '.join('?' * len(_SAMPLE))}) "
    "ON CONFLICT (pool, name, at_us) DO UPDATE SET last_us = excluded.last_us, used = excluded.used, "
    "resets_us = excluded.resets_us, status = excluded.status"
)
_PUT_DRAW = (
    f"INSERT INTO quota_draws ({', '.join(_DRAW)}) VALUES ({', '.join('?' * len(_DRAW))}) "
    "ON CONFLICT (pool, provider, caller) DO UPDATE SET route = excluded.route, person = excluded.person, "
    "machine = excluded.machine, plan = excluded.plan, status = excluded.status, last_us = excluded.last_us"
)
_LATEST = (
    f"SELECT {', '.join(_SAMPLE)} FROM quota_samples AS s WHERE at_us = (SELECT max(at_us) FROM "
    "quota_samples AS o WHERE o.pool = s.pool AND o.name = s.name) ORDER BY pool, name"
)
_HISTORY = f"SELECT {', '.join(_SAMPLE)} FROM quota_samples WHERE last_us >= ? ORDER BY pool, name, at_us"
_DRAWS = f"SELECT {', '.join(_DRAW)} FROM quota_draws ORDER BY pool, provider, caller"


def put_samples(samples: Iterable[Sample]) -> list[Statement]:
    """Return the statements that keep samples; one that goes on takes the place of what was kept of it."""
    return [(_PUT_SAMPLE, msgspec.structs.astuple(each)) for each in samples]


def put_draws(told: Iterable[Draw]) -> list[Statement]:
    """Return the statements that keep who draws on what; since when stays as it was first told."""
    return [(_PUT_DRAW, msgspec.structs.astuple(each)) for each in told]


def without_older(before_us: int) -> list[Statement]:
    """Return the statements that delete what was last told before a time."""
    return [
        ("DELETE FROM quota_samples WHERE last_us < ?", (before_us,)),
        ("DELETE FROM quota_draws WHERE last_us < ?", (before_us,)),
    ]


def latest(rows: Rows) -> list[Sample]:
    """Return the last word on every window of every pool."""
    return [msgspec.convert(dict(zip(_SAMPLE, row, strict=True)), Sample) for row in rows.rows(_LATEST)]


def history(rows: Rows, since_us: int) -> list[Sample]:
    """Return what was told since then, by pool and window, the earliest first."""
    found = rows.rows(_HISTORY, (since_us,))
    return [msgspec.convert(dict(zip(_SAMPLE, row, strict=True)), Sample) for row in found]


def draws(rows: Rows) -> list[Draw]:
    """Return everything that draws on a pool."""
    return [msgspec.convert(dict(zip(_DRAW, row, strict=True)), Draw) for row in rows.rows(_DRAWS)]


async def keep(ledger: Ledger, statements: Sequence[Statement]) -> bool:
    """Write down what is to be kept; False where that cannot be now, which the ledger says itself."""

    def write(store: Store) -> None:
        store.write(statements)

    try:
        await ledger.write(write)
    except (LedgerUnavailable, sqlite3.Error):
        return False
    return True


async def kept(ledger: Ledger) -> tuple[list[Sample], list[Draw]] | None:
    """Return the last word on every window, and everything that draws; None where nothing can be read now."""
    try:
        return await ledger.read(latest), await ledger.read(draws)
    except sqlite3.Error:
        return None
