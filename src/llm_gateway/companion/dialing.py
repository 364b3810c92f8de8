"""Dial the gateway: one WebSocket outward, TLS beyond this machine, and the reasons why there is none.

The `websockets` library dials, because proxies, redirects and certificates are its daily work; it is loaded
when somebody dials. What is said on the socket is `introduction.py` and `link.py`; when to dial again is
`hosting.py`.
"""

import asyncio
import importlib
import os
import socket
import ssl
from collections import deque
from typing import Protocol
from urllib.parse import urlsplit

from llm_gateway import __version__
from llm_gateway.companion.frames import MOST
from llm_gateway.companion.introduction import Refused
from llm_gateway.config.addresses import reach
from llm_gateway.errors import ConfigError, RefusedByPolicy
from llm_gateway.tasks import Tasks

__all__ = ["PATH", "DialledSocket", "address_of", "dial", "trusting"]

PATH = "/bridge/v1/connect"
_TAKES = 3.0  # an attempt that was lost on the way is soon made again
_HIGH_WATER = 256 * 1024
_GOODBYE = 2.0
# OpenSSL's X509_V_ERR_… for a certificate that nobody whom this machine trusts has signed.
_NOBODYS = frozenset((18, 19, 20, 21))


class _Connection(Protocol):
    """What we use of a connection of `websockets`."""

    async def send(self, message: bytes) -> None: ...
    async def recv(self, decode: bool) -> bytes: ...
    async def close(self, code: int, reason: str) -> None: ...


def address_of(url: str) -> str:
    """Return the WebSocket's address of a gateway's URL; ConfigError when it is none, or not safe."""
    text = url if "://" in url else f"https://{url}"
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"--gateway: {url!r} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https", "ws", "wss") or not host or parts.query or parts.fragment:
        raise ConfigError(f"--gateway: {url!r} is not a URL such as https://gateway.example")
    if parts.username or parts.password:
        raise ConfigError("--gateway: a URL with a name or a password in it is not taken")
    secure = parts.scheme in ("https", "wss")
    if not secure and reach(host) != "loopback":
        raise RefusedByPolicy(
            f"--gateway: {url!r} goes to another machine in the clear, and everything that is asked and "
            "answered with it; use https://, or a tunnel that ends on this machine's loopback address"
        )
    path = parts.path.rstrip("/")
    return f"{'wss' if secure else 'ws'}://{parts.netloc}{path}{PATH}"


def trusting(ca: str) -> ssl.SSLContext | None:
    """Return whom to trust by certificates in PEM, None for the system's; ConfigError when they are none."""
    if not ca:
        return None
    try:
        return ssl.create_default_context(cadata=ca)
    except (ssl.SSLError, ValueError):
        raise ConfigError(
            "--ca: there is no certificate in that file; it takes one or more in PEM, which begin with "
            "-----BEGIN CERTIFICATE-----"
        ) from None


