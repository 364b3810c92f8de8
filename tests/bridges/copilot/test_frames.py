"""Messages behind their lengths: whatever is between them, and ends that come too early."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from llm_gateway.bridges.copilot.frames import Framed
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.process import Child

_ECHO = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read({count})); sys.stdout.flush()"


async def _child(code: str) -> Child:
    return await Child.start(Path(sys.executable), ("-c", code), {"PATH": os.environ["PATH"]})


async def _read(data: bytes) -> list[bytes]:
    child = await _child(f"import sys; sys.stdout.buffer.write({data!r})")
    try:
        framed, heard = Framed(child), []
        while message := await framed.line():
            heard.append(message)
        return heard
    finally:
        await child.close()


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        (b"Content-Length: 2\r\n\r\n{}content-length:7\r\nX: y\r\n\r\n[1,\r\n2]", [b"{}", b"[1,\r\n2]"]),
        (b"a word before\n\nContent-Length: 2\n\n{}", [b"{}"]),
        (b"Content-Length: 9\r\n\r\n{}", []),
        (b"", []),
    ],
)
def test_messages_are_found_by_their_lengths(data: bytes, messages: list[bytes]) -> None:
    assert asyncio.run(_read(data)) == messages


@pytest.mark.parametrize("length", [b"0", b"-1", b"many", b"99999999999"])
def test_a_length_that_cannot_be_is_a_fault(length: bytes) -> None:
    with pytest.raises(BridgeFault, match="length"):
        asyncio.run(_read(b"Content-Length: " + length + b"\r\n\r\n{}"))


def test_a_message_is_written_behind_its_length() -> None:
    async def play() -> None:
        child = await _child(_ECHO.format(count=23))
        await Framed(child).write(b"{}\n")
        assert await child.exactly(23) == b"Content-Length: 2\r\n\r\n{}"
        await child.close()

    asyncio.run(play())
