"""Whether a connection has something to tell that the event loop has not told yet. Nothing is read."""

import asyncio
import select
import socket

__all__ = ["has_news"]


def has_news(transport: asyncio.Transport) -> bool:
    """Whether the peer closed, or sent something, or the connection has gone already."""
    sock: socket.socket | None = transport.get_extra_info("socket")
    if sock is None or transport.is_closing():
        return True
    if not hasattr(select, "poll"):  # Windows; its select has no limit on descriptor numbers
        return bool(select.select([sock.fileno()], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))
