"""The door: where it is, who may come in, and why it cannot be opened."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from certificate import self_signed
from llm_gateway.clock import SystemClock
from llm_gateway.config import Server
from llm_gateway.dialects.chat import CHAT
from llm_gateway.errors import ConfigError, GatewayError
from llm_gateway.http.exchange import Exchange
from llm_gateway.http.handover import NOTHING, Inherited
from llm_gateway.http.limits import Limits
from llm_gateway.http.listener import Listener
from llm_gateway.server.door import listener_for, open_door, url_of, welcome
from llm_gateway.server.edge import Access, Edge
from llm_gateway.server.guard import Guard
from llm_gateway.server.routes import Routes
from llm_gateway.telemetry.log import Log
from llm_gateway.telemetry.metrics import Metrics

Play = Callable[[Listener], Awaitable[None]]


def opened(server: Server, inherited: Inherited = NOTHING) -> int:
    return asyncio.run(scene(server, inherited))


async def scene(server: Server, inherited: Inherited, play: Play | None = None) -> int:
    async def serve(exchange: Exchange) -> None:
        exchange.respond(200, b"", b"served")

    def refusal(error: GatewayError) -> tuple[bytes, bytes]:
        return b"", b""

    listener = Listener(serve, refusal, Limits())
    ports: list[int] = []
    try:
        await open_door(listener, server, inherited, ports.append)
        if play is not None:
            await play(listener)
        return ports[0]
    finally:
        await listener.close(0)


@pytest.mark.parametrize(
    ("server", "url"),
    [
        (Server(host="127.0.0.1"), "http://127.0.0.1:80"),
        (Server(host="::1"), "http://[::1]:80"),
        (Server(host="0.0.0.0"), "http://127.0.0.1:80"),
        (Server(host="::"), "http://[::1]:80"),
        (Server(host="gateway.lan"), "http://gateway.lan:80"),
        (Server(host="127.0.0.1", tls_cert="a.pem"), "https://127.0.0.1:80"),
    ],
)
def test_the_address_is_one_that_can_be_called(server: Server, url: str) -> None:
    assert url_of(server, 80) == url


def test_this_machine_may_call_its_own_address() -> None:
    listed = ("10.0.0.0/8",)
    assert welcome(Server(host="192.0.2.1", allow_from=listed)) == (*listed, "192.0.2.1")
    assert welcome(Server(host="192.0.2.1")) == ()
    assert welcome(Server(host="0.0.0.0", allow_from=listed)) == listed


def test_the_system_may_choose_the_port() -> None:
    assert opened(Server(host="127.0.0.1", port=0)) > 0


def test_a_port_in_use_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"127.0.0.1:{port} cannot be listened on: .*in use"):
            opened(Server(host="127.0.0.1", port=port))


def test_a_certificate_without_its_key_is_said(tmp_path: Path) -> None:
    certificate, _ = self_signed(tmp_path)
    with pytest.raises(ConfigError, match="are no pair"):
        opened(Server(host="127.0.0.1", port=0, tls_cert=str(certificate), tls_key=str(tmp_path / "none")))


@pytest.mark.parametrize(
    ("setting", "elsewhere", "here"), [(None, 1024, 0), (0, 0, 0), (7, 7, 7)], ids=["left out", "none", "set"]
)
def test_a_bound_by_address_spares_this_machine_unless_it_is_set(
    setting: int | None, elsewhere: int, here: int
) -> None:
    async def limits() -> Limits:
        access, telemetry = Access(b"", b""), (Log(SystemClock()), Metrics())
        edge = Edge(Routes(()), Guard(Server()), access, lambda path: CHAT, telemetry)
        return listener_for(Server(max_connections_per_peer=setting), edge).limits

    found = asyncio.run(limits())
    assert (found.max_connections_per_peer, found.max_connections_per_own_peer) == (elsewhere, here)
