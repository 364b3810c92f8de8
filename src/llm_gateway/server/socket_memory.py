"""What one connection remembers of its answers, so that the next request may send what is new alone.

Items are JSON texts, shared between the answers that go on from each other. Nothing of it outlives the
connection, is written down or is seen by another one.
"""

from collections import OrderedDict

from llm_gateway.server.conversation import Items

__all__ = ["Memory"]

_MOST_ANSWERS = 1000  # for what each costs beside its bytes


class Memory:
    """The conversations that led to the latest answers.

    Above `most` bytes the oldest are forgotten; one that is larger alone is not kept.
    """

    __slots__ = ("_held", "_kept", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[str, tuple[Items, int]] = OrderedDict()
        self._held = 0

    @property
    def most(self) -> int:
        """Return how many bytes are kept at most."""
        return self._most

    def recall(self, response_id: str) -> Items | None:
        """Return the whole conversation up to this answer and with it; None when it is not kept."""
        kept = self._kept.get(response_id)
        return None if kept is None else kept[0]

    def keep(self, response_id: str, items: Items) -> None:
        """Keep the conversation that led to an answer, the answer included."""
        self.forget(response_id)
        size = sum(map(len, items)) + len(response_id)
        if size > self._most:
            return
        self._kept[response_id] = (items, size)
        self._held += size
        while self._held > self._most or len(self._kept) > _MOST_ANSWERS:
            self.forget(next(iter(self._kept)))

    def forget(self, response_id: str) -> None:
        """Let a conversation go, where it is kept."""
        kept = self._kept.pop(response_id, None)
        if kept is not None:
            self._held -= kept[1]
