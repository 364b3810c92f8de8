"""Send one request to one endpoint. Which endpoint, how often and what follows is the pipeline's business."""

from llm_gateway.errors import UpstreamBroken
from llm_gateway.http.client import ClientConnection, Patience
from llm_gateway.http.origin import Origin
from llm_gateway.http.pool import Pool
from llm_gateway.providers.endpoint import Endpoint

__all__ = ["Line", "Sending", "Upstream"]

_MOST_HEADS = 1000
_WITH_BODY = frozenset((b"POST", b"PUT", b"PATCH"))  # their length is told even when it is 0 (RFC 9110, 8.6)


class Line:
    """An endpoint made ready: what never changes of its requests is bytes already.

    Holds the endpoint's credential in those bytes, so it has no readable form.
    """

    __slots__ = ("_fixed", "_heads", "endpoint", "origin")

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.origin = Origin(endpoint.scheme, endpoint.host, endpoint.port)
        lines = [b"host: %b\r\naccept-encoding: identity\r\n" % self.origin.authority]
        lines += [b"%b: %b\r\n" % field for field in endpoint.credential_headers()]
        self._fixed = b"".join(lines)
        self._heads: dict[str, bytes] = {}

    def __repr__(self) -> str:
        """Name the endpoint and nothing secret."""
        return f"Line({self.endpoint.provider}, {self.endpoint.dialect})"

    def post(self, path: str, forwarded: bytes, length: int) -> bytes:
        """Return the head of a POST of `length` body bytes; `path` counts from the endpoint's own."""
        head = self._heads.get(path)
        if head is None:
            head = b"POST %b HTTP/1.1\r\n%b" % (self.endpoint.target(path), self._fixed)
            if len(self._heads) < _MOST_HEADS:  # some paths hold a model's name: bounded
                self._heads[path] = head
        return b"%b%bcontent-length: %d\r\n\r\n" % (head, forwarded, length)

    def request(self, method: bytes, path: str, forwarded: bytes, length: int) -> bytes:
        """Return the head of a request with any method; `path` counts from the endpoint's own."""
        told = b"content-length: %d\r\n" % length if length or method in _WITH_BODY else b""
        target = self.endpoint.target(path)
        return b"%b %b HTTP/1.1\r\n%b%b%b\r\n" % (method, target, self._fixed, forwarded, told)

    def get(self, target: bytes, extra: bytes = b"") -> bytes:
        """Return the head of a GET of a request target, with more header lines."""
        return b"GET %b HTTP/1.1\r\n%b%baccept: application/json\r\n\r\n" % (target, self._fixed, extra)


class Sending:
    """A request on its way: whether whoever is asked may have read all of it. Its sender notes what is so."""

    __slots__ = ("_gone_out", "connection")

    def __init__(self) -> None:
        self._gone_out = False
        self.connection: ClientConnection | None = None

    @property
    def gone_out(self) -> bool:
        """Return whether the request has gone out as a whole."""
        return self._gone_out or (self.connection is not None and self.connection.gone_out)

    def came_through(self) -> None:
        """Take note that it has."""
        self._gone_out = True

    def ended(self) -> None:
        """Keep what is so now, before its connection is closed."""
        self._gone_out = self.gone_out
        self.connection = None


class Upstream:
    """The way out: the only holder of the connection pool."""

    def __init__(self, pool: Pool, patience: Patience) -> None:
        self._pool = pool
        self._patience = patience

    @property
    def open_connections(self) -> int:
        """Return how many connections are open, used or kept."""
        return self._pool.open_connections

    def hurried(self, first: float) -> Patience:
        """Return the usual patience, but for an answer that takes longer than this to begin."""
        usual = self._patience
        return Patience(min(first, usual.first), usual.between, usual.total)

    async def send(
        self,
        line: Line,
        head: bytes,
        body: bytes,
        patience: Patience | None = None,
        sending: Sending | None = None,
    ) -> ClientConnection:
        """Send a request; return the answer when its head has come.

        Raises an UpstreamFault. A redirect is one: it would carry the credential to where nobody
        configured it to go. Cancelling closes the connection at once. `sending` learns whether the
        request went out.
        """
        connection = self._pool.take(line.origin) or await self._pool.acquire(line.origin)
        if sending is not None:
            sending.connection = connection
        try:
            await connection.send(head, body, patience or self._patience)
        except BaseException:
            if sending is not None:
                sending.ended()
            connection.abort()
            raise
        if 300 <= connection.status < 400 and connection.status != 304:
            status = connection.status
            if sending is not None:
                sending.connection = None  # what is sent on to somewhere else has cost nothing here
            connection.abort()
            raise UpstreamBroken(
                f"{line.endpoint.provider} answered with a redirect ({status}), which is not followed; "
                "check its base_url"
            )
        return connection

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()
