"""Requests to OpenAI's hosts, and what came of them: an answer or a bridge's fault. Not what they mean."""

from email.utils import parsedate_to_datetime

from llm_gateway import __version__
from llm_gateway.bridges.chatgpt.refusals import Reply, unanswered
from llm_gateway.errors import UpstreamFault
from llm_gateway.providers.endpoint import Endpoint
from llm_gateway.upstream.answer import Answer, read_error, read_whole
from llm_gateway.upstream.client import Line, Upstream
from llm_gateway.vault import Secret
from llm_gateway.wire.headers import Headers, get

__all__ = ["Asking", "server_time"]

_WHO = f"user-agent: llm_gateway/{__version__}\r\n".encode()
_MOST = 4 * 1024 * 1024


def server_time(headers: Headers, otherwise: int) -> int:
    """Return the time by the server's clock, in microseconds, as its answer tells it."""
    told = get(headers, b"date")
    if told is None:
        return otherwise
    try:
        return round(parsedate_to_datetime(told.decode("ascii")).timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        return otherwise


class Asking:
    """One host of OpenAI's. `who` names it in messages; `first` is in how many seconds an answer begins."""

    def __init__(self, who: str, upstream: Upstream, endpoint: Endpoint, first: float) -> None:
        self._who = who
        self._upstream = upstream
        self._line = Line(endpoint)
        self._first = first

    async def form(self, path: str, body: bytes) -> Reply:
        """Post a form and read the answer whole."""
        fields = b"content-type: application/x-www-form-urlencoded\r\naccept: application/json\r\n"
        return await self.read(await self._send(b"POST", path, fields, body))

    async def get(self, path: str, token: Secret | None = None) -> Reply:
        """Read something whole, under a token where there is one."""
        fields = b"accept: application/json\r\n" + (b"" if token is None else _bearer(token))
        return await self.read(await self._send(b"GET", path, fields, b""))

    async def stream(self, path: str, token: Secret, body: bytes) -> Answer:
        """Post JSON under a token; return the answer when its head has come. It is to be released."""
        fields = b"content-type: application/json\r\naccept: text/event-stream\r\n" + _bearer(token)
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
            return await self._upstream.send(self._line, head, body, self._upstream.hurried(self._first))
        except UpstreamFault as fault:
            raise unanswered(self._who, fault) from None


def _bearer(token: Secret) -> bytes:
    return b"authorization: Bearer %b\r\n" % token.reveal().encode("ascii")
