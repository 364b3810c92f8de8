"""What was counted of conversations: found by its chain, replaced by what is counted later, let go of."""

import asyncio
from pathlib import Path

from ledger_samples import with_ledger
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.removals import RemovalRow, keep_removals, prune_removals, removals


def row(number: int, tokens: int = 7, at_us: int = 1) -> RemovalRow:
    return RemovalRow(b"%16d" % number, 30, tokens, at_us)


def test_the_last_count_stands(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        many = [row(number) for number in range(1200)]
        await ledger.write(lambda store: keep_removals(store, many))
        await ledger.write(lambda store: keep_removals(store, [row(3, -2), row(3, 9)]))
        assert await ledger.read(removals, [row(3).chain, row(2000).chain]) == [row(3, 9)]
        assert len(await ledger.read(removals, [each.chain for each in many])) == 1200

    async def after(ledger: Ledger) -> None:
        assert await ledger.read(removals, [row(3).chain]) == [row(3, 9)]

    assert not asyncio.run(with_ledger(tmp_path, scene))
    assert not asyncio.run(with_ledger(tmp_path, after))


def test_what_is_old_goes(tmp_path: Path) -> None:
    async def scene(ledger: Ledger) -> None:
        await ledger.write(lambda store: keep_removals(store, [row(1, at_us=5), row(2, at_us=6)]))
        assert await ledger.write(lambda store: prune_removals(store, 6)) == 1
        assert await ledger.read(removals, [row(1).chain, row(2).chain]) == [row(2, at_us=6)]

    assert not asyncio.run(with_ledger(tmp_path, scene))
