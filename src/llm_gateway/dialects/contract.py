"""What every dialect can do, and the values that pass between a dialect and the pipeline.

Not an implementation: each dialect is a folder beside this file, and `registry.py` names them.
"""

from typing import Protocol

import msgspec

from llm_gateway.canonical.usage import Usage
from llm_gateway.errors import GatewayError
from llm_gateway.wire.jsonedit import Document

__all__ = ["Call", "Dialect", "Seen", "StreamMeter"]


class Call(msgspec.Struct, frozen=True):
    """A request as far as it must be understood to be routed; the rest stays bytes in `document`."""

    operation: str
    model: str
    stream: bool
    wants_usage: bool
    document: Document

    def __len__(self) -> int:
        """Return the size of the body in bytes."""
        return len(self.document)


class Seen(msgspec.Struct):
    """What an answer told about itself. A meter fills it in while the answer passes."""

    usage: Usage | None = None
    response_id: str = ""
    model: str = ""
    finish_reason: str = ""
    content_bytes: int = 0
    """Bytes of text, reasoning and tool arguments, as UTF-8: what an estimate is made from."""
    complete: bool = False
    """The end that the dialect prescribes was there; a stream without it broke off."""
    error: str = ""
    """What an error inside the stream said, where there was one."""


class StreamMeter(Protocol):
    """Watch one stream: bytes in, bytes to relay out, knowledge in `seen`."""

    @property
    def seen(self) -> Seen:
        """Return what was seen so far."""
        ...

    def feed(self, data: bytes) -> bytes:
        """Return what to relay for `data`: the same object when nothing has to be taken out."""
        ...

    def close(self) -> bytes:
        """Return what was held back; the stream has ended, well or not."""
        ...


class Dialect(Protocol):
    """A wire language, as far as passing bytes through needs it."""

    @property
    def name(self) -> str:
        """Return the dialect's name, as in the configuration."""
        ...

    def read_call(self, body: bytes, operation: str) -> Call:
        """Read what routing needs; raise `MalformedRequest` with the field at fault."""
        ...

    def address(self, call: Call, model: str, *, ask_usage: bool) -> bytes:
        """Return the body for this model; `ask_usage` makes a stream report its usage."""
        ...

    def read_answer(self, body: bytes) -> Seen:
        """Read a whole answer; one that cannot be read gives an empty `Seen`."""
        ...

    def meter(self, *, strip_usage: bool) -> StreamMeter:
        """Return a meter; `strip_usage` takes out what only our own asking brought in."""
        ...

    def encode_error(self, error: GatewayError) -> bytes:
        """Return the body of an error answer."""
        ...

    def encode_stream_error(self, error: GatewayError) -> bytes:
        """Return the events that end a stream with this error."""
        ...
