"""An application connected for somebody who sits elsewhere in this program: looked at, carried out, undone.

Everything here reads or writes files and belongs in a thread. Nothing is asked of the ledger, and no key is
made or ended: whoever calls does that. What is handed back can be shown to anybody: it holds no key.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from llm_gateway.clients.catalog import Client
from llm_gateway.clients.connect.applying import apply, stands
from llm_gateway.clients.connect.files import CannotChange
from llm_gateway.clients.connect.own_key import (
    PLACEHOLDER,
    OwnKey,
    forget_own_key,
    keep_own_key,
    name_of_key,
    read_own_key,
)
from llm_gateway.clients.connect.planning import Plan, Wish, Words, needs_models, plan
from llm_gateway.clients.connect.record import Record, read_record
from llm_gateway.clients.connect.telling import files_of, put_back, steps_left
from llm_gateway.clients.connect.undoing import state, undo
from llm_gateway.clients.connect.wishing import connectable, row_for, wish_for, words_for
from llm_gateway.clients.connections import Asked, CannotConnect, Connection, Opening
from llm_gateway.clients.machine import Machine, this_machine
from llm_gateway.errors import ConfigError

__all__ = ["Desk", "Surroundings"]

T = TypeVar("T")


class Surroundings(msgspec.Struct, frozen=True):
    """What a plan has to know of the gateway: its address, its models, and the key if it is accepted."""

    base: str
    models: Sequence[str] = ()
    accepted: bool = False


class _Planned(msgspec.Struct, frozen=True):
    wish: Wish
    words: Words
    plan: Plan
    record: Record | None


class Desk:
    """The connections of the machine and the user that this program runs as.

    A plan is known again by its digest, which nobody can reckon without `pepper`: it is of what the files
    hold, and that may be a secret.
    """

    def __init__(self, home: Path, environ: Mapping[str, str], pepper: bytes) -> None:
        self._home = home
        self._machine: Machine = this_machine(environ, ())
        self._pepper = pepper

    def surroundings(self, base: str, models: Sequence[str], *, accepted: bool) -> Surroundings:
        """Return what a plan has to know of the gateway."""
        return Surroundings(base, tuple(models), accepted)

    def name_of_key(self, client: str, machine: str) -> str:
        """Return what a key is called that is made for an application of this machine."""
        return name_of_key(client, machine)

    def open(self, client: str, asked: Asked) -> Opening:
        """Return what has to be found out for a plan; CannotConnect where no such application is known."""
        row, _ = row_for(client)
        known = _checked(lambda: read_own_key(self._home, row.id))
        try:
            needed = needs_models(_wish(row, asked))
        except CannotConnect:
            needed = False  # and why, the look says
        return Opening(row.id, known.id if known else "", needed)

    def look(self, client: str, asked: Asked, around: Surroundings) -> Connection:
        """Return how an application is connected, and what connecting it as asked would change."""
        row, said = row_for(client)
        shown = self._shown(row)
        try:
            planned = self._plan(row, asked, around, self._key(row, around))
        except CannotConnect as error:
            hint = error.hint or f"`{_command(row, asked)}` says the same"
            return msgspec.structs.replace(shown, why=error.message, hint=hint, said=_some(said))
        wish = planned.wish
        unspoken = msgspec.structs.replace(planned.words, key=f"(`{_command(row, asked)}` prints it)")
        return msgspec.structs.replace(
            shown,
            way=wish.name,
            possible=True,
            takes_model=needs_models(wish),
            changes=planned.plan.changes,
            files=tuple(files_of(planned.plan, self._machine)),
            said=(*_some(said), *planned.plan.said),
            note=wish.way.note,
            restart=wish.way.restart,
            steps=tuple(steps_left(wish, unspoken)),
            command=_command(row, asked),
            plan=self._digest(planned),
        )

    def carry_out(
        self, shown: tuple[str, Asked, str], around: Surroundings, made: tuple[str, str] | None, at_us: int
    ) -> bool:
        """Carry out what was shown: an application, how it was asked for, and the digest of its plan.

        `made` is a key, behind its id, that was made for it just now and is kept; None where it goes on with
        its own. Return whether anything was left to do. CannotConnect when the plan is another one by now;
        then no setting is changed.
        """
        client, asked, digest = shown
        row, _ = row_for(client)
        known = self._key(row, around)
        before = self._plan(row, asked, around, known)
        self._same(before, digest)
        key = OwnKey(*made) if made else known
        if key is None:
            raise _another()
        if made:
            keep_own_key(self._home, row.id, key)
        planned = self._plan(row, asked, around, key)
        if _befores(planned.plan) != _befores(before.plan):
            raise _another()
        if stands(planned.plan, planned.record, key.id):
            return False
        try:
            apply(planned.plan, self._home, key.id, at_us)
        except CannotChange as error:
            hint = f"`llm-gateway disconnect {row.id}` takes back what was done"
            raise CannotConnect("changed", str(error), hint) from None
        return True

    def check(self, client: str, asked: Asked, around: Surroundings, digest: str) -> None:
        """Return if a plan is still the one that was shown; CannotConnect when it is another one."""
        row, _ = row_for(client)
        self._same(self._plan(row, asked, around, self._key(row, around)), digest)

    def keys_of(self, client: str) -> frozenset[str]:
        """Return the ids of the keys that a connection has; CannotConnect where there is no connection."""
        row, _ = row_for(client)
        record = _checked(lambda: read_record(self._home, row.id))
        known = _checked(lambda: read_own_key(self._home, row.id))
        if record is None and known is None:
            raise CannotConnect("failed", f"{row.label} is not connected", "nothing has to be put back")
        return frozenset({record.key_id if record else "", known.id if known else ""} - {""})

    def put_back(self, client: str) -> tuple[str, ...]:
        """Undo a connection, and return what is to be said of it.

        CannotConnect names the files that could not be put right; what could be is, and the record stays.
        """
        row, _ = row_for(client)
        record = _checked(lambda: read_record(self._home, row.id))
        if record is None:
            return ()
        undone = undo(record, self._home)
        if undone.failed:
            raise CannotConnect(
                "changed", "; ".join(undone.failed), f"then `llm-gateway disconnect {row.id}`"
            )
        return undone.said

    def forget_key(self, client: str) -> None:
        """Keep the key of an application no longer; it has been ended."""
        forget_own_key(self._home, row_for(client)[0].id)

    # details

    def _shown(self, row: Client) -> Connection:
        """Return how an application is connected, without a plan."""
        record = _checked(lambda: read_record(self._home, row.id))
        shown = Connection(row.id, row.label, ways=tuple(row.ways))
        if record is None:
            return shown
        now = state(record)
        return msgspec.structs.replace(
            shown,
            connected=True,
            connected_way=record.way,
            connected_at=_iso(record.at_us),
            settings=now.name if record.files else "",
            missing=now.missing,
            undo=put_back(record, self._machine),
        )

    def _key(self, row: Client, around: Surroundings) -> OwnKey | None:
        return _checked(lambda: read_own_key(self._home, row.id)) if around.accepted else None

    def _plan(self, row: Client, asked: Asked, around: Surroundings, key: OwnKey | None) -> _Planned:
        wish = _wish(row, asked)
        words = words_for(
            wish, key.key if key else PLACEHOLDER, around.base, around.models, asked.model or None
        )
        record = _checked(lambda: read_record(self._home, row.id))
        try:
            planned = plan(wish, self._machine, words, self._home, record)
        except CannotChange as error:
            raise CannotConnect("changed", str(error)) from None
        return _Planned(wish, words, planned, record)

    def _same(self, planned: _Planned, digest: str) -> None:
        if not hmac.compare_digest(self._digest(planned).encode(), digest.encode()):
            raise _another()

    def _digest(self, planned: _Planned) -> str:
        """Return what a plan is known again by: of every file what it is and what it becomes."""
        record = planned.record
        said = (
            (planned.wish.row.id, planned.wish.name, planned.wish.telemetry),
            (record.way, record.key_id, record.at_us) if record else None,
            [
                (str(each.change.path), each.change.before, each.change.after, each.change.mode)
                for each in planned.plan.steps
            ],
        )
        return hmac.new(self._pepper, repr(said).encode(), hashlib.sha256).hexdigest()


def _wish(row: Client, asked: Asked) -> Wish:
    return wish_for(connectable(row), asked.way or None, telemetry=asked.telemetry)


def _befores(planned: Plan) -> list[tuple[Path, bytes | None, int]]:
    return [(step.change.path, step.change.before, step.change.mode) for step in planned.steps]


def _another() -> CannotConnect:
    return CannotConnect(
        "changed",
        "the plan is another one by now: a file, a key or the models were changed since it was shown; "
        "nothing was done",
        "look at the plan again",
    )


def _command(row: Client, asked: Asked) -> str:
    """Return the command that does the same."""
    way = f" --way {asked.way}" if asked.way and asked.way != "key" else ""
    return f"llm-gateway connect {row.id}{way}{' --telemetry' if asked.telemetry else ''}"


def _some(said: str) -> tuple[str, ...]:
    return (said,) if said else ()


def _iso(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _checked(read: Callable[[], T]) -> T:
    """Return what is kept; CannotConnect where that cannot be read."""
    try:
        return read()
    except ConfigError as error:
        raise CannotConnect("failed", str(error)) from None
