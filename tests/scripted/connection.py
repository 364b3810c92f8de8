"""One connection of the scripted upstream: reads requests, plays scripts, notes how it ends."""

import asyncio
import fcntl
import socket
import struct
import termios
import time
from collections.abc import Callable
from typing import Protocol, assert_never

from scripted.records import Connected, Received
from scripted.script import (
    Close,
    CloseOnReuse,
    Drip,
    Flood,
    Gate,
    Hang,
    Pause,
    Reset,
    Script,
    Send,
    Step,
)

__all__ = ["Connection", "Owner"]


class Owner(Protocol):
    """What a connection needs from its server."""

    def joined(self, connection: "Connection") -> Connected:
        """Make the connection's record."""
        ...

    def script_for(self, request: Received) -> Script:
        """Record a request and say what to do with it."""
        ...

    def gate(self, name: str) -> asyncio.Event:
        """Return the gate of this name, and take note that somebody stands at it."""
        ...

    def changed(self, change: Callable[[], None]) -> None:
        """Apply a change to a record where the test can wait for it."""
        ...

    def failed(self, failure: BaseException) -> None:
        """Take note of a request that could not be read."""
        ...


class Connection(asyncio.Protocol):
    """An accepted connection."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._buffer = bytearray()
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the accepted transport and begin to serve it."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if transport.get_extra_info("sslcontext") is None:  # with TLS a limit of 0 is never left again
            transport.set_write_buffer_limits(high=0)
        self.record = self._owner.joined(self)
        self._task = asyncio.get_running_loop().create_task(self._serve())
        self._task.add_done_callback(self._served)

    def data_received(self, data: bytes) -> None:
        """Keep what came."""
        self._buffer += data
        self._news.set()

    def eof_received(self) -> bool:
        """Note that the peer has closed."""
        self._ended("peer")
        self.transport.abort()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end and stop the script."""
        self._ended("peer")
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        """Take note that the kernel takes no more."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Take note that the kernel takes more again."""
        self._writable.set()

    # details

    def _ended(self, by: str) -> None:
        if self.record.closed_at is not None:
            return
        now = time.monotonic()

        def end() -> None:
            self.record.closed_at = now
            self.record.ended_by = by

        self._owner.changed(end)

    async def _serve(self) -> None:
        while True:
            request = await self._read_request()
            self._owner.changed(self._count_request)
            for step in self._owner.script_for(request):
                await self._play(step)

    def _served(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._owner.failed(failure)
            self.transport.abort()

    def _count_request(self) -> None:
        self.record.requests += 1

    async def _play(self, step: Step) -> None:
        match step:
            case Send(data):
                await self._send(data)
            case Drip(data, size, every):
                for start in range(0, len(data), size):
                    await self._send(data[start : start + size])
                    await asyncio.sleep(every)
            case Flood(piece, count):
                for _ in range(count):
                    await self._send(piece)
            case Gate(name):
                await self._owner.gate(name).wait()
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Hang():
                await asyncio.Event().wait()
            case Reset():
                await self._reset()
            case Close():
                self._close()
                await asyncio.Event().wait()
            case CloseOnReuse():
                await self._more()
                self._close()
                await asyncio.Event().wait()
            case _:
                assert_never(step)

    async def _send(self, data: bytes) -> None:
        await self._writable.wait()
        self.transport.write(data)
        await self._writable.wait()
        self.record.sent += len(data)
        await asyncio.sleep(0)  # so that a peer that went away is noticed between two pieces

    def _close(self) -> None:
        # The end goes out before anybody is told of it: `close` alone sends it in a later turn of the loop.
        try:
            self.transport.write_eof()
        except OSError:
            pass  # the peer has left already
        self._ended("script")
        self.transport.close()

    async def _reset(self) -> None:
        sock: socket.socket = self.transport.get_extra_info("socket")
        # A reset throws away what is still under way, and nobody tells when that has arrived.
        while _unacknowledged(sock):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        self._ended("script")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()
        await asyncio.Event().wait()

    async def _more(self) -> None:
        while not self._buffer:
            self._news.clear()
            await self._news.wait()

    async def _read_request(self) -> Received:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._news.clear()
            await self._news.wait()
        at = time.monotonic()
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers = [
            (name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])
        ]
        fields = dict(headers)
        start = end + 4
        if fields.get("transfer-encoding", "").lower() == "chunked":
            body, end = await self._read_chunks(start)
        else:
            end = start + int(fields.get("content-length", "0"))
            await self._have(end)
            body = bytes(self._buffer[start:end])
        raw = bytes(self._buffer[:end])
        del self._buffer[:end]
        return Received(method, target, headers, body, raw, self.record, at)

    async def _read_chunks(self, start: int) -> tuple[bytes, int]:
        body = bytearray()
        while True:
            while (end := self._buffer.find(b"\r\n", start)) < 0:
                await self._have(len(self._buffer) + 1)
            size = int(bytes(self._buffer[start:end]).partition(b";")[0], 16)
            start = end + 2
            await self._have(start + size + 2)
            if not size:
                return bytes(body), start + 2
            body += self._buffer[start : start + size]
            start += size + 2

    async def _have(self, length: int) -> None:
        while len(self._buffer) < length:
            self._news.clear()
            await self._news.wait()


def _unacknowledged(sock: socket.socket) -> int:
    """Return how many bytes the peer's kernel has not confirmed yet."""
    answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0" * 4)
    return int(struct.unpack("i", answer)[0])
