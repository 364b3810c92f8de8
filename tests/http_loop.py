"""Run a listener and talk to it within one event loop: the smallest stage for tests of the HTTP room."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from llm_gateway.errors import GatewayError
from llm_gateway.http.exchange import Exchange
from llm_gateway.http.limits import Limits
from llm_gateway.http.listener import Listener

T = TypeVar("T")
Handler = Callable[[Exchange], Awaitable[None]]


class Stage:
    """A listener on a free port, and what it refused."""

    def __init__(self, listener: Listener, port: int, refused: list[GatewayError]) -> None:
        self.listener = listener
        self.port = port
        self.refused = refused

    async def say(self, data: bytes, *, pieces: int = 0) -> bytes:
        """Send bytes, whole or in pieces of a size, and return all that comes until the close."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        step = pieces or len(data) or 1
        try:
            for start in range(0, len(data), step):
                writer.write(data[start : start + step])
                await writer.drain()
                await asyncio.sleep(0)
        except ConnectionError:
            pass
        try:
            return await asyncio.wait_for(reader.read(), 5)
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


def on_stage(play: Callable[[Stage], Awaitable[T]], handler: Handler, limits: Limits | None = None) -> T:
    """Run `play` against a listener that answers with `handler`."""

    async def run() -> T:
        refused: list[GatewayError] = []

        async def handle(exchange: Exchange) -> None:
            await handler(exchange)

        listener = Listener(
            handle,
            lambda error: (b"content-type: text/plain\r\n", error.kind.encode()),
            limits or Limits(),
            on_refused=refused.append,
        )
        port = await listener.listen("127.0.0.1", 0)
        try:
            return await play(Stage(listener, port, refused))
        finally:
            await listener.close(0.2)

    return asyncio.run(run())


async def echo(exchange: Exchange) -> None:
    """Answer with the request's method, target and body; a body that fails is answered with its error."""
    try:
        body = await exchange.body(100_000)
    except GatewayError as error:
        exchange.respond(error.status, b"", error.kind.encode())
        return
    exchange.respond(
        200, b"content-type: text/plain\r\n", b"%b %b %b" % (exchange.method, exchange.target, body)
    )
