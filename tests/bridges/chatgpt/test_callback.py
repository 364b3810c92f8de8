"""The listener that a browser comes back to: what it takes, and what it does not."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable

import pytest

from bridges.chatgpt.chatgpt_stage import Page, get
from llm_gateway.bridges.chatgpt.callback import PATH, Callback, Took, listening

Scene = Callable[[Callback, list[str]], Awaitable[None]]


def played(scene: Scene, took: Took = "taken") -> None:
    queries: list[str] = []

    def take(query: str) -> Took:
        queries.append(query)
        return took

    async def run() -> None:
        async with listening(take) as callback:
            await scene(callback, queries)

    asyncio.run(run())


async def page(url: str, method: str = "GET", headers: dict[str, str] | None = None) -> Page:
    return await asyncio.to_thread(get, url, method, headers)


async def raw(callback: Callback, data: bytes) -> bytes:
    """Send bytes and return all that comes back."""

    def talk() -> bytes:
        with socket.create_connection(("127.0.0.1", callback.port), timeout=5) as peer:
            peer.sendall(data)
            told = b""
            while piece := peer.recv(65536):
                told += piece
            return told

    return await asyncio.to_thread(talk)


def answers(host: str, port: int) -> bool:
    """Whether anybody listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as peer:
        peer.settimeout(1)
        return peer.connect_ex((host, port)) == 0


@pytest.mark.parametrize(
    ("took", "status", "title"),
    [
        ("taken", 200, "Thank you"),
        ("declined", 200, "Not signed in"),
        ("used", 410, "Used already"),
        ("not ours", 400, "Not this sign-in"),
    ],
)
def test_a_browser_is_told_what_became_of_it(took: Took, status: int, title: str) -> None:
    async def scene(callback: Callback, queries: list[str]) -> None:
        shown = await page(f"{callback.url}?code=the-code&state=1")
        assert queries == ["code=the-code&state=1"]
        assert (shown.status, title in shown.text) == (status, True)
        assert "the-code" not in shown.text
        assert shown.headers["content-type"] == "text/html; charset=utf-8"
        assert shown.headers["content-security-policy"].startswith("default-src 'none'")
        assert (shown.headers["cache-control"], shown.headers["referrer-policy"]) == (
            "no-store",
            "no-referrer",
        )

    played(scene, took)


def test_it_is_on_loopback_alone() -> None:
    async def scene(callback: Callback, _: list[str]) -> None:
        assert answers("127.0.0.1", callback.port)
        assert callback.url == f"http://127.0.0.1:{callback.port}{PATH}"
        for host in ("127.0.0.2", "::1"):
            assert not answers(host, callback.port)

    played(scene)


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/", "GET", 404),
        ("/auth/callback/", "GET", 404),
        ("/auth/callback2", "GET", 404),
        ("/auth/../auth/callback", "GET", 404),
        ("/favicon.ico", "GET", 404),
        ("/auth/callback", "POST", 405),
        ("/auth/callback", "HEAD", 405),
        ("/auth/callback", "OPTIONS", 405),
    ],
)
def test_nothing_else_is_to_be_found(path: str, method: str, status: int) -> None:
    async def scene(callback: Callback, queries: list[str]) -> None:
        shown = await page(f"http://127.0.0.1:{callback.port}{path}?code=1", method)
        assert (shown.status, queries) == (status, [])
        assert shown.headers.get("allow") == ("GET" if status == 405 else None)

    played(scene)


@pytest.mark.parametrize(
    "fields",
    [
        b"",
        b"host: localhost:%d\r\n",
        b"host: evil.example\r\n",
        b"host: 127.0.0.1\r\n",
        b"host: 127.0.0.1:%d\r\nhost: 127.0.0.1:%d\r\n",
        b"host: 127.0.0.1:%d\r\norigin: https://evil.example\r\n",
        b"host: 127.0.0.1:%d\r\nORIGIN: null\r\n",
    ],
)
def test_another_host_or_a_page_that_calls_is_refused(fields: bytes) -> None:
    async def scene(callback: Callback, queries: list[str]) -> None:
        told = fields.replace(b"%d", str(callback.port).encode())
        answer = await raw(callback, b"GET /auth/callback?a=1 HTTP/1.1\r\n%b\r\n" % told)
        assert answer.startswith(b"HTTP/1.1 403 ") and queries == []

    played(scene)


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET /auth/callback?a=1\r\n\r\n",
        b"GET http://127.0.0.1/auth/callback HTTP/1.1\r\n\r\n",
        b"GET /auth/callback?a=\xff HTTP/1.1\r\n\r\n",
        b"get /auth/callback HTTP/1.1\r\n\r\n",
        b"GET /auth/callback HTTP/2.0\r\n\r\n",
        b"GET /auth/callback?" + b"a" * 20_000,
        b"GET /auth/callback HTTP/1.1\r\nx: " + b"a" * 20_000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(data: bytes) -> None:
    async def scene(callback: Callback, queries: list[str]) -> None:
        answer = await raw(callback, data)
        assert answer.startswith(b"HTTP/1.1 400 ") and queries == []

    played(scene)


def test_a_request_in_pieces_is_one_and_only_one_is_taken() -> None:
    async def scene(callback: Callback, queries: list[str]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", callback.port)
        request = f"GET {PATH}?a=1 HTTP/1.1\r\nHost: 127.0.0.1:{callback.port}\r\n\r\n".encode()
        for at in range(0, len(request), 7):
            writer.write(request[at : at + 7])
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(request)  # a second one behind it
        assert (await reader.read()).count(b"HTTP/1.1 ") == 1
        assert queries == ["a=1"]
        writer.close()

    played(scene)


def test_it_is_gone_with_the_sign_in() -> None:
    async def scene() -> None:
        async with listening(lambda _: "taken") as callback:
            reader, writer = await asyncio.open_connection("127.0.0.1", callback.port)
            await asyncio.sleep(0.01)
        began = time.monotonic()
        assert await reader.read() == b""
        assert time.monotonic() - began < 1
        writer.close()
        assert not answers("127.0.0.1", callback.port)

    asyncio.run(scene())


def test_whoever_says_nothing_is_not_waited_for_long() -> None:
    async def scene() -> None:
        async with listening(lambda _: "taken", patience=0.05) as callback:
            reader, writer = await asyncio.open_connection("127.0.0.1", callback.port)
            assert await reader.read() == b""
            writer.close()

    asyncio.run(scene())
