"""The `responses` dialect: OpenAI Responses over HTTP, whole answers and streams of events.

Not its WebSocket form, and no state: what a client stored with a provider stays there.
"""

from llm_gateway.canonical.gather import Recall
from llm_gateway.canonical.request import Decoded, Encoded, Request
from llm_gateway.canonical.response import Failure, Response
from llm_gateway.canonical.slots import Slots
from llm_gateway.dialects.contract import (
    Asked,
    Call,
    Dialect,
    Embedding,
    EventDecoder,
    EventEncoder,
    Kind,
    Path,
    Read,
    Seen,
    StreamMeter,
    Target,
    Written,
)
from llm_gateway.dialects.responses import answer, decode, encode, errors, request, response, slots
from llm_gateway.dialects.responses.decoder import ResponsesDecoder
from llm_gateway.dialects.responses.encoder import ResponsesEncoder
from llm_gateway.dialects.responses.stream import ResponsesMeter
from llm_gateway.errors import GatewayError
from llm_gateway.wire.jsonedit import Document

__all__ = ["RESPONSES"]


class _Responses:
    name = "responses"
    keys_in_url = False
    takes_comments = True
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

    def slots(self, document: Document, recall: Recall) -> Slots:
        return slots.slots(document, recall)

    def encode_error(self, error: GatewayError) -> bytes:
        return errors.encode_error(error)

    def decode_error(self, status: int, body: bytes) -> Failure:
        return errors.decode_error(status, body)

    def encode_failure(self, failure: Failure) -> bytes:
        return errors.encode_failure(failure)

    request_headers = b""

    def path(self, model: str, *, stream: bool) -> str:
        return request.GENERATE

    def content_type(self, asked: Asked) -> bytes:
        return b"text/event-stream; charset=utf-8" if asked.stream else b"application/json"

    def id_headers(self, asked: Asked) -> bytes:
        return b"x-request-id: req_%b\r\n" % asked.id.encode()

    def decode_request(self, call: Call) -> Decoded:
        return decode.decode_request(call)

    def encode_request(self, request: Request, target: Target) -> Encoded:
        return encode.encode_request(request, target)

    def decode_response(self, body: bytes) -> Read:
        return answer.decode_response(body)

    def encode_response(self, response: Response, asked: Asked) -> Written:
        return answer.encode_response(response, asked)

    def decoder(self) -> EventDecoder:
        return ResponsesDecoder()

    def encoder(self, asked: Asked) -> EventEncoder:
        return ResponsesEncoder(asked)

    def ready(self, call: Call, asked: Asked) -> bytes | None:
        return None

    def encode_count(self, tokens: int) -> bytes:
        return answer.encode_count(tokens)


RESPONSES: Dialect = _Responses()
