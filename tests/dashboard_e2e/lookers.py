"""So many dashboards that are open: each follows the live stream, and renews its page as a browser does.

    python -m dashboard_e2e.lookers PORT COOKIE COUNT

Without a browser, which on a machine of two processors would be all the load there is. Says `ready` once all
follow; ends with its standard input.
"""

import asyncio
import sys
from collections.abc import Sequence

from llm_gateway.dashboard.navigation import PLACES

__all__ = ["main"]

_EVERY_S = 10.0
_HEAD = "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncookie: {cookie}\r\naccept: {accept}\r\n\r\n"


async def follow(port: int, cookie: str, seen: asyncio.Event) -> None:
    """Read the live stream to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_HEAD.format(path="/live", port=port, cookie=cookie, accept="text/event-stream").encode())
    while data := await reader.read(65536):
        if not seen.is_set():
            assert data.startswith(b"HTTP/1.1 200"), data[:200]
            seen.set()


async def renew(port: int, cookie: str, number: int) -> None:
    """Load a page again and again: one that is looked at by its like, each at another time."""
    await asyncio.sleep(_EVERY_S * (number % 10) / 10)
    place = PLACES[number % len(PLACES)]
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        asked = _HEAD.format(path=place.path, port=port, cookie=cookie, accept="text/html")
        writer.write(asked.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n").encode())
        page = await reader.read()
        while more := await reader.read(65536):
            page += more
        assert page.startswith(b"HTTP/1.1 200"), page[:300]
        writer.close()
        await asyncio.sleep(_EVERY_S)


async def look(port: int, cookie: str, count: int) -> None:
    """Look on until standard input ends."""
    seen = [asyncio.Event() for _ in range(count)]
    async with asyncio.TaskGroup() as together:
        tasks = [together.create_task(follow(port, cookie, each)) for each in seen]
        tasks += [together.create_task(renew(port, cookie, number)) for number in range(count)]
        for each in seen:
            await each.wait()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        for task in tasks:
            task.cancel()


def main(arguments: Sequence[str]) -> int:
    """Look on with as many as are asked for."""
    port, cookie, count = arguments
    asyncio.run(look(int(port), cookie, int(count)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
