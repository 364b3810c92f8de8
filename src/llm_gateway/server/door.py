"""The door: the listening sockets as the configuration wants them, and who may come in.

What is done with a request is the edge's; how bytes are read is `http/`'s.
"""

import os
import ssl

from llm_gateway.config import Server
from llm_gateway.config.addresses import reach
from llm_gateway.errors import ConfigError
from llm_gateway.http.limits import Limits
from llm_gateway.http.listener import Listener
from llm_gateway.server.edge import Edge
from llm_gateway.server.exposure import listen_address
from llm_gateway.server.guard import Peers

__all__ = ["listener_for", "open_door", "url_of", "welcome"]

# A browser opens six, a busy application a few dozen. Behind a proxy on another machine all have its address.
_MOST_PER_PEER = 1024


def listener_for(server: Server, edge: Edge) -> Listener:
    """Return a listener that hands requests to `edge`; nothing listens yet."""
    per_peer = server.max_connections_per_peer
    limits = Limits(
        header_timeout=server.header_timeout,
        body_timeout=server.body_timeout,
        idle_timeout=server.idle_timeout,
        write_timeout=server.write_timeout,
        max_head_bytes=server.max_header_bytes,
        max_headers=server.max_headers,
        max_body_bytes=server.max_body_bytes,
        max_connections=server.max_connections,
        max_connections_per_peer=_MOST_PER_PEER if per_peer is None else per_peer,
        max_connections_per_own_peer=per_peer or 0,
    )
    admits = Peers(welcome(server)).admits
    return Listener(edge.serve, edge.refusal, limits, admits=admits, on_refused=edge.refused)


async def open_door(listener: Listener, server: Server) -> int:
    """Listen; return the port. ConfigError says why that cannot be."""
    try:
        return await listener.listen(listen_address(server.host), server.port, _tls(server))
    except OSError as error:
        # asyncio puts its own words there; a number below zero is a name that cannot be looked up
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise ConfigError(
            f"server.port: {server.host}:{server.port} cannot be listened on: {why}; "
            "`llm-gateway status` says whether your gateway runs, `--port` takes another port"
        ) from error


def url_of(server: Server, port: int) -> str:
    """Return the address under which this machine's clients reach a gateway that listens on `port`."""
    host = server.host
    if reach(host) == "wildcard":
        host = "::1" if ":" in host else "127.0.0.1"  # every address is no address to call
    host = f"[{host}]" if ":" in host else host
    return f"{'https' if server.tls_cert else 'http'}://{host}:{port}"


def welcome(server: Server) -> tuple[str, ...]:
    """Return the networks that may connect; who calls an address of its own comes from that address."""
    own = (server.host,) if server.allow_from and reach(server.host) == "address" else ()
    return (*server.allow_from, *own)


def _tls(server: Server) -> ssl.SSLContext | None:
    """Return the context of the listener, None for plain HTTP; ConfigError when the files are no pair."""
    if not server.tls_cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Without a word for a passphrase Python would ask for one at the terminal.
        context.load_cert_chain(server.tls_cert, server.tls_key or None, password="")
    except OSError as error:
        raise ConfigError(
            f"server.tls_cert: {server.tls_cert} and server.tls_key are no pair: {error.strerror or error}"
        ) from error
    return context
