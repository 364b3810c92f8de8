"""An answer that is known from its start, handed out at once or, with a pause, piece by piece."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Self

import msgspec

from llm_gateway.wire.headers import Headers

__all__ = ["PreparedAnswer", "refusal"]


class PreparedAnswer:
    """An answer of our own; `pause` seconds pass before each piece."""

    def __init__(self, status: int, headers: Headers, pieces: Sequence[bytes], pause: float = 0.0) -> None:
        self.status = status
        self.headers = headers
        self._left = list(reversed(pieces))
        self._pause = pause

    @classmethod
    def whole(cls, status: int, body: bytes, pause: float = 0.0, extra: Headers | None = None) -> Self:
        """Return an answer of one JSON body."""
        return cls(status, [(b"content-type", b"application/json"), *(extra or ())], [body], pause)

    @classmethod
    def stream(cls, events: Sequence[bytes], pause: float = 0.0) -> Self:
        """Return an answer of server-sent events."""
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
        return cls(200, headers, events, pause)

    async def read(self) -> bytes:
        """Return the next bytes of the body; b"" at its end."""
        if not self._pause:
            return self.take()
        if self._left:
            await asyncio.sleep(self._pause)
        return self._left.pop() if self._left else b""

    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        """Hand each piece to `sink` until it says False or at the end."""
        while (piece := await self.read()) and sink(piece):
            pass

    async def arrive(self) -> None:
        """Wait for nothing: all of it is here."""

    def take(self) -> bytes:
        """Return the bytes that are here already: all of them, or none while a pause lies before them."""
        if self._pause:
            return b""
        data = b"".join(reversed(self._left))
        self._left.clear()
        return data

    @property
    def ended(self) -> bool:
        """Whether nothing is left to read."""
        return not self._left

    def release(self) -> None:
        """Forget what is left."""
        self._left.clear()


def refusal(status: int, message: str, code: str, param: str | None = None) -> PreparedAnswer:
    """Return a refusal in the shape of the `chat` dialect."""
    kind = {429: "rate_limit_error", 500: "server_error"}.get(status, "invalid_request_error")
    error = {"message": message, "type": kind, "param": param, "code": code}
    extra: Headers = [(b"retry-after", b"1")] if status == 429 else []
    return PreparedAnswer.whole(status, msgspec.json.encode({"error": error}), extra=extra)
