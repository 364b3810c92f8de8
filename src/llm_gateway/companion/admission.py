"""Let a companion in, or not: versions first, then a challenge, then its proof or its token.

The gateway's side of the first four messages of a link. Whoever does not show within seconds who it is, is
not listened to any more. A nonce is good for the one connection that it was made for, so that nothing of
another connection can be said again. Whoever is turned away is on record. Who is known is `enrolment.py`.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable

import msgspec

from llm_gateway import __version__
from llm_gateway.clock import Clock
from llm_gateway.companion.enrolment import NotEnrolled, Registry
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
from llm_gateway.companion.identity import proof
from llm_gateway.companion.lockout import Lockout
from llm_gateway.companion.socket import Socket
from llm_gateway.errors import GatewayError
from llm_gateway.ledger.companions import CompanionRow

__all__ = ["Admission", "Admitted", "Turned"]

_TAKES = 10.0
_NONCE = 32
_HOUR = 3600.0
_MOST_RECORDED = 1000
_ON_RECORD = frozenset(
    (
        "already_connected",
        "bad_token",
        "locked_out",
        "never_enrolled",
        "revoked",
        "token_expired",
        "token_used",
        "wrong_proof",
    )
)
_REFUSED = 4401
_TOO_OLD = 4406


class Admitted(msgspec.Struct, frozen=True):
    """A companion that has shown who it is, and by which software it speaks."""

    row: CompanionRow
    software: str


class Turned(Exception):
    """Whoever called was turned away: `wrong` is what it was told."""

    def __init__(self, wrong: Wrong, code: int = _REFUSED) -> None:
        super().__init__(wrong.message)
        self.wrong = wrong
        self.code = code


class Admission:
    """Who is let in, at one gateway."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock
        self._lockout = Lockout(clock)
        self._recorded: dict[tuple[str, str, str], float] = {}

    async def admit(self, socket: Socket, peer: str, is_here: Callable[[str], Awaitable[bool]]) -> Admitted:
        """Hear who calls from an address; Turned, and that was said, when it is not let in.

        `is_here` tells of a companion whether it is connected and answers: its key is used by two machines
        then, and the second one is not let in.
        """
        name = ""
        try:
            async with asyncio.timeout(_TAKES):
                admitted = await self._hear(socket, peer)
                name = admitted.row.machine
                if await is_here(admitted.row.id):
                    raise Turned(
                        Wrong(
                            "already_connected",
                            f"{name} is connected already; if that is not you, your key was copied: "
                            f"`llm-gateway companions revoke {name}` on the gateway ends that",
                        )
                    )
        except TimeoutError:
            turned = Turned(Wrong("too_slow", f"you did not say who you are within {_TAKES:g} seconds"))
        except GatewayError as error:  # nothing can be put on record now
            turned = Turned(Wrong("unavailable", error.message, error.retry_after or _TAKES))
        except Turned as error:
            turned = error
        else:
            socket.send(write_frame(0, Welcome(admitted.row.machine, admitted.row.bridges)))
            return admitted
        await self._record(turned.wrong.kind, name, peer)
        socket.send(write_frame(0, turned.wrong))
        await socket.close(turned.code, turned.wrong.kind)
        raise turned

    async def _record(self, kind: str, name: str, peer: str) -> None:
        """Put on record who was turned away; the same once an hour, so that nobody fills the disk with it."""
        now, what = self._clock.monotonic(), (kind, name, peer)
        if kind not in _ON_RECORD or now - self._recorded.get(what, -_HOUR) < _HOUR:
            return
        if len(self._recorded) >= _MOST_RECORDED:
            self._recorded.clear()
        self._recorded[what] = now
        await self._registry.record("companion.refused", name or "unknown", kind=kind, peer=peer)

    async def _hear(self, socket: Socket, peer: str) -> Admitted:
        hello = await _next(socket)
        if not isinstance(hello, Hello):
            raise Turned(Wrong("broken", "a companion begins with who it is"))
        if hello.protocol < OLDEST or hello.oldest > PROTOCOL:
            older = "companion" if hello.protocol < OLDEST else "gateway"
            raise Turned(
                Wrong(
                    "version_mismatch",
                    f"this gateway ({__version__}) speaks versions {OLDEST} to {PROTOCOL} of the link, the "
                    f"companion ({hello.software}) {hello.oldest} to {hello.protocol}; upgrade the {older}",
                ),
                _TOO_OLD,
            )
        nonce, at_us, name = os.urandom(_NONCE), self._clock.now_us(), self._registry.gateway
        software = f"llm_gateway/{__version__}"
        socket.send(write_frame(0, Hello(PROTOCOL, OLDEST, software, name, nonce, at_us)))
        auth = await _next(socket)
        if not isinstance(auth, Auth):
            raise Turned(Wrong("broken", "a companion shows who it is before it says anything else"))
        try:
            return Admitted(await self._judge(auth, hello.name, (nonce, at_us), peer), hello.software)
        except NotEnrolled as error:
            if error.kind != "revoked":  # that one is known, and dials in again and again by itself
                self._lockout.wrong(peer)
            raise Turned(Wrong(error.kind, error.message)) from None

    async def _judge(self, auth: Auth, name: str, asked: tuple[bytes, int], peer: str) -> CompanionRow:
        """Return who has signed what was asked. Only the owner of a key that is known is never locked out."""
        wait = self._lockout.wait(peer)
        if wait and (auth.token or name not in self._registry.known.companions):
            why = f"too many wrong tokens or keys came from your address; try again in {wait:.0f} seconds"
            raise Turned(Wrong("locked_out", why, wait))
        signs = proof()
        stated = signs.statement(self._registry.gateway, *asked, name, auth.token)
        if signs.thumbprint(auth.public_key) != name or not signs.is_signed(
            auth.public_key, stated, auth.signature
        ):
            raise NotEnrolled("wrong_proof", "the signature is not that of this key, gateway and connection")
        if auth.token:
            return await self._registry.join(auth.token, name, auth.public_key, auth.bridges)
        if name not in self._registry.known.companions:  # another replica may have let it join
            await self._registry.load()
        return self._registry.judge_key(name)


async def _next(socket: Socket) -> Frame:
    message = await socket.receive()
    if message is None:
        raise Turned(Wrong("gone", "the caller has left"))
    try:
        stream, frame = read_frame(message)
    except FrameBroken as error:
        raise Turned(Wrong("broken", str(error))) from None
    if stream:
        raise Turned(Wrong("broken", "streams are opened when both know each other"))
    return frame
