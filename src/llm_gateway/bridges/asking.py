"""Requests to a vendor's hosts, and what came of them: an answer or a bridge's fault. Not what they mean."""

import msgspec

from llm_gateway import __version__
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.errors import (
    UpstreamBroken,
    UpstreamFault,
    UpstreamTimeout,
    UpstreamTruncated,
    UpstreamUnreachable,
)
from llm_gateway.providers.endpoint import Endpoint
from llm_gateway.upstream.answer import Answer, read_error, read_whole
from llm_gateway.upstream.client import Line, Upstream
from llm_gateway.vault import Secret
from llm_gateway.wire.headers import Headers

__all__ = ["Asking", "Reply", "unanswered"]

_WHO = f"user-agent: llm_gateway/{__version__}\r\n".encode()
_MOST = 4 * 1024 * 1024


class Reply(msgspec.Struct, frozen=True):
    """An answer that was read whole; of one that is an error, its beginning. It may hold tokens."""

    status: int
    headers: Headers
    body: bytes

    def __repr__(self) -> str:
        """Tell the status alone."""
        return f"Reply({self.status})"


class Asking:
    """One host of a vendor's. `who` names it in messages; it begins an answer within `first` seconds."""

    def __init__(self, who: str, upstream: Upstream, endpoint: Endpoint, first: float) -> None:
        self._who = who
        self._upstream = upstream
        self._line = Line(endpoint)
        self._patience = upstream.hurried(first)

    async def form(self, path: str, body: bytes) -> Reply:
        """Post a form and read the answer whole."""
        fields = b"content-type: application/x-www-form-urlencoded\r\naccept: application/json\r\n"
        return await self.read(await self._send(b"POST", path, fields, body))

    async def get(self, path: str, token: Secret | None = None) -> Reply:
        """Read something whole, under a token where there is one."""
        fields = b"accept: application/json\r\n" + (b"" if token is None else _bearer(token))
        return await self.read(await self._send(b"GET", path, fields, b""))

    async def json(self, path: str, token: Secret, body: bytes, accept: bytes) -> Answer:
        """Post JSON under a token; return the answer when its head has come. It is to be released."""
        fields = b"content-type: application/json\r\naccept: %b\r\n" % accept + _bearer(token)
        return await self._send(b"POST", path, fields, body)

    async def read(self, answer: Answer) -> Reply:
        """Read an answer whole, and release it."""
        try:
            reading = read_error(answer) if answer.status >= 400 else read_whole(answer, _MOST)
            return Reply(answer.status, answer.headers, await reading)
        except UpstreamFault as fault:
            raise unanswered(self._who, fault) from None
        finally:
            answer.release()

    async def more(self, answer: Answer) -> bytes:
        """Return the next piece of an answer, b"" at its end."""
        try:
            return await answer.read()
        except UpstreamFault as fault:
            raise unanswered(self._who, fault) from None

    async def _send(self, method: bytes, path: str, fields: bytes, body: bytes) -> Answer:
        head = self._line.request(method, path, _WHO + fields, len(body))
        try:
            return await self._upstream.send(self._line, head, body, self._patience)
        except UpstreamFault as fault:
            raise unanswered(self._who, fault) from None


def _bearer(token: Secret) -> bytes:
    return b"authorization: Bearer %b\r\n" % token.reveal().encode("ascii")


def unanswered(who: str, fault: UpstreamFault) -> BridgeFault:
    """Return the fault of a request that got no answer, or half of one."""
    match fault:
        case UpstreamTimeout():
            return BridgeFault("upstream_timeout", f"{who}: {fault.message}")
        case UpstreamUnreachable():
            return BridgeFault(
                "bridge_unreachable",
                f"{who} cannot be reached: {fault.message}; is this machine on the network?",
            )
        case UpstreamTruncated():
            return BridgeFault("bridge_disconnected", f"{who}: {fault.message}; ask again")
        case UpstreamBroken():
            return BridgeFault("bridge_failed", f"{who}: {fault.message}")
        case _:
            return BridgeFault("bridge_failed", f"{who} failed: {fault.message}")
