"""One stream of a link as whoever asks on it sees it, and as whoever answers: waiting, reading, letting go.

The rules of what may be said are in `channel.py`; which happenings are a stream's is told by `link.py`.
"""

import asyncio
from typing import Protocol

from llm_gateway.companion.frames import Head, Open, Wrong

__all__ = ["Call", "Carriage", "FlowBroken", "Visit"]


class Carriage(Protocol):
    """What a stream needs of its link."""

    def put(self, stream: int, data: memoryview) -> int:
        """Send of these bytes what there is credit for, and return how many that was."""
        ...

    async def room(self) -> None:
        """Wait while the socket takes nothing."""
        ...

    def begin(self, stream: int, head: Head) -> None:
        """Send the head of an answer."""
        ...

    def finish(self, stream: int) -> None:
        """Say that all is said."""
        ...

    def fail(self, stream: int, wrong: Wrong) -> None:
        """End an answer before its end."""
        ...

    def cancel(self, stream: int) -> None:
        """Want no more of a call."""
        ...

    def consumed(self, stream: int, size: int) -> None:
        """Take note of what was read."""
        ...


class FlowBroken(Exception):
    """A stream ended before its end: `wrong` says why."""

    def __init__(self, wrong: Wrong) -> None:
        super().__init__(wrong.message or wrong.kind)
        self.wrong = wrong


class _Flow:
    """What both sides of a stream have in common: what has come, and what may be sent."""

    def __init__(self, carriage: Carriage, stream: int) -> None:
        self._carriage = carriage
        self._stream = stream
        self._came: list[bytes] = []
        self._moved = asyncio.Event()
        self.complete = False
        """Whether all that the other side has to say is here."""
        self.wrong: Wrong | None = None
        """Why the stream ended before its end."""

    # from the link

    def came(self, data: bytes) -> None:
        """Take what has come."""
        self._came.append(data)
        self._moved.set()

    def ended(self) -> None:
        """Take note that nothing more will come."""
        self.complete = True
        self._moved.set()

    def broke(self, wrong: Wrong) -> None:
        """Take note that the stream is over before its end."""
        if not self.complete and self.wrong is None:
            self.wrong = wrong
        self._moved.set()

    def roomier(self) -> None:
        """Take note that more may be sent."""
        self._moved.set()

    # details

    @property
    def _takes_no_more(self) -> bool:
        """Whether what is sent would be read by nobody."""
        return self.wrong is not None

    async def _move(self) -> None:
        """Wait for a change since the last time; there is one who waits."""
        await self._moved.wait()
        self._moved.clear()

    async def _put(self, data: bytes) -> None:
        """Send bytes as fast as the other side reads them; what is over takes the rest unsent."""
        left = memoryview(data)
        while left and not self._takes_no_more:
            left = left[self._carriage.put(self._stream, left) :]
            await self._carriage.room()
            if left and not self._takes_no_more:
                await self._move()


class Call(_Flow):
    """A stream that was opened here: a body goes, an answer comes."""

    def __init__(self, carriage: Carriage, stream: int) -> None:
        super().__init__(carriage, stream)
        self._head: Head | None = None
        self._left = False

    def headed(self, head: Head) -> None:
        """Take the head of the answer."""
        self._head = head
        self._moved.set()

    async def ask(self, body: bytes) -> Head:
        """Send the whole body and return the head of the answer; FlowBroken when there will be none.

        An answer that begins before the body is whole is the answer.
        """
        await self._put(body)
        self._carriage.finish(self._stream)
        while self._head is None:
            if self.wrong is not None:
                raise FlowBroken(self.wrong)
            await self._move()
        return self._head

    async def arrive(self) -> None:
        """Wait until something of the answer is here, or will not come any more."""
        while not self._came and not self.complete and self.wrong is None:
            await self._move()

    def take(self) -> bytes:
        """Return what is here of the answer."""
        if not self._came:
            return b""
        data = self._came[0] if len(self._came) == 1 else b"".join(self._came)
        self._came.clear()
        self._carriage.consumed(self._stream, len(data))
        return data

    @property
    def waits(self) -> bool:
        """Whether something of the answer waits to be read."""
        return bool(self._came)

    def leave(self) -> None:
        """Want no more of it; nothing where it is over."""
        if not self._left:
            self._left = True
            self._carriage.cancel(self._stream)
            self.broke(Wrong("cancelled", "nobody waits for it any more"))

    @property
    def _takes_no_more(self) -> bool:
        return self.wrong is not None or self._head is not None


class Visit(_Flow):
    """A stream that the other side has opened: its body comes, an answer goes."""

    def __init__(self, carriage: Carriage, stream: int, open_: Open) -> None:
        super().__init__(carriage, stream)
        self.open = open_

    async def body(self) -> bytes:
        """Return the whole body; FlowBroken when it will not come."""
        while not self.complete:
            if self.wrong is not None:
                raise FlowBroken(self.wrong)
            await self._move()
        data = b"".join(self._came)
        self._came.clear()
        return data

    def came(self, data: bytes) -> None:
        """Take more of the body. All of it is wanted, so more may come at once."""
        super().came(data)
        self._carriage.consumed(self._stream, len(data))

    def begin(self, head: Head) -> None:
        """Begin the answer."""
        self._carriage.begin(self._stream, head)

    async def put(self, data: bytes) -> None:
        """Send more of the answer, no faster than it is read."""
        await self._put(data)

    def finish(self) -> None:
        """End the answer."""
        self._carriage.finish(self._stream)

    def fail(self, wrong: Wrong) -> None:
        """End it before its end."""
        self._carriage.fail(self._stream, wrong)
