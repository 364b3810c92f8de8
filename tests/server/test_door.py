"""The door: where it is, who may come in, and why it cannot be opened."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from certificate import self_signed
from llm_gateway.clock import SystemClock
from llm_gateway.config import Server
from llm_gateway.config.addresses import reach
from llm_gateway.dialects.chat import CHAT
from llm_gateway.errors import ConfigError, GatewayError
from llm_gateway.http.exchange import Exchange
from llm_gateway.http.handover import NOTHING, Inherited
from llm_gateway.http.limits import Limits
from llm_gateway.http.listener import Listener
from llm_gateway.server.access import Access
from llm_gateway.server.door import as_given, listener_for, open_door, url_of, welcome
from llm_gateway.server.edge import Edge
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


# sockets that were there before


def bound(host: str = "127.0.0.1") -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, 0), family=family)


def port_of(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


def accepted(server: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Return a client and its connection."""
    client = socket.create_connection(server.getsockname()[:2], timeout=5)
    return client, server.accept()[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("chosen", [True, False])
def test_what_is_bound_as_wanted_goes_on(host: str, chosen: bool) -> None:
    sock = bound()
    port = port_of(sock)
    assert opened(Server(host=host, port=0 if chosen else port), Inherited(bound=(sock,))) == port


def test_what_is_bound_elsewhere_is_closed() -> None:
    sock, other = bound(), bound()
    port, wanted = port_of(sock), port_of(other)
    other.close()
    assert opened(Server(host="127.0.0.1", port=wanted), Inherited(bound=(sock,))) == wanted
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    sock = bound()
    port = port_of(sock)
    assert opened(Server(host="127.0.0.2", port=0), Inherited(bound=(sock,))) != port
    assert sock.fileno() < 0


def test_what_was_given_is_listened_on_wherever_it_is() -> None:
    sock = bound()
    port = port_of(sock)
    assert opened(Server(host="127.0.0.2", port=1), Inherited(given=(sock,))) == port


def test_the_address_that_counts_is_that_of_what_was_given() -> None:
    server = Server(host="127.0.0.1", port=8787, allow_from=("10.0.0.0/8",))
    with bound() as one, bound("0.0.0.0") as two:
        first, second = as_given(server, (one, two))
        assert (first.host, first.port) == ("127.0.0.1", port_of(one))
        assert (second.host, second.port, second.allow_from) == ("0.0.0.0", port_of(two), server.allow_from)
        assert reach(second.host) == "wildcard"
    assert as_given(server, ()) == (server,)


@pytest.mark.parametrize("stays", [True, False])
def test_clients_stay_where_the_address_does(stays: bool) -> None:
    sock = bound()
    client, connection = accepted(sock)
    server = Server(host="127.0.0.1" if stays else "127.0.0.2", port=0)

    async def play(listener: Listener) -> None:
        assert listener.connections == (1 if stays else 0)
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") if stays else None
        heard = await asyncio.to_thread(client.recv, 1000)
        assert heard.endswith(b"served") if stays else heard == b""

    with client:
        asyncio.run(scene(server, Inherited(bound=(sock,), connections=(connection,)), play))


def test_clients_in_plain_text_do_not_stay_where_tls_is_wanted(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    sock = bound()
    client, connection = accepted(sock)
    server = Server(host="127.0.0.1", port=0, tls_cert=str(certificate), tls_key=str(key))
    with client:
        opened(server, Inherited(bound=(sock,), connections=(connection,)))
        assert client.recv(1) == b""


def test_the_port_is_told_before_anybody_comes_in() -> None:
    """What waits in the kernel is served at once; the guard has to know the port by then."""
    sock = bound()
    waiting = socket.create_connection(sock.getsockname(), timeout=5)
    waiting.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    happened: list[str] = []

    async def serve(exchange: Exchange) -> None:
        happened.append("served")
        exchange.respond(200, b"", b"")

    async def run() -> None:
        listener = Listener(serve, lambda error: (b"", b""), Limits())
        kept = Inherited(bound=(sock,))
        await open_door(listener, Server(port=0), kept, lambda port: happened.append("told"))
        await asyncio.to_thread(waiting.recv, 100)
        await listener.close(0)

    asyncio.run(run())
    assert happened == ["told", "served"]
    waiting.close()
