"""The `ollama` dialect: Ollama's own API, chat and generate, with embeddings beside them."""

from llm_gateway.canonical.gather import Recall
from llm_gateway.canonical.request import Decoded, Encoded, Request
from llm_gateway.canonical.response import Failure, Response
from llm_gateway.canonical.slots import Slots
from llm_gateway.dialects.contract import (
    Asked,
    Call,
    Dialect,
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
from llm_gateway.dialects.ollama.answer import decode_response, encode_response
from llm_gateway.dialects.ollama.catalog import encode_loaded, is_load
from llm_gateway.dialects.ollama.decode import decode_request
from llm_gateway.dialects.ollama.decoder import OllamaDecoder
from llm_gateway.dialects.ollama.embedding import EMBEDDING
from llm_gateway.dialects.ollama.encode import encode_request
from llm_gateway.dialects.ollama.encoder import OllamaEncoder
from llm_gateway.dialects.ollama.errors import decode_error, encode_error, encode_failure
from llm_gateway.dialects.ollama.request import address, is_stream, kind, read_call, target
from llm_gateway.dialects.ollama.response import read_answer
from llm_gateway.dialects.ollama.slots import slots
from llm_gateway.dialects.ollama.stream import OllamaMeter
from llm_gateway.errors import GatewayError
from llm_gateway.wire.jsonedit import Document

__all__ = ["OLLAMA"]


class _Ollama:
    name = "ollama"
    keys_in_url = False
    takes_comments = False  # its streams are lines of JSON
    request_headers = b""
    embedding = EMBEDDING

    def kind(self, operation: str) -> Kind:
        return kind(operation)

    def read_call(self, body: bytes, path: Path) -> Call:
        return read_call(body, path)

    def address(self, call: Call, model: str, *, ask_usage: bool) -> bytes:
        return address(call, model)

    def target(self, call: Call, model: str) -> str:
        return target(call)

    def is_stream(self, call: Call, content_type: bytes) -> bool:
        return is_stream(call, content_type)

    def read_answer(self, body: bytes, operation: str) -> Seen:
        return read_answer(body)

    def meter(self, call: Call, *, strip_usage: bool) -> StreamMeter:
        return OllamaMeter()

    def slots(self, document: Document, recall: Recall) -> Slots:
        return slots(document, recall)

    def encode_error(self, error: GatewayError) -> bytes:
        return encode_error(error)

    def decode_error(self, status: int, body: bytes) -> Failure:
        return decode_error(status, body)

    def encode_failure(self, failure: Failure) -> bytes:
        return encode_failure(failure)

    def path(self, model: str, *, stream: bool) -> str:
        return "chat"

    def content_type(self, asked: Asked) -> bytes:
        return b"application/x-ndjson" if asked.stream else b"application/json; charset=utf-8"

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
        return OllamaDecoder()

    def encoder(self, asked: Asked) -> EventEncoder:
        return OllamaEncoder(asked)

    def ready(self, call: Call, asked: Asked) -> bytes | None:
        return encode_loaded(call, asked) if is_load(call) else None

    def encode_count(self, tokens: int) -> bytes:
        raise AssertionError("the ollama dialect has no operation that only counts")


OLLAMA: Dialect = _Ollama()
