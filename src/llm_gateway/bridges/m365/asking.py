"""Requests to Microsoft's hosts, and what came of them: an answer or a bridge's fault. Not what they mean."""

from llm_gateway import __version__
from llm_gateway.bridges.m365.refusals import Reply, unanswered
from llm_gateway.errors import UpstreamFault
from llm_gateway.providers.endpoint import Endpoint
from llm_gateway.upstream.answer import Answer, read_error, read_whole
from llm_gateway.upstream.client import Line, Upstream
from llm_gateway.vault import Secret

__all__ = ["Asking"]

_WHO = f"user-agent: llm_gateway/{__version__}\r\n".encode()
_MOST = 4 * 1024 * 1024


class Asking:
    """One host of Microsoft's. `who` names it in messages; it begins an answer within `first` seconds."""

    def __init__(self, who: str, upstream: Upstream, endpoint: Endpoint, first: float) -> None:
        self._who = who
        self._upstream = upstream
        self._line = Line(endpoint)
        self._patience = upstream.hurried(first)

    async def form(self, path: str, body: bytes) -> Reply:
        """Post a form and read the answer whole."""
        fields = b"content-type: application/x-www-form-urlencoded\r\naccept: application/json\r\n"
        return await self.read(await self._send(path, fields, body))

    async def json(self, path: str, token: Secret, body: bytes, accept: bytes) -> Answer:
        """Post JSON under a token; return the answer when its head has come. It is to be released."""
        fields = b"content-type: application/json\r\naccept: %b\r\nauthorization: Bearer %b\r\n" % (
            accept,
            token.reveal().encode("ascii"),
        )
        return await self._send(path, fields, body)

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

    async def _send(self, path: str, fields: bytes, body: bytes) -> Answer:
        head = self._line.request(b"POST", path, _WHO + fields, len(body))
        try:
            return await self._upstream.send(self._line, head, body, self._patience)
        except UpstreamFault as fault:
            raise unanswered(self._who, fault) from None
