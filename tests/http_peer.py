"""A peer on loopback that gives the next of its prepared answers to each piece it receives."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

from llm_gateway.http.origin import Origin

__all__ = ["OK", "Peer", "with_peer"]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


class Peer:
    """The peer, as a scene sees it."""

    def __init__(self, origin: Origin, answers: Sequence[bytes]) -> None:
        self.origin = origin
        self.received: list[bytes] = []
        self.left = asyncio.Event()
        self.deaf = False  # takes one piece and no more
        self._answers = list(answers)
        self._writers: list[asyncio.StreamWriter] = []

    def hang_up(self) -> None:
        """Close the sending side of every connection, now, before any event loop hears of it."""
        for writer in self._writers:
            writer.get_extra_info("socket").shutdown(socket.SHUT_WR)

    def say(self, data: bytes) -> None:
        """Send bytes on every connection, unasked."""
        for writer in self._writers:
            writer.write(data)

    def close_all(self) -> None:
        """Close every connection."""
        for writer in self._writers:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer until the other side leaves; an answer that ends in CLOSE closes."""
        self._writers.append(writer)
        try:
            while data := await reader.read(65536):
                self.received.append(data)
                if self.deaf:
                    await asyncio.Event().wait()
                if self._answers:
                    answer = self._answers.pop(0)
                    writer.write(answer.removesuffix(b"CLOSE"))
                    if answer.endswith(b"CLOSE"):
                        break
        except ConnectionError:
            pass
        self.left.set()
        writer.close()


async def with_peer(scene: Callable[[Peer], Awaitable[None]], answers: Sequence[bytes]) -> None:
    """Run a scene with a peer."""
    peer = Peer(Origin("http", "127.0.0.1", 0), answers)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    peer.origin = Origin("http", "127.0.0.1", port)
    try:
        await scene(peer)
    finally:
        peer.close_all()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.01)
