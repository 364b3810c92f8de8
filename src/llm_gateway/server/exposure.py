"""Whether the gateway may listen where it is told to: the rules for everything beyond loopback.

A bind beyond loopback needs keys, and TLS or a list of networks, and the flag, and a confirmation on
record, all together; a wildcard address needs TLS and the list. Nothing here listens or asks anybody.
"""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import msgspec

from llm_gateway.config import Server
from llm_gateway.config.addresses import Reach, reach
from llm_gateway.errors import ConfigError, RefusedByPolicy
from llm_gateway.vault import read_private, write_private

__all__ = ["confirm", "confirmed", "judge_bind", "listen_address", "truth_table", "withdraw"]


class _Exposure(msgspec.Struct, frozen=True):
    """What was confirmed. Any other exposure needs a confirmation of its own."""

    host: str
    port: int
    allow_from: tuple[str, ...]
    tls_cert: str


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

    `localhost` is never looked up: what it resolves to elsewhere than here is nobody's promise.
    """
    return "127.0.0.1" if host.lower() == "localhost" else host


def confirmed(home: Path, server: Server) -> bool:
    """Return whether this very exposure has been confirmed."""
    data = read_private(_path(home))
    if data is None:
        return False
    try:
        return msgspec.json.decode(data, type=_Exposure) == _exposure(server)
    except msgspec.DecodeError:
        return False


def confirm(home: Path, server: Server) -> None:
    """Put on record that the owner wants this exposure, in place of any earlier one."""
    write_private(_path(home), msgspec.json.encode(_exposure(server)) + b"\n")


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


def _exposure(server: Server) -> _Exposure:
    return _Exposure(server.host, server.port, tuple(sorted(set(server.allow_from))), server.tls_cert)


def _path(home: Path) -> Path:
    return home / "exposure.json"
