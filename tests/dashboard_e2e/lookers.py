"""Ten dashboards that are open: each follows the live stream, and renews its page as a browser does.

    python -m dashboard_e2e.lookers PORT COOKIE FIRST

Without a browser, which on a machine of two processors would be all the load there is. A page is loaded every
second, in their order from FIRST on. Says `ready` once all follow; ends with its standard input.
"""

import asyncio
import sys
from collections.abc import Sequence

from llm_gateway.dashboard.navigation import PLACES

__all__ = ["DASHBOARDS", "main"]

DASHBOARDS = 10
# What the first page asks for most often of all, while somebody looks at it.
_POLLED, _POLL_S = "/overview/capture", 1.5
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


async def renew(port: int, cookie: str, path: str, wait: float, every: float = _EVERY_S) -> None:
    """Load a page, or what a page renews of itself, again and again."""
    await asyncio.sleep(wait)
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        asked = _HEAD.format(path=path, port=port, cookie=cookie, accept="text/html")
        writer.write(asked.replace("\r\n\r\n", "\r\nconnection: close\r\nhx-request: true\r\n\r\n").encode())
        page = await reader.read()
        while more := await reader.read(65536):
            page += more
        assert page.startswith(b"HTTP/1.1 200"), page[:300]
        writer.close()
        await asyncio.sleep(every)


async def look(port: int, cookie: str, first: int) -> None:
    """Look on until standard input ends."""
    seen = [asyncio.Event() for _ in range(DASHBOARDS)]
    async with asyncio.TaskGroup() as together:
        tasks = [together.create_task(follow(port, cookie, each)) for each in seen]
        for number in range(DASHBOARDS):
            path = PLACES[(first + number) % len(PLACES)].path
            tasks.append(together.create_task(renew(port, cookie, path, _EVERY_S * number / DASHBOARDS)))
            poll = renew(port, cookie, _POLLED, _POLL_S * number / DASHBOARDS, _POLL_S)
            tasks.append(together.create_task(poll))
        for each in seen:
            await each.wait()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        for task in tasks:
            task.cancel()


def main(arguments: Sequence[str]) -> int:
    """Look on."""
    port, cookie, first = arguments
    asyncio.run(look(int(port), cookie, int(first)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
