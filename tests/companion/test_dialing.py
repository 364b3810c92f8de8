"""A gateway is dialled by TLS, or on this machine; and why it cannot be reached is told."""

import asyncio
import datetime as dt
import ssl
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from websockets.asyncio.server import ServerConnection, serve

from certificate import self_signed
from llm_gateway.companion.dialing import PATH, DialledSocket, address_of, dial, trusting
from llm_gateway.companion.introduction import Refused
from llm_gateway.errors import ConfigError, RefusedByPolicy
from llm_gateway.tasks import Tasks


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://gateway.example", f"wss://gateway.example{PATH}"),
        ("gateway.example:8443", f"wss://gateway.example:8443{PATH}"),
        ("https://gateway.example/llm/", f"wss://gateway.example/llm{PATH}"),
        ("wss://gateway.example", f"wss://gateway.example{PATH}"),
        ("http://127.0.0.1:8787", f"ws://127.0.0.1:8787{PATH}"),
        ("http://[::1]:8787", f"ws://[::1]:8787{PATH}"),
        ("http://localhost:8787/", f"ws://localhost:8787{PATH}"),
    ],
)
def test_an_address(url: str, address: str) -> None:
    assert address_of(url) == address


@pytest.mark.control("T7")
@pytest.mark.fault("B3")
@pytest.mark.parametrize(
    "url", ["http://gateway.example", "ws://10.0.0.1", "http://0.0.0.0", "http://127.0.0.1.evil.test"]
)
def test_nothing_goes_to_another_machine_in_the_clear(url: str) -> None:
    with pytest.raises(RefusedByPolicy, match="in the clear"):
        address_of(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "ftp://x",
        "https://a:b@x",
        "https://x?y",
        "https://x#y",
        "https://x:port",
        "https://[x",
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ConfigError):
        address_of(url)


def dialled(
    scene: Callable[[DialledSocket], Awaitable[None]], answer: Callable[[ServerConnection], Awaitable[None]]
) -> None:
    """Play with a socket to somebody who answers so."""

    async def run() -> None:
        failures: list[BaseException] = []
        tasks = Tasks(lambda _, error: failures.append(error))
        async with serve(answer, "127.0.0.1", 0, compression=None) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            socket = await dial(f"ws://127.0.0.1:{port}{PATH}", tasks)
            async with asyncio.timeout(10):
                await scene(socket)
                await socket.close()
                await socket.close()
        await tasks.close()
        assert not failures

    asyncio.run(run())


def test_messages_go_both_ways_in_order() -> None:
    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async def scene(socket: DialledSocket) -> None:
        for number in range(100):
            socket.send(bytes([number]) * 1000)
        for number in range(100):
            assert await socket.receive() == bytes([number]) * 1000

    dialled(scene, echo)


def test_who_does_not_read_is_waited_for() -> None:
    reads = asyncio.Event()

    async def slow(connection: ServerConnection) -> None:
        await reads.wait()
        async for _ in connection:
            pass

    async def scene(socket: DialledSocket) -> None:
        for _ in range(200):
            socket.send(bytes(200_000))
        assert socket.blocked
        waiting = asyncio.get_running_loop().create_task(socket.drain())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        reads.set()
        await waiting
        assert not socket.blocked

    dialled(scene, slow)


def test_the_end_is_told() -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.send("text")
        await connection.close(4401, "revoked")

    async def scene(socket: DialledSocket) -> None:
        assert await socket.receive() == b"text"
        assert await socket.receive() is None
        socket.send(b"late")
        await asyncio.sleep(0.01)
        socket.send(b"later")
        await socket.drain()

    dialled(scene, leave)


def refused(address: str, trust: ssl.SSLContext | None = None) -> Refused:
    async def run() -> Refused:
        tasks = Tasks(lambda _, error: None)
        with pytest.raises(Refused) as caught:
            await dial(address, tasks, trust)
        await tasks.close()
        return caught.value

    return asyncio.run(run())


def test_nobody_is_there() -> None:
    error = refused(f"ws://127.0.0.1:1{PATH}")
    assert error.kind == "unreachable" and error.message == "127.0.0.1 cannot be reached: Connection refused"
    unknown = refused(f"wss://no.such.name.invalid{PATH}")
    assert unknown.kind == "unreachable" and "the name does not resolve" in unknown.message
    assert refused("ws://").kind == "unreachable"


