"""Bounds of one listener, in bytes and seconds. What they are set to is the configuration's business."""

import msgspec

__all__ = ["Limits"]


class Limits(msgspec.Struct, frozen=True):
    """How much one connection may take and how long each of its phases may last.

    `header_timeout` runs from the first byte (or the accept) to the end of the header section;
    `body_timeout` between two pieces of a body; `idle_timeout` between two requests;
    `write_timeout` is how long a client may refuse to read; `keep_alive_interval` how long it hears nothing
    of a stream (0: for as long as there is nothing). A WebSocket is asked for a sign of life after
    `idle_timeout`, and closed when nothing was asked of it for `socket_idle_timeout`. Of a bound by peer 0 is
    none; an own peer is this machine.
    """

    header_timeout: float = 10.0
    body_timeout: float = 30.0
    idle_timeout: float = 75.0
    write_timeout: float = 120.0
    keep_alive_interval: float = 15.0
    socket_idle_timeout: float = 3600.0
    max_head_bytes: int = 64 * 1024
    max_headers: int = 128
    max_target_bytes: int = 16 * 1024
    max_body_bytes: int = 64 * 1024 * 1024
    max_connections: int = 20_000
    max_connections_per_peer: int = 0
    max_connections_per_own_peer: int = 0
