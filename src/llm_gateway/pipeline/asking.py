"""What the account of a turn (`turn.py`) needs to know of a request, of its way, and of its target.

Shapes only: who has them is elsewhere.
"""

from typing import Protocol

from llm_gateway.canonical.loss import Loss

__all__ = ["Asking", "Losing", "Sending", "Watched"]


class Losing(Protocol):
    """The way of a request to its target: what is lost on it is told by its end."""

    @property
    def losses(self) -> tuple[Loss, ...]:
        """Return what was lost so far."""
        ...


class Asking(Protocol):
    """What is put on record of a request: its length is that of its body."""

    @property
    def operation(self) -> str:
        """Return what is asked for."""
        ...

    @property
    def model(self) -> str:
        """Return the name of the model as the client used it, "" where it named none."""
        ...

    @property
    def stream(self) -> bool:
        """Return whether a stream is wanted."""
        ...

    def __len__(self) -> int:
        """Return the size of the body in bytes."""
        ...


class Sending(Protocol):
    """A request on its way to a target."""

    @property
    def gone_out(self) -> bool:
        """Return whether whoever is asked may have read all of it."""
        ...


class Watched(Protocol):
    """Who wants to know how the target fares that has answered."""

    def measured(self, seconds: float) -> None:
        """Take note of the time to the first byte of a stream."""
        ...

    def broke_off(self, why: str) -> None:
        """Take note that an answer, once begun, did not come to its end."""
        ...
