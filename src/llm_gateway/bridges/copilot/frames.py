"""Messages to and from the Copilot CLI, each behind a header with its length, as language servers have it.

github/copilot-sdk, python/copilot/_jsonrpc.py. `Rpc` speaks; this only carries.
"""

from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.process import Child

__all__ = ["Framed"]

_LENGTH = b"content-length"
_LONGEST = 64 * 1024 * 1024


class Framed:
    """Carries messages to a program and back."""

    def __init__(self, child: Child) -> None:
        self._child = child

    async def line(self) -> bytes:
        """Return the next message, b"" at the end; BridgeFault for one of no sensible length."""
        length: int | None = None
        while field := await self._child.line():
            name, _, value = field.strip().partition(b":")
            if name.lower() == _LENGTH:
                length = _length(value)
            elif not name and length is not None:
                message = await self._child.exactly(length)
                return message if len(message) == length else b""
        return b""

    async def write(self, data: bytes) -> None:
        """Write one message; BridgeFault when the program has ended."""
        message = data.rstrip(b"\n")
        await self._child.write(b"Content-Length: %d\r\n\r\n%b" % (len(message), message))


def _length(value: bytes) -> int:
    told = value.strip()
    if not told.isdigit() or not 0 < int(told) <= _LONGEST:
        raise BridgeFault("bridge_failed", "the Copilot CLI announced a message of a length that cannot be")
    return int(told)
