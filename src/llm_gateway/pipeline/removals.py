"""How many tokens compression took out of conversations: remembered, and counted after the answer.

What is remembered is of a conversation up to a result, in tokens of o200k, so that the next turn, which
carries all that again, knows it at once; also after a restart. Nothing is counted here but by the counting
program. What the tokens come to at a provider, and in which turn, is `recount.py`'s.
"""

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.compression.counter import Counter
from llm_gateway.compression.memory import Memory
from llm_gateway.compression.removal import Block, Reach, Removal, Shortened
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.removals import RemovalRow, keep_removals, removals

__all__ = ["MEMORY", "Counted", "Removals"]

MEMORY = 4 << 20
"""Bytes in which what was counted is remembered: some 20,000 results."""


class Counted(msgspec.Struct, frozen=True, gc=False):
    """Tokens of o200k by which a request was shorter: in what a model had read, and in all of it."""

    read: int
    whole: int


class Removals:
    """What a running gateway has counted. It belongs to one thread."""

    def __init__(self, ledger: Ledger, counter: Counter, clock: Clock, most: int = MEMORY) -> None:
        self._ledger = ledger
        self._counter = counter
        self._clock = clock
        self._memory: Memory[bytes, tuple[int, int]] = Memory(most)
        self._news: dict[bytes, RemovalRow] = {}

    def known(self, reach: Reach) -> int | None:
        """Return the tokens of a conversation up to a result, None where they were not counted yet."""
        if not reach.chain:
            return 0
        found = self._memory.find(reach.chain)
        return found[1] if found is not None and found[0] == reach.saved else None

    def shortened(self, removal: Removal) -> Shortened:
        """Return what is to be counted of a request."""
        return removal.shortened(self.known)

    async def count(self, shortened: Shortened) -> Counted | None:
        """Count, and remember it; None where it cannot be counted, and CounterUnavailable says why not."""
        known, first = await self._nearest(shortened)
        blocks = (*shortened.read[first:], *shortened.new)
        differences = await self._counter.differences([(block.raw, block.sent) for block in blocks])
        if differences is None:
            return None
        whole = read = known
        for number, (block, tokens) in enumerate(zip(blocks, differences, strict=True), first + 1):
            whole += tokens
            if number <= len(shortened.read):
                read = whole
            self._remember(block.reach, whole)
        last = shortened.last
        self._news[last.chain] = RemovalRow(last.chain, last.saved, whole, self._clock.now_us())
        return Counted(read, whole)

    async def keep(self, least: int = 1) -> None:
        """Put on record what was counted since, if it is so much; LedgerUnavailable where that cannot be."""
        if len(self._news) >= least:
            rows, self._news = list(self._news.values()), {}
            await self._ledger.write(lambda store: keep_removals(store, rows))

    async def _nearest(self, shortened: Shortened) -> tuple[int, int]:
        """Return what is known by now, and of how many of the results that were read it is."""
        if shortened.known is not None:
            return self._nearest_remembered(shortened.read) or (shortened.known, 0)
        found = self._nearest_remembered(shortened.read)
        if found is None:
            await self._recall(shortened.read)
            found = self._nearest_remembered(shortened.read)
        return found or (0, 0)

    def _nearest_remembered(self, read: tuple[Block, ...]) -> tuple[int, int] | None:
        for number in range(len(read), 0, -1):
            tokens = self.known(read[number - 1].reach)
            if tokens is not None:
                return tokens, number
        return None

    async def _recall(self, read: tuple[Block, ...]) -> None:
        for row in await self._ledger.read(removals, [block.reach.chain for block in read]):
            self._remember(Reach(row.chain, row.saved), row.tokens)

    def _remember(self, reach: Reach, tokens: int) -> None:
        self._memory.keep(reach.chain, (reach.saved, tokens))
