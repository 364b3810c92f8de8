"""A connection's news are known before the event loop tells of them."""

import asyncio
import time

import pytest

from llm_gateway.http.news import has_news


@pytest.mark.parametrize("how", ["sends", "closes", "resets"])
def test_what_the_peer_does_is_seen_at_once(how: str) -> None:
    async def scene() -> None:
        accepted = asyncio.get_running_loop().create_future()
        server = await asyncio.start_server(lambda _, writer: accepted.set_result(writer), "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        peer = await accepted
        transport = writer.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        assert not has_news(transport)
        match how:
            case "sends":
                peer.write(b"x")
            case "closes":
                peer.close()
            case "resets":
                peer.transport.abort()
        await asyncio.sleep(0)
        until = time.monotonic() + 5
        while not has_news(transport):  # the loop does not turn meanwhile
            assert time.monotonic() < until
        transport.abort()
        assert has_news(transport), "it closes"
        peer.transport.abort()
        await asyncio.sleep(0)  # now they are gone
        server.close()

    asyncio.run(scene())
