"""What vendors told of quotas is kept: each change once, for 90 days, and nobody's name."""

import asyncio
import sqlite3
from pathlib import Path

from ledger_samples import with_ledger
from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.quota_samples import (
    Draw,
    Sample,
    draws,
    history,
    keep,
    kept,
    latest,
    put_draws,
    put_samples,
    without_older,
)

FIRST = Sample("account:a", "5 hours", 100, 160, 0.1, 1000, "allowed")
SECOND = Sample("account:a", "5 hours", 200, 200, 0.2, 1000, "allowed")
WEEK = Sample("account:a", "7 days", 100, 200, 0.5)
DRAW = Draw("account:a", "claude-login", "login", "ada", "ada", "mac", "", "allowed", 100, 200)


def test_samples_come_back_in_order_and_the_latest_alone(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        await keep(ledger, put_samples([SECOND, FIRST, WEEK]))
        assert await ledger.read(history, 0) == [FIRST, SECOND, WEEK]
        assert await ledger.read(history, 161) == [SECOND, WEEK]
        assert await ledger.read(latest) == [SECOND, WEEK]

    assert not asyncio.run(with_ledger(tmp_path, scene))


def test_a_sample_that_goes_on_is_one_row(tmp_path: Path) -> None:
    longer = Sample("account:a", "5 hours", 100, 190, 0.1, 1000, "allowed")

    async def scene(ledger: Ledger) -> None:
        await keep(ledger, put_samples([FIRST]))
        await keep(ledger, put_samples([longer]))
        assert await ledger.read(history, 0) == [longer]

    assert not asyncio.run(with_ledger(tmp_path, scene))


def test_who_draws_is_kept_with_when_it_began(tmp_path: Path) -> None:
    later = Draw("account:a", "claude-login", "login", "ada", "eve", "pc", "max", "rejected", 300, 400)

    async def scene(ledger: Ledger) -> None:
        await keep(ledger, put_draws([DRAW]))
        await keep(ledger, put_draws([later]))
        (kept,) = await ledger.read(draws)
        assert (kept.first_us, kept.last_us) == (100, 400)
        assert (kept.person, kept.machine, kept.plan, kept.status) == ("eve", "pc", "max", "rejected")

    assert not asyncio.run(with_ledger(tmp_path, scene))


def test_what_is_old_goes(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        await keep(ledger, put_samples([FIRST, SECOND]) + put_draws([DRAW]))
        await keep(ledger, without_older(200))
        assert await ledger.read(history, 0) == [SECOND]
        assert await ledger.read(draws) == [DRAW]
        await keep(ledger, without_older(201))
        assert (await ledger.read(history, 0), await ledger.read(draws)) == ([], [])

    assert not asyncio.run(with_ledger(tmp_path, scene))


def test_a_ledger_that_takes_nothing_is_no_failure(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        assert await keep(ledger, put_samples([FIRST]))
        assert await kept(ledger) == ([FIRST], [])
        assert not await keep(ledger, [("INSERT INTO nothing VALUES (?)", (1,))])
        for error in (LedgerUnavailable("no"), sqlite3.OperationalError("locked")):

            async def refuse(*_: object, error: Exception = error) -> None:
                raise error

            ledger.write = ledger.read = refuse  # type: ignore[method-assign, assignment]
            assert not await keep(ledger, put_samples([FIRST]))
        assert await kept(ledger) is None

    assert not asyncio.run(with_ledger(tmp_path, scene))
