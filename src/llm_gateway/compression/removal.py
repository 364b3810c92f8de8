"""What was sent shorter of a request, result by result, as far as its tokens are to be counted.

Not a count (`program.py`) and not where counts are remembered (`pipeline/removals.py`). A conversation's
results are gone through from the last one back to one of which all that lies before is known already.
"""

from collections.abc import Callable

import msgspec

from llm_gateway.canonical.slots import Slots
from llm_gateway.compression.conversation import Compressed

__all__ = ["NOTHING", "Block", "Reach", "Removal", "Shortened"]


class Reach(msgspec.Struct, frozen=True, gc=False):
    """A conversation up to a result that was sent shorter, by its chain, and the bytes saved until there.

    A chain whose results were sent otherwise has other bytes: what was counted of it does not hold.
    """

    chain: bytes = b""
    saved: int = 0


NOTHING = Reach()
"""A conversation before anything of it was sent shorter."""


class Block(msgspec.Struct, frozen=True, gc=False):
    """A result as it came and as it was sent, both as JSON strings."""

    reach: Reach
    raw: bytes
    sent: bytes


class Shortened(msgspec.Struct, frozen=True):
    """What is to be counted: results that a model had read, after those with `known` tokens, and new ones.

    `known` is None where nothing is known of what was read: `read` is all of it then.
    """

    known: int | None
    read: tuple[Block, ...]
    new: tuple[Block, ...]

    @property
    def size(self) -> int:
        """Return how many bytes it takes to remember this."""
        return sum(len(block.raw) + len(block.sent) for block in (*self.read, *self.new))

    @property
    def last(self) -> Reach:
        """Return how far it reaches."""
        return (*self.read, *self.new)[-1].reach


class Removal(msgspec.Struct, frozen=True):
    """A request with its slots, and what became of them."""

    slots: Slots
    encoded: Compressed

    def reaches(self) -> tuple[Reach, Reach]:
        """Return how far what a model had read of it reaches, and all of it."""
        chains, first_new = self.encoded.chains, self.slots.read
        saved = 0
        read = last = -1
        read_saved = 0
        for each in self.encoded.replacements:
            saved += each.size - len(each.literal)
            last = each.slot
            if last < first_new:
                read, read_saved = last, saved
        return (
            Reach(chains[read], read_saved) if read >= 0 else NOTHING,
            Reach(chains[last], saved) if last >= 0 else NOTHING,
        )

    def shortened(self, known: Callable[[Reach], int | None]) -> Shortened:
        """Return what is to be counted, where `known` says of which tokens are."""
        _, whole = self.reaches()
        body, starts, chains = self.slots.body, self.slots.starts, self.encoded.chains
        saved = whole.saved
        read: list[Block] = []
        new: list[Block] = []
        for each in reversed(self.encoded.replacements):
            reach = Reach(chains[each.slot], saved)
            is_read = each.slot < self.slots.read
            if is_read and (tokens := known(reach)) is not None:
                return Shortened(tokens, tuple(reversed(read)), tuple(reversed(new)))
            at = starts[each.slot]
            (read if is_read else new).append(Block(reach, body[at : at + each.size], each.literal))
            saved -= each.size - len(each.literal)
        return Shortened(None if read else 0, tuple(reversed(read)), tuple(reversed(new)))
