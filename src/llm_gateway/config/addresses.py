"""What a configured host, name, network, origin or URL is, by its form alone: nothing is resolved here."""

import ipaddress
import re
from collections.abc import Iterable
from typing import Literal
from urllib.parse import urlsplit

__all__ = [
    "Network",
    "Reach",
    "default_port",
    "networks",
    "reach",
    "split_authority",
    "wrong_origin",
    "wrong_url",
]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

Reach = Literal["loopback", "wildcard", "address", "name", "none"]
"""Who can connect to what is bound there: this machine, everybody, whoever reaches an address or what
a name stands for; `none` is a text that is no host at all."""

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")


def reach(host: str) -> Reach:
    """Return who can connect to a listener that is bound to this host."""
    host = host.lower()
    if host == "localhost":
        return "loopback"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "name" if _is_name(host) else "none"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_unspecified:
        return "wildcard"
    return "loopback" if address.is_loopback else "address"


def networks(texts: Iterable[str]) -> list[Network]:
    """Return the networks of CIDR texts; ValueError names the first that is none."""
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError as error:
            raise ValueError(f"{text!r} is not a network such as 192.168.1.0/24: {error}") from error
    return found


def split_authority(text: str) -> tuple[str, int | None]:
    """Return name and port of `name`, `name:port`, `[v6]` or `[v6]:port`; ValueError when it is none.

    The name comes back as it is compared: in lower case, an IPv6 address in its brackets.
    """
    name, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        name, port = text, ""
    elif not (port.isascii() and port.isdigit() and 0 < int(port) < 65536 and not port.startswith("0")):
        raise ValueError(f"{text!r} has no port of 1 to 65535 after its colon")
    bare = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    if reach(bare) == "none" or (":" in bare) != (bare != name):
        raise ValueError(f"{text!r} is not a host name or address, with or without a port")
    return name.lower(), int(port) if colon else None


def default_port(scheme: str) -> int | None:
    """Return the port that a URL of this scheme leaves out."""
    return _DEFAULT_PORTS.get(scheme)


def wrong_origin(text: str) -> str:
    """Return why this is not an origin as browsers write it, "" when it is one."""
    scheme, found, authority = text.partition("://")
    if not found or not _SCHEME.fullmatch(scheme):
        return "is not an origin such as https://app.example:8443"
    try:
        name, port = split_authority(authority)
    except ValueError:
        return "is not an origin: behind :// stands no host, or more than a host and a port"
    if name != authority.partition(":")[0] and not authority.startswith("["):
        return "is not an origin as browsers send it: the host is written in lower case"
    if port is not None and port == default_port(scheme):
        return f"is not an origin as browsers send it: they leave out port {port}"
    return ""


def wrong_url(text: str) -> str:
    """Return why this is not the base URL of a provider, "" when it is one."""
    if any(c.isspace() or not c.isprintable() for c in text):
        return "holds a space or a control character"
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        return f"is not a URL: {error}"
    if url.scheme not in ("http", "https") or not url.hostname or port == 0:
        return "is not a URL such as http://127.0.0.1:11434"
    if url.query or url.fragment or "?" in text or "#" in text:
        return "has a query or a fragment, which a base URL cannot have"
    return ""


def _is_name(host: str) -> bool:
    """Return whether this is a DNS name, and not an address in a spelling that only resolvers understand.

    `0`, `127.1` and `0x7f000001` are addresses to `getaddrinfo`, and nobody would see which.
    """
    labels = host.split(".")
    return (
        len(host) <= 253
        and all(_LABEL.fullmatch(label) for label in labels)
        and not _NUMBER.fullmatch(labels[-1])
    )
