"""The `gemini` dialect: Google's `generateContent` and its siblings, streams as events and as an array."""

import msgspec

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
from llm_gateway.dialects.gemini.answer import decode_response, encode_response
from llm_gateway.dialects.gemini.decode import decode_request
from llm_gateway.dialects.gemini.decoder import GeminiDecoder
from llm_gateway.dialects.gemini.embedding import EMBEDDING
from llm_gateway.dialects.gemini.encode import encode_request
from llm_gateway.dialects.gemini.encoder import GeminiEncoder
from llm_gateway.dialects.gemini.errors import decode_error, encode_error, encode_failure
from llm_gateway.dialects.gemini.framing import is_events
from llm_gateway.dialects.gemini.request import address, is_stream, kind, path, read_call, target
from llm_gateway.dialects.gemini.response import read_answer
from llm_gateway.dialects.gemini.slots import slots
from llm_gateway.dialects.gemini.stream import GeminiMeter
from llm_gateway.errors import GatewayError
from llm_gateway.wire.jsonedit import Document

__all__ = ["GEMINI"]


class _Gemini:
    name = "gemini"
    keys_in_url = True
    # google-genai takes a line without `data:` for JSON (Python), or got stuck at it (JavaScript, older).
    takes_comments = False
    request_headers = b""
    embedding: Embedding | None = EMBEDDING

    def kind(self, operation: str) -> Kind:
        return kind(operation)

    def read_call(self, body: bytes, path: Path) -> Call:
        return read_call(body, path)

    def address(self, call: Call, model: str, *, ask_usage: bool) -> bytes:
        return address(call, model)

    def target(self, call: Call, model: str) -> str:
        return target(call, model)

    def is_stream(self, call: Call, content_type: bytes) -> bool:
        return is_stream(call, content_type)

    def read_answer(self, body: bytes, operation: str) -> Seen:
        return read_answer(body, operation)

    def meter(self, call: Call, *, strip_usage: bool) -> StreamMeter:
        return GeminiMeter(events=is_events(call.query))

    def slots(self, document: Document, recall: Recall) -> Slots:
        return slots(document, recall)

    def encode_error(self, error: GatewayError) -> bytes:
        return encode_error(error)

    def decode_error(self, status: int, body: bytes) -> Failure:
        return decode_error(status, body)

    def encode_failure(self, failure: Failure) -> bytes:
        return encode_failure(failure)

    def path(self, model: str, *, stream: bool) -> str:
        return path(model, stream=stream)

    def content_type(self, asked: Asked) -> bytes:
        if asked.stream and is_events(asked.query):
            return b"text/event-stream; charset=utf-8"
        return b"application/json; charset=UTF-8"

    def id_headers(self, asked: Asked) -> bytes:
        return b""

    def decode_request(self, call: Call) -> Decoded:
        return decode_request(call)

    def encode_request(self, request: Request, target: Target) -> Encoded:
        return encode_request(request, target)

    def decode_response(self, body: bytes) -> Read:
        return decode_response(body)

    def encode_response(self, response: Response, asked: Asked) -> Written:
        return encode_response(response, asked)

    def decoder(self) -> EventDecoder:
        return GeminiDecoder()

    def encoder(self, asked: Asked) -> EventEncoder:
        return GeminiEncoder(asked)

    def ready(self, call: Call, asked: Asked) -> bytes | None:
        return None

    def encode_count(self, tokens: int) -> bytes:
        return msgspec.json.encode({"totalTokens": tokens})


GEMINI: Dialect = _Gemini()
