"""The `responses` dialect: OpenAI Responses over HTTP, whole answers and streams of events.

Not its WebSocket form, and no state: what a client stored with a provider stays there.
"""

from llm_gateway.canonical.response import Failure
from llm_gateway.dialects.contract import Call, Embedding, Kind, Path, Seen, StreamMeter
from llm_gateway.dialects.responses import errors, request, response
from llm_gateway.dialects.responses.stream import ResponsesMeter
from llm_gateway.errors import GatewayError

__all__ = ["RESPONSES"]


class _Responses:
    name = "responses"
    keys_in_url = False
    embedding: Embedding | None = None

    def kind(self, operation: str) -> Kind:
        return request.kind(operation)

    def read_call(self, body: bytes, path: Path) -> Call:
        return request.read_call(body, path)

    def address(self, call: Call, model: str, *, ask_usage: bool) -> bytes:
        return request.address(call, model)

    def target(self, call: Call, model: str) -> str:
        return request.target(call)

    def is_stream(self, call: Call, content_type: bytes) -> bool:
        return content_type.startswith(b"text/event-stream")

    def read_answer(self, body: bytes, operation: str) -> Seen:
        return response.read_answer(body)

    def meter(self, call: Call, *, strip_usage: bool) -> StreamMeter:
        return ResponsesMeter()

    def encode_error(self, error: GatewayError) -> bytes:
        return errors.encode_error(error)

    def decode_error(self, status: int, body: bytes) -> Failure:
        return errors.decode_error(status, body)

    def encode_failure(self, failure: Failure) -> bytes:
        return errors.encode_failure(failure)


RESPONSES = _Responses()
