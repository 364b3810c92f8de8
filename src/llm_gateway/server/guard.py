"""The door: whether a request comes from where requests may come from, judged by its headers alone.

A web page can make a browser send requests to this machine. No single header tells them all: a page on a
name that resolves to us shows in Host, a plain form or a WebSocket in Origin, an image in Sec-Fetch-Site.
So all three are looked at, for every method. And what a browser sends is JSON: of the other types a page may
send some to anybody without asking first. Who a caller is, is asked behind the door.
"""

import ipaddress

from llm_gateway.config import Server
from llm_gateway.config.addresses import networks, reach, split_authority
from llm_gateway.errors import Forbidden, MalformedRequest, Misdirected
from llm_gateway.server.exposure import listen_address
from llm_gateway.wire.headers import Headers

__all__ = ["Guard", "Peers", "is_arrival"]

_WATCHED = frozenset((b"host", b"origin", b"sec-fetch-site", b"content-type"))
_OUR_SITE = frozenset((b"same-origin", b"none"))
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class Guard:
    """Check what a request says of where it goes and where it comes from."""

    def __init__(self, server: Server, port: int = 0) -> None:
        self._server = server
        self._origins = frozenset(origin.encode() for origin in server.origins)
        self._own: dict[bytes, bytes] = {}
        self.listen_on(port or server.port)

    def listen_on(self, port: int) -> None:
        """Take the port that is listened on, which the system chose when it was to be 0."""
        scheme = "https" if self._server.tls_cert else "http"
        self._own = {
            authority.encode(): f"{scheme}://{authority}".encode()
            for authority in _authorities(self._server, port)
        }

    @property
    def names(self) -> list[str]:
        """What the gateway is called: the values of Host that pass."""
        return [authority.decode() for authority in self._own]

    def check(self, headers: Headers, *, arriving: bool = False) -> None:
        """Let a request pass; raise MalformedRequest (400), Misdirected (421) or Forbidden (403).

        Host comes first, and is compared with fixed names: a page whose name was made to resolve to us
        has an Origin that equals its Host. `arriving` is a browser that goes from another site's page to one
        of ours (`is_arrival`): that is no page asking for something, and it comes without our cookie.
        """
        host = origin = site = kind = None
        for name, value in headers:
            if name in _WATCHED:
                if name == b"host":
                    if host is not None:
                        raise MalformedRequest("there is more than one Host header field")
                    host = value
                elif name == b"origin":
                    origin = value if origin is None else b"null"  # two of them agree with nothing
                elif name == b"content-type":
                    kind = value if kind is None else b"two"
                elif site is None or site in _OUR_SITE:
                    site = value
        if host is None:
            raise MalformedRequest("there is no Host header field")
        own = self._own.get(host) or self._own.get(host.lower())
        if own is None:
            raise Misdirected(self._not_us(host))
        if origin is None:
            if site is None:
                return  # no browser that is to be feared
            if site not in _OUR_SITE and not arriving:
                raise Forbidden("a page of another site asked a browser for this; only its own pages may")
        elif origin not in self._origins and (origin != own or (site is not None and site not in _OUR_SITE)):
            raise Forbidden(
                f"pages of {_shown(origin)} may not call this gateway; if yours is one that should, "
                "put its origin into server.origins"
            )
        if kind is not None and not _is_json(kind):
            raise Forbidden(f"a browser sent {_shown(kind)}; pages may send application/json alone")

    def _not_us(self, host: bytes) -> str:
        return (
            f"the Host header names {_shown(host)}, and this gateway is called {', '.join(self.names)}; "
            "another name for it belongs into server.hosts"
        )


def is_arrival(headers: Headers) -> bool:
    """Return whether a browser goes to a page of ours, in a window of its own, from one of another site.

    Nothing of what it is answered with can be read by that other page, and it is not inside of it.
    """
    told: dict[bytes, bytes] = {}
    for name, value in headers:
        if name.startswith(b"sec-fetch-") and told.setdefault(name, value) != value:
            return False
    return (
        told.get(b"sec-fetch-site") not in (None, *_OUR_SITE)
        and told.get(b"sec-fetch-mode") == b"navigate"
        and told.get(b"sec-fetch-dest") == b"document"
    )


class Peers:
    """The addresses that may connect: those of the listed networks, or all when none is listed.

    This machine's own always may: what is listed is who comes from elsewhere.
    """

    def __init__(self, allow_from: tuple[str, ...]) -> None:
        self._networks = networks(allow_from)

    def admits(self, peer: str) -> bool:
        """Return whether a connection from this address may stay."""
        if not self._networks:
            return True
        try:
            address = ipaddress.ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return address.is_loopback or any(address in network for network in self._networks)


def _authorities(server: Server, port: int) -> list[str]:
    """Return every value of Host that means us.

    A name without a port of its own counts with the listener's port and without any: the port is then
    that of a proxy in front, or left out by a client that was written by hand. A browser never leaves
    out a port that is not its scheme's, so no page gains by it.
    """
    names = [split_authority(name) for name in (*_LOOPBACK_NAMES, *_bound(server.host), *server.hosts)]
    found: dict[str, None] = {}
    for name, own_port in names:
        if own_port is None:
            found[f"{name}:{port}"] = None
            found[name] = None
        else:
            found[f"{name}:{own_port}"] = None
    return list(found)


def _bound(host: str) -> list[str]:
    """Return the name that the listener's own address gives us; a wildcard is no name."""
    if reach(host) == "wildcard":
        return []
    host = listen_address(host)
    return [f"[{host}]" if ":" in host else host]


def _is_json(content_type: bytes) -> bool:
    kind = content_type.partition(b";")[0].strip().lower()
    return kind == b"application/json" or (kind.startswith(b"application/") and kind.endswith(b"+json"))


def _shown(value: bytes) -> str:
    """Return a header's value as text that is safe in a message: bounded, printable."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in value[:100].decode("latin-1"))
