"""Which target answered a conversation last: kept in memory, for a while and for so many, and no longer.

Only a name for another name. Whether it still counts is the choice's; that it does not survive a restart is
no loss: a conversation then goes where a new one would go.
"""

from collections import OrderedDict

__all__ = ["Sticky"]


class Sticky:
    """The conversations that were answered lately, the one that was answered last at the end."""

    def __init__(self, ttl: float, most: int) -> None:
        self._ttl = ttl
        self._most = most
        self._kept: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._kept)

    def use(self, ttl: float, most: int) -> None:
        """Keep them for this long and so many from now on."""
        self._ttl = ttl
        self._most = most

    def target(self, conversation: str, now: float) -> str:
        """Return the name of the target that answered a conversation last, "" when that is not known."""
        kept = self._kept.get(conversation)
        if kept is None:
            return ""
        target, at = kept
        if now - at > self._ttl:
            del self._kept[conversation]
            return ""
        return target

    def answered(self, conversation: str, target: str, now: float) -> None:
        """Remember who answered, and forget who was answered too long ago or is one too many."""
        kept = self._kept
        kept[conversation] = (target, now)
        kept.move_to_end(conversation)
        while len(kept) > self._most or now - next(iter(kept.values()))[1] > self._ttl:
            kept.popitem(last=False)
