"""Many clients at once on one gateway, and a log of what each of them was told: the witness of a kill test.

The log is the clients' own: an id counts as answered from the first byte of its answer, as complete from
the terminal event. What the gateway remembers is compared with it later.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["CONTENT", "Witness", "load"]

CONTENT = b"\x7e"
"""What a stream may be made of whose content is counted: nothing else in it has this byte."""

_ID = b"x-llm-gateway-request-id: "


@dataclass
class Witness:
    """What clients saw, by request id."""

    answered: set[str] = field(default_factory=set)
    complete: set[str] = field(default_factory=set)
    heard: dict[str, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))
    """When each stream had brought how much of what `CONTENT` is made of."""
    odd: list[bytes] = field(default_factory=list)
    """Beginnings of answers that were neither 200 nor a refusal of a gateway that is going."""

    def saw(self, data: bytes) -> str | None:
        """Take the head of an answer; return its id once it is there."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = data[:end].lower() + b"\r\n"
        at = head.find(_ID)
        if at < 0 or not head.startswith(b"http/1.1 200"):
            self.odd.append(data[:300])
            return ""
        request_id = head[at + len(_ID) :].partition(b"\r\n")[0].decode()
        self.answered.add(request_id)
        return request_id

    def passed(self, request_id: str, data: bytes) -> None:
        """Take a piece of a stream."""
        if more := data.count(CONTENT):
            heard = self.heard[request_id]
            heard.append((time.monotonic(), more + (heard[-1][1] if heard else 0)))

    def had(self, request_id: str, at: float) -> int:
        """Return how much of its content a stream had brought at a time."""
        return max((size for when, size in self.heard[request_id] if when <= at), default=0)


async def load(
    port: int,
    requests: list[bytes],
    seconds: float,
    kill: Callable[[], None],
    witness: Witness,
    apart: float = 0.0,
) -> None:
    """Let a client for each request ask again and again for `seconds`, then kill and see them all end.

    They begin so many seconds `apart`.
    """
    waits = [number * apart for number in range(len(requests))]
    clients = [
        asyncio.ensure_future(_client(port, request, witness, wait))
        for request, wait in zip(requests, waits, strict=True)
    ]
    await asyncio.sleep(seconds)
    kill()
    await asyncio.gather(*clients)


async def _client(port: int, request: bytes, witness: Witness, wait: float) -> None:
    """Ask until the connection breaks, which is what the kill does."""
    try:
        await asyncio.sleep(wait)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return
    try:
        while await _ask(reader, writer, request, witness):
            pass
    except OSError:
        pass
    finally:
        writer.close()


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, witness: Witness
) -> bool:
    """Send one request and read its answer; False when the connection has ended."""
    writer.write(request)
    await writer.drain()
    seen = b""
    request_id: str | None = None
    stream = b'"stream": true' in request
    while data := await reader.read(65536):
        seen += data
        if request_id is None:
            request_id = witness.saw(seen)
        if request_id is None:
            continue
        if stream:
            witness.passed(request_id, data)
            if b"data: [DONE]" in seen and request_id:
                witness.complete.add(request_id)
            if seen.endswith(b"\r\n0\r\n\r\n"):
                return True
        elif seen.endswith(b"}") and _length(seen):
            if request_id:
                witness.complete.add(request_id)
            return True
    return False


def _length(seen: bytes) -> bool:
    """Whether an answer with a content-length is all there."""
    head, _, body = seen.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return len(body) == int(value)
    return False