class DialledSocket:
    """A socket of `websockets` for whole binary messages, sent in order by a task of its own."""

    def __init__(self, connection: _Connection, tasks: Tasks, ends: type[Exception]) -> None:
        self._connection = connection
        self._ends = ends
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._more = asyncio.Event()
        self._less = asyncio.Event()
        self._over = False
        self._sending = tasks.start("send on a companion's link", self._send())

    def send(self, message: bytes) -> None:
        """Send a message; nothing once it closes."""
        if not self._over:
            self._waiting.append(message)
            self._size += len(message)
            self._more.set()

    @property
    def blocked(self) -> bool:
        """Whether more is waiting to be sent than the gateway takes."""
        return self._size > _HIGH_WATER

    async def drain(self) -> None:
        """Wait until the gateway has taken enough for more to be sent."""
        while self.blocked and not self._over:
            self._less.clear()
            await self._less.wait()

    async def receive(self) -> bytes | None:
        """Return the next message; None when there will be no more."""
        try:
            return await self._connection.recv(decode=False)
        except self._ends:
            return None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye, after what waits to be sent as far as the gateway takes it at once."""
        if self._over:
            return
        try:
            async with asyncio.timeout(_GOODBYE):
                while self._waiting:
                    self._less.clear()
                    await self._less.wait()
        except TimeoutError:
            pass
        self._end()
        self._sending.cancel()
        await self._connection.close(code, reason[:120])

    async def _send(self) -> None:
        try:
            while not self._over:
                while self._waiting:
                    message = self._waiting[0]
                    await self._connection.send(message)
                    self._waiting.popleft()
                    self._size -= len(message)
                    self._less.set()
                self._more.clear()
                await self._more.wait()
        except self._ends:
            pass
        finally:
            self._end()

    def _end(self) -> None:
        self._over = True
        self._waiting.clear()
        self._size = 0
        self._less.set()


async def dial(address: str, tasks: Tasks, trust: ssl.SSLContext | None = None) -> DialledSocket:
    """Return a socket to a gateway's address; Refused says why there is none.

    `trust` is whom to trust instead of the system's certificate authorities.
    """
    client = importlib.import_module("websockets.asyncio.client")
    failures = importlib.import_module("websockets.exceptions")
    host = urlsplit(address).hostname or ""
    options: dict[str, object] = {} if trust is None or address.startswith("ws://") else {"ssl": trust}
    if reach(host) == "loopback":
        options["proxy"] = None
    try:
        connection: _Connection = await _straight(client.connect)(
            address,
            compression=None,
            max_size=MOST,
            max_queue=16,
            ping_interval=None,  # the link has its own signs of life
            open_timeout=_TAKES,
            close_timeout=_GOODBYE,
            user_agent_header=f"llm_gateway-companion/{__version__}",
            **options,
        )
    except ssl.SSLError as error:
        raise Refused(
            "tls_failed", f"the certificate of {host} is not accepted: {_distrust(error)}"
        ) from None
    except failures.InvalidStatus as error:
        raise _status(error.response.status_code, host) from None
    except failures.InvalidURI:
        raise Refused("unreachable", f"{address} is not an address that can be dialled") from None
    except failures.WebSocketException as error:
        raise Refused(
            "unreachable", f"what answers at {host} is no gateway: {type(error).__name__}"
        ) from None
    except (OSError, EOFError) as error:  # TimeoutError is one
        raise Refused("unreachable", f"{host} cannot be reached: {_reason(error)}") from None
    return DialledSocket(connection, tasks, failures.ConnectionClosed)


def _distrust(error: ssl.SSLError) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        return error.reason
    if error.verify_code in _NOBODYS:
        return f"{error.verify_message}; when it is one of your own, --ca takes a copy of it"
    return error.verify_message


def _reason(error: OSError | EOFError) -> str:
    """Say why, in the system's words and without the addresses that asyncio puts in their place."""
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, socket.gaierror):
        return "the name does not resolve"
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "cut off"


def _straight(connect: type) -> type:
    """Return the way to connect without redirects: one may lead to another machine, and in the clear."""
    return type("Straight", (connect,), {"process_redirect": lambda self, error: error})


def _status(status: int, host: str) -> Refused:
    match status:
        case 301 | 302 | 303 | 307 | 308:
            return Refused(
                "unreachable", f"{host} redirects ({status}), which is not followed; give the address itself"
            )
        case 421 | 403:
            return Refused(
                "unreachable", f"{host} does not go by this name ({status}): add it to server.hosts there"
            )
        case 404 | 426:
            return Refused(
                "version_mismatch",
                f"what answers at {host} takes no companions ({status}); upgrade the gateway",
            )
        case 503:
            return Refused("unreachable", f"the gateway at {host} takes nothing now (503)", 1.0)
    return Refused("unreachable", f"what answers at {host} opens no link ({status})")
