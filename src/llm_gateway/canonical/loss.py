"""What a client said that another dialect cannot say. Reported with every translation, never silent."""

import msgspec

__all__ = ["Loss", "Losses", "named"]

_MOST_NAMED = 20


class Loss(msgspec.Struct, frozen=True, order=True):
    """One thing that did not get through: `what` names the field, `why` the reason in a few words.

    `what` is made of names from the protocol alone (`top_k`, `tools.web_search`, `messages.audio`), never
    of what a client wrote: it goes to the ledger, a header and a metric.
    """

    what: str
    why: str


class Losses:
    """The losses of one translation, each told once, in the order in which they were met."""

    __slots__ = ("_met",)

    def __init__(self) -> None:
        self._met: dict[str, Loss] = {}

    def add(self, what: str, why: str) -> None:
        """Take note of a loss; the same thing lost again is told once."""
        self._met.setdefault(what, Loss(what, why))

    def found(self) -> tuple[Loss, ...]:
        """Return what was lost."""
        return tuple(self._met.values())


def named(losses: tuple[Loss, ...]) -> str:
    """Return the names of losses in one line; of very many the first."""
    names = [loss.what for loss in losses[:_MOST_NAMED]]
    more = [f"and {len(losses) - _MOST_NAMED} more"] if len(losses) > _MOST_NAMED else []
    return ", ".join(names + more)
