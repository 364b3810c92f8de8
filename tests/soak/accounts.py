"""The ledger held against what clients saw: every answer once, settled, with the tokens that were used."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Account", "Row", "Told", "compare", "rows"]

_FAILED = {"error", "truncated"}
_OUTCOMES = {
    "right answer": {"ok"},
    "broken off": _FAILED,
    "left": {"cancelled", "ok"},
    "truncated": {"ok", "truncated"},
    "cut": _FAILED,
}
# Whose clients may have left before they had the id that the ledger knows.
_UNSEEN = ("left",)


@dataclass(frozen=True, slots=True)
class Told:
    """What a client was told of one request.

    `tokens` are what its upstream used, `tried` is how often one was asked; `spoilt` says that the last of
    them did not answer well, which a client that has left does not know.
    """

    request_id: str
    seen: str
    tokens: tuple[int, int]
    tried: int
    spoilt: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """What the ledger says of one request; `outcome` is None while it runs."""

    request_id: str
    outcome: str | None
    tokens: tuple[int, int]
    estimated: bool
    providers: tuple[str, ...] = ()


@dataclass
class Account:
    """What the comparison found."""

    rows: int = 0
    exact: int = 0
    tokens_told: int = 0
    tokens_kept: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Each thing that does not agree, in words."""


def rows(database: Path) -> list[Row]:
    """Return all requests of a ledger that nobody writes any more."""
    query = "SELECT id, outcome, uncached + cache_read + cache_write, output, estimated, attempts FROM turns"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return [
            Row(request_id, outcome, (tokens_in or 0, tokens_out or 0), bool(estimated), _providers(tried))
            for request_id, outcome, tokens_in, tokens_out, estimated, tried in connection.execute(query)
        ]


def compare(told: Iterable[Told], kept: Sequence[Row], unseen: int, gone: str) -> Account:
    """Hold the rows against what clients were told.

    `unseen` requests may be on record that no client knows the id of: it left before it had one. `gone` is
    the provider that nobody could reach, which counts no tries of its own.
    """
    account = Account(rows=len(kept), outcomes=Counter(str(row.outcome) for row in kept))
    by_id: Mapping[str, Row] = {row.request_id: row for row in kept}
    if len(by_id) != len(kept):
        account.wrong.append(f"{len(kept) - len(by_id)} requests are on record twice")
    account.wrong += [f"{row.request_id} is still open" for row in kept if row.outcome is None]
    known: set[str] = set()
    for each in told:
        if each.request_id in known:
            account.wrong.append(f"{each.request_id} was given to two answers")
        known.add(each.request_id)
        row = by_id.get(each.request_id)
        if row is None:
            account.wrong.append(f"{each.request_id} ({each.seen}) is not in the ledger")
            continue
        account.wrong += _differences(each, row, gone)
        if each.seen == "right answer" and not row.estimated:
            account.exact += 1
            account.tokens_told += sum(each.tokens)
            account.tokens_kept += sum(row.tokens)
    if (others := len(by_id.keys() - known)) > unseen:
        account.wrong.append(f"{others} requests are on record that nobody sent; {unseen} could be")
    return account


def _differences(told: Told, row: Row, gone: str) -> Iterable[str]:
    """Return what does not agree, in words."""
    name = f"{told.request_id} ({told.seen})"
    may_be = _OUTCOMES.get(told.seen, _FAILED)
    if told.seen == "left" and told.spoilt:
        may_be = may_be | _FAILED
    if row.outcome not in may_be:
        yield f"{name} is on record as {row.outcome}"
    if told.seen == "right answer":
        if row.estimated:
            yield f"{name} is on record with a guess"
        elif row.tokens != told.tokens:
            yield f"{name} used {told.tokens} tokens, and is on record with {row.tokens}"
    tried = sum(1 for provider in row.providers if provider != gone)
    if told.seen not in _UNSEEN and tried != told.tried:
        yield f"{name} was tried {told.tried} times, and is on record with {row.providers}"


def _providers(attempts: str | None) -> tuple[str, ...]:
    return tuple(str(each["provider"]) for each in json.loads(attempts or "[]"))
