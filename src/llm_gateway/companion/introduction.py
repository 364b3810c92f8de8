"""Show a gateway who this companion is: the dialling side of the first four messages of a link.

A gateway that is another one than was joined gets no signature. What it is called to is `dialing.py`.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from llm_gateway import __version__
from llm_gateway.companion.frames import (
    OLDEST,
    PROTOCOL,
    Auth,
    Frame,
    FrameBroken,
    Hello,
    Welcome,
    Wrong,
    read_frame,
    write_frame,
)
from llm_gateway.companion.identity import Identity, proof
from llm_gateway.companion.socket import Socket

__all__ = ["Refused", "Welcomed", "introduce"]

_TAKES = 10.0


class Welcomed(msgspec.Struct, frozen=True):
    """A gateway has let this companion in: by which name, and with which bridges; () is any."""

    gateway: str
    machine: str
    bridges: tuple[str, ...]


class Refused(Exception):
    """A gateway does not let this companion in, or is none: `kind` says why, `message` tells a person."""

    def __init__(self, kind: str, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.retry_after = retry_after


async def introduce(
    socket: Socket, identity: Identity, token: str = "", bridges: Sequence[str] = ()
) -> Welcomed:
    """Show who this is, with a token to be enrolled; Refused says why that did not do."""
    try:
        async with asyncio.timeout(_TAKES):
            return await _introduce(socket, identity, token, tuple(bridges))
    except TimeoutError:
        raise Refused("unreachable", f"the gateway did not answer within {_TAKES:g} seconds") from None


async def _introduce(socket: Socket, identity: Identity, token: str, bridges: tuple[str, ...]) -> Welcomed:
    software, name = f"llm_gateway/{__version__}", identity.thumbprint
    socket.send(write_frame(0, Hello(PROTOCOL, OLDEST, software, name)))
    hello = await _next(socket)
    if not isinstance(hello, Hello) or not hello.nonce:
        raise _no_gateway()
    if hello.protocol < OLDEST or hello.oldest > PROTOCOL:
        raise Refused(
            "version_mismatch",
            f"this companion ({__version__}) speaks versions {OLDEST} to {PROTOCOL} of the link, the gateway "
            f"({hello.software}) {hello.oldest} to {hello.protocol}; run the same version on both",
        )
    if identity.gateway and hello.name != identity.gateway:
        raise Refused(
            "another_gateway",
            "what answers here is another gateway than the one that was joined; join it with a token of its "
            "own, or correct the address",
        )
    signs = proof()
    stated = signs.statement(hello.name, hello.nonce, hello.at_us, name, token)
    signed: bytes = signs.signature(identity.key, stated)
    socket.send(write_frame(0, Auth(identity.public_key, signed, token, bridges)))
    welcome = await _next(socket)
    if not isinstance(welcome, Welcome):
        raise _no_gateway()
    return Welcomed(hello.name, welcome.machine, welcome.bridges)


async def _next(socket: Socket) -> Frame:
    message = await socket.receive()
    if message is None:
        raise Refused("unreachable", "the gateway closed the link before it had said who is welcome")
    try:
        _, frame = read_frame(message)
    except FrameBroken:
        raise _no_gateway() from None
    if isinstance(frame, Wrong):
        raise Refused(frame.kind, frame.message, frame.retry_after)
    return frame


def _no_gateway() -> Refused:
    return Refused("version_mismatch", "what answers at this address does not speak as a gateway does")
