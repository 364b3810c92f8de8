"""What compression took out is counted once, and known from then on: by what follows, and after a restart."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from fakes import FakeClock
from ledger_samples import with_ledger
from llm_gateway.compression.counter import Counter
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.removals import removals
from llm_gateway.pipeline.removals import Counted, Removals
from removal_samples import WORDS, removal

FIRST, THIRD = 3, 3  # tokens of o200k by which the first and the third result are shorter
MORE = (*WORDS, ("g h i j k", "g to k"))


class Listening(Counter):
    """Counts, and remembers what."""

    def __init__(self) -> None:
        super().__init__(os.environ)
        self.asked: list[int] = []

    async def differences(self, pairs: Sequence[tuple[bytes, bytes]]) -> tuple[int, ...] | None:
        self.asked.append(len(pairs))
        return await super().differences(pairs)


def play(home: Path, scene: Callable[[Removals, Listening], Awaitable[None]]) -> None:
    async def run(ledger: Ledger) -> None:
        counter = Listening()
        try:
            await scene(Removals(ledger, counter, FakeClock()), counter)
        finally:
            await counter.close()

    assert not asyncio.run(with_ledger(home, run))


def test_what_is_counted_is_known_to_what_follows(tmp_path: Path) -> None:
    async def scene(counted: Removals, counter: Listening) -> None:
        first = removal()
        assert counted.known(first.reaches()[1]) is None and counted.known(first.reaches()[0]) == 0
        assert await counted.count(counted.shortened(first)) == Counted(0, FIRST + THIRD)
        assert counted.known(first.reaches()[1]) == FIRST + THIRD
        after = removal(MORE, read=3)
        assert [counted.known(reach) for reach in after.reaches()] == [FIRST + THIRD, None]
        assert await counted.count(counted.shortened(after)) == Counted(FIRST + THIRD, FIRST + THIRD + 2)
        assert counter.asked == [2, 1]
        back = removal(WORDS[:2], read=1)
        assert [counted.known(reach) for reach in back.reaches()] == [FIRST, FIRST], (
            "wherever it goes on from"
        )

    play(tmp_path, scene)


def test_what_waited_for_the_turn_before_is_not_counted_twice(tmp_path: Path) -> None:
    async def scene(counted: Removals, counter: Listening) -> None:
        one, other = counted.shortened(removal()), counted.shortened(removal(MORE, read=3))
        assert other.known is None and len(other.read) == 2
        await counted.count(one)
        assert await counted.count(other) == Counted(FIRST + THIRD, FIRST + THIRD + 2)
        assert counter.asked == [2, 1]

    play(tmp_path, scene)


def test_it_is_known_after_a_restart(tmp_path: Path) -> None:
    async def before(counted: Removals, counter: Listening) -> None:
        await counted.count(counted.shortened(removal()))
        await counted.keep(2)
        assert not await counted._ledger.read(removals, [b"-2"]), "not worth a transaction yet"
        await counted.keep()
        (row,) = await counted._ledger.read(removals, [b"-0", b"-2"])
        assert (row.chain, row.tokens) == (b"-2", FIRST + THIRD)

    async def after(counted: Removals, counter: Listening) -> None:
        shortened = counted.shortened(removal(MORE, read=3))
        assert shortened.known is None
        assert await counted.count(shortened) == Counted(FIRST + THIRD, FIRST + THIRD + 2)
        assert counter.asked == [1]

    play(tmp_path, before)
    play(tmp_path, after)


def test_what_was_lost_is_counted_again(tmp_path: Path) -> None:
    async def scene(counted: Removals, counter: Listening) -> None:
        assert await counted.count(counted.shortened(removal(MORE, read=3))) == Counted(
            FIRST + THIRD, FIRST + THIRD + 2
        )
        assert counter.asked == [3]

    play(tmp_path, scene)


def test_a_conversation_that_was_sent_otherwise_is_another_one(tmp_path: Path) -> None:
    async def scene(counted: Removals, counter: Listening) -> None:
        await counted.count(counted.shortened(removal()))
        raw = removal((("one to six", "one to six"), *MORE[1:]), read=3)
        assert [counted.known(reach) for reach in raw.reaches()] == [None, None]
        assert await counted.count(counted.shortened(raw)) == Counted(THIRD, THIRD + 2)

    play(tmp_path, scene)


def test_a_database_that_takes_nothing_costs_a_count(tmp_path: Path) -> None:
    async def run(ledger: Ledger) -> None:
        counter = Listening()
        counted = Removals(ledger, counter, FakeClock())
        await ledger.write(lambda store: store.write([("DROP TABLE removals", ())]))
        assert await counted.count(counted.shortened(removal(MORE, read=3))) is not None
        await counter.close()

    assert not asyncio.run(with_ledger(tmp_path, run))


def test_a_text_that_is_none_is_not_counted(tmp_path: Path) -> None:
    async def scene(counted: Removals, counter: Listening) -> None:
        broken = removal((("\ud800", "x"),))
        assert await counted.count(counted.shortened(broken)) is None
        assert counted.known(broken.reaches()[1]) is None

    play(tmp_path, scene)
