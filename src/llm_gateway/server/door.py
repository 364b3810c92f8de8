"""The door: the listening sockets as the configuration wants them, and who may come in.

What is done with a request is the edge's; how bytes are read is `http/`'s.
"""

import asyncio
import ipaddress
import os
import socket
import ssl
from collections.abc import Callable, Sequence

import msgspec

from llm_gateway.config import Server
from llm_gateway.config.addresses import reach
from llm_gateway.errors import ConfigError
from llm_gateway.http.handover import Inherited
from llm_gateway.http.limits import Limits
from llm_gateway.http.listener import Listener
from llm_gateway.server.edge import Edge
from llm_gateway.server.exposure import listen_address
from llm_gateway.server.guard import Peers

__all__ = ["as_given", "context_for", "listener_for", "open_door", "url_of", "welcome"]

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
        keep_alive_interval=server.keep_alive_interval,
        max_head_bytes=server.max_header_bytes,
        max_headers=server.max_headers,
        max_body_bytes=server.max_body_bytes,
        max_connections=server.max_connections,
        max_connections_per_peer=_MOST_PER_PEER if per_peer is None else per_peer,
        max_connections_per_own_peer=per_peer or 0,
    )
    admits = Peers(welcome(server)).admits
    return Listener(edge.serve, edge.refusal, limits, admits=admits, on_refused=edge.refused)


def as_given(server: Server, given: Sequence[socket.socket]) -> tuple[Server, ...]:
    """Return the settings with each address that sockets really have; as they are where none is given."""
    return tuple(
        msgspec.structs.replace(server, host=host, port=port)
        for host, port in (each.getsockname()[:2] for each in given)
    ) or (server,)


async def open_door(
    listener: Listener, server: Server, inherited: Inherited, told: Callable[[int], None]
) -> None:
    """Listen, and tell the port before anybody comes in. ConfigError says why that cannot be.

    What the gateway before this one has bound goes on if it is what would be bound now; then its clients
    stay.
    """
    tls = context_for(server)
    address = listen_address(server.host)
    try:
        bound = inherited.given or await _as_wanted(inherited.bound, address, server.port)
        for each in inherited.bound:
            if each not in bound:
                each.close()
        told(await (listener.use(bound, tls) if bound else listener.bind(address, server.port, tls)))
        await listener.accept()
    except OSError as error:
        # asyncio puts its own words there; a number below zero is a name that cannot be looked up
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise ConfigError(
            f"server.port: {server.host}:{server.port} cannot be listened on: {why}; "
            "`llm-gateway status` says whether your gateway runs, `--port` takes another port"
        ) from error
    for client in inherited.connections:
        if bound and tls is None:
            await listener.adopt(client)
        else:
            client.close()


def url_of(server: Server, port: int) -> str:
    """Return the address under which this machine's clients reach a gateway that listens on `port`."""
    host = server.host
    if reach(host) == "wildcard":
        host = "::1" if ":" in listen_address(host) else "127.0.0.1"  # every address is no address to call
    elif host.lower() != "localhost":
        host = listen_address(host)
    host = f"[{host}]" if ":" in host else host
    return f"{'https' if server.tls_cert else 'http'}://{host}:{port}"


def welcome(server: Server) -> tuple[str, ...]:
    """Return the networks that may connect; who calls an address of its own comes from that address."""
    own = (server.host,) if server.allow_from and reach(server.host) == "address" else ()
    return (*server.allow_from, *own)


async def _as_wanted(bound: Sequence[socket.socket], host: str, port: int) -> Sequence[socket.socket]:
    """Return those sockets that have an address which this host and port stand for."""
    if not bound:
        return ()
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    wanted = {ipaddress.ip_address(address[0]) for *_, address in found}
    return [
        each
        for each in bound
        for its_host, its_port in (each.getsockname()[:2],)
        if ipaddress.ip_address(its_host) in wanted and port in (0, its_port)
    ]


def context_for(server: Server) -> ssl.SSLContext | None:
    """Return the TLS context of the listener, None for plain HTTP; ConfigError when the files are no pair."""
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
