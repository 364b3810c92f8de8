"""What carries a link: whole binary messages, both ways, whoever has dialled."""

from typing import Protocol

__all__ = ["Socket"]


class Socket(Protocol):
    """An open WebSocket for binary messages. `http.websocket` has the gateway's, `dialing` a companion's."""

    def send(self, message: bytes) -> None:
        """Send a message; nothing once it closes."""
        ...

    @property
    def blocked(self) -> bool:
        """Whether more is waiting to be sent than the other side takes; `drain` before the next message."""
        ...

    async def drain(self) -> None:
        """Wait until the other side has taken enough for more to be sent."""
        ...

    async def receive(self) -> bytes | None:
        """Return the next message; None when there will be no more."""
        ...

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye."""
        ...