@pytest.mark.fault("B2")
@pytest.mark.parametrize(
    ("status", "kind", "told"),
    [
        (421, "unreachable", "server.hosts"),
        (403, "unreachable", "server.hosts"),
        (404, "version_mismatch", "upgrade"),
        (426, "version_mismatch", "upgrade"),
        (503, "unreachable", "takes nothing now"),
        (307, "unreachable", "redirects"),
        (500, "unreachable", "opens no link"),
        (200, "unreachable", "no link"),
    ],
)
def test_somebody_else_is_there(status: int, kind: str, told: str) -> None:
    async def run() -> Refused:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            there = b"location: ws://127.0.0.1:1/elsewhere\r\n" if 300 <= status < 400 else b""
            writer.write(b"HTTP/1.1 %d Whatever\r\n%bcontent-length: 0\r\n\r\n" % (status, there))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Refused) as caught:
            await dial(f"ws://127.0.0.1:{port}{PATH}", Tasks(lambda _, error: None))
        server.close()
        return caught.value

    error = asyncio.run(run())
    assert error.kind == kind and told in error.message


@pytest.mark.fault("B2")
def test_what_speaks_no_http_is_no_gateway() -> None:
    async def run() -> Refused:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"SSH-2.0-OpenSSH\r\n")
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Refused) as caught:
            await dial(f"ws://127.0.0.1:{port}{PATH}", Tasks(lambda _, error: None))
        server.close()
        return caught.value

    assert asyncio.run(run()).kind == "unreachable"


@pytest.mark.control("T7")
@pytest.mark.fault("B3")
def test_a_certificate_that_nobody_vouches_for_and_one_for_another_name(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    here.load_cert_chain(certificate, key)
    trust = trusting(certificate.read_text())

    async def run() -> None:
        tasks = Tasks(lambda _, error: None)

        async def echo(connection: ServerConnection) -> None:
            async for message in connection:
                await connection.send(message)

        async with serve(echo, "127.0.0.1", 0, ssl=here, compression=None) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            with pytest.raises(Refused) as caught:
                await dial(f"wss://127.0.0.1:{port}{PATH}", tasks)
            assert caught.value.kind == "tls_failed" and "self" in caught.value.message
            assert "--ca takes a copy of it" in caught.value.message
            with pytest.raises(Refused) as caught:
                await dial(f"wss://127.0.0.2:{port}{PATH}", tasks, trust)
            assert caught.value.kind in ("tls_failed", "unreachable")
            socket = await dial(f"wss://127.0.0.1:{port}{PATH}", tasks, trust)
            socket.send(b"hello")
            assert await socket.receive() == b"hello"
            await socket.close()
            with pytest.raises(Refused) as caught:
                await dial(f"ws://127.0.0.1:{port}{PATH}", tasks)
            assert caught.value.kind == "unreachable"
        await tasks.close()

    asyncio.run(run())


def expired(folder: Path) -> tuple[Path, Path]:
    """Return the files of a certificate that was good until yesterday, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - dt.timedelta(days=9))
        .not_valid_after(now - dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "expired.pem", folder / "expired.key"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, private


def test_a_certificate_that_has_expired_is_told_as_that(tmp_path: Path) -> None:
    certificate, key = expired(tmp_path)
    here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    here.load_cert_chain(certificate, key)
    trust = trusting(certificate.read_text())

    async def run() -> Refused:
        async def nothing(connection: ServerConnection) -> None:
            await connection.wait_closed()

        async with serve(nothing, "127.0.0.1", 0, ssl=here) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            with pytest.raises(Refused) as caught:
                await dial(f"wss://127.0.0.1:{port}{PATH}", Tasks(lambda _, error: None), trust)
        return caught.value

    error = asyncio.run(run())
    assert error.kind == "tls_failed" and "expired" in error.message


def test_whom_to_trust() -> None:
    assert trusting("") is None
    for none in ("nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(ConfigError, match="no certificate in that file"):
            trusting(none)
