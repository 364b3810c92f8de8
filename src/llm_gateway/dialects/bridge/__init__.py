"""The language in which bridges are asked: the common model itself, as JSON, and its events, a line each.

No client speaks it. It is written here, and read where a bridge runs, in this process or on another machine.
"""

from llm_gateway.canonical.events import Event
from llm_gateway.canonical.request import Encoded, Request
from llm_gateway.canonical.response import Failure
from llm_gateway.dialects.bridge import errors, request, stream
from llm_gateway.dialects.contract import Embedding, EventDecoder, Read, Target

__all__ = ["BRIDGE", "PATH", "BridgeDialect"]

PATH = "turn"
"""The one operation there is."""


class BridgeDialect:
    """The dialect as a target; it has no client's side."""

    name = "bridge"
    embedding: Embedding | None = None
    request_headers = b"accept: application/x-ndjson\r\n"

    def path(self, model: str, *, stream: bool) -> str:
        """Return the operation: every answer comes as a stream."""
        return PATH

    def encode_request(self, request_: Request, target: Target) -> Encoded:
        """Write a request; UnsupportedByBridge when the bridge cannot do what it is about."""
        return request.encode_request(request_, target)

    def decode_response(self, body: bytes) -> Read:
        """Read an answer that has come whole."""
        return stream.decode_response(body)

    def decoder(self) -> EventDecoder:
        """Return a decoder for one answer."""
        return stream.Decoder()

    def decode_error(self, status: int, body: bytes) -> Failure:
        """Read a refusal."""
        return errors.decode_error(status, body)

    def encode_event(self, event: Event) -> bytes:
        """Write one event of an answer."""
        return stream.encode_event(event)


BRIDGE = BridgeDialect()
