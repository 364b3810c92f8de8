"""What a WebSocket is to its connection and its handler, without what reads and writes its frames.

That is loaded with the first upgrade: most gateways never see one, and it costs a tenth of a start.
"""

from collections.abc import Callable
from typing import Protocol

from llm_gateway.http.limits import Limits

__all__ = ["GOING_AWAY", "NORMAL", "RESTARTING", "VERSION", "Carrier", "Switched"]

NORMAL, GOING_AWAY, RESTARTING = 1000, 1001, 1012
VERSION = b"13"


class Switched(Protocol):
    """What a connection hands its bytes to once it is no longer HTTP."""

    def received(self, data: bytes) -> None:
        """Read what came."""
        ...

    def resumed(self) -> None:
        """Take note that the client reads again."""
        ...

    def expire(self) -> None:
        """Act on a time in which nothing was heard."""
        ...

    def go_away(self, farewell: int = GOING_AWAY) -> None:
        """Let the handler close after what it is at."""
        ...

    def abandon(self) -> None:
        """Close for a defect of ours, unless the handler has closed."""
        ...


class Carrier(Protocol):
    """What a WebSocket needs from its connection."""

    paused: bool

    @property
    def limits(self) -> Limits:
        """Return the bounds of the listener."""
        ...

    def carry(self, socket: Switched) -> None:
        """Hand every byte that comes from now on, and those that came early, to `socket`."""
        ...

    def send(self, data: bytes) -> None:
        """Write bytes to the client."""
        ...

    async def drained(self) -> None:
        """Wait until the client has taken what was written."""
        ...

    def pause_body(self) -> None:
        """Stop reading."""
        ...

    def resume_reading(self) -> None:
        """Read again."""
        ...

    def within(self, seconds: float) -> None:
        """Call `expire` if nothing else is heard for so many seconds."""
        ...

    def now(self) -> float:
        """Return the time, in seconds from anywhere."""
        ...

    def soon(self, go_on: Callable[[], None]) -> None:
        """Call `go_on` in the next turn of the loop, unless the connection closes."""
        ...

    def hang_up(self) -> None:
        """Cancel the handler and close: nobody listens any more."""
        ...
