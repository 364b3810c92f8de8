"""Whether the gateway may listen where it is told to: the rules for everything beyond loopback.

A bind beyond loopback needs keys, and TLS or a list of networks, and the flag, and a confirmation on
record, all together; a wildcard address needs TLS and the list. Nothing here listens or asks anybody.
"""

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import msgspec

from llm_gateway.config import Server
from llm_gateway.config.addresses import Reach, reach
from llm_gateway.errors import ConfigError, RefusedByPolicy
from llm_gateway.vault import read_private, write_private
from llm_gateway.wire.ready import ready

__all__ = [
    "Confirmation",
    "ExposureView",
    "confirm",
    "confirmation",
    "confirmed",
    "exposure_view",
    "judge_bind",
    "listen_address",
    "refusal_of",
    "truth_table",
    "withdraw",
]


@ready
class Confirmation(msgspec.Struct, frozen=True):
    """What was confirmed, by whom, when, and until when (0: until it is taken back).

    Any other exposure needs a confirmation of its own.
    """

    host: str
    port: int
    allow_from: tuple[str, ...]
    tls_cert: str
    by: str = ""
    at_us: int = 0
    until_us: int = 0

    def covers(self, server: Server) -> bool:
        """Return whether this exposure is the one that was confirmed."""
        asked = server.host, server.port, _sorted(server.allow_from), server.tls_cert
        return (self.host, self.port, self.allow_from, self.tls_cert) == asked

    def counts(self, now_us: int) -> bool:
        """Return whether it counts at this time."""
        return not self.until_us or now_us < self.until_us


class ExposureView(msgspec.Struct, frozen=True):
    """Who can reach the gateway, as people are shown it. Times are ISO 8601 in UTC.

    `why` says what is lacking where it may not listen there; `warning` what is to be thought of where it may.
    """

    reach: Reach
    host: str
    port: int
    tls: bool
    allow_from: tuple[str, ...]
    allowed: bool
    why: str = ""
    warning: str = ""
    confirmed_by: str = ""
    confirmed_at: str | None = None
    until: str | None = None


def judge_bind(server: Server, *, confirmed: bool, keys_on: bool) -> ConfigError | None:
    """Return why the gateway may not listen there, or None when it may.

    `keys_on` says whether every request needs a key, `confirmed` whether this very exposure is on record.
    """
    kind = reach(server.host)
    if kind == "loopback":
        return None
    lacks = list(_lacks(server, kind, confirmed=confirmed, keys_on=keys_on))
    if not lacks:
        return None
    return RefusedByPolicy(
        f"server.host: listening on {server.host} lets others than this machine connect, which needs more: "
        + "; ".join(lacks)
        + ". Without all of it the gateway listens on 127.0.0.1 only"
    )


def listen_address(host: str) -> str:
    """Return the address to bind for a host.

    `localhost` is never looked up: what it resolves to elsewhere than here is nobody's promise. An IPv4
    address that is written as an IPv6 one is bound as what it is: sockets here speak one of the two.
    """
    if host.lower() == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return host if mapped is None else str(mapped)


def refusal_of(home: Path, server: Server, now_us: int) -> ConfigError | None:
    """Return why the gateway of this home may not listen there now, or None when it may.

    Each of its requests needs a key: nothing turns that off.
    """
    found = confirmation(home, server)
    refusal = judge_bind(server, confirmed=found is not None and found.counts(now_us), keys_on=True)
    if refusal is not None and found is not None and not found.counts(now_us):
        return RefusedByPolicy(f"{refusal}; what you confirmed ended at {_iso(found.until_us)}")
    return refusal


def confirmation(home: Path, server: Server) -> Confirmation | None:
    """Return what is on record of this very exposure, whether it still counts or not."""
    data = read_private(_path(home))
    if data is None:
        return None
    try:
        found = msgspec.json.decode(data, type=Confirmation)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if found.covers(server) else None


def confirmed(home: Path, server: Server, now_us: int) -> bool:
    """Return whether this very exposure has been confirmed, for a time that has not ended."""
    found = confirmation(home, server)
    return found is not None and found.counts(now_us)


def confirm(home: Path, server: Server, by: str = "", at_us: int = 0, until_us: int = 0) -> None:
    """Put on record that the owner wants this exposure, in place of any earlier one."""
    networks = _sorted(server.allow_from)
    found = Confirmation(server.host, server.port, networks, server.tls_cert, by, at_us, until_us)
    write_private(_path(home), msgspec.json.encode(found) + b"\n")


def exposure_view(home: Path, server: Server, now_us: int) -> ExposureView:
    """Return who can reach the gateway as it is configured, and since when and until when that is agreed."""
    kind = reach(server.host)
    refusal = refusal_of(home, server, now_us)
    found = confirmation(home, server)
    return ExposureView(
        reach=kind,
        host=server.host,
        port=server.port,
        tls=bool(server.tls_cert),
        allow_from=server.allow_from,
        allowed=refusal is None,
        why=str(refusal or ""),
        warning=_warning(server, kind) if refusal is None else "",
        confirmed_by=found.by if found else "",
        confirmed_at=_iso(found.at_us) if found and found.at_us else None,
        until=_iso(found.until_us) if found and found.until_us else None,
    )


def withdraw(home: Path) -> None:
    """Take the confirmation back; the next start needs a new one."""
    _path(home).unlink(missing_ok=True)


def truth_table() -> str:
    """Return what may start under which conditions, as a Markdown table of every combination."""
    lines = [
        "| keys | TLS | `allow_from` | `expose` | confirmed | loopback | address or name | all addresses |"
    ]
    lines.append("|" + " --- |" * 8)
    for keys, tls, listed, expose, agreed in product((True, False), repeat=5):
        cells = ["yes" if given else "no" for given in (keys, tls, listed, expose, agreed)]
        for host in ("127.0.0.1", "192.168.1.5", "0.0.0.0"):  # noqa: S104 - named, not bound
            server = Server(
                host=host,
                expose=expose,
                tls_cert="cert.pem" if tls else "",
                tls_key="key.pem" if tls else "",
                allow_from=("192.168.1.0/24",) if listed else (),
            )
            refusal = judge_bind(server, confirmed=agreed, keys_on=keys)
            cells.append("**starts**" if refusal is None else "refused")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _lacks(server: Server, kind: Reach, *, confirmed: bool, keys_on: bool) -> Iterator[str]:
    if kind == "none":
        yield "an IP address or a host name"
        return
    if not keys_on:
        yield "gateway keys on"
    if kind == "wildcard":
        if not server.tls_cert:
            yield "server.tls_cert and server.tls_key"
        if not server.allow_from:
            yield "server.allow_from, the networks that may connect"
    elif not server.tls_cert and not server.allow_from:
        yield "server.tls_cert and server.tls_key, or server.allow_from, the networks that may connect"
    if not server.expose:
        yield "server.expose = true"
    if not confirmed:
        yield "your confirmation of address, port, networks and certificate: `llm-gateway bridges expose`"


def _warning(server: Server, kind: Reach) -> str:
    if kind == "loopback":
        return ""
    if not server.tls_cert:
        return "keys and prompts pass readably on the network: set server.tls_cert, or use a VPN's address"
    if not server.allow_from:
        return "every network may connect: set server.allow_from"
    return ""


def _sorted(networks: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(networks)))


def _iso(at_us: int) -> str:
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _path(home: Path) -> Path:
    return home / "exposure.json"
