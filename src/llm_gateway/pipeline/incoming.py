"""What the pipeline needs of a request that came in. The HTTP server's exchange has this shape."""

from typing import Protocol

from llm_gateway.wire.headers import Headers

__all__ = ["Incoming", "Memo"]


class Memo(Protocol):
    """What is kept from one request to the next that has the same header section."""

    sender: object


class Incoming(Protocol):
    """A request, and the way to answer it. `headers` have lower-case names; `target` is as sent."""

    method: bytes
    target: bytes
    headers: Headers
    started: bool
    bytes_out: int
    ends_event: bool
    keep_alive: bool
    """Whether the client may be sent comments while a stream of events says nothing; not before it began."""

    @property
    def memo(self) -> Memo:
        """Return what is kept beside this header section."""
        ...

    def whole(self, limit: int) -> bytes | None:
        """Return the body if all of it is here already and within `limit`, else None."""
        ...

    async def body(self, limit: int) -> bytes:
        """Return the whole body as sent; BodyTooLarge when it is over `limit` bytes."""
        ...

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        """Send a whole response."""
        ...

    def begin(self, status: int, headers: bytes, first: bytes = b"") -> None:
        """Send the head of a response of unknown length, and `first` with it."""
        ...

    def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        ...

    def end(self, data: bytes = b"") -> None:
        """Complete the response, with `data` as its last piece."""
        ...

    def abandon(self) -> None:
        """Give up a begun response in a way that the client notices."""
        ...

    @property
    def blocked(self) -> bool:
        """Whether the client is slower than we are."""
        ...

    async def drain(self) -> None:
        """Wait until more may be written."""
        ...
